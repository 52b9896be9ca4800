"""What came near an evaluation set: the row, the evaluation item, and the evidence."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Protocol

import numpy as np
from PIL import Image

from schemas.records import EvaluationMatch
from schemas.store import Store
from schemas.tables import TABLES
from tools.report.markup import Html, el, empty, number, table

MOST = 120
_SIDE = 32


class Pictures(Protocol):
    """What can show a picture by its id."""

    def figure(self, image_id: str, label: str, orientation: int = 0) -> Html:
        """A picture with a line below it."""


@dataclass(frozen=True)
class Match:
    """A row of a table, the evaluation item that it comes near, and that item's picture if any."""

    table: str
    row_id: str
    match: EvaluationMatch
    grey32: bytes = b""
    text: str = ""


@dataclass
class Contaminated:
    """Rows with matches: how many of all, by benchmark, and the first of them."""

    rows: int = 0
    looked_at: int = 0
    benchmarks: dict[tuple[str, str], int] = field(default_factory=dict)
    matches: list[Match] = field(default_factory=list)

    def pictures(self) -> set[str]:
        """The ids of the pictures on the page (a row of images or captions is its picture's)."""
        return {one.row_id for one in self.matches}


def find_contamination(store: Store) -> Contaminated:
    """Read the tables `contamination/*`, and the evaluation items of the matches shown."""
    found = Contaminated()
    for name in (name for name in TABLES if name.startswith("contamination/")):
        for info in store.infos(name):
            found.looked_at += info.records
            for row in store.read(name, info.number, ["row_id", "matches"]).to_pylist():
                _take(found, name, row)
    items = _items(store, {one.match.item_id for one in found.matches})
    found.matches = [
        Match(one.table, one.row_id, one.match, *items.get(one.match.item_id, (b"", "")))
        for one in found.matches
    ]
    return found


def _take(found: Contaminated, name: str, row: dict[str, Any]) -> None:
    found.rows += bool(row["matches"])
    for values in row["matches"]:
        match = EvaluationMatch(**values)
        key = (match.benchmark, match.kind)
        found.benchmarks[key] = found.benchmarks.get(key, 0) + 1
        if len(found.matches) < MOST:
            found.matches.append(Match(name, row["row_id"], match))


def _items(store: Store, wanted: set[str]) -> dict[str, tuple[bytes, str]]:
    found = {}
    for info in store.infos("evaluation") if wanted else ():
        for row in store.read("evaluation", info.number, ["item_id", "grey32", "text"]).to_pylist():
            if row["item_id"] in wanted:
                found[row["item_id"]] = (row["grey32"] or b"", row["text"] or "")
    return found


def contamination_html(found: Contaminated, shelf: Pictures) -> list[Html]:
    """The section of the page of duplicates."""
    if not found.looked_at:
        text = "No evaluation set has been compared with this store."
        return [empty(text, "Run pixmo decontaminate --against DIR.")]
    if not found.rows:
        return [empty(f"None of {number(found.looked_at)} rows comes near an evaluation set.")]
    counts = sorted(found.benchmarks.items(), key=lambda item: (-item[1], item[0]))
    rows = [(name, kind, number(count)) for (name, kind), count in counts]
    shown = table("Matches by benchmark", ("benchmark", "kind", "matches"), rows, (2,))
    boxes = [_match_box(one, shelf) for one in found.matches]
    return [shown, el("div", boxes, cls="grid")]


def _match_box(one: Match, shelf: Pictures) -> Html:
    match = one.match
    title = f"{match.benchmark}: {match.place} ({match.kind})"
    words = f"{match.distance} bits, grey difference {match.grey_difference:.3f}"
    figures: Sequence[Html]
    if match.kind == "text":
        figures = [
            shelf.figure(one.row_id, f"row of {one.table}"),
            el("blockquote", one.text[:400], dir="auto"),
        ]
        words = match.detail
    else:
        row = shelf.figure(one.row_id, f"row of {one.table}", match.orientation)
        figures = [row, _grey(one.grey32, f"evaluation, 32 by 32 {match.detail}")]
    evidence = el("p", words, cls="facts", dir="auto")
    return el("article", el("h3", title), el("div", figures, cls="pics"), evidence, cls="cluster")


def _grey(grey32: bytes, label: str) -> Html:
    if len(grey32) != _SIDE * _SIDE:
        box = el("span", "picture missing", cls="missing")
    else:
        out = BytesIO()
        pixels = np.frombuffer(grey32, np.uint8).reshape(_SIDE, _SIDE)
        Image.fromarray(pixels).save(out, "PNG")
        source = "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
        box = el("img", src=source, alt="The evaluation picture in 32 by 32 greys", cls="grey")
    return el("figure", el("span", box, cls="square"), el("figcaption", label), cls="pic")
