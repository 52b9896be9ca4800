"""Answers that cite points turn from one spelling into another and back without a loss."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipelines.steps.cited_answers import (
    PLACEHOLDER,
    CitedAnswer,
    ParsedAnswer,
    cited_of_parsed,
    filled,
    marked,
    parse_marked,
    parsed_of_cited,
)
from schemas.annotations import Point
from schemas.subset_records import CitedPoints

SIGNS = [*'<>&"[]()=/ .,1\n', "cup", "é", "&lt;", "&amp;amp;", "<point", "</points>", 'x="1.0"']
WORDS = st.lists(st.sampled_from(SIGNS), max_size=8).map("".join)
INLINE = st.lists(st.sampled_from(["cup", " ", "<", "&", '"', "(", "1", "ß"]), min_size=1).map(
    "".join
)
TENTHS = st.integers(0, 1000).map(lambda tenths: tenths / 10)
ANYWHERE = st.floats(0, 100)


def places(coordinate: st.SearchStrategy[float]) -> st.SearchStrategy[tuple[Point, ...]]:
    return st.lists(st.builds(Point, coordinate, coordinate), min_size=1, max_size=4).map(tuple)


def answers(coordinate: st.SearchStrategy[float]) -> st.SearchStrategy[ParsedAnswer]:
    cited = st.builds(CitedPoints, INLINE, INLINE, places(coordinate))
    pairs = st.lists(st.tuples(cited, WORDS), max_size=4)
    return st.builds(_answer, WORDS, pairs)


def _answer(first: str, pairs: list[tuple[CitedPoints, str]]) -> ParsedAnswer:
    text = first + "".join(PLACEHOLDER + words for _, words in pairs)
    return ParsedAnswer(text, tuple(cited for cited, _ in pairs))


@given(answers(ANYWHERE))
def test_placeholders_come_back_from_citations(answer: ParsedAnswer) -> None:
    try:
        cited = cited_of_parsed(answer)
    except ValueError:
        assume(False)
        raise
    assert parsed_of_cited(cited) == answer
    assert len(cited.points) == len(cited.labels)


@given(answers(TENTHS))
def test_placeholders_come_back_from_tags(answer: ParsedAnswer) -> None:
    try:
        text = marked(answer)
    except ValueError:
        assume(False)
        raise
    assert parse_marked(text) == answer
    assert marked(parse_marked(text)) == text


@given(answers(ANYWHERE))
def test_tags_round_to_a_tenth_and_change_nothing_else(answer: ParsedAnswer) -> None:
    try:
        back = parse_marked(marked(answer))
    except ValueError:
        assume(False)
        raise
    assert back.text == answer.text
    for one, other in zip(back.cited, answer.cited, strict=True):
        assert replace(one, points=()) == replace(other, points=())
        for p, q in zip(one.points, other.points, strict=True):
            assert max(abs(p.x - q.x), abs(p.y - q.y)) <= 0.05 + 1e-9


@given(WORDS)
def test_a_text_without_tags_stays_as_it_is(text: str) -> None:
    found = parse_marked(text)
    if not found.cited:
        assert found.text == text


def test_citations_become_placeholders_with_what_they_point_at() -> None:
    answer = CitedAnswer(
        "The [left cup](2) and [two spoons](1,3).",
        (Point(1, 2), Point(3.25, 4), Point(5, 6)),
        ("spoon", "cup", "spoon"),
    )
    parsed = parsed_of_cited(answer)
    assert parsed.text == "The <|POINT|> and <|POINT|>."
    assert parsed.cited == (
        CitedPoints("left cup", "cup", (Point(3.25, 4),)),
        CitedPoints("two spoons", "spoon", (Point(1, 2), Point(5, 6))),
    )
    assert parsed.plain == "The left cup and two spoons."
    assert marked(parsed) == (
        'The <point x="3.2" y="4.0" alt="cup">left cup</point> and '
        '<points x1="1.0" y1="2.0" x2="5.0" y2="6.0" alt="spoon">two spoons</points>.'
    )


def test_points_without_a_phrase_are_called_by_the_words() -> None:
    (cited,) = parsed_of_cited(CitedAnswer("A [cup](1).", (Point(1, 2),), ("",))).cited
    assert cited.alt_text == "cup"


def test_points_of_several_phrases_are_called_by_all() -> None:
    points = (Point(1, 2), Point(3, 4), Point(5, 6))
    answer = CitedAnswer("[These](1,2,3).", points, ("cup", "spoon", "cup"))
    assert parsed_of_cited(answer).cited[0].alt_text == "cup, spoon"


ONE = CitedPoints("a", "a", (Point(1, 2),))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (CitedAnswer("[a](2)", (Point(1, 2),), ("a",)), "cites point 2, and there are 1"),
        (CitedAnswer(f"{PLACEHOLDER} [a](1)", (Point(1, 2),), ("a",)), "of its own"),
    ],
)
def test_what_cannot_be_a_placeholder_is_said(answer: CitedAnswer, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parsed_of_cited(answer)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ParsedAnswer("none", (ONE,)), "0 placeholders"),
        (ParsedAnswer(f"{PLACEHOLDER}{PLACEHOLDER}", (ONE,)), "2 placeholders"),
        (ParsedAnswer(PLACEHOLDER, (CitedPoints("", "a", (Point(1, 2),)),)), "no place"),
        (ParsedAnswer(PLACEHOLDER, (CitedPoints("a", "a", ()),)), "no place"),
        (ParsedAnswer(PLACEHOLDER, (CitedPoints("a]", "a", (Point(1, 2),)),)), "brackets"),
        (ParsedAnswer(f"[x](1){PLACEHOLDER}", (ONE,)), "brackets"),
    ],
)
def test_what_cannot_be_a_citation_is_said(answer: ParsedAnswer, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        cited_of_parsed(answer)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ParsedAnswer(PLACEHOLDER, (CitedPoints("a", "a", ()),)), "cites no point"),
        (
            ParsedAnswer(f'<point x="1" y="2" alt="">b</point>{PLACEHOLDER}', (ONE,)),
            "tag of its own",
        ),
    ],
)
def test_what_cannot_be_a_tag_is_said(answer: ParsedAnswer, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        marked(answer)


@pytest.mark.parametrize(
    "text",
    [
        '<point x="1" y="2">no alt</point>',
        '<point x="one" y="2" alt="">a</point>',
        '<points x1="1" y1="2" x3="1" y3="2" alt="">numbers leave one out</points>',
        '<points y1="1" x1="2" alt="">y first</points>',
        '<point x="nan" y="2" alt="">a</point>',
        "a < b, and c > d",
    ],
)
def test_what_only_looks_like_a_tag_is_text(text: str) -> None:
    assert parse_marked(text) == ParsedAnswer(text, ())


def test_fill_needs_a_piece_for_each_placeholder() -> None:
    assert filled(f"a {PLACEHOLDER} c", ["b"]) == "a b c"
    with pytest.raises(ValueError, match="1 placeholders"):
        filled(PLACEHOLDER, [])


def test_tags_are_those_of_the_public_formatter() -> None:
    """Its own words for one and for several points; it sorts points, which is done beforehand."""
    points = (Point(4.62, 54.95), Point(22.04, 62.56))
    text = marked(ParsedAnswer(PLACEHOLDER, (CitedPoints("lab", "alt", points),)))
    assert text == '<points x1="4.6" y1="55.0" x2="22.0" y2="62.6" alt="alt">lab</points>'
    one = marked(ParsedAnswer(PLACEHOLDER, (CitedPoints("lab", "alt", (Point(97.67, 91.4),)),)))
    assert one == '<point x="97.7" y="91.4" alt="alt">lab</point>'
