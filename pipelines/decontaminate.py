"""Stage decontaminate: which pictures come near an evaluation picture, to `contamination/images`.

Equal bytes, near-duplicates in all eight orientations, and crops both ways; every find but equal
bytes is looked at again in the grey pictures. Nothing is dropped here: rows get a tag with the
evidence, and the policy of the release decides. Parts mirror those of `images`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation_index import TABLE, PictureIndex, against_evaluation, picture_index
from pipelines.stage import BaseStage, Shard
from pipelines.steps.contamination import PICTURE_TAG, judged, nearest_first, similarity
from pipelines.steps.crop_check import describe_box, fit_crops
from pipelines.steps.hash_index import nearest_matches
from pipelines.steps.near_duplicates import grey_differences, inverse_orientations
from pipelines.steps.phash import SIDE, blank_mask, hex_to_uint64, orient_grey
from schemas.records import Contamination, EvaluationMatch
from schemas.store import Store

FEED = "images"
_PER_PICTURE = 64  # near hashes that are looked at, the nearest first

Ints = NDArray[np.int64]
Found = dict[int, dict[int, EvaluationMatch]]  # by row and evaluation item


@dataclass(frozen=True)
class _Rows:
    """The pictures of a part that are not blank: their rows in it, and what is compared."""

    number: Ints
    grey: NDArray[np.uint8]
    hashes: NDArray[np.uint64]


@dataclass(frozen=True)
class Decontaminate(BaseStage):
    """Compare every picture with all evaluation pictures.

    A near-duplicate has a hash within `radius` bits and grey pictures that differ by at most
    `max_grey_difference`; a crop, found with `crops`, may differ by `max_crop_difference`.
    """

    name: ClassVar[str] = "decontaminate"
    table: ClassVar[str] = "contamination/images"
    record: ClassVar[type] = Contamination
    version: ClassVar[str] = "1"

    radius: int = 8
    max_grey_difference: float = 0.15
    crops: bool = True
    max_crop_difference: float = 0.1
    max_rejects: float = 1.0

    def settings(self) -> dict[str, Any]:
        """All that decides what counts as near."""
        names = ("radius", "max_grey_difference", "crops", "max_crop_difference")
        return {name: getattr(self, name) for name in names}

    def plan(self, store: Store) -> list[Shard]:
        """One part per part of images, from that part and from all evaluation pictures."""
        return against_evaluation(store, FEED)

    def run(self, store: Store, shard: Shard, keys: frozenset[str] | None) -> Iterator[Any]:
        """One row per picture, in the order of their ids."""
        index = picture_index(store, dict(shard.inputs)[TABLE], self.radius, self.crops)
        part = store.read(FEED, shard.number, ["image_id", "image_sha256", "phash", "grey32"])
        ids, sha256, phash, grey32 = (column.to_pylist() for column in part.columns)
        grey = np.frombuffer(b"".join(grey32), np.uint8).reshape(-1, SIDE, SIDE)
        some = np.flatnonzero(~blank_mask(grey)) if len(grey) else np.empty(0, np.int64)
        rows = _Rows(some, grey[some], hex_to_uint64([phash[at] for at in some.tolist()]))
        found = _exact(index, sha256)
        self._near(index, rows, found)
        if index.crops:
            self._crops(index, rows, found)
        return (_judged(row_id, found.get(at, {})) for at, row_id in enumerate(ids))

    def _near(self, index: PictureIndex, rows: _Rows, found: Found) -> None:
        seen = nearest_matches(index.near.query(rows.hashes), _PER_PICTURE)
        item = index.likely[seen.right // 8]
        way = np.array(inverse_orientations())[seen.right % 8]
        difference = grey_differences(rows.grey[seen.left], index.grey[item], way)
        for at in np.flatnonzero(difference <= self.max_grey_difference).tolist():
            how = (int(seen.distance[at]), int(way[at]), round(float(difference[at]), 4))
            match = _match(index, int(item[at]), "near", how)
            _add(found, int(rows.number[seen.left[at]]), int(item[at]), match)

    def _crops(self, index: PictureIndex, rows: _Rows, found: Found) -> None:
        assert index.crops is not None
        seen = index.crops.candidates(rows.grey)
        item = index.likely[seen.item]
        ours, theirs = rows.grey[seen.row], index.grey[item]
        whole = seen.within[:, np.newaxis, np.newaxis]
        mirrored = (seen.way == 1)[:, np.newaxis, np.newaxis]
        inner = np.where(whole, ours, theirs)
        inner = np.where(mirrored, orient_grey(inner, 1), inner)
        fits = fit_crops(inner, np.where(whole, theirs, ours), seen.box)
        for at in np.flatnonzero(fits.difference <= self.max_crop_difference).tolist():
            how = (int(seen.distance[at]), int(seen.way[at]), round(float(fits.difference[at]), 4))
            which = "this is" if seen.within[at] else "of this one it is"
            detail = f"{which} {describe_box(fits.boxes[at])}"
            match = _match(index, int(item[at]), "crop", how, detail)
            _add(found, int(rows.number[seen.row[at]]), int(item[at]), match)


def _exact(index: PictureIndex, sha256: list[str]) -> Found:
    """Pictures with the very bytes of an evaluation picture; blank ones too."""
    return {
        row: {item: _match(index, item, "exact", (0, 0, 0.0)) for item in index.by_sha256[digest]}
        for row, digest in enumerate(sha256)
        if digest in index.by_sha256
    }


def _match(
    index: PictureIndex, item: int, kind: str, how: tuple[int, int, float], detail: str = ""
) -> EvaluationMatch:
    """The evidence; `how` is distance, orientation and grey difference."""
    known = index.known
    where = (known.ids[item], known.benchmarks[item], known.places[item])
    return EvaluationMatch(*where, kind, *how, detail)


def _add(found: Found, row: int, item: int, match: EvaluationMatch) -> None:
    """Keep the best evidence for each pair: equal bytes, then whole pictures, then the nearest."""
    known = found.setdefault(row, {}).get(item)
    if known is None or (
        known.kind == match.kind and match.grey_difference < known.grey_difference
    ):
        found[row][item] = match


def _judged(row_id: str, matches: dict[int, EvaluationMatch]) -> Contamination:
    ordered = nearest_first(matches.values())
    return judged(row_id, ordered, PICTURE_TAG, similarity(ordered))
