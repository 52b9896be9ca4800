"""Points in one unit: percent of the width and height of the upright picture, 0 to 100.

PixMo publishes percent, its card says pixels, and its later loader clips: so values that are not
within 0 to 100 are read in the first of these ways that fits all points of a row, with a tag:

- percent up to `MARGIN` outside, moved to the border: `clipped_points_v1`, how far in percent
- percent of the other side (x of the height, y of the width): `swapped_sides_v1`, 1
- pixels: `pixel_points_v1`, 1
- pixels with x and y the wrong way round: `pixel_points_v1` and `swapped_axes_v1`, 1

What fits none of them is impossible. A picture of at most 100 pixels a side says nothing of its
unit, and percent is taken.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from pipelines.steps.json_values import finite
from schemas.annotations import Point
from schemas.judgment import Reject, Tag

MARGIN: Final = 5.0
CLIPPED, PIXELS = "clipped_points_v1", "pixel_points_v1"
SWAPPED_AXES, SWAPPED_SIDES = "swapped_axes_v1", "swapped_sides_v1"
TAGS = (CLIPPED, PIXELS, SWAPPED_AXES, SWAPPED_SIDES)
Place = tuple[float, float]
Reading = tuple[tuple[Point, ...], tuple[Tag, ...]]


def place_of(value: Any) -> Place | None:
    """x and y of `{"x": 1, "y": 2}` or `[1, 2]`; None for what has no two finite numbers."""
    pair: Any = (value.get("x"), value.get("y")) if isinstance(value, dict) else value
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        return None
    x, y = finite(pair[0]), finite(pair[1])
    return None if x is None or y is None else (x, y)


def places_of(values: Any) -> list[Place] | Reject:
    """All places of a list; null is an empty list."""
    if values is None:
        return []
    if not isinstance(values, list | tuple):
        return Reject("out_of_range", "points is no list")
    found = [place_of(value) for value in values]
    if None in found:
        return Reject("out_of_range", f"point {found.index(None) + 1} has no two finite numbers")
    return [place for place in found if place is not None]


def as_percent(places: Sequence[Place], width: int, height: int) -> Reading | Reject:
    """The points of a row in percent; `width` and `height` are pixels of the upright picture."""
    if all(0 <= side <= 100 for place in places for side in place):
        return tuple(Point(x, y) for x, y in places), ()
    for read, tags in _readings(width, height):
        found = tuple(read(x, y) for x, y in places)
        outside = max(max(_outside(point) for point in found), 0.0)
        if outside <= (0.0 if tags else MARGIN):
            said = tags or (Tag(CLIPPED, outside),)
            return tuple(_clipped(point) for point in found), said
    at = next(n for n, (x, y) in enumerate(places) if _outside(Point(x, y)) > MARGIN)
    x, y = places[at]
    detail = f"point {at + 1} is ({x:g}, {y:g}): neither percent nor pixels of {width}x{height}"
    return Reject("out_of_range", detail)


def _readings(
    width: int, height: int
) -> Iterable[tuple[Callable[[float, float], Point], tuple[Tag, ...]]]:
    aspect = width / height
    pixels = Tag(PIXELS, 1.0)
    yield Point, ()
    yield lambda x, y: Point(x / aspect, y * aspect), (Tag(SWAPPED_SIDES, 1.0),)
    yield lambda x, y: Point(100 * x / width, 100 * y / height), (pixels,)
    swapped = (pixels, Tag(SWAPPED_AXES, 1.0))
    yield lambda x, y: Point(100 * y / width, 100 * x / height), swapped


def _outside(point: Point) -> float:
    """How far a point is outside of the picture, in percent; negative within it."""
    return max(-point.x, -point.y, point.x - 100, point.y - 100)


def _clipped(point: Point) -> Point:
    return Point(min(max(point.x, 0.0), 100.0), min(max(point.y, 0.0), 100.0))


def in_order(points: Iterable[Point]) -> tuple[Point, ...]:
    """Points by x, then y: the order in which the public training code writes them."""
    return tuple(sorted(points, key=lambda point: (point.x, point.y)))


def without_near(points: Iterable[Point], percent: float) -> tuple[Point, ...]:
    """Points in order, without those nearer than `percent` to one before them that stays."""
    kept: list[Point] = []
    for point in in_order(points):
        if not any(_is_near(point, other, percent) for other in _window(kept, point, percent)):
            kept.append(point)
    return tuple(kept)


def _window(kept: list[Point], point: Point, percent: float) -> Iterable[Point]:
    """Those of the points kept that are near enough in x alone, which were kept last."""
    for other in reversed(kept):
        if point.x - other.x >= percent:
            return
        yield other


def _is_near(one: Point, other: Point, percent: float) -> bool:
    return (one.x - other.x) ** 2 + (one.y - other.y) ** 2 < percent**2
