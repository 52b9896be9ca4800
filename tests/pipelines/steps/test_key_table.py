"""The table of keys says what a binary search says."""

import numpy as np
import pytest

from pipelines.steps.key_table import KeyTable


@pytest.mark.parametrize("bits", [6, 9, 20])
@pytest.mark.parametrize("count", [0, 1, 50, 5000])
def test_runs_are_those_of_a_binary_search(bits: int, count: int) -> None:
    rng = np.random.default_rng(bits * count)
    keys = np.sort(rng.integers(0, 1 << bits, count, dtype=np.uint64))
    asked = rng.integers(0, 1 << bits, 3000, dtype=np.uint64)
    asked[:3] = 0, (1 << bits) - 1, 1
    runs = KeyTable(keys, bits).find(asked)
    begin, end = np.searchsorted(keys, asked), np.searchsorted(keys, asked, side="right")
    hits = np.flatnonzero(end > begin)
    assert np.array_equal(runs.rows, hits)
    assert np.array_equal(runs.begin, begin[hits])
    assert np.array_equal(runs.end, end[hits])
