"""`pixmo annotate status`: how far people are, how fast, and how much they agree."""

import json as encoding
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from annotation.quality.answers import NAMES
from annotation.quality.facts import Facts, Score
from annotation.quality.status import (
    CampaignStatus,
    Person,
    ProjectStatus,
    campaign_status,
    plain_status,
)
from tools.annotate.flags import HomeFlag, StoreFlag, home_of
from tools.console import err, out, plain_errors
from tools.summary import new_table


def register(app: typer.Typer) -> None:
    """Add the verb to the group."""
    app.command("status")(status)


def status(
    store: StoreFlag = None,
    home: HomeFlag = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON, for other programs.")] = False,
) -> None:
    """Per project and annotator: assigned, done, seconds per task, reject rate, agreement, gold."""
    with plain_errors():
        found = campaign_status(home_of(home), store)
        if json:
            typer.echo(encoding.dumps(plain_status(found), indent=2, ensure_ascii=False))
            return
        _show(found)


def _show(found: CampaignStatus) -> None:
    for said in dict.fromkeys(one.silent for one in found.projects if one.silent):
        err.print(f"[yellow]note:[/] {escape(said)}", highlight=False, soft_wrap=True)
        err.print("Without it, this is what the store knows.", highlight=False)
    if not found.projects:
        out.print("no projects yet: `pixmo annotate push KIND` makes one", highlight=False)
    for project in found.projects:
        out.print(_table(project, found.names))
        for line in _notes(project):
            out.print(line, highlight=False)
        out.print()


def _table(project: ProjectStatus, names: dict[str, str]) -> Table:
    table = new_table(f"{project.kind} (project {project.project_id})")
    table.add_column("annotator", overflow="fold")
    for name in ("assigned", "done", "s/task", "90%", "rejected", "agreement", "gold"):
        table.add_column(name, justify="right", no_wrap=True)
    named = [(names.get(one.annotator_id) or one.annotator_id, one) for one in project.people]
    for name, person in sorted(named, key=lambda pair: pair[0]):
        table.add_row(escape(name), *_opened(person), *_cells(person.facts))
    if len(project.people) > 1:
        table.add_section()
        done = project.counts.done if project.counts else project.facts.everyone.done
        table.add_row("all", "", str(done), *_cells(project.facts.everyone))
    return table


def _opened(person: Person) -> tuple[str, str]:
    if person.opened:
        return str(person.opened.assigned), str(person.opened.submitted)
    return "-", str(person.facts.done if person.facts else 0)


def _cells(facts: Facts | None) -> tuple[str, ...]:
    if facts is None:
        return ("-",) * 5
    speed = facts.speed
    times = (f"{speed.median_s:.1f}", f"{speed.p90_s:.1f}") if speed else ("-", "-")
    rate = "-" if facts.reject_rate is None else f"{facts.reject_rate:.1%}"
    return (*times, rate, _score(facts.agreement), _score(facts.gold))


def _score(score: Score | None) -> str:
    return f"{score.mean:.2f} ({score.comparisons})" if score else "-"


def _notes(project: ProjectStatus) -> Iterator[str]:
    counts, facts = project.counts, project.facts
    if counts:
        yield (
            f"{counts.tasks} tasks, {counts.wanted} annotations wanted: {counts.done} done, "
            f"{counts.open} open; {counts.newer} not yet pulled"
        )
    if facts.reasons:
        ordered = sorted(facts.reasons.items(), key=lambda item: (-item[1], item[0]))
        yield "rejects: " + ", ".join(f"{count} {reason}" for reason, count in ordered)
    if facts.everyone.agreement or facts.everyone.gold:
        yield f"agreement and gold: {NAMES[project.kind]}, mean (comparisons)"
    if facts.alpha is not None:
        yield f"Krippendorff's alpha: {facts.alpha:.2f}"
    if facts.within_one is not None:
        yield f"counts that differ by one at most: {facts.within_one:.1%}"
