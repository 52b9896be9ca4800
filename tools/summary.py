"""The summary table of a run: per stage what came in, what came out, what was refused and why."""

from collections.abc import Sequence

from rich import box
from rich.table import Column, Table

from pipelines.run_stage import StageResult
from pipelines.services.llm_usage import read_usages, total_usage
from schemas.store import Store
from tools.console import out


def show_summary(results: Sequence[StageResult]) -> None:
    """Print one row per stage."""
    table = new_table("summary")
    for name in ("stage", "parts", "rows in", "records", "rejects", "seconds", "rows/s"):
        left, fold = name in ("stage", "rejects"), name == "stage"
        table.add_column(
            name, justify="left" if left else "right", no_wrap=not fold, overflow="fold"
        )
    for result in results:
        table.add_row(*_cells(result))
    out.print(table)
    for result in results:
        if result.spent:
            out.print(f"{result.stage}: {result.spent}", highlight=False, soft_wrap=True)


def new_table(title: str, *columns: str | Column) -> Table:
    """An empty table in the style of all commands; fits 80 columns."""
    return Table(
        *columns,
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 0),
        pad_edge=False,
    )


def usage_line(store: Store) -> str:
    """What LLM calls have cost over all runs on a store; empty when there were none."""
    used = total_usage(read_usages(store))
    if not used.calls and not used.cached:
        return ""
    tokens = used.prompt_tokens + used.completion_tokens
    return (
        f"LLM, all runs: {used.calls} calls ({used.failures} failed), {used.cached} "
        f"answers from the cache, {tokens} tokens, ${used.usd:.2f}"
    )


def reason_lines(reasons: dict[str, int]) -> str:
    """Rejects by reason, one to a line, the most frequent first."""
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return "\n".join(f"{count} {reason}" for reason, count in ordered)


def _cells(result: StageResult) -> tuple[str, ...]:
    reasons = reason_lines(result.reasons)
    parts = str(len(result.infos))
    rate = f"{result.rows_ran / result.seconds:.3g}" if result.ran and result.seconds else "-"
    seconds = f"{result.seconds:.1f}" if result.ran else "-"
    counts = (str(result.rows_in), str(result.records))
    return (result.stage, parts, *counts, reasons or "-", seconds, rate)
