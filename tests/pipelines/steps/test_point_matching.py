"""Matching of points: as good as an exact assignment, fair to both sides."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from pipelines.steps.point_matching import matched, points_f1
from schemas.annotations import Point

places = st.builds(Point, st.floats(0, 20, width=32), st.floats(0, 20, width=32))
sets_of_points = st.lists(places, max_size=9)


def at(*pairs: tuple[float, float]) -> list[Point]:
    return [Point(x, y) for x, y in pairs]


@settings(max_examples=100, deadline=None)
@given(sets_of_points, sets_of_points)
def test_no_assignment_matches_more(one: list[Point], other: list[Point]) -> None:
    near = np.array(
        [[(p.x - q.x) ** 2 + (p.y - q.y) ** 2 <= 25.0 for q in other] for p in one], dtype=float
    ).reshape(len(one), len(other))
    rows, columns = linear_sum_assignment(-near)
    assert matched(one, other, 5.0) == near[rows, columns].sum()


@given(sets_of_points, sets_of_points)
def test_f1_is_symmetric_and_bounded(one: list[Point], other: list[Point]) -> None:
    assert points_f1(one, other) == points_f1(other, one)
    assert 0 <= points_f1(one, other) <= 1
    assert points_f1(one, one) == 1


def test_greedy_would_match_one_too_few() -> None:
    """The first point is near both others; the second near one of them alone."""
    assert matched(at((5, 5), (2, 5)), at((5, 5), (8, 5)), 3.5) == 2


@pytest.mark.parametrize(
    ("one", "other", "f1"),
    [
        ([], [], 1.0),
        ([], [(1, 1)], 0.0),
        ([(1, 1)], [(4, 5)], 1.0),  # exactly five percent apart
        ([(1, 1)], [(4, 5.01)], 0.0),
        ([(1, 1), (50, 50)], [(1, 1)], 2 / 3),
        ([(1, 1), (1, 1)], [(1, 1)], 2 / 3),  # a point is used once
    ],
)
def test_f1(one: list[tuple[float, float]], other: list[tuple[float, float]], f1: float) -> None:
    assert points_f1(at(*one), at(*other)) == pytest.approx(f1)


def test_hundreds_of_crowded_points_are_quick() -> None:
    rng = np.random.default_rng(0)
    crowd = [Point(float(x), float(y)) for x, y in rng.uniform(40, 60, (400, 2))]
    moved = [Point(point.x + 0.5, point.y) for point in crowd]
    assert matched(crowd, moved) == 400
