"""`pixmo run RECIPE`: every stage of a recipe in order, then the summary, the release, a sample."""

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from pipelines.llm_stage import LlmStage
from pipelines.run_stage import StageResult
from pipelines.services.llm_config import EMBEDDED_MODEL
from pipelines.services.sample_server import SampleServer, load_faults
from pipelines.splits import moved_out_of_train
from schemas.errors import UsageError
from schemas.records import Caption
from schemas.store import Store
from tools import flags, stages
from tools.console import err, out, plain_errors
from tools.making import release as making
from tools.pull import NAME
from tools.recipe import Recipe, load_recipe
from tools.steps import steps_of
from tools.summary import new_table, show_summary, usage_line

# Steps that a summary leaves out when there is nothing.
AT_NEED = (NAME, "annotations-", "published-", "decontaminate-", "select-")


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command(context_settings={"allow_extra_args": True})(run)


def run(
    context: typer.Context,
    recipe_file: flags.RecipeFile,
    stage: Annotated[
        list[str],
        typer.Option(
            metavar="NAME",
            help=f"Only this stage; repeatable: {', '.join([NAME, *stages.STAGES, 'export'])}.",
        ),
    ] = [],  # noqa: B006
    workers: flags.Workers = 0,
    shard: flags.ShardOption = "0/1",
    batch_write: flags.BatchWrite = "",
    dry_run: flags.DryRun = False,
) -> None:
    """Run a whole recipe; what is already done is skipped. What follows -- goes to Beam."""
    with plain_errors():
        recipe = load_recipe(recipe_file)
        workers = workers or recipe.workers
        new = bool(recipe.ingest or recipe.docs or recipe.clocks)  # these can make a store
        made = flags.make_run(context, recipe.store, workers, shard, dry_run, new)
        made = _with_batch(made, batch_write, stage)
        with _served(recipe, dry_run) as ready:
            results, files = _run_steps(made, ready, stage)
        if dry_run:
            show_plan(results)
            if files:
                out.print(f"export: {files} files; those that are up to date are left as they are")
        elif not made.batch:
            show_summary(results)
            _show_end(made, results, files)


def _with_batch(made: stages.Run, folder: str, only: Sequence[str]) -> stages.Run:
    if folder and len(only) != 1:
        raise UsageError("--batch-write is for one stage: name it with --stage")
    if folder and not issubclass(stages.STAGES.get(only[0], object), LlmStage):
        raise UsageError(f"--batch-write: {only[0]} asks no text LLM")
    return flags.with_batch(made, folder)


@contextlib.contextmanager
def _served(recipe: Recipe, dry: bool) -> Iterator[Recipe]:
    """Serve the recipe's folder over local HTTP while the stages run."""
    if not recipe.serve or not recipe.ingest or dry:
        yield recipe
        return
    serve = recipe.serve
    faults = load_faults(Path(serve.faults)) if serve.faults else {}
    with SampleServer(Path(serve.folder), faults) as server:
        pairs = ((serve.host, f"127.0.0.1:{server.port}"),)
        fetch = replace(recipe.ingest.fetch, connect_to=pairs)
        yield replace(recipe, ingest=replace(recipe.ingest, fetch=fetch))


def _run_steps(
    made: stages.Run, recipe: Recipe, only: Sequence[str]
) -> tuple[list[StageResult], int]:
    steps = steps_of(recipe)
    known = [*steps, "export"]
    for name in only:
        if name not in known:
            raise UsageError(f"--stage {name}: this recipe has {', '.join(known)}")
    chosen = [name for name in steps if name in _wanted(made, known, only)]
    if made.count > 1 and not only:
        left = ", ".join(stages.GROUPING)
        err.print(f"shard {made.index}/{made.count}: {left} are left to a run without --shard")
    results = []
    for name in chosen:
        began = time.monotonic()
        result = steps[name](made)
        if name.startswith(AT_NEED) and not result.infos and not (result.ran or made.dry):
            continue  # the store has nothing of this kind
        results.append(result)
        if not made.dry and not made.batch:
            _say_done(result, time.monotonic() - began)
    exporting = "export" in _wanted(made, known, only)
    return results, len(making.export(made, recipe.release)) if exporting else 0


def _wanted(made: stages.Run, known: Sequence[str], only: Sequence[str]) -> list[str]:
    """The stages to run: those named, else all; a shard leaves grouping to a run of the whole."""
    if only or made.count == 1:
        return list(only or known)
    return [name for name in known if name not in stages.GROUPING]


def _say_done(result: StageResult, seconds: float) -> None:
    new = f"{result.ran} new parts" if result.ran else "nothing new"
    err.print(f"{result.stage}: {new}, {result.records} records, {seconds:.1f} s", highlight=False)


def show_plan(results: Sequence[StageResult]) -> None:
    """Print what a dry run found: parts done, parts and rows to do, calls to make for them."""
    table = new_table("plan (nothing was done)")
    for name in ("stage", "parts done", "parts to do", "rows to do", "calls at most"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    for result in results:
        counts = (len(result.infos), result.ran, result.rows_ran)
        table.add_row(result.stage, *map(str, counts), result.calls or "-")
    out.print(table)
    out.print("A stage plans from what the store holds now, not from what earlier ones will add.")


def show_duplicates(store: Store) -> None:
    """Say how many clusters of duplicates there are, and alarm at one that is too large."""
    members = sum(
        1
        for info in store.infos("duplicates")
        for kind in store.read("duplicates", info.number, ["kind"])[0].to_pylist()
        if kind in ("near", "exact")
    )
    path = store.path("duplicates", "_largest.json")
    if members and store.fs.exists(path):
        largest = json.loads(store.fs.cat_file(path))
        out.print(
            f"duplicates: {members} pictures are near another one that stands for them; "
            f"the largest cluster has {largest['pictures']}"
        )
        if largest["alarm"]:
            err.print(
                f"[bold red]alarm:[/] the cluster of {largest['representative_id']} is too large"
            )


def show_moved(store: Store) -> None:
    """Say how many pictures are no longer in train, since a release may have shown them there."""
    moved = moved_out_of_train(store)
    if moved:
        were = "picture has" if moved == 1 else "pictures have"
        out.print(
            f"splits: {moved} {were} moved out of train, where new data joined them to pictures "
            f"held for evaluation (`moved_from` in the table splits)",
            soft_wrap=True,
        )


def _show_end(made: stages.Run, results: Sequence[StageResult], files: int) -> None:
    store = made.store
    show_duplicates(store)
    show_moved(store)
    out.print(usage_line(store), highlight=False)
    sample = _sample(store)
    if sample:
        small = " (the small embedded default: it shows the way, not the quality)"
        by = sample.model + (small if sample.model == EMBEDDED_MODEL else "")
        out.print(f"\n[bold]a caption[/] of {sample.image_url}, by {by}", highlight=False)
        out.print(f"  {sample.caption}", highlight=False, markup=False)
        out.print("[bold]from the transcript[/]")
        out.print(f"  {sample.transcripts[0]}\n", highlight=False, markup=False)
    if not files and not any(result.ran for result in results):
        out.print("nothing new: everything in this recipe was done before")
    if store.fs.exists(store.path("release", "README.md")):
        out.print(f"release: {store.url}/release", highlight=False, soft_wrap=True)


def _sample(store: Store) -> Caption | None:
    for info in store.infos("captions"):
        if info.records:
            found: Caption = next(store.records("captions", info.number, Caption))
            return found
    return None
