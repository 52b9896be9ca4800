"""What people judged that goes with a picture, a recording or a person, and the texts in it.

Only whole answers and corrected transcripts are looked for elsewhere: a question or a phrase such
as "red cup" may be anybody's.
"""

from collections.abc import Iterator
from typing import Any

from pipelines.steps.takedown_rows import Doomed
from pipelines.steps.takedown_traces import leaves
from pipelines.takedown.found import Found, rows_of, source_rows
from schemas.store import Store
from schemas.tables import TABLES

_SOURCES = ("sources/annotations/", "sources/published/")
SOURCES = [table for table in TABLES if table.startswith(_SOURCES)]
_WHOLE = ("text", "answer", "draft")


def find_items(store: Store, found: Found, doomed: Doomed) -> None:
    """Items about what goes, and the pairs of answers that were shown with a picture."""
    pairs = {
        row["pair_id"]
        for row in rows_of(store, "preference_pairs", ["pair_id", "image_id"])
        if row["image_id"] in found.image_ids
    }
    for table in SOURCES:
        for key, row in source_rows(store, table):
            if key and (doomed.is_about(row) or row.get("pair_id") in pairs):
                found.item_ids.add(key)
                found.texts.update(_texts(row))


def _texts(row: dict[str, Any]) -> Iterator[str]:
    """What somebody wrote, and what the text model drafted for it."""
    return (text for name, text in leaves(row) if name in _WHOLE and text.strip())


def judged_still(store: Store, found: Found) -> Iterator[str]:
    """The texts of items that stay."""
    for table in SOURCES:
        for key, row in source_rows(store, table):
            if key not in found.item_ids:
                yield from _texts(row)
