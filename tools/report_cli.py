"""`pixmo report`: static pages that a person looks at."""

import time
from typing import Annotated

import typer

from pipelines.services.cores import usable_cores
from tools import flags
from tools.console import err, out, plain_errors
from tools.report.build import build_report
from tools.report.markup import number, size


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(report)


def report(
    store: flags.StoreOption,
    output: Annotated[
        str,
        typer.Option("--output", metavar="DIR", help="Where to; empty: report/ in the store."),
    ] = "",
    workers: flags.Workers = 0,
) -> None:
    """Write static pages of the store: examples, distributions, rejects, duplicates, cost."""
    with plain_errors():
        opened = flags.existing(store)
        where = flags.usable(output, "--output") if output else f"{opened.url}/report"
        began = time.monotonic()
        with err.status("writing the report"):
            built = build_report(opened, where, workers or max(1, round(usable_cores())))
        seconds = time.monotonic() - began
        out.print(
            f"{built.pages} pages, {number(built.rows)} rows, {number(built.pictures)} pictures, "
            f"{size(built.bytes)}, {seconds:.1f} s; open {where}/index.html",
            highlight=False,
            soft_wrap=True,
        )
