"""`pixmo clocks`: drawn clocks and watches with the metadata of PixMo-Clocks."""

from typing import Annotated, Literal

import typer

from pipelines.steps.clocks.examples import ClockRules
from tools import flags
from tools.console import plain_errors
from tools.making.clocks import draw_clocks
from tools.recipe import ClocksRecipe
from tools.stage_cli import show_result

_RULES, _DEFAULT = ClockRules(), ClocksRecipe()


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    flags.beam_command(app)(clocks)


def clocks(
    context: typer.Context,
    store: flags.StoreOption,
    count: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many; a larger number adds to them.")
    ] = _DEFAULT.count,
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="Another seed draws other clocks.")
    ] = _RULES.seed,
    size: Annotated[
        int, typer.Option(min=64, metavar="PIXELS", help="Width and height of a picture.")
    ] = _RULES.size,
    augment: Annotated[
        bool, typer.Option(help="Turn, scale and place the clocks on white, change colours.")
    ] = _RULES.augment,
    wording: Annotated[
        Literal["time", "sentence"], typer.Option(help="A time alone, as PixMo has it, or more.")
    ] = "time",
    rows_per_part: flags.RowsPerPart = _DEFAULT.rows_per_part,
    workers: flags.Workers = 0,
    shard: flags.ShardOption = "0/1",
    dry_run: flags.DryRun = False,
) -> None:
    """Draw clocks and watches that show a time, or do not, with the columns of PixMo-Clocks."""
    with plain_errors():
        run = flags.make_run(context, store, workers, shard, dry_run, new_store=True)
        rules = ClockRules(seed=seed, size=size, augment=augment, wording=wording)
        show_result(run, draw_clocks(run, ClocksRecipe(count, rows_per_part, rules)))
