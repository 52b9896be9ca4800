"""`pixmo export all` and `pixmo export SUBSET`: splits, selection, files, and what describes them.

What no flag names stays as it was at the last export of the store, so that a release keeps its
licence and its mode when it is only brought up to date.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import typer

from pipelines.release_plan import ExportConfig
from pipelines.subsets.registry import EXPORTS
from schemas.errors import UsageError
from schemas.store import Store
from tools import flags, recipe, stages
from tools.console import out, plain_errors
from tools.making import release as making
from tools.policy import policies_in_force
from tools.run_cli import show_moved, show_plan
from tools.summary import show_summary

export_app = typer.Typer(help="Write a release, or one subset of it.", no_args_is_help=True)
_ALL = "Write every subset that the store holds, with a card, a manifest and Croissant metadata."


def register(app: typer.Typer) -> None:
    """Add a verb for all subsets, and one for each."""
    flags.beam_command(export_app, "all")(_verb(_ALL))
    for name, exporter in EXPORTS.items():
        help = f"Write release/{exporter.config} as PixMo publishes it, then describe the release."
        flags.beam_command(export_app, name)(_verb(help, name))
    app.add_typer(export_app, name="export")


def _verb(help: str, *configs: str) -> Callable[..., None]:
    def export(
        context: typer.Context,
        store: flags.StoreOption,
        images: flags.Images = None,
        license: flags.License = None,
        embedding_right: flags.EmbeddingRight = None,
        validation: flags.Validation = None,
        test: flags.Test = None,
        rows_per_shard: flags.RowsPerShard = None,
        policy: flags.PolicyFile = "",
        workers: flags.Workers = 0,
        dry_run: flags.DryRun = False,
    ) -> None:
        with plain_errors():
            run = flags.make_run(context, store, workers, dry=dry_run)
            named = {"images": images, "license": license, "embedding_right": embedding_right}
            config = _config(run.store, named | {"rows_per_shard": rows_per_shard})
            shares = _shares(run.store, validation, test)
            policies = policies_in_force(run.store, policy)
            _release(run, making.ReleasePlan(shares, policies, config, configs))

    export.__doc__ = help
    return export


def _config(store: Store, named: dict[str, Any]) -> ExportConfig:
    """The settings of the last export, changed by the flags that were given."""
    last = making.recall_export(store) or ExportConfig()
    return replace(last, **{name: value for name, value in named.items() if value is not None})


def _shares(store: Store, validation: float | None, test: float | None) -> recipe.SplitsRecipe:
    """The shares of the flags; those of the last draw where neither is given."""
    last = making.recall_splits(store)
    if validation is None and test is None:
        return last
    held, kept_back = validation or 0.0, test or 0.0
    if held + kept_back > 1:
        raise UsageError("--validation and --test are shares: together they are at most 1")
    train = round(1 - held - kept_back, 12)
    return replace(last, shares=(("train", train), ("validation", held), ("test", kept_back)))


def _release(run: stages.Run, plan: making.ReleasePlan) -> None:
    results, files = making.release(run, plan)
    (show_plan if run.dry else show_summary)(results)
    show_moved(run.store)
    verb = "the release has" if run.dry else "wrote"
    text = f"{verb} {len(files)} files; release: {run.store.url}/release"
    if not any(result.records for result in results[1:]) and not run.dry:
        text = "nothing to release: no row was selected; `pixmo caption` makes captions"
    out.print(text, highlight=False, soft_wrap=True)
