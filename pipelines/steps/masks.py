"""Masks of objects from the forms in which they are kept: PNG, COCO run lengths, COCO polygons.

A mask is bool [height, width] of the upright picture. A file or a code that says another size is
refused before anything of that size is made.
"""

import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, UnidentifiedImageError

from pipelines.steps.json_values import finite
from pipelines.steps.point_matching import pairs_of
from schemas.annotations import Point
from schemas.judgment import Reject

Mask = NDArray[np.bool_]
_MOST_CORNERS: Final = 100_000


def mask_of_png(data: bytes, width: int, height: int) -> Mask | Reject:
    """What is not black in a picture file; where it has transparency, what is also not clear."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as picture:
            if picture.size != (width, height):
                return _other_shape(*picture.size, width, height)
            bands = picture.convert("LA").split()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        return Reject("unreadable_mask", f"not a readable PNG: {error}")
    light, solid = (np.asarray(band) > 0 for band in bands)
    return np.asarray(light & solid)


def mask_of_rle(value: Any, width: int, height: int) -> Mask | Reject:
    """A mask from COCO's run lengths: `{"size": [height, width], "counts": [...] or "..."}`.

    Runs go down the columns, of 0 and 1 in turn; in a text each is coded as in COCO's `maskApi`.
    """
    if not isinstance(value, Mapping) or not isinstance(value.get("size"), list | tuple):
        return Reject("unreadable_mask", "run lengths without a size")
    if list(value["size"]) != [height, width]:
        return Reject("other_shape", f"run lengths of {value['size']}, not [{height}, {width}]")
    counts = value.get("counts")
    runs = _runs_of_text(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or not all(type(run) is int and run >= 0 for run in runs):
        return Reject("unreadable_mask", "counts are neither whole numbers nor COCO's text")
    if sum(runs) != width * height:
        return Reject("unreadable_mask", f"runs of {sum(runs)} pixels, not of {width * height}")
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return flat.reshape(width, height).T


def _runs_of_text(text: str) -> list[int] | None:
    """Run lengths from COCO's text: five bits a sign, from the third on differences of two back."""
    runs: list[int] = []
    value = shift = 0
    for sign in text:
        bits = ord(sign) - 48
        if not 0 <= bits < 64 or shift > 30:
            return None
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    return None if shift else runs


def mask_of_polygons(value: Any, width: int, height: int) -> Mask | Reject:
    """What lies within any of COCO's polygons, lists of x, y, x, y, ... in pixels."""
    shapes = value if isinstance(value, list | tuple) else []
    if not shapes or sum(len(s) for s in shapes if isinstance(s, list)) > _MOST_CORNERS:
        return Reject("unreadable_mask", "polygons are lists of coordinates, not too many")
    picture = Image.new("1", (width, height))
    pen = ImageDraw.Draw(picture)
    for shape in shapes:
        sides = [finite(side) for side in shape] if isinstance(shape, list) else []
        known = [side for side in sides if side is not None and abs(side) < 1e6]
        if len(known) != len(sides) or len(known) < 6 or len(known) % 2:
            return Reject("unreadable_mask", "a polygon is three or more pairs of numbers")
        pen.polygon(known, fill=1, outline=1)
    return np.asarray(picture, bool)


def _other_shape(w: int, h: int, width: int, height: int) -> Reject:
    return Reject("other_shape", f"a mask of {w}x{h}, the upright picture has {width}x{height}")


def in_order_of(points: Sequence[Point], masks: Sequence[Mask]) -> list[Mask] | Reject:
    """The masks in the order of the points that lie in them, one for each and none over."""
    if len(points) != len(masks):
        return Reject("mask_mismatch", f"{len(masks)} masks for {len(points)} points")
    reach = [[at for at, mask in enumerate(masks) if _holds(mask, point)] for point in points]
    pairs = pairs_of(reach)
    if len(pairs) < len(points):
        return Reject("mask_mismatch", "there is no way to give each point a mask that it lies in")
    found = {point: mask for mask, point in pairs.items()}
    return [masks[found[at]] for at in range(len(points))]


def _holds(mask: Mask, point: Point) -> bool:
    height, width = mask.shape
    row = min(int(point.y / 100 * height), height - 1)
    column = min(int(point.x / 100 * width), width - 1)
    return bool(mask[row, column])
