"""Points of a release: within their picture, numbers, and as many as counted.

Percent run from 0 to 100 of width and height; pixels from 0 to the size of the picture, which is
known where pictures are embedded.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.subsets import Subset
from tools.audit.column_values import lengths_of
from tools.audit.findings import Notes

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Sizes = NDArray[np.int64]


def check_points(
    notes: Notes, where: tuple[str, int], subset: Subset, batch: pa.RecordBatch, sizes: Sizes | None
) -> None:
    """The points of a batch; `where` is its file and first row, `sizes` the (width, height) in
    pixels of each row's picture, (0, 0) where unknown."""
    if not subset.points or "points" not in batch.schema.names:
        return
    place, start = where
    points = batch.column("points")
    if pa.types.is_struct(points.type):
        _check_sides(notes, where, points)
        points = listed(points)
    row, xy = _flat_points(points)
    notes.check("points", len(row))
    limit = _limits(subset.points, len(batch), sizes)
    inside = (xy >= 0) & (xy <= limit[row]) & np.isfinite(xy)
    for at in np.flatnonzero(~inside.all(axis=1)).tolist():
        x, y = xy[at]
        width, height = limit[row[at]]
        message = f"the point ({x:g}, {y:g}) is not within {_named(width, height, subset.points)}"
        notes.fail("points", place, message, start + int(row[at]))
    if "count" in batch.schema.names:
        _check_count(notes, where, batch)


def listed(points: pa.StructArray) -> pa.ListArray:
    """A list of x and one of y as one list of points; the shorter of two unequal lists decides."""
    side = points.type.field("x").type.value_type
    kind = pa.list_(pa.struct([("x", side), ("y", side)]))
    return pa.array([one and _pairs_of(one) for one in points.to_pylist()], kind)


def _pairs_of(sides: dict[str, Any]) -> list[dict[str, Any]]:
    both = zip(sides["x"] or (), sides["y"] or (), strict=False)
    return [{"x": x, "y": y} for x, y in both]


def _check_sides(notes: Notes, where: tuple[str, int], points: pa.StructArray) -> None:
    """Every x has its y."""
    across, down = (lengths_of(pc.struct_field(points, name)) for name in ("x", "y"))
    for at in np.flatnonzero(across != down).tolist():
        message = f"points have {across[at]} x, but {down[at]} y"
        notes.fail("points", where[0], message, where[1] + at)


def _limits(unit: str, rows: int, sizes: Sizes | None) -> Floats:
    """The largest x and y for each row; infinite where the picture's size is not known."""
    if unit == "percent":
        return np.full((rows, 2), 100.0)
    if sizes is None:
        return np.full((rows, 2), np.inf)
    return np.where(sizes > 0, sizes, np.inf)


def _named(width: float, height: float, unit: str) -> str:
    if unit == "percent":
        return "0 to 100 percent"
    return f"{width:g} x {height:g} pixels" if np.isfinite(width) else "a picture"


def _check_count(notes: Notes, where: tuple[str, int], batch: pa.RecordBatch) -> None:
    count, points = batch.column("count"), batch.column("points")
    points = listed(points) if pa.types.is_struct(points.type) else points
    found = lengths_of(points)
    said = count.fill_null(-1).to_numpy(zero_copy_only=False)
    both = count.is_valid().to_numpy(zero_copy_only=False)
    both &= points.is_valid().to_numpy(zero_copy_only=False)
    for at in np.flatnonzero(both & (found != said)).tolist():
        message = f"count is {said[at]}, but there are {found[at]} points"
        notes.fail("points", where[0], message, where[1] + at)


def _flat_points(points: pa.Array) -> tuple[Rows, Floats]:
    """All points of a column as an (n, 2) array of x and y, and the row of each; null is NaN.

    An innermost list that is no pair is a point of NaN.
    """
    rows: Any = np.arange(len(points))
    while pa.types.is_list(points.type):
        if pa.types.is_floating(points.type.value_type):
            return rows, _pairs(points)
        rows = rows[pc.list_parent_indices(points).to_numpy()]
        points = points.flatten()
    columns = [_numbers(pc.struct_field(points, name)) for name in ("x", "y")]
    return rows, np.stack(columns, axis=1).reshape(-1, 2)


def _pairs(lists: pa.Array) -> Floats:
    lengths, values = lengths_of(lists), _numbers(lists.flatten())
    found = np.full((len(lists), 2), np.nan)
    whole = lengths == 2
    found[whole] = values[np.repeat(whole, lengths)].reshape(-1, 2)
    return found


def _numbers(values: pa.Array) -> Floats:
    return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
