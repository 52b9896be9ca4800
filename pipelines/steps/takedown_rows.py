"""What becomes of one row in a takedown: it stays, it changes, or it goes.

The choice worth knowing: a row goes when it is *about* what is taken down, and is only cleaned when
it merely mentions it, so that nothing of other people's work is lost. Rows of `sources` and of
`evaluation` leave a redacted reject, so that inputs still add up.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from pipelines.steps.denylist import Denylist, redacted
from pipelines.steps.normal_url import hosts_of, normal_url
from pipelines.steps.takedown_traces import JSON_FIELDS, Traces, parse_json
from schemas.annotations import Work
from schemas.codec import key_of
from schemas.ids import image_id_of
from schemas.judgment import Reject, RejectRow
from schemas.records import Caption, EvaluationItem, Source
from schemas.tables import TABLES

_SUBJECTS = ("image_id", "recording_id", "item_id", "row_id", "left_id", "right_id", "key")
REASON = "taken_down"
OF_CAPTIONS = "cap_qa"  # rows that go with the caption of a picture, though the picture stays


@dataclass(frozen=True)
class Doomed:
    """All that goes. `sha256s` also tie manifest rows to pictures; `item_ids` are what people
    judged; `orphans` are pictures that stay, with other recordings, though their caption goes."""

    image_ids: frozenset[str] = frozenset()
    recording_ids: frozenset[str] = frozenset()
    item_ids: frozenset[str] = frozenset()
    sha256s: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    orphans: frozenset[str] = frozenset()
    traces: Traces = field(default_factory=Traces)

    def __bool__(self) -> bool:
        return bool(self.ids)

    @property
    def ids(self) -> frozenset[str]:
        """Ids of pictures, recordings and judged items."""
        return self.image_ids | self.recording_ids | self.item_ids

    def has_url(self, url: str) -> bool:
        """Whether a URL is one of those that go, by itself or by its host."""
        return normal_url(url) in self.traces.urls or (
            bool(self.hosts) and not self.hosts.isdisjoint(hosts_of(url))
        )

    def is_about(self, row: Any) -> bool:
        """Whether an input row (parsed JSON) is one of those that go."""
        if not isinstance(row, dict):
            return False
        url = str(row.get("image_url") or "").strip()
        return (
            str(row.get("image_id") or "") in self.image_ids
            or str(row.get("recording_id") or "") in self.recording_ids
            or str(row.get("image_sha256") or "").lower() in self.sha256s
            or str(row.get("annotator") or "") in self.traces.names
            or str(row.get("annotator_id") or "") in self.traces.values
            or (bool(url) and (image_id_of(url) in self.image_ids or self.has_url(url)))
        )


@dataclass(frozen=True)
class RowFate:
    """What a row becomes: a record or reject, or nothing; `touched` when that is a change."""

    row: Any
    touched: bool


GONE = RowFate(None, True)


def fate_of(row: Any, table: str, doomed: Doomed, denied: Denylist) -> RowFate:
    """What becomes of a record of `table` or of a RejectRow of its rejects."""
    if isinstance(row, RejectRow):
        return _fate_of_reject(row, table, doomed, denied)
    if isinstance(row, Source):
        about = row.key in doomed.ids or doomed.is_about(parse_json(row.row))
        return RowFate(_redacted(row.row, table, denied), True) if about else _cleaned(row, doomed)
    if isinstance(row, EvaluationItem):
        about = row.image_sha256 in doomed.traces.values
        return RowFate(_redacted(row.item_id, table, denied) if about else row, about)
    if any(getattr(row, name, "") in doomed.ids for name in _SUBJECTS):
        return RowFate(None, True)
    if table == OF_CAPTIONS and row.image_id in doomed.orphans:
        return GONE
    if isinstance(work := getattr(row, "work", None), Work):
        return RowFate(row, False) if work.annotator_id not in doomed.traces.values else GONE
    if not doomed.item_ids.isdisjoint(getattr(row, "item_ids", ())):
        return _fate_of_judged(row, table, doomed)
    return _fate_of_caption(row, doomed) if isinstance(row, Caption) else _cleaned(row, doomed)


def _fate_of_judged(row: Any, table: str, doomed: Doomed) -> RowFate:
    """A row that several people's work stands behind is made again from what is left of it."""
    if doomed.item_ids.issuperset(row.item_ids):
        return GONE
    stage = TABLES[table].made_by
    detail = f"work that it was made from was taken down; run `pixmo {stage}` again"
    refused, told = Reject("taken_down", detail), {"image_id": row.image_id}
    text, key = json.dumps(told), key_of(row)
    return RowFate(RejectRow(stage, key, refused.reason, refused.detail, False, text), True)


def _fate_of_caption(row: Caption, doomed: Doomed) -> RowFate:
    if not doomed.ids.isdisjoint((*row.recording_ids, *row.review_ids)):
        return RowFate(_placeholder(row.image_id, row.image_url, doomed), True)
    kept = tuple(d for d in row.dropped if d.recording_id not in doomed.recording_ids)
    return RowFate(replace(row, dropped=kept), kept != row.dropped)


def _placeholder(image_id: str, image_url: str, doomed: Doomed) -> RejectRow | None:
    """What stands for a caption that went while other recordings of its picture stay."""
    if image_id not in doomed.orphans:
        return None
    detail = "a recording that it was made from was taken down; run `pixmo caption` again"
    refused, row = Reject("taken_down", detail), {"image_id": image_id, "image_url": image_url}
    return RejectRow("caption", image_id, refused.reason, refused.detail, False, json.dumps(row))


def _fate_of_reject(row: RejectRow, table: str, doomed: Doomed, denied: Denylist) -> RowFate:
    values = parse_json(row.row)
    about = row.key in doomed.ids or doomed.is_about(values)
    if not about and values is None:
        about = doomed.traces.in_text(row.row)  # a damaged line has no columns to go by
    if table.startswith("sources/"):
        return RowFate(_redacted(row.row, table, denied), True) if about else _cleaned(row, doomed)
    if table == OF_CAPTIONS and isinstance(values, dict):
        about = about or values.get("image_id") in doomed.orphans
    if about and not (table == "captions" and row.key in doomed.orphans):
        return RowFate(None, True)
    if table == "captions" and isinstance(values, dict) and doomed.traces.in_json(values):
        url = str(values.get("image_url") or "")
        return RowFate(_placeholder(row.key, url, doomed), True)
    return _cleaned(row, doomed)


def _redacted(row: str, table: str, denied: Denylist) -> RejectRow:
    """What stays of an input: a salted digest, by which the same row is known again."""
    refused = Reject("taken_down", "by request; its digest is all that is kept")
    key = f"denied-{denied.digest('row', row)[:32]}"
    stage = table.replace("/", "-")
    return RejectRow(stage, key, refused.reason, refused.detail, False, redacted(denied, row))


def _cleaned(row: Any, doomed: Doomed) -> RowFate:
    """The row without its mentions, in the fields where that changes no meaning."""
    changed = dict(_clean_fields(row, doomed.traces))
    return RowFate(replace(row, **changed), True) if changed else RowFate(row, False)


def _clean_fields(row: Any, traces: Traces) -> Iterator[tuple[str, str]]:
    for name in JSON_FIELDS:
        text = getattr(row, name, "")
        if text and traces.in_value(text):
            parsed = parse_json(text)
            clean = traces.redact(parsed) if isinstance(parsed, dict | list) else None
            yield name, json.dumps(clean, sort_keys=True, ensure_ascii=False) if clean else ""
    detail = getattr(row, "detail", "")
    if detail and traces.in_value(detail):
        yield "detail", "it named something that was taken down"
