"""`pixmo publish`: a release to the Hugging Face Hub, resumable and verified."""

from typing import Annotated

import typer

from pipelines.services.hub.publish import Target
from tools import flags, publish
from tools.console import plain_errors


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command("publish")(publish_)


def publish_(
    release: Annotated[
        str, typer.Option("--release", metavar="DIR", help="The release: a folder, gs:// or s3://.")
    ],
    repo: Annotated[
        str, typer.Option("--repo", metavar="ORG/NAME", help="The dataset repository on the Hub.")
    ],
    private: Annotated[
        bool, typer.Option("--private", help="Keep a new repository private.")
    ] = False,
    dry_run: flags.DryRun = False,
) -> None:
    """Put a release on the Hugging Face Hub: private first, whole or not at all, verified.

    The same command again completes an interrupted one and sends nothing twice. The token comes
    from HF_TOKEN or `hf auth login`.
    """
    with plain_errors():
        target = Target(repo, private)
        folder = flags.usable(release, "--release")
        (publish.show_plan if dry_run else publish.publish)(folder, target)
