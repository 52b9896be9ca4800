"""Rows of published files become annotations or rejects; nothing in them is a reason to crash."""

import math
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from pipelines.steps.published_rows import Held, annotation_of
from schemas.annotations import Point
from schemas.judgment import Reject

HELD = Held("i", 1000, 500, "ab" * 32)
POINTS = {
    "image_url": "http://pics.test/a.png",
    "image_sha256": "AB" * 32,
    "points": [{"x": 1, "y": 2}],
    "count": 1,
    "label": "cup",
    "collection_method": "pointing",
}
EXPLAINED = {
    "image_url": "http://pics.test/a.png",
    "question": "Where?",
    "response": 'At <point x="10.0" y="20.0" alt="cup">the cup</point>.',
    "parsed_response": "At <|POINT|>.",
    "points": [[[10.04, 20]]],
    "inline_text": ["the cup"],
    "alt_text": ["cup"],
}
ASKED = {"image_url": "http://pics.test/a.png", "question": "What?", "answer": "A cup."}
ROWS: dict[str, dict[str, Any]] = {
    "points": POINTS,
    "point_explanations": EXPLAINED,
    "ask_model_anything": ASKED,
}
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner)
)


def made(subset: str, **more: Any) -> Any:
    return annotation_of(subset, "1", {**ROWS[subset], **more}, HELD)


def tags(record: Any) -> dict[str, float]:
    return {tag.name: tag.score for tag in record.tags}


def test_a_row_of_points() -> None:
    record = made("points")
    assert (record.label, record.points, record.tags) == ("cup", (Point(1, 2),), ())
    assert (record.image_id, record.collection_method) == ("i", "pointing")
    assert (record.work.annotation, record.work.annotator_id) == ("published", "")
    assert made("points", points=[], count=0).points == ()
    assert made("points", points=None, count=None).points == ()


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({"count": 3}, {"count_mismatch_v1": 2}),
        ({"image_sha256": "cd" * 32}, {"other_bytes_v1": 1}),
        ({"image_sha256": None}, {}),
        ({"points": [{"x": 101.5, "y": 2}]}, {"clipped_points_v1": 1.5}),
        ({"points": [{"x": 800, "y": 400}]}, {"pixel_points_v1": 1}),
    ],
)
def test_what_is_odd_is_a_tag(more: dict[str, Any], found: dict[str, float]) -> None:
    assert tags(made("points", **more)) == found


@pytest.mark.parametrize(
    ("subset", "more", "reason"),
    [
        ("points", {"label": "  "}, "empty_label"),
        ("points", {"label": None}, "empty_label"),
        ("points", {"label": "x" * 20_001}, "text_too_long"),
        ("points", {"collection_method": "guessing"}, "not_a_choice"),
        ("points", {"count": "three"}, "no_count"),
        ("points", {"count": 1.5}, "no_count"),
        ("points", {"count": -1}, "no_count"),
        ("points", {"points": "here"}, "out_of_range"),
        ("points", {"points": [{"x": "1", "y": 2}]}, "out_of_range"),
        ("points", {"points": [{"x": math.nan, "y": 2}]}, "out_of_range"),
        ("points", {"points": [{"x": 5000, "y": 2}]}, "out_of_range"),
        ("points", {"points": [{"x": 1, "y": 2}] * 10_000}, "too_many_points"),
        ("ask_model_anything", {"question": ""}, "empty_text"),
        ("ask_model_anything", {"answer": None}, "empty_text"),
        ("point_explanations", {"question": 3}, "empty_text"),
        ("point_explanations", {"parsed_response": "At the cup."}, "no_points"),
        ("point_explanations", {"parsed_response": None, "response": "x"}, "no_parsed_answer"),
        ("point_explanations", {"parsed_response": None, "response": None}, "no_parsed_answer"),
        ("point_explanations", {"points": [[[1, 2]], [[3, 4]]]}, "bad_citation"),
        ("point_explanations", {"points": None}, "bad_citation"),
        ("point_explanations", {"points": [[]]}, "bad_citation"),
        ("point_explanations", {"inline_text": [1]}, "bad_citation"),
        ("point_explanations", {"inline_text": ["a [1]"]}, "bad_citation"),
        ("point_explanations", {"points": [[[1, "2"]]]}, "out_of_range"),
        ("point_explanations", {"points": [[[1, 9999]]]}, "out_of_range"),
    ],
)
def test_what_is_impossible_is_a_reject(subset: str, more: dict[str, Any], reason: str) -> None:
    found = made(subset, **more)
    assert isinstance(found, Reject)
    assert found.reason == reason


def test_a_row_of_explanations() -> None:
    record = made("point_explanations")
    assert record.answer == "At [the cup](1)."
    assert (record.points, record.labels, record.tags) == ((Point(10.04, 20),), ("cup",), ())


def test_without_a_parsed_response_the_response_is_parsed() -> None:
    record = made("point_explanations", parsed_response=None, points=None, inline_text=None)
    assert (record.answer, record.points) == ("At [the cup](1).", (Point(10, 20),))


@pytest.mark.parametrize(
    "response",
    [
        'At <point x="30.0" y="20.0" alt="">the cup</point>.',
        'On <point x="10" y="20" alt="">it</point>.',
    ],
)
def test_a_response_that_says_something_else_is_noticed(response: str) -> None:
    assert tags(made("point_explanations", response=response)) == {"other_response_v1": 1}
    assert tags(made("point_explanations", response="At the cup.")) == {}


def test_all_points_of_an_answer_are_read_in_one_way() -> None:
    row = {
        "parsed_response": "<|POINT|> and <|POINT|>",
        "points": [[[50, 50]], [[800, 400], [10, 10]]],
        "inline_text": ["a", "b"],
        "alt_text": ["a", None],
        "response": None,
    }
    record = made("point_explanations", **row)
    assert record.points == (Point(5, 10), Point(80, 80), Point(1, 2))
    assert record.answer == "[a](1) and [b](2,3)"
    assert tags(record) == {"pixel_points_v1": 1}


@given(st.sampled_from(sorted(ROWS)), st.data())
def test_any_row_is_a_record_or_a_reject(subset: str, data: Any) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(ROWS[subset])), unique=True))
    found = made(subset, **{name: data.draw(ANYTHING) for name in names})
    assert isinstance(found, Reject) or found.item_id == "1"
