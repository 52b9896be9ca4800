"""Whether one picture is a crop of another: the correlation of their pixels, at the best rectangle.

A standard crop is off by some percent, so the rectangle is moved and stretched in small steps for
as long as the two become more alike. All work is on coefficients of the stored grey pictures.
"""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.steps.crops import Floats, cosines, standard_boxes
from pipelines.steps.phash import SIDE

Grey = NDArray[np.uint8]
Boxes = NDArray[np.float64]  # (n, 4): left, top, width, height as shares

_LOW = 16  # coefficients per side: what is left of 32 pixels when a crop has 20 of them
# Step as a share of the side, and the difference above which a pair is given up before it: of true
# crops two in a hundred are, of unlike pictures nearly all.
_STEPS = ((0.035, 0.30), (0.035, 0.24), (0.0175, 0.18), (0.0175, 0.14), (0.009, 0.12))
# Move right, move down, wider, higher (about the middle); and each of them backwards.
_ACROSS = np.array([(1, 0, 0, 0), (-1, 0, 0, 0), (-0.5, 0, 1, 0), (0.5, 0, -1, 0)])
_DOWN = _ACROSS[:, (1, 0, 3, 2)]


@dataclass(frozen=True)
class Fits:
    """How well pictures are crops of others: the best rectangles and the grey differences."""

    boxes: Boxes
    difference: NDArray[np.float64]


def fit_crops(inner: Grey, outer: Grey, box: NDArray[np.int64]) -> Fits:
    """For pairs (n, 32, 32): is `inner` the part of `outer` near standard crop `box`?

    The difference is one minus the correlation, as in `near_duplicates.grey_differences`.
    """
    wanted = _unit(_whole(inner))
    boxes, pictures = _as_array()[box], outer.astype(np.float32)
    rows, columns = (matrices[box] for matrices in _standard_matrices())
    difference = 1.0 - _alike(rows @ pictures @ columns.transpose(0, 2, 1), wanted)
    for step, hopeless in _STEPS:
        on = np.flatnonzero(difference <= hopeless)
        climbed = _climb(wanted[on], pictures[on], Fits(boxes[on], difference[on]), step)
        boxes[on], difference[on] = climbed.boxes, climbed.difference
    return Fits(boxes, difference)


def describe_box(box: NDArray[np.float64]) -> str:
    """A rectangle for people, in percent."""
    left, top, width, height = (round(100 * float(share)) for share in box)
    return f"{width}% x {height}% at {left}%, {top}%"


def _climb(wanted: Floats, outer: Floats, here: Fits, step: float) -> Fits:
    """The best of the eight rectangles one step away, where it is better than where we are.

    Four of them change columns alone and four rows alone, so half of each product is shared.
    """
    rows, columns = _matrices(here.boxes, 1), _matrices(here.boxes, 0)
    tried = _inside(here.boxes[:, np.newaxis] + np.concatenate([_ACROSS, _DOWN]) * step)
    half = len(_ACROSS)
    wide = _matrices(tried[:, :half].reshape(-1, 4), 0).reshape(-1, half, _LOW, SIDE)
    high = _matrices(tried[:, half:].reshape(-1, 4), 1).reshape(-1, half, _LOW, SIDE)
    across = (rows @ outer)[:, np.newaxis] @ wide.transpose(0, 1, 3, 2)
    down = high @ (outer @ columns.transpose(0, 2, 1))[:, np.newaxis]
    found = np.concatenate([across, down], axis=1)
    difference = 1.0 - _alike(found, wanted[:, np.newaxis])
    best = difference.argmin(axis=1)
    at = np.arange(len(best))
    better = difference[at, best] < here.difference
    return Fits(
        np.where(better[:, np.newaxis], tried[at, best], here.boxes),
        np.where(better, difference[at, best], here.difference),
    )


def _inside(boxes: Boxes) -> Boxes:
    """Rectangles cut to the picture."""
    size = np.clip(boxes[..., 2:], 0.1, 1)
    return np.concatenate([np.clip(boxes[..., :2], 0, 1 - size), size], axis=-1)


@functools.cache
def _as_array() -> Boxes:
    return np.array([(box.left, box.top, box.width, box.height) for box in standard_boxes()])


def _matrices(boxes: Boxes, axis: int) -> Floats:
    return cosines(boxes[:, axis], boxes[:, axis + 2], SIDE, _LOW)


@functools.cache
def _standard_matrices() -> tuple[Floats, Floats]:
    return _matrices(_as_array(), 1), _matrices(_as_array(), 0)


def _whole(grey: Grey) -> Floats:
    matrix = cosines(np.zeros(1), np.ones(1), SIDE, _LOW)[0]
    return matrix @ grey.astype(np.float32) @ matrix.T


def _alike(low: Any, wanted: Floats) -> NDArray[np.float64]:
    return np.einsum("...uv,...uv->...", _unit(low), wanted).astype(np.float64)


def _unit(low: Floats) -> Floats:
    """Coefficients (..., u, v) without the mean, of unit length."""
    low = low.copy()
    low[..., 0, 0] = 0
    norm = np.sqrt(np.einsum("...uv,...uv->...", low, low))
    return low / np.maximum(norm, np.float32(1e-6))[..., np.newaxis, np.newaxis]
