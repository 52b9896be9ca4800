"""Keyed hashes keep their distances and hide what they were."""

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from pipelines.steps.keyed_phash import keyed_phash

HASH = st.integers(0, 2**64 - 1)
KEY = st.binary(min_size=16, max_size=32)


@given(left=HASH, right=HASH, key=KEY)
def test_distances_are_kept(left: int, right: int, key: bytes) -> None:
    keyed = keyed_phash(np.array([left, right], np.uint64), key)
    assert (int(keyed[0]) ^ int(keyed[1])).bit_count() == (left ^ right).bit_count()


@given(hashes=st.lists(HASH, max_size=5), key=KEY)
def test_a_batch_is_its_single_hashes(hashes: list[int], key: bytes) -> None:
    batch = keyed_phash(np.array(hashes, np.uint64), key)
    assert batch.dtype == np.uint64
    single = [int(keyed_phash(np.array([h], np.uint64), key)[0]) for h in hashes]
    assert batch.tolist() == single


def test_each_bit_goes_to_a_place_of_its_own() -> None:
    bits = np.left_shift(np.uint64(1), np.arange(64, dtype=np.uint64))
    none = keyed_phash(np.zeros(1, np.uint64), b"salt")
    moved = keyed_phash(bits, b"salt") ^ none
    assert sorted(moved.tolist()) == bits.tolist()
    assert (moved != bits).sum() > 50


def test_another_key_gives_another_form() -> None:
    plain = np.random.default_rng(0).integers(0, 2**64, 1000, np.uint64)
    one, other = keyed_phash(plain, b"one"), keyed_phash(plain, b"other")
    assert not np.isin(one, plain).any()
    assert not (one == other).any()


def test_the_form_is_the_same_on_every_machine() -> None:
    """A denylist outlives the versions of Python and NumPy that wrote it."""
    keyed = keyed_phash(np.array([0x0123456789ABCDEF], np.uint64), b"salt")
    assert f"{int(keyed[0]):016x}" == "5df6c99a02473856"
