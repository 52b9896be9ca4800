"""The page of URLs: how many gave a picture, why the others did not, and their hosts."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from schemas.store import Store
from tools.report.charts import Bar, bars
from tools.report.markup import (
    Html,
    Page,
    document,
    el,
    empty,
    meter,
    number,
    section,
    share,
    table,
)

PAGE = Page("urls.html", "URLs", "URLs", "Store")
ALIVE = "picture"
_TOP = 50
_ALL_CAUSES = 30


@dataclass
class Survival:
    """Outcomes of all URLs: by cause, and by host and cause; `picture` is the good one."""

    causes: Counter[str] = field(default_factory=Counter)
    hosts: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    retryable: int = 0

    def add(self, url: str, cause: str) -> None:
        """Count one URL."""
        self.causes[cause] += 1
        self.hosts[host_of(url)][cause] += 1


def host_of(url: str) -> str:
    """The host of a URL, `(file)` for a local one, `(none)` where there is none."""
    try:
        parts = urlsplit(url)
        return parts.hostname or ("(file)" if parts.scheme == "file" else "(none)")
    except ValueError:
        return "(none)"


def survival(store: Store) -> Survival:
    """Count the pictures and the rejects of the table images."""
    found = Survival()
    for info in store.infos("images"):
        for url in store.read("images", info.number, ["image_url"])[0].to_pylist():
            found.add(url, ALIVE)
        rows = store.read("rejects/images", info.number, ["row", "reason", "retryable"])
        for text, reason, again in zip(*(column.to_pylist() for column in rows), strict=True):
            found.add(_url(text), reason)
            found.retryable += bool(again)
    return found


def _url(row: str) -> str:
    try:
        values = json.loads(row)
    except ValueError:
        return ""
    return str(values.get("image_url", "")) if isinstance(values, dict) else ""


def urls_html(found: Survival, remedies: Mapping[str, str], pages: Sequence[Page]) -> str:
    """The page."""
    total = sum(found.causes.values())
    main: list[Html] = [el("h1", "URLs")]
    if not total:
        main.append(empty("No URL has been fetched yet.", "Run pixmo ingest first."))
        return document(PAGE, pages, main)
    alive = found.causes[ALIVE]
    main += [
        _verdict(found, alive, total),
        section("By cause", _causes(found, remedies)),
        section("By host", _hosts(found)),
    ]
    return document(PAGE, pages, main)


def _verdict(found: Survival, alive: int, total: int) -> Html:
    again = f"; {number(found.retryable)} of the others may work another day"
    text = f" of {number(total)} URLs gave a picture ({number(alive)})"
    return el("p", el("b", share(alive, total)), text, again if found.retryable else "", cls="lead")


def _causes(found: Survival, remedies: Mapping[str, str]) -> Html:
    values = [
        Bar(cause, count, remedies.get(cause, ""))
        for cause, count in found.causes.most_common(_ALL_CAUSES)
    ]
    return bars("Outcome of every URL", "URLs", values, ("outcome", "what to do"))


def _hosts(found: Survival) -> Html:
    ranked = sorted(found.hosts.items(), key=lambda item: (-sum(item[1].values()), item[0]))
    rows = [_host(name, causes) for name, causes in ranked[:_TOP]]
    shown = min(_TOP, len(ranked))
    title = f"Hosts with the most URLs: {shown} of {number(len(ranked))}"
    heads = ("host", "URLs", "pictures", "survival", "most common failure")
    return table(title, heads, rows, (1, 2, 3))


def _host(name: str, causes: Counter[str]) -> tuple[object, ...]:
    total = sum(causes.values())
    failures = [(cause, count) for cause, count in causes.most_common() if cause != ALIVE]
    worst = f"{failures[0][0]} ({number(failures[0][1])})" if failures else "–"
    alive = causes[ALIVE]
    return (name, number(total), number(alive), meter(alive, total), worst)
