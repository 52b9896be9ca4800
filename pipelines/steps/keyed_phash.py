"""Perceptual hashes under a key that keeps their distances, so that near-duplicates still match.

The 64 bits are put in an order, and turned over, as the key says: two hashes that differ in d bits
do so in this form too, and the plain hash is nowhere. Somebody who has the key, or many pairs of
plain and keyed hashes, can go back; it hides a hash from being read, not from being broken.
"""

import functools
import hashlib
import hmac

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
BITS = 64


def keyed_phash(hashes: Hashes, key: bytes) -> Hashes:
    """Hashes (n,) in their keyed form (n,)."""
    octets = np.ascontiguousarray(hashes.astype(">u8")).view(np.uint8).reshape(-1, 8)
    bits = np.unpackbits(octets, axis=1)[:, _order(key)]
    packed = np.ascontiguousarray(np.packbits(bits, axis=1))
    moved = packed.view(">u8").reshape(-1).astype(np.uint64)
    keyed: Hashes = moved ^ np.uint64(int.from_bytes(_digest(key, "turned over")[:8]))
    return keyed


@functools.lru_cache(maxsize=4)
def _order(key: bytes) -> list[int]:
    """The bits in the order of their digests: the same on every machine and version of NumPy."""
    return sorted(range(BITS), key=lambda bit: _digest(key, f"bit {bit}"))


def _digest(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
