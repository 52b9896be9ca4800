"""Boxes lie in the picture whatever the network says, and of many about one thing one stays."""

from random import Random

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from pipelines.steps.boxes import Floats, Letterbox, decode_distances, overlaps, suppress

SIDES = st.integers(1, 20_000)
EDGE = st.floats(-50, 500, width=32)
BOXES = st.lists(st.tuples(EDGE, EDGE, EDGE, EDGE), max_size=30)


def array(boxes: list[tuple[float, float, float, float]]) -> Floats:
    """Boxes with their corners in order."""
    some = np.array(boxes, np.float32).reshape(-1, 4)
    low, high = np.minimum(some[:, :2], some[:, 2:]), np.maximum(some[:, :2], some[:, 2:])
    return np.concatenate([low, high], axis=1)


# --- the square


@pytest.mark.parametrize(
    ("width", "height", "inner", "offset"),
    [
        (832, 832, (416, 416), (0, 0)),
        (832, 416, (416, 208), (0, 104)),
        (100, 200, (208, 416), (104, 0)),
        (10_000, 1, (416, 1), (0, 207)),
    ],
)
def test_a_picture_lies_in_the_middle(
    width: int, height: int, inner: tuple[int, int], offset: tuple[int, int]
) -> None:
    frame = Letterbox(width, height, 416)
    assert (frame.inner, frame.offset) == (inner, offset)


@given(SIDES, SIDES)
def test_the_picture_fills_one_side_and_is_all_of_its_own_percent(width: int, height: int) -> None:
    frame = Letterbox(width, height, 416)
    assert max(frame.inner) == 416
    assert all(
        at >= 0 and at + size <= 416 for at, size in zip(frame.offset, frame.inner, strict=True)
    )
    (left, top), (w, h) = frame.offset, frame.inner
    whole = np.array([[left, top, left + w, top + h]], np.float32)
    assert frame.to_percent(whole).tolist() == [[0, 0, 100, 100]]


@given(SIDES, SIDES, BOXES)
def test_no_box_leaves_the_picture(
    width: int, height: int, boxes: list[tuple[float, float, float, float]]
) -> None:
    percent = Letterbox(width, height, 416).to_percent(array(boxes))
    assert ((percent >= 0) & (percent <= 100)).all()
    assert (percent[:, :2] <= percent[:, 2:]).all()


@given(st.integers(1, 4000), st.integers(1, 4000), st.floats(0, 1), st.floats(0, 1))
def test_a_place_in_the_picture_comes_back(width: int, height: int, x: float, y: float) -> None:
    frame = Letterbox(width, height, 416)
    (left, top), (w, h) = frame.offset, frame.inner
    at = np.array([[left, top, left + x * w, top + y * h]], np.float32)
    assert frame.to_percent(at)[0, 2:] == pytest.approx([100 * x, 100 * y], abs=0.02)


# --- what the network says


def sure(*bins: int) -> Floats:
    """Scores of one cell that are sure of a whole number for each side."""
    scores = np.full((4, 11), -50.0, np.float32)
    scores[range(4), bins] = 50.0
    return scores.reshape(1, 44)


def test_distances_are_strides_from_the_middle_of_a_cell() -> None:
    assert decode_distances(sure(0, 0, 0, 0), 32, 1).tolist() == [[16, 16, 16, 16]]
    assert decode_distances(sure(1, 0, 2, 3), 8, 1).tolist() == [[-4, 4, 20, 28]]
    half = np.zeros((1, 44), np.float32)  # all bins alike: five strides on average
    assert decode_distances(half, 8, 1) == pytest.approx(np.array([[-36, -36, 44, 44]]))


def test_cells_go_row_by_row() -> None:
    scores = np.repeat(sure(0, 0, 0, 0), 4, axis=0)
    assert decode_distances(scores, 16, 2)[:, :2].tolist() == [[8, 8], [24, 8], [8, 24], [24, 24]]


@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=44, max_size=44))
def test_any_scores_give_a_box_around_the_middle(scores: list[float]) -> None:
    left, top, right, bottom = decode_distances(np.array([scores], np.float32), 8, 1)[0]
    assert -76.001 <= left <= 4 <= right <= 84.001
    assert -76.001 <= top <= 4 <= bottom <= 84.001


# --- which of many


def test_overlap_is_intersection_over_union() -> None:
    box = np.array([0, 0, 10, 10], np.float32)
    others = array([(0, 0, 10, 10), (5, 0, 15, 10), (20, 20, 30, 30), (0, 0, 5, 10), (3, 3, 3, 3)])
    assert overlaps(box, others) == pytest.approx([1, 1 / 3, 0, 0.5, 0])
    assert overlaps(others[4], others).tolist() == [0, 0, 0, 0, 0]


@given(BOXES, st.randoms(use_true_random=False), st.floats(0.1, 0.9))
def test_what_is_kept_is_apart_and_what_is_not_is_near_something_better(
    boxes: list[tuple[float, float, float, float]], random: Random, limit: float
) -> None:
    some = array(boxes)
    scores = np.array([random.random() for _ in boxes], np.float32)
    kept = suppress(some, scores, limit)
    assert scores[kept].tolist() == sorted(scores[kept].tolist(), reverse=True)
    for place, one in enumerate(kept):
        assert (overlaps(some[one], some[kept[place + 1 :]]) <= limit).all()
    for one in set(range(len(boxes))) - set(kept):
        better = [other for other in kept if scores[other] >= scores[one]]
        assert (overlaps(some[one], some[better]) > limit).any()


def test_of_equal_scores_the_first_is_better() -> None:
    some = array([(0, 0, 10, 10), (0, 0, 10, 10), (50, 50, 60, 60)])
    assert suppress(some, np.array([0.5, 0.5, 0.5], np.float32), 0.6) == [0, 2]
    assert suppress(some[:0], np.zeros(0, np.float32), 0.6) == []
