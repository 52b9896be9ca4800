"""Digests of columns: equal exactly where values are, whatever their type, chunk or width."""

import datetime
import itertools
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.subsets import IMAGE_TYPE, SUBSETS
from tools.release.column_digests import combine, digest_column

TEXT = st.one_of(st.none(), st.text(max_size=6))
NUMBER = st.one_of(st.none(), st.floats(width=32, allow_nan=False), st.integers(-3, 3).map(float))
XY = st.fixed_dictionaries({"x": NUMBER, "y": NUMBER})
KINDS: list[tuple[pa.DataType, Any]] = [
    (pa.string(), TEXT),
    (pa.large_string(), TEXT),
    (pa.binary(), st.one_of(st.none(), st.binary(max_size=4))),
    (pa.bool_(), st.one_of(st.none(), st.booleans())),
    (pa.int32(), st.one_of(st.none(), st.integers(-5, 5))),
    (pa.uint64(), st.one_of(st.none(), st.integers(2**64 - 3, 2**64 - 1))),
    (pa.float64(), NUMBER),
    (pa.list_(pa.string()), st.one_of(st.none(), st.lists(TEXT, max_size=3))),
    (pa.list_(pa.list_(pa.float64())), st.lists(st.lists(NUMBER, max_size=2), max_size=3)),
    (pa.list_(pa.struct([("x", pa.float64()), ("y", pa.float64())])), st.lists(XY, max_size=3)),
    (
        pa.struct([("a", pa.string()), ("b", pa.string())]),
        st.none() | st.fixed_dictionaries({"a": TEXT, "b": TEXT}),
    ),
    (pa.dictionary(pa.int32(), pa.string()), TEXT),
    (
        pa.timestamp("s"),
        st.none()
        | st.datetimes(datetime.datetime(2000, 1, 1), datetime.datetime(2000, 1, 2)).map(
            lambda at: at.replace(microsecond=0)
        ),
    ),
]


@pytest.mark.parametrize(("kind", "values"), KINDS, ids=[str(kind) for kind, _ in KINDS])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_equal_where_values_are_equal(kind: pa.DataType, values: Any, data: Any) -> None:
    rows = data.draw(st.lists(values, max_size=12))
    found = digest_column(pa.array(rows, kind))
    assert found.dtype == np.uint64
    assert len(found) == len(rows)
    for (n, one), (m, other) in itertools.combinations(enumerate(rows), 2):
        assert (one == other) == (found[n] == found[m]), (one, other)


@pytest.mark.parametrize(("kind", "values"), KINDS, ids=[str(kind) for kind, _ in KINDS])
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_slices_have_the_digests_of_the_whole(kind: pa.DataType, values: Any, data: Any) -> None:
    rows = data.draw(st.lists(values, min_size=1, max_size=9))
    start = data.draw(st.integers(0, len(rows)))
    array = pa.array(rows, kind)
    assert digest_column(array.slice(start)).tolist() == digest_column(array)[start:].tolist()


def test_widths_and_layouts_do_not_matter() -> None:
    for kinds, rows in (
        ((pa.int8(), pa.int64()), [1, -1, None]),
        ((pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())), ["a", "", None]),
        ((pa.list_(pa.int32()), pa.large_list(pa.int64())), [[1, 2], [], None]),
        ((pa.list_(pa.int32()), pa.list_(pa.int32(), 2)), [[1, 2], [3, 4]]),
    ):
        first, *others = [digest_column(pa.array(rows, kind)).tolist() for kind in kinds]
        assert all(other == first for other in others)


def test_what_is_alike_but_not_equal_differs() -> None:
    nested = pa.list_(pa.list_(pa.string()))
    rows = [[["a"], ["b"]], [["a", "b"]], [["b"], ["a"]], [[], ["a", "b"]], [["a", "b"], []], []]
    assert len(set(digest_column(pa.array(rows, nested)).tolist())) == len(rows)
    swapped = digest_column(pa.array([{"a": "x", "b": "y"}, {"a": "y", "b": "x"}]))
    assert swapped[0] != swapped[1]
    empty = digest_column(pa.array(["", None]))
    assert empty[0] != empty[1]


def test_zeros_and_nans() -> None:
    found = digest_column(pa.array([0.0, -0.0, math.nan, -math.nan, None]))
    assert found[0] == found[1]
    assert found[2] == found[3]
    assert len(set(found.tolist())) == 3


def test_every_column_of_pixmo_has_digests() -> None:
    for subset in SUBSETS.values():
        for column in subset.columns:
            assert len(digest_column(pa.nulls(3, column.type))) == 3
    pictures = pa.array([{"bytes": b"a", "path": "p"}, {"bytes": b"b", "path": "p"}], IMAGE_TYPE)
    assert len(set(digest_column(pictures).tolist())) == 2


def test_types_of_others_are_digested_too() -> None:
    maps = pa.array([[("a", 1)], [("a", 2)], [("a", 1)]], pa.map_(pa.string(), pa.int32()))
    found = digest_column(maps)
    assert found[0] == found[2] != found[1]


def test_rows_are_combined_by_name_in_any_order() -> None:
    a, b = (digest_column(pa.array(values)) for values in (["x", "y"], ["y", "x"]))
    assert combine({"a": a, "b": b}, 2).tolist() == combine({"b": b, "a": a}, 2).tolist()
    assert combine({"a": a, "b": b}, 2).tolist() != combine({"a": b, "b": a}, 2).tolist()
