"""`pixmo points`, `point-explanations`, `ask-model-anything`: subsets made of people's work."""

from typing import Annotated

import typer

from tools import flags
from tools.console import out, plain_errors
from tools.making.judged import subset_steps
from tools.recipe import JudgedRecipe, PointsRecipe
from tools.run_cli import show_plan
from tools.stages import Run
from tools.summary import show_summary

Published = Annotated[
    list[str],
    typer.Option(metavar="FILE", help="A file that PixMo publishes, or a folder; repeatable."),
]
_POINTS, _JUDGED = PointsRecipe(), JudgedRecipe()


def register(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    for name in ("points", "point-explanations", "ask-model-anything"):
        flags.beam_command(app, name)(_VERBS[name])


def points(
    context: typer.Context,
    store: flags.StoreOption,
    annotations: flags.Annotations = [],  # noqa: B006 (typer copies it)
    published: Published = [],  # noqa: B006
    rows_per_part: flags.RowsPerPart = _POINTS.rows_per_part,
    workers: flags.Workers = 0,
    shard: flags.ShardOption = "0/1",
    max_rejects: flags.MaxRejects = _POINTS.max_rejects,
    dry_run: flags.DryRun = False,
) -> None:
    """Make phrases with a point per instance from annotations and published files."""
    with plain_errors():
        run = flags.make_run(context, store, workers, shard, dry_run)
        files = tuple(annotations), tuple(published)
        _make(run, "points", PointsRecipe(*files, rows_per_part, max_rejects))


def point_explanations(
    context: typer.Context,
    store: flags.StoreOption,
    annotations: flags.Annotations = [],  # noqa: B006
    published: Published = [],  # noqa: B006
    rows_per_part: flags.RowsPerPart = _JUDGED.rows_per_part,
    workers: flags.Workers = 0,
    shard: flags.ShardOption = "0/1",
    max_rejects: flags.MaxRejects = _JUDGED.max_rejects,
    dry_run: flags.DryRun = False,
) -> None:
    """Make answers that cite points from annotations and published files."""
    with plain_errors():
        run = flags.make_run(context, store, workers, shard, dry_run)
        files = tuple(annotations), tuple(published)
        _make(run, "point_explanations", JudgedRecipe(*files, rows_per_part, max_rejects))


def ask_model_anything(
    context: typer.Context,
    store: flags.StoreOption,
    annotations: flags.Annotations = [],  # noqa: B006
    published: Published = [],  # noqa: B006
    rows_per_part: flags.RowsPerPart = _JUDGED.rows_per_part,
    workers: flags.Workers = 0,
    shard: flags.ShardOption = "0/1",
    max_rejects: flags.MaxRejects = _JUDGED.max_rejects,
    dry_run: flags.DryRun = False,
) -> None:
    """Make questions with answers that people stand by from annotations and published files."""
    with plain_errors():
        run = flags.make_run(context, store, workers, shard, dry_run)
        files = tuple(annotations), tuple(published)
        _make(run, "ask_model_anything", JudgedRecipe(*files, rows_per_part, max_rejects))


def _make(run: Run, subset: str, section: JudgedRecipe) -> None:
    results = [step(run) for step in subset_steps(subset, section).values()]
    if run.dry:
        show_plan(results)
        return
    show_summary([result for result in results if result.infos])
    if not results[-1].infos:
        out.print("nothing to do: the store holds no annotations of this kind about its pictures")


_VERBS = {
    "points": points,
    "point-explanations": point_explanations,
    "ask-model-anything": ask_model_anything,
}
