"""Pictures that others may be crops of, or that may be crops of others: looked up by hashes.

Both ways round: a whole picture among the standard crops of the indexed ones, and the standard
crops of a picture among the whole indexed ones. What is found is a candidate, for `crop_check`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.steps.crops import (
    ASKED_BITS,
    FREE_BITS,
    KEY_BITS,
    NO_HASH,
    WAYS,
    Hashes,
    crop_hashes,
    keys_of,
    standard_boxes,
    whole_hashes,
)
from pipelines.steps.hash_index import runs_within
from pipelines.steps.key_table import KeyTable

Grey = NDArray[np.uint8]
Ints = NDArray[np.int64]

_RADIUS = 14  # of 63 bits: equal keys that differ more are of unlike pictures
_PER_PICTURE = 16  # candidates that are looked at, the nearest first
_BATCH = 128  # pictures at once, so that their crops stay in the cache


@dataclass(frozen=True)
class CropCandidates:
    """Row `row` of a query and picture `item` of the index: is one of them crop `box` of the other?

    `within` says that the row's picture is the crop; `way` (0 or 1) is how it was turned first, or
    how the item was where the item is the crop.
    """

    row: Ints
    item: Ints
    box: Ints
    way: Ints
    within: NDArray[np.bool_]
    distance: Ints


class CropIndex:
    """The crops of grey pictures (n, 32, 32), as `crop_hashes` hashed them, and the pictures."""

    def __init__(self, grey: Grey, crops: Hashes) -> None:
        hashes = crops.ravel()
        keys, self._place = _in_order(keys_of(hashes), hashes != NO_HASH)
        self._crops = hashes[self._place]
        self._crop_keys = KeyTable(keys, KEY_BITS)
        self._whole, probes = _all_wholes(grey)
        keys, place = _in_order(probes.ravel(), probes.ravel() != 0)
        self._owner = place // np.uint32(probes.shape[1])
        self._whole_keys = KeyTable(keys, KEY_BITS)

    def candidates(self, grey: Grey) -> CropCandidates:
        """What to look at for pictures (n, 32, 32), at most 16 for each, the nearest."""
        parts = [
            found
            for at in range(0, len(grey), _BATCH)
            for found in self._batch(grey[at : at + _BATCH], at)
        ]
        joined = np.concatenate([np.empty((6, 0), np.int64), *parts], axis=1)
        row, item, box, way, within, distance = _nearest(joined)
        return CropCandidates(row, item, box, way, within.astype(bool), distance)

    def _batch(self, grey: Grey, start: int) -> list[Ints]:
        found = [_moved(self._as_crops(grey, way), start) for way in WAYS]
        return [*found, _moved(self._as_wholes(grey), start)]

    def _as_crops(self, grey: Grey, way: int) -> Ints:
        """Whole pictures that look like a crop of an item."""
        hashes, probes = whole_hashes(grey, way, ASKED_BITS)
        kept: list[Ints] = [np.empty((6, 0), np.int64)]
        for probe, column in runs_within(self._crop_keys.find(probes.ravel())):
            row = probe // probes.shape[1]
            apart = np.bitwise_count(hashes[row] ^ self._crops[column])
            near = np.flatnonzero((apart <= _RADIUS) & (hashes[row] != NO_HASH))
            item, box = np.divmod(self._place[column[near]].astype(np.int64), len(standard_boxes()))
            kept.append(_columns(row[near], item, box, way, 1, apart[near]))
        return np.concatenate(kept, axis=1)

    def _as_wholes(self, grey: Grey) -> Ints:
        """Pictures that have a crop which looks like an item."""
        hashes = crop_hashes(grey).ravel()
        kept: list[Ints] = [np.empty((6, 0), np.int64)]
        for place, column in runs_within(self._whole_keys.find(keys_of(hashes))):
            owner = self._owner[column].astype(np.int64)
            apart = np.bitwise_count(hashes[place] ^ self._whole[owner])
            near = np.flatnonzero((apart <= _RADIUS) & (hashes[place] != NO_HASH))
            row, box = np.divmod(place[near], len(standard_boxes()))
            item, way = np.divmod(owner[near], len(WAYS))
            kept.append(_columns(row, item, box, way, 0, apart[near]))
        return np.concatenate(kept, axis=1)


def _all_wholes(grey: Grey) -> tuple[Hashes, Hashes]:
    """Hashes (n * ways,) of pictures turned each way, and the keys of each, 0 for one without."""
    ways = len(WAYS)
    hashes = np.empty((len(grey), ways), np.uint64)
    probes = np.empty((len(grey), ways, 1 << FREE_BITS), np.uint64)
    for at in range(0, len(grey), _BATCH):
        for way in WAYS:
            found = whole_hashes(grey[at : at + _BATCH], way)
            hashes[at : at + _BATCH, way], probes[at : at + _BATCH, way] = found
    probes[hashes == NO_HASH] = 0
    return hashes.ravel(), probes.reshape(len(grey) * ways, 1 << FREE_BITS)


def _in_order(keys: Hashes, wanted: NDArray[np.bool_]) -> tuple[Hashes, NDArray[np.uint32]]:
    """The wanted ones of fewer than 2**32 keys of at most 32 bits in order, and their places.

    A key and its place are sorted as one number, which takes a fifth of the time of an argsort.
    """
    places = np.flatnonzero(wanted).astype(np.uint64)
    both = np.sort((keys[wanted] << np.uint64(32)) | places)
    return both >> np.uint64(32), both.astype(np.uint32)


def _columns(*values: Ints | int) -> Ints:
    return np.stack(np.broadcast_arrays(*values)).astype(np.int64)


def _moved(found: Ints, start: int) -> Ints:
    found[0] += start
    return found


def _nearest(found: Ints) -> Ints:
    """Each pair once, by its nearest crop, and of each row the nearest pairs."""
    row, item, box, way, within, distance = found
    found = found[:, np.lexsort((box, way, within, distance, item, row))]
    found = found[:, _firsts(found[:2])]
    found = found[:, np.lexsort((found[1], found[5], found[0]))]
    start = np.flatnonzero(_firsts(found[:1]))
    rank = np.arange(found.shape[1]) - np.repeat(start, np.diff([*start, found.shape[1]]))
    return found[:, rank < _PER_PICTURE]


def _firsts(keys: Ints) -> NDArray[np.bool_]:
    """Which columns differ from the one before."""
    first = np.ones(keys.shape[1], dtype=bool)
    first[1:] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
    return first
