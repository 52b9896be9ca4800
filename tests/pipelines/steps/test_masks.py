"""Masks from PNG, run lengths and polygons, and the points that lie in them."""

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipelines.steps.masks import in_order_of, mask_of_png, mask_of_polygons, mask_of_rle
from schemas.annotations import Point
from schemas.judgment import Reject

MASK = np.array([[0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]], bool)  # 4 wide, 3 high
SIZE = (4, 3)


def png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def same(found: Any, mask: Any) -> bool:
    return isinstance(found, np.ndarray) and np.array_equal(found, mask)


def runs_of(mask: Any) -> list[int]:
    runs, now = [0], False
    for pixel in mask.T.ravel():
        if bool(pixel) != now:
            runs.append(0)
            now = not now
        runs[-1] += 1
    return runs


def text_of(runs: list[int]) -> str:
    """COCO's code, five bits a sign, the sixth says that more come."""
    signs = []
    for at, run in enumerate(runs):
        value, more = run - (runs[at - 2] if at > 2 else 0), True
        while more:
            bits = value & 0x1F
            value >>= 5
            more = value != (-1 if bits & 0x10 else 0)
            signs.append(chr((bits | (0x20 if more else 0)) + 48))
    return "".join(signs)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "LA", "RGBA", "P"])
def test_what_is_not_black_in_a_png(mode: str) -> None:
    picture = Image.fromarray(MASK.astype(np.uint8) * 255).convert(mode)
    assert same(mask_of_png(png(picture), *SIZE), MASK)


def test_what_is_clear_is_no_mask() -> None:
    picture = Image.new("RGBA", SIZE, (255, 255, 255, 0))
    assert same(mask_of_png(png(picture), *SIZE), MASK & False)


def test_polygons_are_filled() -> None:
    found = mask_of_polygons([[1, 0, 2, 0, 2, 1], [0, 2, 0, 2, 0, 2]], *SIZE)
    assert isinstance(found, np.ndarray)
    assert found[0, 1]
    assert found[1, 2]
    assert found[2, 0]
    assert not found[2, 3]


@given(st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=70))
def test_run_lengths_come_back(rows: list[list[bool]]) -> None:
    mask = np.array(rows, bool)
    size = (mask.shape[1], mask.shape[0])
    for counts in (runs_of(mask), text_of(runs_of(mask))):
        code = {"size": [size[1], size[0]], "counts": counts}
        assert same(mask_of_rle(code, *size), mask)


def test_codes_that_pycocotools_wrote() -> None:
    assert same(mask_of_rle({"size": [3, 4], "counts": "31212"}, *SIZE), MASK)
    tall = np.zeros((40, 3), bool)
    tall[5:, 1], tall[0, 2] = True, True
    assert same(mask_of_rle({"size": [40, 3], "counts": "]1T1W1"}, 3, 40), tall)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "unreadable_mask"),
        ({"counts": [12]}, "unreadable_mask"),
        ({"size": [4, 3], "counts": [12]}, "other_shape"),
        ({"size": [3, 4], "counts": [11]}, "unreadable_mask"),
        ({"size": [3, 4], "counts": [-1, 13]}, "unreadable_mask"),
        ({"size": [3, 4], "counts": [12.0]}, "unreadable_mask"),
        ({"size": [3, 4], "counts": [10**12]}, "unreadable_mask"),
        ({"size": [3, 4], "counts": "~"}, "unreadable_mask"),
        ({"size": [3, 4], "counts": "\u00e9"}, "unreadable_mask"),
        ({"size": [3, 4], "counts": "o" * 50}, "unreadable_mask"),
        ({"size": [3, 4]}, "unreadable_mask"),
    ],
)
def test_bad_run_lengths(value: Any, reason: str) -> None:
    found = mask_of_rle(value, *SIZE)
    assert isinstance(found, Reject)
    assert found.reason == reason


@given(st.text(max_size=20))
def test_any_text_is_a_mask_or_a_reject(text: str) -> None:
    found = mask_of_rle({"size": [3, 4], "counts": text}, *SIZE)
    assert isinstance(found, Reject) or found.shape == (3, 4)


@pytest.mark.parametrize(
    "value", [None, [], [[]], [[1, 2, 3, 4]], [[1, 2, 3, 4, 5]], [[1, 2, 3, 4, 5, "6"]], [1, 2]]
)
def test_bad_polygons(value: Any) -> None:
    found = mask_of_polygons(value, *SIZE)
    assert isinstance(found, Reject)
    assert found.reason == "unreadable_mask"


@pytest.mark.parametrize("data", [b"", b"no picture", png(Image.new("L", (4, 3)))[:40]])
def test_bad_files(data: bytes) -> None:
    found = mask_of_png(data, *SIZE)
    assert isinstance(found, Reject)
    assert found.reason == "unreadable_mask"


def test_a_mask_of_another_size() -> None:
    found = mask_of_png(png(Image.new("L", (3, 4))), *SIZE)
    assert isinstance(found, Reject)
    assert found.reason == "other_shape"


def test_masks_go_in_the_order_of_points() -> None:
    left, right, both = (np.zeros((3, 4), bool) for _ in range(3))
    left[:, :2], right[:, 2:], both[:] = True, True, True
    ordered = in_order_of([Point(90, 50), Point(10, 50), Point(100, 100)], [both, left, right])
    assert not isinstance(ordered, Reject)
    assert ordered[1] is left
    assert {id(mask) for mask in ordered} == {id(both), id(left), id(right)}
    assert isinstance(in_order_of([Point(90, 50)], [left]), Reject)
    assert isinstance(in_order_of([Point(10, 50)], [left, right]), Reject)
    assert in_order_of([], []) == []
