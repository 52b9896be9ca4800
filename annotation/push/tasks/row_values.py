"""Values out of rows that people made: each is of its kind, or the row says what is wrong with it.

A function raises BadValue with a reason; the one who reads the file makes it a refusal with the
row's number.
"""

import math
from collections.abc import Mapping
from typing import Any

from schemas.annotations import Point
from schemas.ids import image_id_of

SPLITS = ("train", "validation", "test")


class BadValue(ValueError):
    """What is wrong with a row; `reason` is short snake_case."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def text_of(row: Mapping[str, Any], name: str) -> str:
    """A text that is not blank."""
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise BadValue("bad_row", f"`{name}` must be text and not empty")
    return value.strip()


def image_of(row: Mapping[str, Any]) -> str:
    """The id of the row's picture, which it names by `image_id` or `image_url`."""
    for name in ("image_id", "image_url"):
        value = row.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip() if name == "image_id" else image_id_of(value.strip())
    raise BadValue("bad_row", "give `image_url` or `image_id`")


def points_of(row: Mapping[str, Any], name: str = "points") -> tuple[Point, ...]:
    """Points in percent of width and height, 0 to 100; a row without the name has none."""
    value = row.get(name)
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise BadValue("bad_row", f"`{name}` must be a list of objects with x and y in percent")
    return tuple(_point(one, name) for one in value)


def _point(value: Any, name: str) -> Point:
    if not isinstance(value, Mapping):
        raise BadValue("bad_row", f"`{name}` must be a list of objects with x and y in percent")
    x, y = _number(value.get("x")), _number(value.get("y"))
    if x is None or y is None:
        raise BadValue("bad_row", f"`{name}` must be a list of objects with x and y in percent")
    if not (0 <= x <= 100 and 0 <= y <= 100):
        detail = f"point ({x:g}, {y:g}): percent of width and height go from 0 to 100"
        raise BadValue("point_out_of_range", detail)
    return Point(x, y)


def _number(value: Any) -> float | None:
    """A finite number, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def count_of(row: Mapping[str, Any], name: str) -> int:
    """A whole number from 0."""
    value = _number(row.get(name))
    if value is None or value < 0 or value != int(value):
        raise BadValue("bad_row", f"`{name}` must be a whole number from 0")
    return int(value)


def split_of(row: Mapping[str, Any], otherwise: str) -> str:
    """The row's split, `otherwise` where it names none."""
    value = row.get("split") or otherwise
    if value not in SPLITS:
        raise BadValue("bad_row", f"`split` is {value!r}; it must be one of {', '.join(SPLITS)}")
    return str(value)
