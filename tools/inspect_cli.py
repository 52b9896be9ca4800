"""Verbs that look at a store: status, rejects, retry."""

import dataclasses
import itertools
import json
from collections.abc import Iterable, Iterator
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column

from pipelines import run_stage
from schemas.errors import UsageError
from schemas.judgment import RejectRow
from schemas.store import PartInfo, Store
from schemas.tables import TABLES
from tools import flags, stages
from tools.console import out, plain_errors
from tools.summary import new_table, reason_lines, show_summary, usage_line

StageFilter = Annotated[
    str, typer.Option("--stage", metavar="NAME", help="Only this stage; empty: all.")
]
ReasonFilter = Annotated[
    list[str], typer.Option("--reason", metavar="NAME", help="Only this reason; repeatable.")
]

# Rows are also refused while a list is imported, under the name of its table.
SOURCES = [table.replace("/", "-") for table in TABLES if table.startswith("sources/")]
REJECTING = (*SOURCES, *stages.STAGES)


def register(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    app.command()(status)
    app.command()(rejects)
    flags.beam_command(app)(retry)


def status(store: flags.StoreOption) -> None:
    """What the store holds: parts, rows, rejects by reason, work in seconds."""
    with plain_errors():
        opened = flags.existing(store)
        table = new_table(f"store {opened.url}")
        for name in ("table", "parts", "rows in", "records", "rejects", "work s"):
            left = name in ("table", "rejects")
            table.add_column(name, justify="left" if left else "right", no_wrap=left)
        for name in opened.tables():
            table.add_row(*_status_cells(name, opened.infos(name), len(opened.part_numbers(name))))
        out.print(table)
        out.print(usage_line(opened))


def _status_cells(name: str, infos: list[PartInfo], parts: int) -> tuple[str, ...]:
    result = run_stage.StageResult(name, name, tuple(infos), 0, 0, 0.0)
    reasons = reason_lines(result.reasons)
    count = str(parts) if parts == len(infos) else f"{parts} ({parts - len(infos)} incomplete)"
    work = f"{sum(info.seconds for info in infos):.1f}"
    return (name, count, str(result.rows_in), str(result.records), reasons or "-", work)


def _reject_rows(store: Store, stage: str, reasons: list[str]) -> Iterator[RejectRow]:
    for table in store.tables():
        for info in store.infos(table):
            if info.rejects and (not reasons or set(reasons) & set(info.reasons)):
                for row in store.records(f"rejects/{table}", info.number, RejectRow):
                    if (not stage or row.stage == stage) and (not reasons or row.reason in reasons):
                        yield row


def rejects(
    store: flags.StoreOption,
    stage: StageFilter = "",
    reason: ReasonFilter = [],  # noqa: B006
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="Rows to print; 0: all.")] = 20,
    json_lines: Annotated[
        bool, typer.Option("--json", help="Print whole rows as JSON lines.")
    ] = False,
) -> None:
    """What became no record, and why."""
    with plain_errors():
        opened = flags.existing(store)
        if stage and stage not in REJECTING:
            raise UsageError(f"no stage is called {stage}; stages: {', '.join(REJECTING)}")
        rows = _reject_rows(opened, stage, reason)
        shown = list(itertools.islice(rows, limit)) if limit else rows
        if json_lines:
            for row in shown:
                typer.echo(json.dumps(dataclasses.asdict(row), ensure_ascii=False))
            return
        _show_rejects(shown)
        if next(rows, None):
            out.print(f"the first {limit}; --limit 0 prints all")


def _show_rejects(rows: Iterable[RejectRow]) -> None:
    columns = (
        Column("reason", no_wrap=True),
        "again?",
        Column("input and detail", overflow="fold"),
    )
    table = new_table("rejects", "stage", *columns)
    for row in rows:
        what = escape(f"{_input(row)}\n  {row.detail}")
        table.add_row(row.stage, row.reason, "yes" if row.retryable else "no", what)
    out.print(table if table.row_count else "no rejects like this")


def _input(row: RejectRow) -> str:
    """What a person knows the input by: its URL or file, else its key."""
    try:
        values = json.loads(row.row)
    except ValueError:
        return row.row[:80]
    if not isinstance(values, dict):
        return str(values)[:80]
    names = [values[name] for name in ("audio", "image_url") if values.get(name)]
    return str(names[0]) if names else row.key


def retry(
    context: typer.Context,
    store: flags.StoreOption,
    stage: StageFilter = "",
    reason: ReasonFilter = [],  # noqa: B006
    workers: flags.Workers = 0,
    allow_host: flags.AllowHost = [],  # noqa: B006
    connect_to: flags.ConnectTo = [],  # noqa: B006
) -> None:
    """Try retryable rejects again (time-outs, 429, 5xx, ...), and only these."""
    with plain_errors():
        run = flags.make_run(context, store, workers)
        reach = stages.Reach(tuple(allow_host), flags.parse_connect_to(connect_to))
        names = [stage] if stage else [n for n in stages.STAGES if _has_retryable(run.store, n)]
        results = [_retry(run, name, set(reason), reach) for name in names]
        if results:
            show_summary(results)
            out.print("Now run the later stages again: they do only what has changed.")
        else:
            out.print("no rejects that can be tried again")


def _has_retryable(store: Store, name: str) -> bool:
    return any(info.retryable for info in store.infos(stages.STAGES[name].table))


def _retry(
    run: stages.Run, name: str, reasons: set[str], reach: stages.Reach
) -> run_stage.StageResult:
    stage = stages.recall(run.store, name)
    workers = run.workers_or(1)
    if name == "ingest":
        stage = stages.again(stage, workers, reach)
    return run_stage.retry_stage(stage, run.store, run.options(workers), reasons)
