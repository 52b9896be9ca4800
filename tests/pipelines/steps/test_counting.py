"""Counting: the class with most detections above a strict threshold; people before detectors."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from pipelines.steps.count_rules import CountConfig
from pipelines.steps.counting import DEFAULT_LIMITS, TAGS, Counted, count_objects, most_detected
from schemas.annotations import CountAnnotation, Point, Work
from schemas.errors import UsageError
from schemas.judgment import Reject
from schemas.subset_records import DetectedBox

BOXES = st.lists(
    st.builds(
        lambda label, score, x, y, w, h: DetectedBox(label, score, x, y, x + w, y + h),
        st.sampled_from(["cat", "dog", "cup"]),
        st.floats(0, 1),
        *[st.floats(0, 60)] * 2,
        *[st.floats(0.1, 40)] * 2,
    ),
    max_size=60,
)


def box(label: str, score: float, left: float = 10, top: float = 20) -> DetectedBox:
    return DetectedBox(label, score, left, top, left + 10, top + 10)


def person(
    count: int, label: str = "cat", name: str = "ada", at: str = "2026-01-01", points: int = -1
) -> CountAnnotation:
    places = tuple(Point(float(n), 50.0) for n in range(count if points < 0 else points))
    work = Work("1:1", "key", name, "count_v1", 3.0, at)
    return CountAnnotation(f"{name}-{label}-{at}", "i", label, count, 9, places, "test", work)


def counted(boxes: list[DetectedBox], *people: CountAnnotation, above: float = 0.5) -> Counted:
    found = count_objects(boxes, people, above)
    assert isinstance(found, Counted), found
    return found


def scores(found: Counted) -> dict[str, float]:
    return {tag.name: tag.score for tag in found.tags}


# --- detections


def test_the_class_with_the_most_detections_wins() -> None:
    some = [box("cat", 0.9), box("dog", 0.6, 30), box("dog", 0.7, 5, 60), box("dog", 0.4)]
    found = counted(some)
    assert (found.label, found.predicted, found.item_ids) == ("dog", 2, ())
    assert found.points == (Point(10, 65), Point(35, 25)), "centres, from left to right"


def test_the_threshold_is_strict() -> None:
    assert most_detected([box("cat", 0.5), box("dog", 0.5001)], 0.5) == (
        "dog",
        [box("dog", 0.5001)],
    )
    assert most_detected([box("cat", 0.5)], 0.5) is None


def test_of_classes_with_as_many_the_best_box_then_the_name_decides() -> None:
    pairs = [box("dog", 0.9), box("dog", 0.6), box("cat", 0.8), box("cat", 0.8)]
    assert counted(pairs).label == "dog"
    assert counted([box("dog", 0.8), box("cat", 0.8)]).label == "cat"


def test_nothing_above_the_threshold_is_a_reject_that_tells_the_best() -> None:
    assert count_objects([], [], 0.5) == Reject("nothing_detected", "no detection is above 0.5")
    found = count_objects([box("cat", 0.31), box("dog", 0.2)], [], 0.5)
    assert isinstance(found, Reject)
    assert found.detail == "no detection is above 0.5; the best is cat at 0.31"


def test_tags_say_how_sure_and_how_crowded() -> None:
    apart = [box("cat", 0.9), box("cat", 0.6, 50), box("cat", 0.45), box("cat", 0.39)]
    assert scores(counted(apart)) == {
        "unsure_detection_v1": 0.4,
        "near_threshold_v1": 0.3333,
        "crowded_boxes_v1": 0.0,
        "counts_differ_v1": 0.0,
    }
    near = [box("cat", 0.9), box("cat", 0.9, 15)]
    assert scores(counted(near))["crowded_boxes_v1"] == pytest.approx(1 / 3, abs=1e-4)
    assert {tag.name for tag in counted(near).tags} == set(TAGS) >= {n for n, _ in DEFAULT_LIMITS}


@given(BOXES, st.floats(0, 0.99))
def test_a_count_is_its_points_and_they_lie_in_the_picture(
    boxes: list[DetectedBox], above: float
) -> None:
    found = count_objects(boxes, [], above)
    if isinstance(found, Reject):
        assert all(box.score <= above for box in boxes)
        return
    assert found.predicted == len(found.points) >= 1
    assert all(0 <= point.x <= 100 and 0 <= point.y <= 100 for point in found.points)
    assert list(found.points) == sorted(found.points, key=lambda point: (point.x, point.y))
    others = [sum(b.label == label and b.score > above for b in boxes) for label in ("cat", "dog")]
    assert len(found.points) >= max(others)
    assert all(0 <= tag.score <= 1 for tag in found.tags)


# --- people


def test_a_person_replaces_the_detector() -> None:
    found = counted([box("dog", 0.9)], person(3))
    assert (found.label, len(found.points), found.predicted) == ("cat", 3, 9)
    assert found.item_ids == ("ada-cat-2026-01-01",)
    assert set(scores(found).values()) == {0.0}


def test_none_at_all_is_a_count() -> None:
    assert counted([], person(0)).points == ()


def test_the_latest_of_several_people_is_right_and_how_far_they_differ_is_told() -> None:
    early, late = person(3, name="ada", at="2026-01-01"), person(5, name="bob", at="2026-01-02")
    for people in ((early, late), (late, early)):
        found = counted([], *people)
        assert len(found.points) == 5
        assert scores(found)["counts_differ_v1"] == 2.0
        assert found.item_ids == (late.item_id, early.item_id)


def test_a_person_who_counted_twice_does_not_disagree() -> None:
    first, second = person(3, at="2026-01-01"), person(4, at="2026-01-02")
    found = counted([], second, first)
    assert (len(found.points), scores(found)["counts_differ_v1"]) == (4, 0.0)


def test_what_the_detector_found_comes_before_what_else_people_counted() -> None:
    cats, dogs = person(3, "cat", at="2026-01-01"), person(5, "dog", at="2026-01-02")
    assert counted([box("cat", 0.9)], cats, dogs).label == "cat"
    assert counted([box("cup", 0.9)], cats, dogs).label == "dog", "else the latest"


def test_a_count_that_is_not_its_points_is_refused() -> None:
    found = count_objects([], [person(3, points=2)], 0.5)
    assert isinstance(found, Reject)
    assert found.reason == "count_mismatch"


# --- rules of the release


@pytest.mark.parametrize(
    ("split", "count", "checked", "reason"),
    [
        ("train", 0, True, ""),
        ("train", 10, False, ""),
        ("train", 11, True, "count_out_of_range"),
        ("validation", 2, True, ""),
        ("validation", 1, True, "count_out_of_range"),
        ("test", 10, True, ""),
        ("test", 11, True, "count_out_of_range"),
        ("test", 5, False, "not_checked"),
    ],
)
def test_rules_of_a_split(split: str, count: int, checked: bool, reason: str) -> None:
    found = CountConfig().refuse(split, count, checked)
    assert (found.reason if found else "") == reason


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"threshold": 1.0}, "threshold"),
        ({"threshold": -0.1}, "threshold"),
        ({"per_count": -1}, "per_count"),
        ({"least": 5, "most": 4}, "least is 5 and most is 4"),
        ({"least_held_out": -1}, "least_held_out"),
    ],
)
def test_settings_out_of_range_are_named(values: dict[str, float], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        CountConfig(**values)  # type: ignore[arg-type]
