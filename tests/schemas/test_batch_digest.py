"""The fast digest of a batch is that of its records, whatever is in them and however it is cut."""

import dataclasses
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import codec
from schemas.arrow_bytes import views_of
from schemas.batch_digest import batch_digests, batch_json
from schemas.ids import canonical_json
from schemas.judgment import Tag
from tests.schemas.test_codec import KINDS, instances


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_digests_are_those_of_the_records(kind: type, data: st.DataObject) -> None:
    rows = data.draw(st.lists(instances(kind), max_size=5))
    start = data.draw(st.integers(0, len(rows)))
    batch = codec.to_batch(rows, kind)
    assert batch_digests(batch) == [codec.record_digest(row) for row in rows]
    cut = batch.slice(start, 2)
    assert batch_digests(cut) == [codec.record_digest(row) for row in rows[start : start + 2]]


@dataclasses.dataclass(frozen=True)
class _Odd:
    key: str
    number: float
    texts: tuple[str, ...]
    maybe: str | None


ODD = ['"', "\\", "\\\\n", "\n", "\x00", "\x1f", "\x7f", "ü€𝄞", "", 'a "b" \\c\\', "\u2028"]
NUMBERS = [0.0, -0.0, 1.0, 1e16, 1e-7, 0.1 + 0.2, float("inf"), float("nan"), 5e-324, 123456789.0]


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("number", NUMBERS)
def test_what_json_writes_in_its_own_way(text: str, number: float) -> None:
    rows = [_Odd("k", number, (text, "plain", text), text), _Odd("l", -number, (), None)]
    batch = codec.to_batch(rows, _Odd)
    texts = [bytes(view).decode() for view in views_of(batch_json(batch))]
    assert texts == [canonical_json(dataclasses.asdict(row)) for row in rows]


def test_null_lists_and_structs() -> None:
    kind = codec.arrow_type(Tag)
    values = [[{"name": "a", "score": 1.0}, None], None, [], [{"name": None, "score": None}]]
    batch = pa.record_batch([pa.array(values, pa.list_(kind))], ["x"])
    texts = [bytes(view).decode() for view in views_of(batch_json(batch))]
    assert texts == [canonical_json({"x": value}) for value in values]


def test_a_type_that_no_record_has() -> None:
    with pytest.raises(TypeError, match="no record has a column"):
        batch_digests(pa.record_batch([pa.array([1.0], pa.float32())], ["x"]))


def test_nothing_but_observations() -> None:
    batch = pa.record_batch([pa.array(["x", "y"])], ["fetched_at"])
    assert batch_digests(batch) == [codec.content_id("{}")] * 2


def test_no_rows() -> None:
    row: Any = codec.to_batch([], _Odd)
    assert batch_digests(row) == []
