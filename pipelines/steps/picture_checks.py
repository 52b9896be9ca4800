"""What a rendered picture must be: neither blank nor clipped, tiny, huge or a strip.

Blank pictures, sizes and shapes that no reader could use are refused; what may be cut off at the
border is a tag, since a rule or a coloured bar may well lead out of a picture on purpose.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.steps.decode import DecodeLimits, decode_rgb
from schemas.errors import UsageError
from schemas.judgment import Reject, Tag

BORDER_INK, EMPTY_SHARE = "border_ink_v1", "empty_share_v1"
# Fewer changes of colour along a side are lines that lead out; letters that are cut make dozens.
DEFAULT_LIMITS = ((BORDER_INK, 16.0), (EMPTY_SHARE, 0.997))
_SAME = 24  # of 255: what anti-aliasing and JPEG-like noise may differ by


@dataclass(frozen=True)
class PictureLimits:
    """Sides in pixels, the longer side over the shorter, the share of pixels that are not paper."""

    least_side: int = 96
    most_side: int = 4096
    most_aspect: float = 6.0
    least_ink: float = 0.001

    def __post_init__(self) -> None:
        if not 1 <= self.least_side <= self.most_side or self.most_aspect < 1:
            raise UsageError("docs.pictures: need 1 <= least_side <= most_side, most_aspect >= 1")


@dataclass(frozen=True)
class CheckedPicture:
    """A picture that passed: its sides in pixels, and what is to be judged later."""

    width: int
    height: int
    tags: tuple[Tag, ...]


def check_picture(png: bytes, limits: PictureLimits) -> CheckedPicture | Reject:
    """A rendered PNG as it is; Reject `picture_undecodable`, `picture_too_small`,
    `picture_too_large`, `picture_aspect` or `picture_blank`."""
    pixels = decode_rgb(png, DecodeLimits(max_pixels=limits.most_side**2, max_frames=1))
    if isinstance(pixels, Reject):
        return Reject("picture_undecodable", f"{pixels.reason}: {pixels.detail}")
    width, height = pixels.size
    if refused := _refuse_sides(width, height, limits):
        return refused
    values = np.asarray(pixels)
    empty = _paper_share(values)
    if 1 - empty < limits.least_ink:
        return Reject("picture_blank", f"{1 - empty:.4%} of its pixels are not of one colour")
    tags = (Tag(BORDER_INK, float(_border_changes(values))), Tag(EMPTY_SHARE, round(empty, 5)))
    return CheckedPicture(width, height, tags)


def _refuse_sides(width: int, height: int, limits: PictureLimits) -> Reject | None:
    size = f"{width} x {height} pixels"
    if min(width, height) < limits.least_side:
        return Reject("picture_too_small", f"{size}; the least is {limits.least_side}")
    if max(width, height) > limits.most_side:
        return Reject("picture_too_large", f"{size}; the most is {limits.most_side}")
    if max(width, height) > limits.most_aspect * min(width, height):
        return Reject("picture_aspect", f"{size}; the most is 1 to {limits.most_aspect:g}")
    return None


def _paper_share(values: NDArray[np.uint8]) -> float:
    """The share (0 to 1) of pixels that are nearly of the commonest colour."""
    packed = values.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    colours, counts = np.unique(packed, return_counts=True)
    commonest = int(colours[np.argmax(counts)])
    paper = np.array([commonest >> 16, commonest >> 8 & 255, commonest & 255], np.int16)
    near = np.abs(values.astype(np.int16) - paper).max(axis=2) <= _SAME
    return float(near.mean())


def _border_changes(values: NDArray[np.uint8]) -> int:
    """The most changes of colour along one of the four sides: cut letters make many."""
    sides = (values[0], values[-1], values[:, 0], values[:, -1])
    return max(int(_changes(side.astype(np.int16))) for side in sides)


def _changes(line: NDArray[np.int16]) -> int:
    steps = np.abs(np.diff(line, axis=0)).max(axis=1) > _SAME
    return int(np.count_nonzero(steps))
