"""Ids and ranges of bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.studio.ranges import is_id, is_range, parse_range


@pytest.mark.parametrize(
    "name",
    [
        *("", "0" * 31, "0" * 33, "A" * 32, "g" * 32, "0" * 32 + "\n", "../" + "0" * 29),
        *("0" * 31 + "/", "0" * 31 + "\x00", "0" * 31 + ".", "0" * 31 + "٣", "..%2f" + "0" * 27),
    ],
)
def test_other_names_are_no_ids(name: str) -> None:
    assert not is_id(name)


def test_an_id() -> None:
    assert is_id("0123456789abcdef" * 2)


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("", (0, 10)),
        ("bytes=0-0", (0, 1)),
        ("bytes=2-5", (2, 6)),
        ("bytes=2-", (2, 10)),
        ("bytes=9-99", (9, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-99", (0, 10)),
        ("bytes=10-", None),
        ("bytes=-0", None),
        ("bytes=5-2", None),
        ("bytes=-", (0, 10)),
        ("bytes=0-1,3-4", (0, 10)),
        ("pages=1-2", (0, 10)),
        ("bytes=a-b", (0, 10)),
        ("bytes=٠-٣", (0, 10)),
    ],
)
def test_ranges(header: str, span: tuple[int, int] | None) -> None:
    assert parse_range(header, 10) == span


@given(st.text(max_size=30) | st.from_regex(r"bytes=[0-9]*-[0-9]*", fullmatch=True), st.integers(0))
def test_a_range_lies_in_the_file(header: str, size: int) -> None:
    span = parse_range(header, size)
    if span is None:
        assert is_range(header)
    else:
        assert 0 <= span[0] <= span[1] <= size
