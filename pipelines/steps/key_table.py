"""Where each of many sorted keys begins, found in three steps instead of a binary search.

One bit for every key that there could be says at once that most keys are absent; how many bits are
set before one says where its run begins (rank in a bitmap: Jacobson, FOCS 1989).
"""

import numpy as np
from numpy.typing import NDArray

from pipelines.steps.hash_probe import Runs

_WORD = np.uint64(6)  # 64 keys to a word
_LAST = np.uint64(63)
_ONE = np.uint64(1)


class KeyTable:
    """Sorted keys (n,) of `bits` bits each; equal keys are one run."""

    def __init__(self, keys: NDArray[np.uint64], bits: int) -> None:
        first = _changes(keys)
        self._starts = np.append(first, len(keys)).astype(np.int64)
        word, bit = keys[first] >> _WORD, _ONE << (keys[first] & _LAST)
        edges = _changes(word)
        self._words = np.zeros(1 << max(0, bits - 6), np.uint64)
        if len(edges):
            self._words[word[edges]] = np.bitwise_or.reduceat(bit, edges)
        set_bits = np.bitwise_count(self._words)
        self._before = (np.cumsum(set_bits, dtype=np.int64) - set_bits).astype(np.int32)

    def find(self, keys: NDArray[np.uint64]) -> Runs:
        """The runs of those of the keys (m,) that there are; `rows` are their places in `keys`."""
        word, bit = self._words[keys >> _WORD], keys & _LAST
        hits = np.flatnonzero((word >> bit) & _ONE)
        below = word[hits] & ((_ONE << bit[hits]) - _ONE)
        rank = self._before[keys[hits] >> _WORD] + np.bitwise_count(below)
        return Runs(hits, self._starts[rank], self._starts[rank + 1])


def _changes(values: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Where a value differs from the one before; the first one does."""
    first = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=first[1:])
    return np.flatnonzero(first)
