"""Which of several rows about the same thing stands for them: one rule for all subsets.

What people did here goes before what was published, then what was submitted last, then the smaller
id. The others become rejects (`merged`), so that rows add up, and the record names them all.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from schemas.ids import canonical_json
from schemas.judgment import Reject, RejectRow

ANNOTATED, PUBLISHED = "annotated", "published"


@dataclass(frozen=True)
class Judged:
    """A record of `annotations/*` or `published/*`, and which of them it is from."""

    record: Any
    origin: str

    @property
    def item_id(self) -> str:
        """The key of the record."""
        return str(self.record.item_id)


def ranked(rows: Iterable[Judged]) -> list[Judged]:
    """The rows, the one that goes before all others first."""
    by_id = sorted(rows, key=lambda row: row.item_id)
    newest = sorted(by_id, key=lambda row: row.record.work.submitted_at, reverse=True)
    return sorted(newest, key=lambda row: row.origin != ANNOTATED)


def refused(stage: str, row: Judged, reject: Reject) -> RejectRow:
    """A row that became no record of its own."""
    text = canonical_json(asdict(row.record))
    return RejectRow(stage, row.item_id, reject.reason, reject.detail, reject.retryable, text)


def merged(stage: str, rows: Iterable[Judged], into: str) -> list[RejectRow]:
    """The rows that another one stands for."""
    return [refused(stage, row, Reject("merged", f"into {into}")) for row in rows]
