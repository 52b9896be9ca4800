"""What becomes of each kind of row: gone when it is about it, cleaned when it mentions it."""

import json
from dataclasses import replace
from typing import Any

import pytest

from pipelines.steps.denylist import Denylist
from pipelines.steps.takedown_rows import Doomed, fate_of
from pipelines.steps.takedown_traces import Traces, normal_urls
from schemas.ids import content_id
from schemas.judgment import RejectRow
from schemas.records import (
    Contamination,
    Dropped,
    Duplicate,
    DuplicatePair,
    EvaluationItem,
    Selected,
    Source,
    Split,
)
from tests import toy_store as toy
from tests.toy_store import id_of, url_of

DENIED = Denylist(b"salt" * 8)
A, B = id_of("a.png"), id_of("b.png")
SPOKEN = toy.recording("b.png", "1").recording_id
SHA256 = content_id("some", "bytes") * 2
DOOMED = Doomed(
    image_ids=frozenset({A}),
    recording_ids=frozenset({SPOKEN}),
    sha256s=frozenset({SHA256}),
    hosts=frozenset({"far.test"}),
    orphans=frozenset({B}),
    traces=Traces(frozenset({A, SPOKEN, SHA256}), normal_urls([url_of("a.png")])),
)


def fate(row: Any, table: str = "t") -> Any:
    return fate_of(row, table, DOOMED, DENIED)


def reject(key: str, row: dict[str, Any] | str, detail: str = "") -> RejectRow:
    text = row if isinstance(row, str) else json.dumps(row)
    return RejectRow("ingest", key, "timeout", detail, True, text)


ABOUT = [
    toy.image("a.png", toy.picture(1)),
    toy.recording("a.png", "9"),
    toy.recording("b.png", "1"),
    toy.transcript("a.png", "x", "9"),
    toy.caption("a.png"),
    Duplicate(A, A, "unique", 0, 0, 0.0, A, 1),
    DuplicatePair("p", B, A, 3, 0, 0.1, True),
    Split(A, "train", A),
    Contamination(A, (), ()),
    Selected("row", A, "train"),
    reject(A, {}),
    reject("k", {"image_id": A}),
    reject("k", {"recording_id": SPOKEN}),
]


@pytest.mark.parametrize("row", ABOUT, ids=lambda row: type(row).__name__)
def test_rows_about_it_go(row: Any) -> None:
    assert fate(row).row is None
    assert fate(row).touched


OTHERS = [
    toy.image("b.png", toy.picture(1)),
    toy.recording("b.png", "2"),
    toy.caption("b.png"),
    Duplicate(B, A, "near", 3, 0, 0.0, A, 2),
    Split(B, "train", A),
    reject(B, {"image_url": url_of("b.png"), "image_sha256": "0" * 64}, "no answer"),
]


@pytest.mark.parametrize("row", OTHERS, ids=lambda row: type(row).__name__)
def test_other_rows_stay(row: Any) -> None:
    doomed = replace(DOOMED, recording_ids=frozenset())
    assert fate_of(row, "t", doomed, DENIED).row == row
    assert not fate_of(row, "t", doomed, DENIED).touched


@pytest.mark.parametrize(
    "row",
    [
        {"image_url": url_of("a.png"), "topic": "toys"},
        {"image_url": " https://pics.test/a.png "},
        {"image_url": "http://x.far.test/b.png"},
        {"image_url": "http://b.test/", "image_sha256": SHA256.upper()},
        {"image_id": A, "audio": "x.wav"},
    ],
)
def test_inputs_leave_a_digest(row: dict[str, Any]) -> None:
    for table in ("sources/images", "sources/recordings"):
        for given in (Source("k", json.dumps(row), ""), reject("row-000000001", row)):
            left = fate(given, table).row
            assert isinstance(left, RejectRow)
            assert (left.reason, left.retryable) == ("taken_down", False)
            assert left.stage == table.replace("/", "-")
            assert json.loads(left.row) == {"denied": DENIED.digest("row", json.dumps(row))}
            assert fate(left, table).row == left


def test_a_damaged_line_that_names_it_goes() -> None:
    line = f'{{"image_url": "{url_of("a.png")}", oops'
    assert fate(reject("row-1", line), "sources/images").row.reason == "taken_down"
    other = reject("row-2", "not json")
    assert fate(other, "sources/images").row == other


def test_a_mention_is_taken_out() -> None:
    row = {"image_url": url_of("b.png"), "like": url_of("a.png")}
    source = fate(Source("k", json.dumps(row), ""), "sources/images")
    assert source.touched
    assert json.loads(source.row.row) == row | {"like": None}
    image = replace(toy.image("b.png", toy.picture(1)), carried=json.dumps({"like": A}))
    assert json.loads(fate(image).row.carried) == {"like": None}
    told = fate(reject(B, {"image_url": url_of("b.png")}, f"redirect to {url_of('a.png')}"))
    assert url_of("a.png") not in told.row.detail
    assert told.row.key == B


def test_a_caption_made_from_it_leaves_a_place_for_the_next_one() -> None:
    made = replace(toy.caption("b.png"), recording_ids=("other", SPOKEN))
    left = fate(made, "captions").row
    assert (left.key, left.reason, left.stage) == (B, "taken_down", "caption")
    assert fate_of(made, "captions", replace(DOOMED, orphans=frozenset()), DENIED).row is None
    assert fate(left, "captions").row == left


def test_a_caption_that_dropped_it_stays() -> None:
    dropped = (Dropped(SPOKEN, "rule_v1"), Dropped("other", "rule_v1"))
    made = replace(toy.caption("b.png"), recording_ids=("other",), dropped=dropped)
    assert fate(made, "captions").row == replace(made, dropped=dropped[1:])


def test_a_benchmark_keeps_all_but_the_same_bytes() -> None:
    item = EvaluationItem("i", "b", "p", "picture", SHA256, "0" * 16, b"", b"", "")
    assert fate(item, "evaluation").row.reason == "taken_down"
    other = replace(item, image_sha256="1" * 64)
    assert fate(other, "evaluation").row == other
