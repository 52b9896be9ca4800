"""The page of distributions: how long, how many, how large, in which language."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.store import Store
from tools.report.charts import Bar, bars, histogram
from tools.report.examples import Examples
from tools.report.markup import Html, Page, document, el, empty, section

PAGE = Page("distributions.html", "Distributions", "Distributions", "Store")
_UNITS = {"time": "hours", "transcripts": "transcripts", "questions": "questions"}
_TOP = 12


@dataclass
class Measured:
    """What tables say of pictures and recordings, column by column."""

    widths: list[NDArray[Any]] = field(default_factory=list)
    heights: list[NDArray[Any]] = field(default_factory=list)
    formats: Counter[str] = field(default_factory=Counter)
    seconds: list[NDArray[Any]] = field(default_factory=list)
    words: list[NDArray[Any]] = field(default_factory=list)
    rates: list[NDArray[Any]] = field(default_factory=list)
    languages: Counter[str] = field(default_factory=Counter)


def measure(store: Store) -> Measured:
    """Read the few columns that distributions need."""
    found = Measured()
    for info in store.infos("images"):
        table = store.read("images", info.number, ["width", "height", "format"])
        found.widths.append(table["width"].to_numpy())
        found.heights.append(table["height"].to_numpy())
        found.formats.update(table["format"].to_pylist())
    for info in store.infos("recordings"):
        table = store.read("recordings", info.number, ["duration_s"])
        found.seconds.append(table["duration_s"].to_numpy())
    for info in store.infos("transcripts"):
        table = store.read("transcripts", info.number, ["text", "duration_s", "language"])
        words = pc.count_substring_regex(table["text"], r"\S+").to_numpy()
        seconds = table["duration_s"].to_numpy()
        found.words.append(words)
        found.rates.append(words[seconds > 0] / seconds[seconds > 0])
        found.languages.update(table["language"].to_pylist())
    return found


def distributions_html(store: Store, examples: Sequence[Examples], pages: Sequence[Page]) -> str:
    """The page."""
    found = measure(store)
    parts = [_of_rows(one) for one in examples]
    parts += [_of_pictures(found), _of_sounds(found)]
    shown = [part for part in parts if part is not None]
    main = [el("h1", "Distributions"), _contents(shown), *(html for _, html in shown)]
    if not shown:
        main.append(empty("There is nothing to measure yet.", "Run pixmo ingest first."))
    return document(PAGE, pages, main)


def _contents(parts: Iterable[tuple[str, Html]]) -> Html:
    links = [el("li", el("a", title, href=f"#{_anchor(title)}")) for title, _ in parts]
    return el("nav", el("ul", links), cls="contents", aria_label="On this page")


def _anchor(title: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in title.lower())


def _grid(title: str, figures: Sequence[Html]) -> tuple[str, Html]:
    return title, section(title, el("div", figures, cls="grid"), anchor=_anchor(title))


def _of_rows(one: Examples) -> tuple[str, Html] | None:
    """Figures and tags of the rows of one page."""
    if not one.facts:
        return None
    figures = []
    for name, values in one.facts.items():
        if name.startswith("why "):
            continue  # counted on the page of the dropped rows
        known = values[~np.isnan(values)]
        unit = "score" if name.startswith("tag ") else _UNITS.get(name, name.split()[0])
        figures.append(histogram(name.removeprefix("tag "), unit, known.tolist()))
    return _grid(one.page.title, figures)


def _of_pictures(found: Measured) -> tuple[str, Html] | None:
    if not found.formats:
        return None
    widths, heights = np.concatenate(found.widths), np.concatenate(found.heights)
    megapixels = widths * heights / 1e6
    aspect = widths / np.maximum(heights, 1)
    figures = [
        histogram("Longer side", "pixels", np.maximum(widths, heights).tolist()),
        histogram("Megapixels", "MP", megapixels.tolist()),
        histogram("Width by height", "ratio", aspect.tolist()),
        bars("Formats", "pictures", _bars(found.formats), ("format", "")),
    ]
    return _grid("Pictures", figures)


def _of_sounds(found: Measured) -> tuple[str, Html] | None:
    if not found.seconds and not found.words:
        return None
    figures = []
    if found.seconds:
        seconds = np.concatenate(found.seconds)
        figures.append(histogram("Length of recordings", "seconds", seconds.tolist()))
    if found.words:
        words, rates = np.concatenate(found.words), np.concatenate(found.rates)
        figures.append(histogram("Words per transcript", "words", words.tolist()))
        figures.append(histogram("Words per second", "words/s", rates.tolist()))
        figures.append(bars("Languages", "transcripts", _bars(found.languages), ("language", "")))
    return _grid("Recordings and transcripts", figures)


def _bars(counts: Counter[str]) -> list[Bar]:
    common = counts.most_common(_TOP)
    rest = sum(counts.values()) - sum(count for _, count in common)
    return [Bar(name or "unknown", count) for name, count in common] + (
        [Bar("others", rest)] if rest else []
    )
