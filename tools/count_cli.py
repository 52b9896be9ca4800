"""`pixmo count`: what a detector finds, what people made of it, and how many of what that is."""

from collections import Counter
from typing import Annotated

import typer
from rich.table import Column

from pipelines.services.detector import DetectorConfig
from pipelines.steps.count_rules import TRAIN, CountConfig
from schemas.store import Store
from tools import flags
from tools.console import out, plain_errors
from tools.making.count import count_steps
from tools.recipe import CountRecipe
from tools.run_cli import show_plan
from tools.summary import new_table, show_summary

_DETECTOR, _COUNTS = DetectorConfig(), CountConfig()


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    flags.beam_command(app)(count)


def count(
    context: typer.Context,
    store: flags.StoreOption,
    annotations: flags.Annotations = [],  # noqa: B006 (typer copies it)
    detector: Annotated[
        str, typer.Option(metavar="NAME", help="A detector of `pixmo models list`.")
    ] = _DETECTOR.model,
    threshold: Annotated[
        float,
        typer.Option(min=0, max=1, metavar="SCORE", help="Only better detections are counted."),
    ] = _COUNTS.threshold,
    per_count: Annotated[
        int,
        typer.Option(
            min=0, metavar="N", help="Rows of each count in validation and in test at most."
        ),
    ] = _COUNTS.per_count,
    most: Annotated[
        int, typer.Option(min=0, metavar="N", help="The largest count in train.")
    ] = _COUNTS.most,
    workers: flags.Workers = 0,
    shard: flags.ShardOption = "0/1",
    max_rejects: flags.MaxRejects = 0.5,
    dry_run: flags.DryRun = False,
) -> None:
    """Count objects in pictures: a detector's, and people's in its place where they checked."""
    with plain_errors():
        run = flags.make_run(context, store, workers, shard, dry_run)
        counts = CountConfig(threshold, per_count, most=most)
        files, found = tuple(annotations), DetectorConfig(detector)
        section = CountRecipe(files, detector=found, counts=counts, max_rejects=max_rejects)
        results = [step(run) for step in count_steps(section).values()]
        if dry_run:
            show_plan(results)
        else:
            show_summary(results)
            show_checked(run.store, counts)


def show_checked(store: Store, rules: CountConfig) -> None:
    """Print how many rows of each count people have checked in validation and test, of how many."""
    found = _held_out(store)
    wanted = range(rules.least_held_out, rules.most_held_out + 1)
    heads = [Column(str(number), justify="right") for number in wanted]
    waiting = Column("not checked", justify="right")
    table = new_table(f"checked, of {rules.per_count} of each count", "split", *heads, waiting)
    for split in sorted({split for split, _, _ in found}):
        checked = [str(found[split, number, True]) for number in wanted]
        left = sum(rows for (other, _, done), rows in found.items() if other == split and not done)
        table.add_row(split, *checked, str(left))
    if found:
        out.print(table)


def _held_out(store: Store) -> Counter[tuple[str, int, bool]]:
    """Rows of validation and test by split, count and whether they are checked."""
    found: Counter[tuple[str, int, bool]] = Counter()
    for number in store.part_numbers("count"):
        if store.info("splits", number):
            splits = store.read_map("splits", number, "image_id", "split")
            rows = store.read("count", number, ["image_id", "count", "checked"]).to_pylist()
            places = ((splits.get(row["image_id"], TRAIN), row) for row in rows)
            found.update((s, row["count"], row["checked"]) for s, row in places if s != TRAIN)
    return found
