"""The page of cost: seconds of work per stage and part, calls to language models, tokens, money."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from pipelines.services.budget import Usage
from pipelines.services.llm_usage import StageUsage, read_usages, total_usage
from schemas.store import PartInfo, Store
from schemas.tables import TABLES
from tools.report.charts import Bar, bars, histogram
from tools.report.markup import Html, Page, document, el, empty, number, section, table

PAGE = Page("cost.html", "Cost and time", "Cost and time", "Store")


def cost_html(store: Store, pages: Sequence[Page]) -> str:
    """The page."""
    stages = {name: infos for name in TABLES if (infos := store.infos(name))}
    main: list[Html] = [el("h1", "Cost and time")]
    if not stages:
        main.append(empty("No stage has run yet.", "Run pixmo ingest first."))
        return document(PAGE, pages, main)
    worked = [(name, _seconds(infos)) for name, infos in stages.items() if _seconds(infos)]
    shown = [Bar(name, round(seconds, 2)) for name, seconds in worked]
    main += [
        el("p", "Seconds are work added over all parts and workers, as the parts' footers say."),
        section("Work by table", bars("Work by table", "seconds", shown, ("table", ""))),
        section("Language model", _calls(store)),
        section("Work by part", el("div", _by_part(stages), cls="grid")),
    ]
    return document(PAGE, pages, main)


def _seconds(infos: Sequence[PartInfo]) -> float:
    return sum(info.seconds for info in infos)


def _by_part(stages: dict[str, list[PartInfo]]) -> list[Html]:
    return [
        histogram(f"{name}: seconds per part", "seconds", [info.seconds for info in infos])
        for name, infos in stages.items()
        if _seconds(infos)
    ]


_COLUMNS = ("calls", "in batches", "failed", "cached", "tokens in", "tokens out", "US$")
_SPEED = ("requests/s", "saturated")


def _calls(store: Store) -> list[Html]:
    usages = read_usages(store)
    total = total_usage(usages)
    if not total.calls and not total.cached:
        return [empty("No language model has been called for this store.")]
    by_stage: dict[str, list[StageUsage]] = defaultdict(list)
    for found in usages:
        by_stage[found.stage or "runs of older versions"].append(found)
    rows = [(name, *_cells(total_usage(found))) for name, found in sorted(by_stage.items())]
    if len(rows) > 1:
        rows.append(("all", *_cells(total)))
    heads = ("stage", *_COLUMNS, *_SPEED)
    numbers = tuple(range(1, len(heads)))
    note = (
        "Dollars are as the settings price tokens. Requests per second are live calls of one "
        "worker process from its first to its last; saturated is the share of that time in which "
        "as many requests were under way as `concurrency` allows."
    )
    shown = table("Calls of all runs", heads, rows, numbers)
    return [shown, el("p", note), *_tokens(store)]


def _cells(used: Usage) -> tuple[str, ...]:
    counts = (used.calls, used.batch_calls, used.failures, used.cached)
    tokens = (used.prompt_tokens, used.completion_tokens)
    speed = (f"{used.rate:.3g}", f"{used.saturation:.0%}") if used.seconds else ("-", "-")
    return (*map(number, (*counts, *tokens)), f"{used.usd:.2f}", *speed)


def _tokens(store: Store) -> list[Html]:
    found = [
        sum(column.to_numpy() for column in store.read("captions", info.number, names).columns)
        for info in store.infos("captions")
        if (names := ["prompt_tokens", "completion_tokens"])
    ]
    if not found:
        return []
    return [histogram("Tokens per caption", "tokens", np.concatenate(found).tolist())]
