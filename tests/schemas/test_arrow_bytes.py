"""Binary columns as views and from pieces: the same bytes, whatever slice they are of."""

import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import given, settings

from schemas import arrow_bytes
from schemas.arrow_bytes import join_binaries, views_of


@settings(deadline=None)
@given(st.lists(st.binary(max_size=20)), st.integers(0, 5), st.integers(0, 5))
def test_views_are_the_values(values: list[bytes], skip: int, drop: int) -> None:
    whole = pa.array(values, pa.binary())
    some = whole.slice(skip, max(0, len(values) - skip - drop))
    views = list(views_of(some))
    assert [bytes(view) for view in views] == some.to_pylist()
    assert all(view.format == "B" for view in views)


@settings(deadline=None)
@given(st.lists(st.lists(st.binary(max_size=9), max_size=4)))
def test_pieces_become_values(values: list[list[bytes]]) -> None:
    made = join_binaries([[memoryview(piece) for piece in pieces] for pieces in values])
    made.validate(full=True)
    assert made.to_pylist() == [b"".join(pieces) for pieces in values]


def test_more_than_offsets_can_hold_is_refused() -> None:
    class Huge(bytes):
        def __len__(self) -> int:
            return 2**30

    with pytest.raises(ValueError, match="2147483648 bytes"):
        arrow_bytes.join_binaries([[Huge()], [Huge()]])
