"""Which row is which: against the obvious way with dictionaries."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.release.row_matching import Rows, match_rows, pair_equal

# Few values, so that keys repeat and rows are copies of each other.
ROWS = st.lists(st.tuples(*[st.integers(0, 2)] * 3), max_size=14)


def rows(values: list[tuple[int, int, int]]) -> Rows:
    columns = np.array(values, np.uint64).reshape(-1, 3)
    return Rows(columns[:, 0], columns[:, 1], columns[:, 2])


@settings(max_examples=200, deadline=None)
@given(ROWS, ROWS)
def test_every_row_is_paired_once_with_its_nearest(
    old: list[tuple[int, int, int]], new: list[tuple[int, int, int]]
) -> None:
    found = match_rows(rows(old), rows(new))
    assert sorted([*found.old.tolist(), *found.removed.tolist()]) == list(range(len(old)))
    assert sorted([*found.new.tolist(), *found.added.tolist()]) == list(range(len(new)))
    assert found.old.tolist() == sorted(found.old.tolist())
    pairs = [(old[i], new[j]) for i, j in zip(found.old, found.new, strict=True)]
    assert all(before[0] == after[0] for before, after in pairs)
    by_key = Counter(row[0] for row in old) & Counter(row[0] for row in new)
    assert len(pairs) == by_key.total()
    whole = Counter(old) & Counter(new)
    assert sum(before == after for before, after in pairs) == whole.total()
    contents = Counter(row[:2] for row in old) & Counter(row[:2] for row in new)
    assert sum(before[:2] == after[:2] for before, after in pairs) == contents.total()


def test_equal_values_are_paired_in_their_order() -> None:
    at, to = pair_equal(np.array([7, 5, 7, 7], np.uint64), np.array([7, 7, 9], np.uint64))
    assert sorted(zip(at.tolist(), to.tolist(), strict=True)) == [(0, 0), (2, 1)]
