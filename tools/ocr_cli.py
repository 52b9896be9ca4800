"""`pixmo ocr`: the text in pictures, which the ask loop and the report read."""

from typing import Annotated

import typer

from pipelines.services.ocr import OcrConfig
from tools import flags
from tools.console import plain_errors
from tools.making.ocr import read_text
from tools.recipe import OcrRecipe
from tools.stage_cli import show_result

_OCR = OcrConfig()


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    flags.beam_command(app)(ocr)


def ocr(
    context: typer.Context,
    store: flags.StoreOption,
    min_score: Annotated[
        float,
        typer.Option(min=0, max=1, metavar="SCORE", help="Lines that score lower are no text."),
    ] = _OCR.min_score,
    workers: flags.Workers = 0,
    shard: flags.ShardOption = "0/1",
    max_rejects: flags.MaxRejects = 0.1,
    dry_run: flags.DryRun = False,
) -> None:
    """Read the text in every picture with its boxes, by an OCR engine that is no VLM."""
    with plain_errors():
        run = flags.make_run(context, store, workers, shard, dry_run)
        section = OcrRecipe(OcrConfig(min_score=min_score), max_rejects)
        show_result(run, read_text(run, section))
