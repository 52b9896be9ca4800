"""The contact sheet: documents and clocks side by side, so that eyes find what no check looks for.

Pictures that pixmo made itself come first under suspicion: empty frames, cut labels, hands that
point nowhere. Thirty of each kind are drawn by a stable hash, shared fairly by the configs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tools.report.duplicate_page import Shelf
from tools.report.examples import TITLES, example_page
from tools.report.listing import Listing
from tools.report.markup import Html, Page, counted, document, el, empty, section
from tools.report.picture_plan import sample

PAGE = Page("contact-sheet.html", "Contact sheet", "Contact sheet", "Examples")
EACH = 30
_DRAWN = {"docs": "Documents", "clocks": "Clocks"}


@dataclass(frozen=True)
class Sheet:
    """The pictures of one subset that are shown: the key of each, by its listing and row."""

    title: str
    shown: tuple[tuple[Listing, int, str], ...]


def find_sheets(listings: Sequence[Listing]) -> list[Sheet]:
    """One sheet per subset with pictures of our own making."""
    sheets = []
    for subset, title in _DRAWN.items():
        own = [one for one in listings if one.subset.name == subset and not one.dropped]
        sheets.append(Sheet(title, tuple(_draw(sorted(own, key=lambda one: one.rows)))))
    return sheets


def _draw(listings: Sequence[Listing]) -> list[tuple[Listing, int, str]]:
    shown: list[tuple[Listing, int, str]] = []
    for at, listing in enumerate(listings):
        share = -(-(EACH - len(shown)) // (len(listings) - at))
        wanted = sample(listing.pictures, share)
        shown += [(listing, n, key) for n, key in enumerate(listing.pictures) if key in wanted]
    return shown


def pictures_of(sheets: Sequence[Sheet]) -> set[str]:
    """The keys of all pictures on the page."""
    return {key for sheet in sheets for _, _, key in sheet.shown}


def sheets_html(sheets: Sequence[Sheet], shelf: Shelf, pages: Sequence[Page]) -> str:
    """The page."""
    parts = [section(sheet.title, _sheet_html(sheet, shelf)) for sheet in sheets]
    return document(PAGE, pages, [el("h1", PAGE.title), *parts])


def _sheet_html(sheet: Sheet, shelf: Shelf) -> list[Html]:
    if not sheet.shown:
        return [empty("The release has none with pictures.")]
    figures = [
        el("a", shelf.figure(key, _label(listing)), href=f"{example_page(listing).file}#n={row}")
        for listing, row, key in sheet.shown
    ]
    note = f"{counted(len(figures), 'picture')}, drawn by chance; each leads to its row."
    return [el("p", note), el("div", figures, cls="pics")]


def _label(listing: Listing) -> str:
    return TITLES.get(listing.name, listing.name).removeprefix("Documents: ")
