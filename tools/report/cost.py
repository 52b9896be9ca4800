"""The page of cost: seconds of work per stage and part, calls to language models, tokens, money."""

import json
from collections import Counter
from collections.abc import Sequence

import numpy as np

from schemas.store import PartInfo, Store
from schemas.tables import TABLES
from tools.report.charts import Bar, bars, histogram
from tools.report.markup import Html, Page, document, el, empty, number, section, table

PAGE = Page("cost.html", "Cost and time", "Cost and time", "Store")


def usage(store: Store) -> Counter[str]:
    """Calls, failures, answers from the cache, tokens and dollars over all runs."""
    total: Counter[str] = Counter()
    for path in store.fs.glob(store.path("cache", "usage", "*.json")):
        total.update(json.loads(store.fs.cat_file(path)))
    return total


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


def _calls(store: Store) -> list[Html]:
    total = usage(store)
    if not total["calls"] and not total["cached"]:
        return [empty("No language model has been called for this store.")]
    rows = [
        ("calls", number(total["calls"])),
        ("failed calls", number(total["failures"])),
        ("answers from the cache", number(total["cached"])),
        ("prompt tokens", number(total["prompt_tokens"])),
        ("completion tokens", number(total["completion_tokens"])),
        ("dollars, as the recipe prices tokens", f"{total['usd']:.2f}"),
    ]
    return [table("Calls of all runs", ("what", "how many"), rows, (1,)), *_tokens(store)]


def _tokens(store: Store) -> list[Html]:
    found = [
        sum(column.to_numpy() for column in store.read("captions", info.number, names).columns)
        for info in store.infos("captions")
        if (names := ["prompt_tokens", "completion_tokens"])
    ]
    if not found:
        return []
    return [histogram("Tokens per caption", "tokens", np.concatenate(found).tolist())]
