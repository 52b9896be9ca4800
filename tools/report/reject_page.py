"""The page of rejects: by stage and reason, what each means for the user, and examples."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from schemas.judgment import RejectRow
from schemas.store import Store
from schemas.tables import TABLES
from tools.report.markup import Html, Page, document, el, empty, number, section, share, table

PAGE = Page("rejects.html", "Rejects", "Rejects", "Store")
_DOCS = Path(__file__).parents[2] / "docs" / "rejects.md"
_EXAMPLES = 5
_LONGEST = 300


@dataclass
class Refused:
    """One reason of one stage: how often, how often retryable, and the first few rows."""

    stage: str
    reason: str
    rows: int = 0
    retryable: int = 0
    examples: list[RejectRow] = field(default_factory=list)


@dataclass(frozen=True)
class Refusals:
    """The reasons of one table, the most frequent first, and how many rows came in."""

    table: str
    rows_in: int
    reasons: tuple[Refused, ...]


def refusals(store: Store) -> list[Refusals]:
    """All tables with rejects, in the order in which they are made."""
    return [found for name in TABLES if (found := _refused(store, name)).reasons]


def _refused(store: Store, name: str) -> Refusals:
    infos = store.infos(name)
    found: dict[str, Refused] = {}
    for info in infos:
        for reason, count in info.reasons.items():
            one = found.setdefault(reason, Refused(info.table, reason))
            one.rows += count
    for info in infos:
        if info.rejects and any(len(found[r].examples) < _EXAMPLES for r in info.reasons):
            _add_examples(store, name, info.number, found)
    for one in found.values():
        one.stage = one.examples[0].stage if one.examples else name
    ranked = sorted(found.values(), key=lambda one: (-one.rows, one.reason))
    return Refusals(name, sum(info.rows_in for info in infos), tuple(ranked))


def _add_examples(store: Store, name: str, number: int, found: dict[str, Refused]) -> None:
    for row in store.records(f"rejects/{name}", number, RejectRow):
        one = found.get(row.reason)
        if one is not None and len(one.examples) < _EXAMPLES:
            one.examples.append(row)
            one.retryable += row.retryable


def remedies() -> dict[str, str]:
    """What to do by reason, from docs/rejects.md where the report runs in a clone; else nothing."""
    if not _DOCS.is_file():
        return {}
    found = {}
    for line in _DOCS.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and (name := re.fullmatch(r"`(\w+(?:<\w+>)?)`", cells[0])):
            found[name[1]] = cells[3].replace("`", "")
    return found


def remedy(reason: str, known: Mapping[str, str]) -> str:
    """What to do about a reason; statuses of HTTP share a remedy."""
    name = "http_<status>" if reason.startswith("http_") else reason
    return known.get(name, "")


def rejects_html(found: Sequence[Refusals], known: Mapping[str, str], pages: Sequence[Page]) -> str:
    """The page."""
    main: list[Html] = [el("h1", "Rejects")]
    if not found:
        main.append(empty("Every input became a record: nothing was rejected."))
        return document(PAGE, pages, main)
    total = sum(one.rows for table_ in found for one in table_.reasons)
    text = " inputs became no record. Each is kept with its reason; none is lost."
    main.append(el("p", el("b", number(total)), text, cls="lead"))
    links = [el("li", el("a", one.table, href=f"#{_anchor(one.table)}")) for one in found]
    main.append(el("nav", el("ul", links), cls="contents", aria_label="On this page"))
    main += [_stage(one, known) for one in found]
    return document(PAGE, pages, main)


def _anchor(name: str) -> str:
    return name.replace("/", "-")


def _stage(found: Refusals, known: Mapping[str, str]) -> Html:
    rows = [
        (one.reason, number(one.rows), share(one.rows, found.rows_in), remedy(one.reason, known))
        for one in found.reasons
    ]
    title = f"Reasons in {found.table}, of {number(found.rows_in)} rows"
    shown = table(title, ("reason", "rows", "share", "what to do"), rows, (1, 2))
    examples = [_examples(one) for one in found.reasons]
    return section(found.table, shown, examples, anchor=_anchor(found.table))


def _examples(one: Refused) -> Html:
    rows = [
        (
            shown_input(row),
            hide_person(row.detail, row)[:_LONGEST],
            "yes" if row.retryable else "no",
        )
        for row in one.examples
    ]
    title = f"{one.reason}: {len(rows)} of {number(one.rows)}"
    shown = table(title, ("input", "detail", "try again?"), rows)
    return el("details", el("summary", f"Examples of {one.reason}"), shown)


def shown_input(row: RejectRow) -> str:
    """What a person knows the input by: its URL or file, else its key; never who recorded it."""
    values = _values(row)
    names = [str(values[name]) for name in ("audio", "image_url") if values.get(name)]
    return hide_person(names[0] if names else row.key, row)[:_LONGEST]


def hide_person(text: str, row: RejectRow) -> str:
    """The text without the name that the row gives to its annotator."""
    name = str(_values(row).get("annotator") or "")
    return text.replace(name, "[annotator]") if name else text


def _values(row: RejectRow) -> dict[str, object]:
    try:
        values = json.loads(row.row)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}
