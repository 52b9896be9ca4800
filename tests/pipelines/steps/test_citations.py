"""Citations are taken apart and put together without a loss."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.steps.citations import (
    Citation,
    format_cited,
    misspelled,
    parse,
    uncited_points,
    unknown_points,
)

_PIECES = st.sampled_from(
    [
        "[",
        "]",
        "(",
        ")",
        "1",
        "23",
        ",",
        " ",
        "cup",
        "[a](1)",
        "[b c](2,3)",
        "[x](0)",
        "[](1)",
        "\n",
    ]
)


@given(st.lists(_PIECES, max_size=20).map("".join))
def test_any_text_comes_back(text: str) -> None:
    assert format_cited(*parse(text)) == text


_WORDS = st.text(st.characters(exclude_characters="[]"), min_size=1, max_size=8)
_NUMBERS = st.lists(st.integers(1, 9999), min_size=1, max_size=3).map(tuple)


@given(st.lists(st.tuples(_WORDS, st.none() | _NUMBERS), max_size=8))
def test_any_citations_come_back(pieces: list[tuple[str, tuple[int, ...] | None]]) -> None:
    plain, found = "", []
    for words, numbers in pieces:
        if numbers:
            found.append(Citation(len(plain), len(plain) + len(words), numbers))
        plain += words
    assert parse(format_cited(plain, tuple(found))) == (plain, tuple(found))


def test_reads_as_written() -> None:
    plain, found = parse("The [left cup](1) and [two spoons](2,3).")
    assert plain == "The left cup and two spoons."
    assert [(plain[c.start : c.end], c.points) for c in found] == [
        ("left cup", (1,)),
        ("two spoons", (2, 3)),
    ]


@pytest.mark.parametrize("text", ["[a](1, 2)", "[a](01)", "[a] (1)", "[](1)", "[a]()", "[a](#1)"])
def test_other_spellings_are_none_and_are_found(text: str) -> None:
    assert parse(text) == (text, ())
    assert misspelled(f"x {text} y") == (text,)


def test_ordinary_brackets_are_text() -> None:
    text = "A sign [sic] (see there) says [EXIT](door)."
    assert parse(text) == (text, ())
    assert misspelled(text) == ()


def test_points_that_are_unknown_or_not_cited() -> None:
    _, found = parse("[a](1) [b](4,9) [c](9)")
    assert unknown_points(found, 4) == (9,)
    assert uncited_points(found, 4) == (2, 3)


@pytest.mark.parametrize(
    "citations",
    [
        (Citation(0, 9, (1,)),),
        (Citation(1, 1, (1,)),),
        (Citation(0, 2, ()),),
        (Citation(1, 3, (1,)), Citation(2, 4, (1,))),
    ],
)
def test_citations_without_a_place_are_refused(citations: tuple[Citation, ...]) -> None:
    with pytest.raises(ValueError, match="no place"):
        format_cited("abcd", citations)


def test_brackets_that_would_run_together_are_refused() -> None:
    with pytest.raises(ValueError, match="run into each other"):
        format_cited("a[b]", (Citation(1, 4, (1,)),))
