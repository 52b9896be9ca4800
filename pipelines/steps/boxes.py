"""Boxes of a detector: from what its network gives to percent of the picture.

A box is (left, top, right, bottom). The network sees a square with the picture in its middle; its
boxes come as distances from a grid of centres to the four sides, each as scores over whole numbers
of strides, whose softmax is averaged (Li et al., "Generalized Focal Loss", NeurIPS 2020, eq. 5).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
DECIMALS = 4  # of percent: a hundredth of a pixel in a picture of 10,000


@dataclass(frozen=True)
class Letterbox:
    """A picture of `width` x `height` pixels in the middle of a square of `side` pixels."""

    width: int
    height: int
    side: int

    @property
    def inner(self) -> tuple[int, int]:
        """Width and height of the picture within the square, at least a pixel."""
        scale = self.side / max(self.width, self.height)
        return max(1, round(self.width * scale)), max(1, round(self.height * scale))

    @property
    def offset(self) -> tuple[int, int]:
        """Where its upper left corner lies in the square."""
        width, height = self.inner
        return (self.side - width) // 2, (self.side - height) // 2

    def to_percent(self, boxes: Floats) -> Floats:
        """Boxes (n, 4) in pixels of the square as percent of the picture, cut at its edges."""
        corner = np.array([*self.offset, *self.offset], np.float32)
        size = np.array([*self.inner, *self.inner], np.float32)
        percent = np.clip((boxes - corner) / size * 100.0, 0.0, 100.0)
        return np.round(percent.astype(np.float64), DECIMALS).astype(np.float32)


def decode_distances(scores: Floats, stride: int, cells: int) -> Floats:
    """Boxes (cells * cells, 4) in pixels of the square from scores (cells * cells, 4 * bins).

    Cells go row by row; their centres lie in their middles, `stride` pixels apart.
    """
    bins = scores.shape[1] // 4
    grouped = scores.reshape(-1, 4, bins).astype(np.float64)
    weights = np.exp(grouped - grouped.max(axis=2, keepdims=True))
    weights /= weights.sum(axis=2, keepdims=True)
    distances = weights @ np.arange(bins) * stride
    middles = (np.arange(cells) + 0.5) * stride
    x, y = np.tile(middles, cells), np.repeat(middles, cells)
    centres = np.stack([x, y, x, y], axis=1)
    boxes: Floats = (centres + distances * [-1, -1, 1, 1]).astype(np.float32)
    return boxes


def overlaps(box: Floats, others: Floats) -> Floats:
    """Intersection over union of one box (4) with others (n, 4), 0 to 1; 0 for boxes of no area."""
    corner = np.maximum(box[:2], others[:, :2])
    inner = np.clip(np.minimum(box[2:], others[:, 2:]) - corner, 0.0, None).prod(axis=1)
    union = _areas(box[None])[0] + _areas(others) - inner
    shares: Floats = np.divide(inner, union, out=np.zeros_like(inner), where=union > 0)
    return shares


def _areas(boxes: Floats) -> Floats:
    areas: Floats = np.clip(boxes[:, 2:] - boxes[:, :2], 0.0, None).prod(axis=1)
    return areas


def suppress(boxes: Floats, scores: Floats, max_overlap: float) -> list[int]:
    """Positions of boxes that no better one overlaps by more than `max_overlap`, best first.

    That is greedy non-maximum suppression; of equal scores the earlier position is better.
    """
    waiting = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(waiting):
        best, waiting = int(waiting[0]), waiting[1:]
        kept.append(best)
        waiting = waiting[overlaps(boxes[best], boxes[waiting]) <= max_overlap]
    return kept
