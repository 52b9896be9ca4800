"""HTML as values: everything that is text is escaped, only `Html` passes through as it is.

A page is a plain file that is opened from disk: scripts are classic ones (modules do not load from
`file://`), and its content security policy lets no request leave for the network.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

_VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})
_POLICY = (
    "default-src 'none'; script-src 'self' file:; style-src 'self' file: 'unsafe-inline'; "
    "img-src 'self' file: data:; media-src 'self' file:; connect-src 'none'; base-uri 'none'; "
    "form-action 'none'"
)


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


@dataclass(frozen=True)
class Page:
    """One page of the report: its file name, title, and what a link to it is called."""

    file: str
    title: str
    link: str
    group: str = ""


def el(name: str, /, *children: Any, **attributes: Any) -> Html:
    """An element; `cls` is `class`, `for_` is `for`, `_` in names becomes `-`.

    Attributes that are None or False are left out, True stands alone.
    """
    given = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{given}>")
    return Html(f"<{name}{given}>{join(children)}</{name}>")


def join(children: Iterable[Any]) -> Html:
    """Children one after the other; None is nothing, lists are flattened."""
    return Html("".join(_child(child) for child in children))


def _child(child: Any) -> str:
    if child is None:
        return ""
    if isinstance(child, list | tuple):
        return join(child)
    return child if isinstance(child, Html) else escape(str(child))


def _attribute(key: str, value: Any) -> str:
    if value is None or value is False:
        return ""
    name = {"cls": "class", "for_": "for"}.get(key, key.replace("_", "-"))
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'


def table(
    caption: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[Any]],
    numbers: Iterable[int] = (),
    **attributes: Any,
) -> Html:
    """A table whose first column heads its rows; `numbers` are columns that stand right."""
    right = set(numbers)
    kinds = ["num" if at in right else None for at in range(len(heads))]
    head = [el("th", text, scope="col", cls=kinds[at]) for at, text in enumerate(heads)]
    body = [
        el(
            "tr",
            [
                el("td" if at else "th", cell, cls=kinds[at], scope=None if at else "row")
                for at, cell in enumerate(row)
            ],
        )
        for row in rows
    ]
    inside = (el("caption", caption), el("thead", el("tr", head)), el("tbody", body))
    held = el("table", *inside, **attributes)
    return el("div", held, cls="table", role="region", aria_label=caption, tabindex="0")


def empty(text: str, remedy: str = "") -> Html:
    """What stands where there is nothing to show, and what would change that."""
    return el("p", text, f" {remedy}" if remedy else None, cls="empty")


def section(title: str, *children: Any, anchor: str = "") -> Html:
    """A titled section, that the contents of a page can link to."""
    name = anchor or "".join(c if c.isalnum() else "-" for c in title.lower()).strip("-")
    heading = el("h2", title, id=f"{name}-h")
    return el("section", heading, *children, id=name, aria_labelledby=f"{name}-h")


def number(value: float) -> str:
    """A count with thin groups: 12 345; fractions to three digits."""
    if value != int(value):
        return f"{value:.3g}"
    return f"{int(value):,}".replace(",", " ")


def counted(value: int, noun: str) -> str:
    """A number of things: 1 row, 2 rows."""
    return f"{number(value)} {noun}{'' if value == 1 else 's'}"


def size(count: float) -> str:
    """Bytes for people."""
    units = ("bytes", "KB", "MB", "GB", "TB")
    at = 0
    while count >= 1000 and at < len(units) - 1:
        count, at = count / 1000, at + 1
    return f"{count:.3g} {units[at]}" if at else f"{int(count)} bytes"


def share(part: float, whole: float) -> str:
    """A part of a whole in percent."""
    return f"{100 * part / whole:.1f}%" if whole else "–"


def meter(part: float, whole: float) -> Html:
    """A part of a whole as a bar with its percent beside it."""
    width = f"width:{100 * part / whole:.1f}%" if whole else "width:0"
    bar = el("span", el("span", cls="fill", style=width), cls="meter", aria_hidden="true")
    return Html(f"{bar}{share(part, whole)}")


def document(
    page: Page, pages: Sequence[Page], main: Any, scripts: Sequence[str] = (), kind: str = ""
) -> str:
    """A whole page: head, skip link, header with the list of pages, main."""
    head = [
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", f"{page.title} · pixmo report"),
        el("link", rel="icon", href="data:,"),
        el("link", rel="stylesheet", href="assets/report.css"),
        [el("script", src=f"assets/{name}", defer=True) for name in scripts],
    ]
    body = [
        el("a", "Skip to content", href="#main", cls="skip"),
        el("header", _brand(), _links(page, pages), cls="site"),
        el("main", main, id="main", tabindex="-1"),
    ]
    return f"<!doctype html>\n{el('html', el('head', head), el('body', body, cls=kind), lang='en')}"


def _brand() -> Html:
    return el("a", el("b", "pixmo"), " report", href="index.html", cls="brand")


def _links(page: Page, pages: Sequence[Page]) -> Html:
    items = [
        el("li", el("a", p.link, href=p.file, aria_current="page" if p == page else None))
        for p in pages
    ]
    return el("nav", el("ul", items), aria_label="Pages")
