"""Flags that the verbs of `pixmo annotate` share, and what they mean."""

from pathlib import Path
from typing import Annotated

import typer

from annotation.home import Home, default_home

HomeFlag = Annotated[
    Path | None,
    typer.Option(
        "--home",
        metavar="DIR",
        help="The campaign's folder: accounts, secrets, sound. Not inside a store. "
        "[default: PIXMO_ANNOTATE_HOME, else ~/.local/share/pixmo/annotate]",
        show_default=False,
    ),
]
StoreFlag = Annotated[
    str | None,
    typer.Option(
        "--store", metavar="URL", help="The store; without it, the one that `up` was given."
    ),
]
KindArgument = Annotated[str, typer.Argument(metavar="KIND", help="The kind of project.")]


def home_of(folder: Path | None) -> Home:
    """The campaign's folder as it was named, or the default."""
    return Home((folder or default_home()).expanduser().resolve())
