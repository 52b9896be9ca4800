"""What people did, as the store has it after `pull`: work for the measures of `quality`."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from annotation.home import Home
from annotation.kinds import Kind
from annotation.push.gold_file import load_gold
from annotation.quality.answers import phrase_key
from annotation.quality.facts import Judged, Refused
from pipelines.steps.revisions import is_item
from schemas.annotations import Point
from schemas.judgment import RejectRow
from schemas.store import Store

# Reasons for which nobody is to blame, or for which a person did what is offered.
NOT_THEIRS = frozenset({"superseded", "deleted", "skipped", "unknown_task", "bad_row"})
_SIDES = {"left": "a", "right": "b"}
_COLUMNS = {
    "points": ("label", "points"),
    "count": ("count",),
    "transcript_review": ("text",),
    "preference": ("choice",),
}


@dataclass(frozen=True)
class StoredWork:
    """One project's work in a store."""

    judged: tuple[Judged, ...]
    refused: tuple[Refused, ...]


def stored_work(store: Store, kind: Kind, known: Mapping[str, Any]) -> StoredWork:
    """Everything of a kind that came from people, rows and rejects; `known` as of `known_answers`.

    A pair with a known answer is in no table, since no model is behind it, and is read from where
    it was refused.
    """
    rows = list(_spoken(store) if kind.name == "cap" else _rows(store, kind))
    judged = _merged(kind.name, rows)
    refused: list[Refused] = []
    for reject, item in _rejects(store, kind.table):
        annotator_id = str(item.get("annotator_id") or "")
        if kind.name == "preference" and item.get("task_key") in known:
            if reject.reason == "unknown_task" and isinstance(item.get("choice"), str):
                judged.append(_judged(item, _choice(item["choice"])))
        elif reject.reason not in NOT_THEIRS and not reject.retryable:
            refused.append(Refused(annotator_id, reject.reason))
    return StoredWork(tuple(judged), tuple(refused))


def known_answers(home: Home, kind: str) -> dict[str, Any]:
    """Known answers of a kind by task key, in the form that the kind's measure compares."""
    found: dict[str, Any] = {}
    for one in load_gold(home, kind):
        if kind == "points":
            found.setdefault(one.key, {}).update(_phrase(one.expected))
        elif kind in _COLUMNS:
            value = one.expected.get(_COLUMNS[kind][0])
            found[one.key] = _choice(value) if kind == "preference" else value
    return found


def _choice(shown: Any) -> str:
    """Pairs with a known answer are never turned, so that left is `a`."""
    return _SIDES.get(str(shown), str(shown))


def _rows(store: Store, kind: Kind) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    columns = _COLUMNS.get(kind.name, ())
    for info in store.infos(kind.table):
        for row in store.read(kind.table, info.number, ["work", *columns]).to_pylist():
            yield row["work"], row


def _spoken(store: Store) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Recordings that were made in Label Studio; others say nothing of an annotation."""
    for info in store.infos("recordings"):
        for row in store.read("recordings", info.number, ["annotator_id", "carried"]).to_pylist():
            work = json.loads(row["carried"] or "{}")
            if is_item(work):
                yield {**work, "annotator_id": row["annotator_id"]}, row


def _rejects(store: Store, table: str) -> Iterator[tuple[RejectRow, dict[str, Any]]]:
    for info in store.infos(table):
        for reject in store.records(f"rejects/{table}", info.number, RejectRow):
            item = json.loads(reject.row)
            if is_item(item):
                yield reject, item


def _merged(kind: str, rows: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> list[Judged]:
    """One Judged per annotation: a person points at several phrases at once."""
    if kind != "points":
        columns = _COLUMNS.get(kind, ())
        return [_judged(work, row[columns[0]] if columns else None) for work, row in rows]
    phrases: defaultdict[tuple[str, ...], dict[str, tuple[Point, ...]]] = defaultdict(dict)
    works: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for work, row in rows:
        name = tuple(str(work[key]) for key in ("annotation", "task_key", "annotator_id"))
        works[name] = work
        phrases[name] |= _phrase(row)
    return [_judged(works[name], found, len(found)) for name, found in phrases.items()]


def _phrase(row: Mapping[str, Any]) -> dict[str, tuple[Point, ...]]:
    points = tuple(Point(float(point["x"]), float(point["y"])) for point in row["points"])
    return {phrase_key(str(row["label"])): points}


def _judged(work: Mapping[str, Any], answer: Any, items: int = 1) -> Judged:
    return Judged(
        task_key=str(work.get("task_key") or ""),
        annotator_id=str(work.get("annotator_id") or ""),
        annotation=str(work.get("annotation") or ""),
        seconds=float(work.get("seconds") or 0.0),
        answer=answer,
        items=items,
    )
