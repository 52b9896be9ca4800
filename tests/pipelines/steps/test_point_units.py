"""Whatever a row's numbers mean, they end as percent with a tag, or as a reject."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.steps.phrases import folded, normal_phrase
from pipelines.steps.point_units import (
    CLIPPED,
    PIXELS,
    SWAPPED_AXES,
    SWAPPED_SIDES,
    as_percent,
    in_order,
    place_of,
    places_of,
    without_near,
)
from schemas.annotations import Point
from schemas.judgment import Reject

ANY = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**6), 10**6).map(float)
SIDES = st.integers(1, 5000)
POINTS = st.lists(st.builds(Point, st.floats(0, 100), st.floats(0, 100)), max_size=30)


def read(*places: tuple[float, float], size: tuple[int, int] = (1000, 500)) -> Any:
    found = as_percent(places, *size)
    if isinstance(found, Reject):
        return found.reason
    points, tags = found
    return [(round(p.x, 6), round(p.y, 6)) for p in points], {t.name: t.score for t in tags}


@pytest.mark.parametrize(
    ("places", "points", "tags"),
    [
        ([], [], {}),
        ([(0, 100), (12.5, 3)], [(0, 100), (12.5, 3)], {}),
        ([(-1.5, 50), (10, 103)], [(0, 50), (10, 100)], {CLIPPED: 3}),
        ([(900, 400)], [(90, 80)], {PIXELS: 1}),
        ([(400, 900)], [(90, 80)], {PIXELS: 1, SWAPPED_AXES: 1}),
        ([(190, 40), (20, 10)], [(95, 80), (10, 20)], {SWAPPED_SIDES: 1}),
    ],
)
def test_a_row_is_read_in_the_first_way_that_fits(places: Any, points: Any, tags: Any) -> None:
    assert read(*places) == (points, tags)


@pytest.mark.parametrize("place", [(1001, 1001), (-20, 50), (1e300, 0), (400, -6)])
def test_what_fits_no_way_is_impossible(place: tuple[float, float]) -> None:
    assert read((50, 50), place) == "out_of_range"


def test_a_small_picture_says_nothing_of_its_unit() -> None:
    assert read((60, 40), size=(64, 48)) == ([(60, 40)], {})


@given(st.lists(st.tuples(ANY, ANY), max_size=10), SIDES, SIDES)
def test_all_points_are_within_the_picture(places: Any, width: int, height: int) -> None:
    found = as_percent(places, width, height)
    if isinstance(found, Reject):
        assert found.reason == "out_of_range"
        return
    points, tags = found
    assert len(points) == len(places)
    assert all(0 <= side <= 100 for p in points for side in (p.x, p.y))
    outside = any(not 0 <= side <= 100 for place in places for side in place)
    assert bool(tags) == outside


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"x": 1, "y": 2.5}, (1.0, 2.5)),
        ([1, 2], (1.0, 2.0)),
        ({"x": "1", "y": 2}, None),
        ({"x": 1}, None),
        ([1], None),
        ([1, 2, 3], None),
        ([True, 2], None),
        ([math.nan, 2], None),
        ([math.inf, 2], None),
        ([10**400, 2], None),
        (None, None),
        ("ab", None),
    ],
)
def test_a_place_has_two_finite_numbers(value: Any, place: Any) -> None:
    assert place_of(value) == place


def test_a_bad_place_refuses_the_row() -> None:
    assert places_of(None) == []
    assert places_of([[1, 2], {"x": 3, "y": 4}]) == [(1, 2), (3, 4)]
    assert places_of([[1, 2], None]) == Reject("out_of_range", "point 2 has no two finite numbers")
    assert isinstance(places_of("here"), Reject)


@given(POINTS, st.floats(0, 20))
def test_near_points_are_one(points: list[Point], percent: float) -> None:
    kept = without_near(points, percent)
    assert kept == in_order(kept)
    assert set(kept) <= set(points)
    for n, p in enumerate(kept):
        for q in kept[n + 1 :]:
            assert (p.x - q.x) ** 2 + (p.y - q.y) ** 2 >= percent**2
    for p in points:  # whoever is left out has somebody near who stands for it
        near = [(p.x - q.x) ** 2 + (p.y - q.y) ** 2 for q in kept]
        assert p in kept or min(near) < percent**2


def test_a_great_many_points_take_no_time() -> None:
    grid = [Point(n % 100, n // 100) for n in range(10_000)]
    assert len(without_near(grid, 0.3)) == 10_000
    assert len(without_near([Point(50, n / 10_000) for n in range(10_000)], 0.3)) <= 4


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("  red\n cup ", "red cup"),
        ('"red cup"', "red cup"),
        ("“red cup.”", "red cup"),
        ("red cup.", "red cup"),
        ("the U.S.", "the U.S."),
        ("NASA logo", "NASA logo"),
        ("cafe\u0301", "caf\u00e9"),
        ("the 'No entry' sign", "the 'No entry' sign"),
        ("...", "..."),
        ('"', '"'),
        ('""', ""),
        (" ", ""),
    ],
)
def test_phrases_are_one_line_without_quotes_or_full_stop(text: str, phrase: str) -> None:
    assert normal_phrase(text) == phrase


@given(st.text(max_size=20))
def test_a_normal_phrase_is_normal(text: str) -> None:
    phrase = normal_phrase(text)
    assert normal_phrase(phrase) == phrase
    assert phrase == phrase.strip()
    assert folded(phrase.upper()) == folded(folded(phrase.upper()))
