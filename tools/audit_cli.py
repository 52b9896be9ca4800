"""`pixmo audit`: the promises of a store or of a release, each proved from the data themselves."""

import dataclasses
import json
from typing import Annotated

import typer
from rich.markup import escape

from schemas.errors import UsageError
from tools import flags
from tools.audit import Finding, Report, audit_release, audit_store
from tools.audit.findings import Outcome
from tools.console import out, plain_errors
from tools.stages import cores


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(audit)


def audit(
    store: Annotated[
        str, typer.Option(metavar="URL", help="The store: a folder, gs:// or s3://.")
    ] = "",
    release: Annotated[
        str, typer.Option(metavar="URL", help="A release, without its store: the folder itself.")
    ] = "",
    workers: Annotated[
        int, typer.Option(min=0, metavar="N", help="Worker processes; 0: one per core.")
    ] = 0,
    json_text: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Prove the promises of a store or of a release; exit status 1 when one is broken."""
    with plain_errors():
        if bool(store) == bool(release):
            raise UsageError("give either --store or --release")
        processes = workers or cores()
        if store:
            report = audit_store(flags.existing(store), processes)
        else:
            report = audit_release(flags.usable(release, "--release"), processes)
        if json_text:
            typer.echo(json.dumps(as_json(report), indent=1, ensure_ascii=False))
        else:
            _show(report)
        if report.failed:
            raise typer.Exit(1)


def as_json(report: Report) -> dict[str, object]:
    """The report for programs: every promise with its counts and the first findings."""
    promises = [
        {
            **dataclasses.asdict(outcome.promise),
            "checked": outcome.checked,
            "failed": outcome.failed,
            "findings": [dataclasses.asdict(found) for found in outcome.findings],
        }
        for outcome in report.outcomes
    ]
    facts = {"url": report.url, report.things_name: report.things, "rows": report.rows}
    return {"kind": report.kind, **facts, "failed": report.failed, "promises": promises}


def _show(report: Report) -> None:
    for outcome in report.outcomes:
        state, looked = _state(outcome)
        line = f"{state} {outcome.promise.name:14} {escape(outcome.promise.statement)}{looked}"
        out.print(line, highlight=False, soft_wrap=True)
        for found in outcome.findings:
            out.print(f"         {escape(_line(found))}", highlight=False, soft_wrap=True)
        if more := outcome.failed - len(outcome.findings):
            out.print(f"         and {more} more", highlight=False)
        if outcome.failed:
            remedy = f"         remedy: {escape(outcome.promise.remedy)}"
            out.print(remedy, highlight=False, soft_wrap=True)
    counts = f"{report.things} {report.things_name}, {report.rows} {report.rows_name}"
    out.print(f"{counts}, {report.failed} findings", highlight=False)


def _state(outcome: Outcome) -> tuple[str, str]:
    """The first word of a promise's line, and what was looked at."""
    if outcome.failed:
        return "[bold red]FAILED[/]", f" ({outcome.failed} of {outcome.checked})"
    if outcome.checked:
        return "[green]ok[/]    ", f" ({outcome.checked})"
    return "-     ", " (nothing to look at)"


def _line(found: Finding) -> str:
    row = "" if found.row is None else f", row {found.row}"
    return f"{found.place}{row}: {found.message}"
