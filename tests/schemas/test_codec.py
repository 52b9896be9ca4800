"""Every record survives the way to Arrow and back, and digests say what records say."""

import dataclasses
import inspect
import types
import typing
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import codec, judgment, records
from schemas.errors import StageError

KINDS = [
    cls
    for module in (records, judgment)
    for _, cls in inspect.getmembers(module, dataclasses.is_dataclass)
    if cls.__module__ == module.__name__
]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    bytes: st.binary(max_size=40),
}


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """A strategy for a field annotation."""
    if hint in SCALARS:
        return SCALARS[hint]
    if dataclasses.is_dataclass(hint):
        return instances(typing.cast(type, hint))
    if typing.get_origin(hint) is tuple:
        return st.lists(values_of(typing.get_args(hint)[0]), max_size=3).map(tuple)
    assert typing.get_origin(hint) is types.UnionType
    inner = next(a for a in typing.get_args(hint) if a is not type(None))
    return st.none() | values_of(inner)


def instances(cls: type) -> st.SearchStrategy[Any]:
    """A strategy for a record class, from its fields."""
    hints = typing.get_type_hints(cls)
    return st.builds(cls, **{f.name: values_of(hints[f.name]) for f in dataclasses.fields(cls)})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_round_trip(kind: type, data: st.DataObject) -> None:
    rows = data.draw(st.lists(instances(kind), max_size=4))
    batch = codec.to_batch(rows, kind)
    assert batch.schema == codec.arrow_schema(kind)
    back = list(codec.from_batches([batch], kind))
    assert back == rows
    assert [codec.record_digest(row) for row in back] == [codec.record_digest(row) for row in rows]


def _image(**changed: Any) -> records.Image:
    values = {name: hint() for name, hint in typing.get_type_hints(records.Image).items()}
    return records.Image(**(values | {"image_id": "a"} | changed))


def test_a_digest_leaves_out_observations_and_bulk() -> None:
    plain = codec.record_digest(_image())
    assert codec.record_digest(_image(fetched_at="2026-01-01T00:00:00Z")) == plain
    assert codec.record_digest(_image(bytes=b"other")) == plain
    for changed in ({"image_sha256": "0"}, {"grey32": b"\x01"}, {"width": 1}, {"carried": "{}"}):
        assert codec.record_digest(_image(**changed)) != plain


def test_a_digest_is_the_same_on_every_machine() -> None:
    assert codec.record_digest(judgment.Tag("blur_v1", 0.5)) == "cea0451aa1b73cdb0bbd948cd79a36f5"
    source = records.Source("k", "{}", "file:///tmp")
    assert codec.record_digest(source) == "35cc9e40f1058105a614eb4569ca2b5f"


def test_the_schema_of_a_nested_record() -> None:
    assert codec.arrow_schema(records.Transcript).field("tags").type == pa.list_(
        pa.struct([pa.field("name", pa.string()), pa.field("score", pa.float64())])
    )
    assert codec.arrow_schema(records.Recording).field("language").type == pa.string()
    assert codec.arrow_schema(records.Image).names[0] == codec.key_field(records.Image)


TABLES = [kind for kind in KINDS if kind is not records.Segment]


@pytest.mark.parametrize("kind", TABLES, ids=lambda kind: kind.__name__)
def test_the_key_of_a_record_is_text(kind: type) -> None:
    assert typing.get_type_hints(kind)[codec.key_field(kind)] is str


def test_a_hint_that_no_record_may_use() -> None:
    with pytest.raises(TypeError, match="a record field cannot be"):
        codec.arrow_type(dict[str, int])


def test_a_part_of_an_older_version_reads_with_defaults() -> None:
    batch = codec.to_batch([records.Split("i", "train", "c", "test")], records.Split)
    older = batch.drop_columns(["moved_from"])
    assert list(codec.from_batches([older], records.Split)) == [records.Split("i", "train", "c")]


def test_a_part_that_lacks_what_a_record_needs_says_so_in_one_line() -> None:
    batch = codec.to_batch([records.Split("i", "train", "c")], records.Split)
    other = batch.drop_columns(["component_id"])
    with pytest.raises(StageError, match=r"Split .* component_id: another version"):
        list(codec.from_batches([other], records.Split))
