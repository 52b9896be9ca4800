"""The standing index finds what the search of dedupe finds, for any radius and size."""

import numpy as np
import pytest

from pipelines.steps.hash_index import HashIndex, nearest_matches
from pipelines.steps.hash_match import Matches


def planted(n: int, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random hashes, and queries of which half are 0 to 20 bits from one of them."""
    rng = np.random.default_rng(seed)
    index = rng.integers(0, 2**64, n, dtype=np.uint64)
    queries = rng.integers(0, 2**64, count, dtype=np.uint64)
    for at in range(0, count if n else 0, 2):
        bits = rng.permutation(64)[: rng.integers(0, 21)].astype(np.uint64)
        flips = np.bitwise_or.reduce(np.uint64(1) << bits, initial=np.uint64(0))
        queries[at] = index[rng.integers(n)] ^ flips
    return index, queries


@pytest.mark.parametrize("radius", [0, 3, 8, 12, 16])
@pytest.mark.parametrize("n", [0, 1, 300, 60_000])
def test_all_pairs_within_the_radius_and_no_other(n: int, radius: int) -> None:
    index, queries = planted(n, 200)
    found = HashIndex(index, radius).query(queries)
    apart = np.bitwise_count(queries[:, None] ^ index[None])
    left, right = np.nonzero(apart <= radius)
    assert np.array_equal(found.left, left)
    assert np.array_equal(found.right, right)
    assert np.array_equal(found.distance, apart[left, right])
    assert len(left) or radius < 3 or not n


def test_equal_hashes_count_each_and_no_query_is_fine() -> None:
    index = HashIndex(np.array([5, 5, 2**63], np.uint64), 8)
    assert index.query(np.array([5], np.uint64)).right.tolist() == [0, 1, 2][:3]
    assert not len(index.query(np.empty(0, np.uint64)).left)


def test_the_nearest_of_each_are_kept() -> None:
    left, right = np.array([0, 0, 0, 2, 2]), np.array([7, 8, 9, 1, 0])
    distance = np.array([4, 1, 1, 3, 3], np.uint8)
    kept = nearest_matches(Matches(left, right, distance), 2)
    assert kept.left.tolist() == [0, 0, 2, 2]
    assert kept.right.tolist() == [8, 9, 0, 1]
    none = Matches(left[:0], right[:0], distance[:0])
    assert not len(nearest_matches(none, 2).left)
