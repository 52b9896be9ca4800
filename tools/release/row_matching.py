"""Which row of one table is which of another, by digests: the pure part of `pixmo diff`.

Rows with equal keys are paired in three rounds: those equal in everything, those equal but for
their split, and those of one key alone. So a copy among rows of the same key is no change.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tools.release.column_digests import Digests, mix

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Rows of one config as digests, all uint64 [rows]: of the key, the columns and the split."""

    key: Digests
    content: Digests
    split: Digests


@dataclass(frozen=True)
class Matched:
    """Places of rows, int64: `old[i]` is the row that became `new[i]`; the rest has no partner.

    All are in the order of the old (`added`: of the new) rows.
    """

    old: Places
    new: Places
    removed: Places
    added: Places


def match_rows(old: Rows, new: Rows) -> Matched:
    """Pair the rows of two tables; memory is a few arrays of one number per row."""
    left, right = np.arange(len(old.key)), np.arange(len(new.key))
    pairs = []
    for level in (2, 1, 0):
        at, to = pair_equal(_identity(old, left, level), _identity(new, right, level))
        pairs.append((left[at], right[to]))
        left, right = np.delete(left, at), np.delete(right, to)
    found_old = np.concatenate([at for at, _ in pairs])
    found_new = np.concatenate([to for _, to in pairs])
    order = np.argsort(found_old)
    return Matched(found_old[order], found_new[order], left, right)


def _identity(rows: Rows, places: Places, level: int) -> Digests:
    """What must be equal at a level: the key, then the content, then the split as well."""
    found = rows.key[places]
    if level > 0:
        found = mix(found) + rows.content[places]
    if level > 1:
        found = mix(found) + rows.split[places]
    return found


def pair_equal(old: Digests, new: Digests) -> tuple[Places, Places]:
    """Places of equal values in both: the first with the first, the second with the second, ..."""
    _, at, to = np.intersect1d(
        _numbered(old), _numbered(new), assume_unique=True, return_indices=True
    )
    return at, to


def _numbered(values: Digests) -> Digests:
    """The values, made distinct by how often each occurred before."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else order
    counts = np.diff(np.r_[starts, len(ordered)])
    before = np.arange(len(ordered)) - np.repeat(starts, counts)
    found = np.empty_like(values)
    found[order] = mix(mix(ordered) + before.astype(np.uint64))
    return found
