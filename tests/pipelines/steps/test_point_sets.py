"""Several people's points of one phrase become one set, and nobody's points are moved."""

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from pipelines.steps.answer_checks import check_answer
from pipelines.steps.judged_rows import ANNOTATED, PUBLISHED, Judged, ranked
from pipelines.steps.point_sets import (
    DEFAULT_LIMITS,
    DISAGREE,
    MANY,
    MERGED,
    TAGS,
    PointRules,
    phrase_group,
    point_set,
)
from pipelines.steps.point_units import SWAPPED_AXES
from schemas.annotations import Point, PointAnnotation, Work
from schemas.errors import UsageError
from schemas.judgment import Tag

URL = "http://pics.test/a.png"
Place = tuple[float, float]
POINTS = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), max_size=8)


def judged(
    item_id: str,
    *places: Place,
    at: str = "2026-01-01",
    origin: str = ANNOTATED,
    label: str = "cup",
    tags: tuple[Tag, ...] = (),
) -> Judged:
    work = Work("1:1", "key", "a1", "points_v1", 3.0, at)
    points = tuple(Point(x, y) for x, y in places)
    return Judged(PointAnnotation(item_id, "i", label, points, "pointing", work, tags), origin)


def scores(record: Any) -> dict[str, float]:
    return {tag.name: round(tag.score, 6) for tag in record.tags}


def test_one_row_is_its_own_set() -> None:
    row = judged("1", (80, 10), (20, 30), label=' "Red  cup". ')
    record, others = point_set([row], URL, PointRules())
    assert (record.label, record.count, others) == ("Red cup", 2, [])
    assert record.points == (Point(20, 30), Point(80, 10))
    assert (record.item_ids, record.origin, record.guideline) == (("1",), ANNOTATED, "points_v1")
    assert scores(record) == {MANY: 2}


def test_no_points_are_a_set() -> None:
    record, _ = point_set([judged("1")], URL, PointRules())
    assert (record.points, record.count, record.tags) == ((), 0, ())


def test_the_one_who_agrees_best_stands_for_all() -> None:
    alone = judged("1", (90, 90), at="2026-03-01")
    rows = [alone, judged("2", (10, 10), (50, 50)), judged("3", (11, 10), (50, 51))]
    record, others = point_set(rows, URL, PointRules())
    assert record.points == (Point(10, 10), Point(50, 50))
    assert record.item_ids == ("2", "1", "3")
    assert others == [alone, rows[2]]
    assert scores(record) == {DISAGREE: 0.5, MANY: 2}


def test_of_two_the_newer_one_stands() -> None:
    rows = [judged("1", (10, 10), at="2026-01-01"), judged("2", (90, 90), at="2026-02-01")]
    record, _ = point_set(rows, URL, PointRules())
    assert (record.item_ids, scores(record)[DISAGREE]) == (("2", "1"), 1)


def test_there_and_not_there_disagree() -> None:
    record, _ = point_set([judged("1"), judged("2", (10, 10))], URL, PointRules())
    assert scores(record)[DISAGREE] == 1


def test_people_of_ours_go_before_published_ones() -> None:
    old = judged("2", (10, 10), at="2020-01-01")
    rows = [judged("1", (10, 10), at="", origin=PUBLISHED), old]
    assert ranked(rows)[0] is old


def test_x_and_y_the_wrong_way_round_are_noticed() -> None:
    rows = [judged("1", (10, 80), (20, 70)), judged("2", (80, 10), (70, 20))]
    assert scores(point_set(rows, URL, PointRules())[0])[SWAPPED_AXES] == 1
    diagonal = [judged("1", (50, 50)), judged("2", (50, 50))]
    assert SWAPPED_AXES not in scores(point_set(diagonal, URL, PointRules())[0])


def test_what_was_noticed_before_stays() -> None:
    row = judged("1", (10, 10), tags=(Tag("pixel_points_v1", 1.0),))
    assert scores(point_set([row], URL, PointRules())[0])["pixel_points_v1"] == 1


def test_points_on_one_another_are_one() -> None:
    row = judged("1", (10, 10), (10.1, 10.1), (10.5, 10))
    record, _ = point_set([row], URL, PointRules())
    assert (record.count, scores(record)[MERGED]) == (2, 1)


@given(st.lists(POINTS, min_size=1, max_size=5), st.randoms())
def test_the_order_of_rows_changes_nothing(sets: Any, random: Any) -> None:
    rows = [judged(str(n), *places) for n, places in enumerate(sets)]
    record, others = point_set(rows, URL, PointRules())
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert point_set(shuffled, URL, PointRules())[0] == record
    assert len(others) == len(rows) - 1
    assert sorted(record.item_ids) == sorted(row.item_id for row in rows)
    assert record.count == len(record.points)
    given_by = next(row for row in rows if row.item_id == record.item_ids[0])
    assert set(record.points) <= set(given_by.record.points)
    assert {tag.name for tag in record.tags} <= set(TAGS)


def test_a_thousand_annotators_are_no_trouble() -> None:
    rows = [judged(f"{n:04d}", (10, 10), (n % 90, 50)) for n in range(1000)]
    assert len(point_set(rows, URL, PointRules())[1]) == 999


def test_phrases_are_grouped_by_what_they_say() -> None:
    group = phrase_group(judged("1", label="Red Cup."))
    assert group == phrase_group(judged("2", label="'red  cup'")) == ("red cup", "pointing")


def test_limits_are_on_known_tags() -> None:
    assert {name for name, _ in DEFAULT_LIMITS} <= set(TAGS)
    with pytest.raises(UsageError):
        PointRules(agree_percent=-1)
    with pytest.raises(UsageError):
        PointRules(same_point_percent=float("nan"))


@pytest.mark.parametrize(
    ("answer", "names"),
    [
        ("A red cup.", []),
        ("I'm sorry, I cannot see the image.", ["refusal_v1"]),
        ("Based on the caption, it is red.", ["speaks_of_text_v1"]),
        ("The description does not say.", ["speaks_of_text_v1"]),
        ("The OCR text reads STOP.", ["speaks_of_text_v1"]),
        ("The caption below the photo says STOP.", []),
        ("There is a caption of white letters.", []),
    ],
)
def test_answers_that_speak_of_what_the_model_was_told(answer: str, names: list[str]) -> None:
    assert [tag.name for tag in check_answer(answer)] == names
