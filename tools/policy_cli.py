"""`pixmo policy`: what the tags keep and drop, and how many rows each rule alone removes."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import typer
from rich.markup import escape
from rich.table import Column

from pipelines.run_stage import StageResult
from pipelines.selection import Select
from pipelines.steps.rule_counts import RuleCount, RuleExample, rule_counts
from schemas.judgment import RejectRow
from schemas.locks import hold
from schemas.store import Store
from tools import flags
from tools.console import out, plain_errors
from tools.making import release as making
from tools.policy import policies_in_force, selections
from tools.summary import new_table

KEPT = "kept"


@dataclass(frozen=True)
class Verdict:
    """What a policy does to one subset: rows that came in and that were kept, and the rest."""

    stage: Select
    rows: int
    kept: int
    duplicates: int
    counts: tuple[RuleCount, ...]


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    flags.beam_command(app)(policy)


def policy(
    context: typer.Context,
    store: flags.StoreOption,
    policy: flags.PolicyFile = "",
    workers: flags.Workers = 0,
    dry_run: flags.DryRun = False,
) -> None:
    """Choose the rows of a release anew under a policy; nothing else is computed again."""
    with plain_errors():
        run = flags.make_run(context, store, workers, dry=dry_run)
        policies = policies_in_force(run.store, policy)
        wanted = selections(policies)
        if dry_run:
            verdicts = [foresee(run.store, stage) for stage in wanted]
        else:
            with hold(run.store, "export"):
                results = making.select_all(run, policies)
            verdicts = [_judged(run.store, *pair) for pair in zip(wanted, results, strict=True)]
        for verdict in verdicts:
            if verdict.rows:
                _show(verdict)
        end = "nothing was done" if dry_run else "`pixmo export all` brings the release up to date"
        out.print(end)


def foresee(store: Store, stage: Select) -> Verdict:
    """What a selection would do, without writing anything."""
    outcomes = (o for shard in stage.plan(store) for o in stage.run(store, shard, None))
    return _verdict(stage, 0, outcomes)


def _judged(store: Store, stage: Select, result: StageResult) -> Verdict:
    """What a selection has done."""
    numbers = [info.number for info in result.infos]
    table = f"rejects/{stage.table}"
    rejects = (row for number in numbers for row in store.records(table, number, RejectRow))
    return _verdict(stage, result.records, rejects)


def _verdict(stage: Select, kept: int, outcomes: Iterable[Any]) -> Verdict:
    tally = Counter({KEPT: kept})

    def rejects() -> Iterator[RejectRow]:
        for outcome in outcomes:
            refused = isinstance(outcome, RejectRow)
            tally[outcome.reason if refused else KEPT] += 1
            if refused:
                yield outcome

    counts = tuple(rule_counts(rejects()))
    return Verdict(stage, tally.total(), tally[KEPT], tally["duplicate"], counts)


def _show(verdict: Verdict) -> None:
    """One line per rule, those without effect too."""
    stage, found = verdict.stage, {count.rule: count for count in verdict.counts}
    limits = dict(stage.policy.limits)
    columns = [Column(name, justify="right") for name in ("limit", "rows", "alone")]
    examples = Column("such as (score, URL, key)", overflow="fold")
    table = new_table(f"policy of {stage.subset}", Column("rule", no_wrap=True), *columns, examples)
    for rule in [*found, *(name for name in limits if name not in found)]:
        count = found.get(rule, RuleCount(rule, 0, 0, ()))
        cells = (f"{limits[rule]:g}", str(count.rows), str(count.alone))
        table.add_row(rule, *cells, escape("\n".join(map(_line, count.examples))) or "-")
    out.print(table)
    dropped = verdict.rows - verdict.kept - verdict.duplicates
    out.print(
        f"{stage.subset}: {verdict.rows} rows, {dropped} dropped by the policy, "
        f"{verdict.duplicates} as duplicates, {verdict.kept} kept",
        highlight=False,
    )


def _line(example: RuleExample) -> str:
    return f"{example.score:g} {example.url} {example.key}"
