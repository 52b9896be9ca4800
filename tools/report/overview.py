"""The first page: the pipeline stage by stage, the release, and what a reviewer should look at."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.errors import UsageError
from schemas.files import open_fs
from schemas.manifest import read_manifest
from schemas.store import PartInfo, Store
from schemas.tables import TABLES
from tools.report.contamination import Contaminated
from tools.report.duplicate_page import Duplicates
from tools.report.examples import Examples
from tools.report.listing import Listing
from tools.report.markup import (
    Html,
    Page,
    counted,
    document,
    el,
    empty,
    meter,
    number,
    section,
    share,
    table,
)
from tools.report.urls import ALIVE, Survival

PAGE = Page("index.html", "Overview", "Overview")
_HEADS = ("table", "rows in", "records", "kept", "rejects", "work s", "rows/s")


@dataclass(frozen=True)
class Finding:
    """Something to look at: `weight` is `alarm`, `look` or `good`."""

    weight: str
    text: str
    link: str = ""


@dataclass(frozen=True)
class Facts:
    """What pages have found that the first one tells."""

    survival: Survival
    duplicates: Duplicates
    contaminated: Contaminated
    examples: Sequence[Examples]
    usage: str
    strip: Html | None = None


def overview_html(store: Store, facts: Facts, pages: Sequence[Page]) -> str:
    """The page."""
    stages = {name: infos for name in TABLES if (infos := store.infos(name))}
    main = [
        el("h1", _title(store)),
        _lead(facts, stages),
        facts.strip,
        section("Findings", _findings(findings(store, facts))),
        section("Release", _release([one.listing for one in facts.examples])),
        section("Pipeline", _pipeline(stages), el("p", facts.usage) if facts.usage else None),
        section("Pages", _cards(pages)),
    ]
    return document(PAGE, pages, main, (), "overview")


def _title(store: Store) -> str:
    """The title of the release, else the name of the store's folder."""
    try:
        return read_manifest(store.fs, store.path("release")).title
    except UsageError:
        return open_fs(store.url)[1].rstrip("/").rsplit("/", 1)[-1]


def _lead(facts: Facts, stages: dict[str, list[PartInfo]]) -> Html:
    released = [one.listing for one in facts.examples if not one.listing.dropped]
    rows = sum(listing.rows for listing in released)
    came = [
        counted(sum(info.rows_in for info in stages[name]), noun)
        for name, noun in (("images", "URL"), ("recordings", "recording"))
        if name in stages
    ]
    ends = f"{counted(rows, 'row')} in {counted(len(released), 'config')}"
    return el("p", f"{' and '.join(came) or 'Nothing'} became ", el("b", ends), ".", cls="lead")


def findings(store: Store, facts: Facts) -> list[Finding]:
    """What the data say that a person should know before looking at rows, alarms first."""
    found = [*_duplicate_findings(store), *_split_findings(store), *_url_findings(facts.survival)]
    near = facts.contaminated
    if near.rows:
        text = f"{number(near.rows)} of {counted(near.looked_at, 'row')} near an evaluation set"
        found.append(Finding("look", text, "duplicates.html#evaluation"))
    elif not near.looked_at:
        text = "No evaluation set has been compared with this store: pixmo decontaminate"
        found.append(Finding("look", text))
    else:
        found.append(Finding("good", "No row comes near an evaluation set"))
    for one in facts.examples:
        if one.listing.dropped and one.listing.rows:
            text = f"Dropped of {one.listing.subset.name}: {counted(one.listing.rows, 'row')}"
            found.append(Finding("look", text, one.page.file))
    order = ("alarm", "look", "good")
    return sorted(found, key=lambda one: order.index(one.weight))


def _duplicate_findings(store: Store) -> list[Finding]:
    path = store.path("duplicates", "_largest.json")
    if not store.fs.exists(path):
        return []
    largest = json.loads(store.fs.cat_file(path))
    text = f"The largest cluster of duplicates has {number(largest['pictures'])} pictures"
    if largest["alarm"]:
        text += ": more than copies explain; is its picture a placeholder?"
    return [Finding("alarm" if largest["alarm"] else "good", text, "duplicates.html#clusters")]


def _split_findings(store: Store) -> list[Finding]:
    moved: Counter[str] = Counter()
    for info in store.infos("splits"):
        found = store.read("splits", info.number, ["moved_from"])
        if found.num_columns:  # a store of an older version has no such column
            moved.update(found[0].to_pylist())
    if not moved["train"]:
        return []
    text = (
        f"{counted(moved['train'], 'picture')} moved out of train, because new data joined them to "
        "pictures of an evaluation split"
    )
    return [Finding("look", text)]


def _url_findings(survival: Survival) -> list[Finding]:
    total = sum(survival.causes.values())
    if not total:
        return []
    alive = survival.causes[ALIVE]
    text = f"{share(alive, total)} of {number(total)} URLs gave a picture"
    found = [Finding("look" if alive < 0.8 * total else "good", text, "urls.html")]
    if survival.retryable:
        text = f"{counted(survival.retryable, 'URL')} may work another day: pixmo retry"
        found.append(Finding("look", text, "rejects.html#images"))
    return found


def _findings(found: Sequence[Finding]) -> Html:
    words = {"alarm": "Alarm", "look": "Look", "good": "Good"}
    items = [
        el(
            "li",
            el("b", words[one.weight], cls=f"badge {one.weight}"),
            el("a", one.text, href=one.link) if one.link else el("span", one.text),
        )
        for one in found
    ]
    return el("ul", items, cls="findings")


def _release(listings: Sequence[Listing]) -> Html:
    released = [listing for listing in listings if not listing.dropped]
    if not released:
        return empty("There is no release yet.", "Run pixmo export all.")
    counts = {listing.name: Counter(listing.splits) for listing in released}
    splits = list(dict.fromkeys(split for count in counts.values() for split in count))
    rows = [
        (
            el("a", listing.name, href=f"{listing.name}.html"),
            *(number(counts[listing.name][split]) for split in splits),
            number(listing.rows),
        )
        for listing in released
    ]
    numbers = range(1, len(splits) + 2)
    return table("Rows by config and split", ("config", *splits, "all"), rows, numbers)


def _pipeline(stages: dict[str, list[PartInfo]]) -> Html:
    if not stages:
        return empty("The store is empty.", "Run pixmo ingest.")
    rows = [_stage(name, infos) for name, infos in stages.items()]
    return table("From what came in to what came out", _HEADS, rows, range(1, 7))


def _stage(name: str, infos: Sequence[PartInfo]) -> tuple[object, ...]:
    rows_in, records = (sum(getattr(i, field) for i in infos) for field in ("rows_in", "records"))
    rejects, seconds = (sum(getattr(i, field) for i in infos) for field in ("rejects", "seconds"))
    link = f"rejects.html#{name.replace('/', '-')}"
    refused = el("a", number(rejects), href=link) if rejects else "0"
    rate = f"{rows_in / seconds:,.3g}".replace(",", " ") if seconds else "–"
    kept = meter(records, rows_in)
    return (name, number(rows_in), number(records), kept, refused, f"{seconds:.1f}", rate)


def _cards(pages: Sequence[Page]) -> list[Html]:
    groups = dict.fromkeys(page.group for page in pages if page.group)
    return [
        el(
            "div",
            el("h3", group),
            el("ul", [el("li", el("a", p.link, href=p.file)) for p in pages if p.group == group]),
            cls="card",
        )
        for group in groups
    ]
