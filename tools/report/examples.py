"""Pages of rows: all rows of a config or of what was dropped, listed, filtered, searched, opened.

The page itself is a shell of some kilobytes. `assets/browse.js` loads columns for the list, chunks
for what is in view, and blocks of the index for what is looked for.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.store import Store
from tools.report.listing import Listing
from tools.report.markup import Html, Page, counted, document, el, empty
from tools.report.packing import write_columns, write_json, write_payload
from tools.report.picture_plan import Album
from tools.report.row_chunks import RowsJob, RowsMade
from tools.report.sounds import Sound
from tools.report.terms import Index

SCRIPTS = (
    *("load.js", "search.js", "list.js", "blocks.js", "picture.js", "browse.js"),
    "keys.js",
)
_HELP = (
    ("j", "next row"),
    ("k", "previous row"),
    ("/", "search"),
    ("z", "enlarge the picture"),
    ("p", "play or pause the recording"),
    ("1", "mark the row as good"),
    ("2", "mark the row as doubtful"),
    ("0", "take the mark away"),
    ("?", "this list"),
    ("Esc", "close, or leave the search"),
)
TITLES = {
    "cap": "Captions",
    "points": "Points",
    "point_explanations": "Point explanations",
    "ask_model_anything": "Ask model anything",
    "cap_qa": "Caption QA",
    "docs_charts": "Documents: charts",
    "docs_tables": "Documents: tables",
    "docs_diagrams": "Documents: diagrams",
    "docs_other": "Documents: other",
    "clocks": "Clocks",
    "count": "Counting",
}


@dataclass(frozen=True)
class Examples:
    """A finished page of rows: the page, its listing, and the facts of all its rows."""

    page: Page
    listing: Listing
    facts: dict[str, NDArray[Any]]


def example_page(listing: Listing) -> Page:
    """The file and titles of the page of a listing."""
    title = TITLES.get(listing.name.removesuffix("-dropped"), listing.name)
    group = "Dropped" if listing.dropped else "Examples"
    shown = f"Dropped: {title}" if listing.dropped else title
    return Page(f"{listing.name}.html", shown, shown, group)


def rows_jobs(
    store: Store, listing: Listing, output: Path, read: Mapping[str, str]
) -> list[RowsJob]:
    """The jobs that write the rows of a page; `read` is the text in pictures, by image id."""
    folder = output / "data" / listing.name
    ends = [*listing.starts, listing.rows][1:]
    return [
        RowsJob(store, listing.subset, rows, start, folder, _of(listing.pictures[start:end], read))
        for rows, start, end in zip(listing.inputs, listing.starts, ends, strict=True)
    ]


def _of(pictures: Iterable[str], read: Mapping[str, str]) -> dict[str, str]:
    return {key: read[key] for key in pictures if key in read}


def write_data(
    listing: Listing,
    made: Iterable[RowsMade],
    album: Album,
    sounds: Mapping[str, Sound],
    limits: Mapping[str, float],
    output: Path,
) -> dict[str, NDArray[Any]]:
    """Write all that the page loads besides its chunks; returns the facts of all rows by name."""
    folder = output / "data" / listing.name
    index = Index()
    ids: list[str] = []
    starts: list[int] = []
    pieces: list[RowsMade] = []
    for one in made:
        index.add(one.start, one.postings)
        ids += one.ids
        starts += one.chunks
        pieces.append(dataclasses.replace(one, postings={}, ids=()))
    index.write(folder, "terms")
    write_payload(folder, "ids", bytes.fromhex("".join(ids)))
    facts = _joined(pieces, listing.rows)
    splits = list(dict.fromkeys(listing.splits))
    heard = {at: [sounds[i] for i in ids if i in sounds] for at, ids in listing.recordings.items()}
    audible = np.zeros(listing.rows, np.uint8)
    audible[[at for at, found in heard.items() if any(sound.file for sound in found)]] = 1
    picture = np.array([album.number(key) for key in listing.pictures], np.int32)
    place = {name: at for at, name in enumerate(splits)}
    split = np.array([place[name] for name in listing.splits], np.uint8)
    write_columns(folder, "base", {"picture": picture, "split": split, "audible": audible})
    write_columns(folder, "fact", facts)
    ids_heard = {i for own in listing.recordings.values() for i in own if i in sounds}
    write_json(folder, "sounds", {i: dataclasses.astuple(sounds[i]) for i in sorted(ids_heard)})
    write_json(folder, "meta", _meta(listing, facts, splits, starts, limits) | {"side": album.side})
    return facts


def _joined(pieces: Sequence[RowsMade], rows: int) -> dict[str, NDArray[Any]]:
    names = dict.fromkeys(name for piece in pieces for name in piece.facts)
    facts: dict[str, NDArray[Any]] = {n: np.full(rows, np.nan, np.float32) for n in names}
    for piece in pieces:
        for name, values in piece.facts.items():
            facts[name][piece.start : piece.start + len(values)] = values
    return facts


def _meta(
    listing: Listing,
    facts: Mapping[str, NDArray[Any]],
    splits: list[str],
    starts: list[int],
    limits: Mapping[str, float],
) -> dict[str, Any]:
    return {
        "rows": listing.rows,
        "starts": starts,
        "splits": splits,
        "facts": [_fact(name, values, limits) for name, values in facts.items()],
        "limits": dict(limits),
        "dropped": listing.dropped,
    }


def _fact(name: str, values: NDArray[Any], limits: Mapping[str, float]) -> dict[str, Any]:
    known = values[~np.isnan(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    limit = limits.get(name.removeprefix("tag "))
    return {"name": name, "low": round(low, 4), "high": round(high, 4), "limit": limit}


def page_html(listing: Listing, page: Page, pages: Sequence[Page], intro: Any = None) -> str:
    """The shell of a page of rows."""
    if not listing.rows:
        none = "No row was dropped." if listing.dropped else "This config has no rows."
        return document(page, pages, [el("h1", page.title), empty(none)])
    name = el("div", id="page", data_name=listing.name, hidden=True)
    main = [
        _filters(listing, page, intro),
        el(
            "div",
            el("div", _list(), cls="list-pane"),
            el("article", id="row", tabindex="-1", aria_label="Selected row", cls="row-pane"),
            cls="panes",
        ),
        el("dialog", id="large", aria_label="Enlarged picture"),
        _help(),
        name,
        el("noscript", el("p", "This page needs scripts to read its rows.", cls="empty")),
    ]
    return document(page, pages, main, SCRIPTS, "browse")


def _filters(listing: Listing, page: Page, intro: Any) -> Html:
    search = el(
        "input",
        id="search",
        type="search",
        placeholder="Search all texts",
        aria_label="Search all texts",
        autocomplete="off",
        spellcheck="false",
        aria_keyshortcuts="/",
    )
    count = el("p", counted(listing.rows, "row"), id="count", role="status", aria_live="polite")
    more = el("button", "Filters", id="more", type="button", aria_expanded="false")
    keys = el("button", "Keys ", el("kbd", "?"), id="help-open", type="button", cls="quiet")
    bar = el("div", el("h1", page.title), search, more, count, keys, cls="bar")
    return el(
        "div", bar, _choices(), intro, cls="filters", role="search", aria_label="Rows to show"
    )


def _choices() -> Html:
    def choice(name: str, label: str) -> Html:
        select = el("select", id=name)
        return el("label", el("span", label), select, hidden=True, id=f"{name}-label")

    over = el("input", id="over", type="number", step="any", aria_label="Least score")
    return el(
        "div",
        choice("split", "Split"),
        choice("why", "Why"),
        choice("tag", "Tag or figure"),
        el("label", el("span", "at least"), over, id="over-label", hidden=True),
        choice("order", "Order"),
        el(
            "label",
            el("input", id="audible", type="checkbox"),
            "with sound",
            id="audible-label",
            cls="check",
            hidden=True,
        ),
        el(
            "label",
            el("input", id="sampled", type="checkbox"),
            "with large picture",
            id="sampled-label",
            cls="check",
            hidden=True,
        ),
        choice("mark", "Mark"),
        el("button", "Reset", id="reset", type="button", cls="quiet"),
        el("button", "Save marks", id="save-marks", type="button", cls="quiet", hidden=True),
        cls="choices",
        id="choices",
    )


def _list() -> Html:
    ol = el("ol", id="rows", aria_label="Rows")
    return el("div", ol, id="list", cls="list", tabindex="0", role="region", aria_label="List")


def _help() -> Html:
    rows = [el("tr", el("th", el("kbd", key), scope="row"), el("td", text)) for key, text in _HELP]
    keys = el("table", el("caption", "Keys"), el("tbody", rows))
    close = el("button", "Close", type="button", id="help-close")
    return el("dialog", keys, close, id="help", aria_label="Keyboard shortcuts")
