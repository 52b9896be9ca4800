"""Evaluation set points: held-out pictures, phrases with their points, masks where there are some.

It is what the F1 of pointing is measured on: a predicted point hits when it lies in the mask of the
point that it is matched with, and a phrase that is not in the picture is right when nothing is
predicted. The columns are those of PixMo-Points-Eval. Rows are those selected for the release of
`points`, so that policy, duplicates and evaluation sets hold here as well; nothing is written into
the store.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.eval_sets.point_masks import STAGE, MaskSource
from pipelines.stage import CODE_VERSION, reject_row
from pipelines.steps.masks import Mask, in_order_of
from pipelines.steps.published_rows import Held
from schemas.codec import from_batches
from schemas.errors import UsageError
from schemas.ids import canonical_json
from schemas.judgment import Reject, RejectRow
from schemas.store import Store
from schemas.subset_records import PointSet

SELECTED, FEED = "selected/points", "points"
WITH_MASKS, WITH_POINTS, NOT_PRESENT = "points_with_masks", "points", "not_present"
MOST_CELLS = 2**29  # of the masks of one row: a reader holds a byte for each


@dataclass(frozen=True)
class PointCase:
    """One row of the set: a phrase with its points, and a mask for each where there are masks."""

    row: PointSet
    split: str
    case: str
    masks: Sequence[Mask] = ()


@dataclass(frozen=True)
class PointLineage:
    """What made one row, in the order of the set's rows; no annotator is named."""

    image_id: str
    image_url: str
    point_set_id: str
    item_ids: tuple[str, ...]
    origin: str
    split: str
    case: str
    code_version: str


@dataclass
class PointCases:
    """The cases of a store, made one after another; `rejects` fills on the way."""

    store: Store
    splits: tuple[str, ...] = ("validation", "test")
    masks_url: str = ""
    rejects: list[RejectRow] = field(default_factory=list)

    def __iter__(self) -> Iterator[tuple[PointCase, Held]]:
        """Every held-out row that can be in the set, by picture, with what the store has of it.

        UsageError when no rows were selected, or none is of these splits.
        """
        chosen = self._chosen()
        held = self._held({image_id for part in chosen.values() for image_id, _ in part.values()})
        source = MaskSource(self.masks_url, held.values()) if self.masks_url else None
        for number, rows in sorted(chosen.items()):
            for row in self._rows(number, rows):
                split = rows[row.point_set_id][1]
                case = self._case(row, split, held[row.image_id], source)
                if isinstance(case, Reject):
                    self._refuse(row, case)
                else:
                    yield case, held[row.image_id]
        if source:
            self.rejects += chain(source.rejects, source.unused())

    def _chosen(self) -> dict[int, dict[str, tuple[str, str]]]:
        """Picture and split of the selected rows of these splits, by part and key."""
        found: dict[int, dict[str, tuple[str, str]]] = {}
        numbers = self.store.part_numbers(SELECTED)
        if not numbers:
            raise UsageError("no rows of points are selected: run `pixmo export points` first")
        for number in numbers:
            rows = _tuples(self.store, SELECTED, number, ["row_id", "image_id", "split"])
            own = {key: (image_id, split) for key, image_id, split in rows if split in self.splits}
            if own:
                found[number] = own
        if not found:
            names = " or ".join(self.splits)
            raise UsageError(
                f"no selected row of points is in {names}: give `pixmo export` shares for them"
            )
        return found

    def _held(self, wanted: set[str]) -> dict[str, Held]:
        found: dict[str, Held] = {}
        columns = ["image_id", "width", "height", "image_sha256"]
        for number in self.store.part_numbers("images"):
            rows = _tuples(self.store, "images", number, columns)
            found |= {row[0]: Held(*row) for row in rows if row[0] in wanted}
        return found

    def _rows(self, number: int, keys: dict[str, tuple[str, str]]) -> list[PointSet]:
        """The rows of a part by picture, phrase and way of collecting."""
        wanted = pa.array(sorted(keys), pa.string())
        batches = self.store.batches(FEED, number)
        own = (b.filter(pc.is_in(b["point_set_id"], value_set=wanted)) for b in batches)
        rows = from_batches(own, PointSet)
        return sorted(rows, key=lambda row: (row.image_id, row.label, row.collection_method))

    def _case(
        self, row: PointSet, split: str, held: Held, source: MaskSource | None
    ) -> PointCase | Reject:
        if not row.points:
            return PointCase(row, split, NOT_PRESENT)
        if source is None:
            return PointCase(row, split, WITH_POINTS)
        if len(row.points) * held.width * held.height > MOST_CELLS:
            return Reject("masks_too_large", f"{len(row.points)} of {held.width}x{held.height}")
        masks = source.masks(row.image_id, row.label)
        ordered = masks if isinstance(masks, Reject) else in_order_of(row.points, masks)
        if isinstance(ordered, Reject):
            return ordered
        return PointCase(row, split, WITH_MASKS, ordered)

    def _refuse(self, row: PointSet, why: Reject) -> None:
        told = {"image_url": row.image_url, "label": row.label, "count": row.count}
        self.rejects.append(reject_row(STAGE, row.point_set_id, why, canonical_json(told)))


def _tuples(store: Store, table: str, number: int, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    """Some columns of a part, row by row."""
    return zip(*(c.to_pylist() for c in store.read(table, number, columns)), strict=True)


def lineage_of(case: PointCase) -> PointLineage:
    """What made a row."""
    row = case.row
    return PointLineage(
        image_id=row.image_id,
        image_url=row.image_url,
        point_set_id=row.point_set_id,
        item_ids=row.item_ids,
        origin=row.origin,
        split=case.split,
        case=case.case,
        code_version=CODE_VERSION,
    )
