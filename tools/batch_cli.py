"""`pixmo batch`: what a batch service sent back."""

from typing import Annotated

import typer

from pipelines.batch_answers import BATCH_PRICE, BatchReport, BatchSettings, read_batch
from pipelines.services.llm_usage import usage_text
from schemas.errors import StageError
from tools import flags
from tools.console import out, plain_errors
from tools.summary import new_table

app = typer.Typer(help="Batch files of the text LLM.", no_args_is_help=True)
_MEANING = {
    "doubled": "a line about a request that another line has answered",
    "answered_before": "the cache has the answer: the file was read before, or a call was made",
    "unknown_id": "no request of this store, or one that a takedown forgot",
}


@app.callback()
def group() -> None:
    """Batch files of the text LLM."""


@app.command("read")
def read(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Output and error files of batches.")
    ],
    store: flags.StoreOption,
    price: Annotated[
        float,
        typer.Option("--price", min=0, max=1, metavar="SHARE", help="Of the price of live calls."),
    ] = BATCH_PRICE,
    served_as: Annotated[
        str,
        typer.Option(
            "--served-as", metavar="NAME", help="The model's name in the answers, if another."
        ),
    ] = "",
) -> None:
    """Put the answers of batch files into the store's cache; tell what failed and why."""
    with plain_errors():
        opened = flags.existing(store)
        report = read_batch(opened, files, BatchSettings(price, served_as))
        show_report(report)
        if report.unreadable:
            raise StageError(
                f"lines that cannot be read: {report.unreadable}, the first at "
                f"{report.examples['bad_line']}; fetch the file again and read it again"
            )


def show_report(report: BatchReport) -> None:
    """Print how many answers came in, what they cost, and what became of the other lines."""
    out.print(f"{report.taken} answers were taken into the cache", highlight=False)
    if said := usage_text(report.usage):
        out.print(said, highlight=False, soft_wrap=True)
    if report.failed:
        table = new_table("failed, and written again by the next --batch-write")
        for name in ("reason", "requests", "the first"):
            table.add_column(name, justify="right" if name == "requests" else "left")
        for reason, count in sorted(report.failed.items(), key=lambda item: (-item[1], item[0])):
            table.add_row(reason, str(count), report.examples[reason])
        out.print(table, markup=False)
    for reason, count in sorted(report.passed_over.items()):
        said = f"{count} lines passed over, {reason}: {_MEANING[reason]}"
        out.print(f"{said} (first: {report.examples[reason]})", highlight=False, soft_wrap=True)
