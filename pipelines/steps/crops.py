"""Standard crops of a picture and their hashes, so that a crop is found without a learned model.

The sign of a DCT-II coefficient says where a picture is bright and where dark; the 63 lowest of
them, lowest first, are a hash that a mirror image changes in known bits. Coefficients of a crop
are one matrix product away from the pixels of the whole, because cosines can be integrated over
any stretch: no crop is ever resampled. Looking up takes the KEY_BITS lowest signs, tried both ways
where the coefficient is nearly zero (query-directed probing: Lv and others, Multi-Probe LSH, VLDB
2007), so that a crop between two of the standard ones is met too.
"""

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Floats = NDArray[np.float32]

LOW = 8  # coefficients per side
KEY_BITS = 27  # signs of the coefficients of order 1 to 6
FREE_BITS = 6  # of an indexed key, those of the smallest coefficients may be either: 64 keys
ASKED_BITS = 8  # of a key that is asked for, which takes no memory
WAYS = (0, 1)  # orientations of crops: as it is, and mirrored left to right
_SCALES = (0.62, 0.68, 0.74, 0.80, 0.86, 0.92, 0.97)
_STEP = 0.07
_LEAST_CONTRAST = 1.5  # standard deviation in grey levels, as for blank pictures
_BROAD = 4  # waves per side that contrast is measured by
NO_HASH = np.uint64(0)  # a crop too uniform for one; no other hash is 0, see `_pack`


@dataclass(frozen=True)
class Box:
    """A rectangle as shares of width and height: left, top, width, height."""

    left: float
    top: float
    width: float
    height: float


@functools.cache
def starts_of(scale: float) -> tuple[float, ...]:
    """Where standard crops of this scale begin along one side."""
    count = int(np.ceil((1 - scale) / _STEP - 1e-9)) + 1
    return tuple(float(start) for start in np.linspace(0, 1 - scale, count))


@functools.cache
def standard_boxes() -> tuple[Box, ...]:
    """The standard crops: 62% to 97% of each side, side by side in steps of 7% of the picture."""
    return tuple(
        Box(left, top, scale, scale)
        for scale in _SCALES
        for top in starts_of(scale)
        for left in starts_of(scale)
    )


def cosines(start: NDArray[np.float64], length: NDArray[np.float64], side: int, low: int) -> Floats:
    """Matrices (n, low, side) from pixels to the DCT-II coefficients of stretches of a line.

    Row u is the integral of sqrt(2) cos(pi u t) over each pixel, t from 0 to 1 along the stretch;
    orthonormal, so that correlations of pixels are those of coefficients.
    """
    edges = np.arange(side + 1) / side
    first, size = start[:, np.newaxis], length[:, np.newaxis]
    t = (np.clip(edges, first, first + size) - first) / size
    sines = np.empty((len(t), low, side + 1))
    sines[:, 0], sines[:, 1], twice = 0, np.sin(np.pi * t), 2 * np.cos(np.pi * t)
    for order in range(2, low):  # sin(n x) = 2 cos(x) sin((n - 1) x) - sin((n - 2) x)
        sines[:, order] = twice * sines[:, order - 1] - sines[:, order - 2]
    waves = np.diff(sines)
    waves[:, 0] = np.diff(t)
    waves[:, 1:] *= np.sqrt(2) / (np.pi * np.arange(1, low)[:, np.newaxis])
    return waves.astype(np.float32)


@functools.cache
def _grid(side: int) -> tuple[Floats, ...]:
    """For each scale the matrix of all its stretches, shape (stretches * LOW, side)."""
    stacks = []
    for scale in _SCALES:
        starts = np.array(starts_of(scale))
        matrix = cosines(starts, np.full(len(starts), scale), side, LOW)
        stacks.append(matrix.reshape(-1, side))
    return tuple(stacks)


@functools.cache
def _zigzag() -> NDArray[np.intp]:
    """Places of the coefficients in a flat 8x8, from the lowest order to the highest; the mean,
    which has no use, comes last."""
    places = [(u + v or 2 * LOW, max(u, v), u, v) for u in range(LOW) for v in range(LOW)]
    return np.array([u * LOW + v for _, _, u, v in sorted(places)])


@functools.cache
def _mirror_mask() -> np.uint64:
    """The bits that change when a picture is mirrored left to right: odd waves along a row."""
    return np.uint64(_pack(_zigzag() % 2 == 1)[0] ^ np.uint64(1))


def crop_hashes(pictures: NDArray[np.generic]) -> Hashes:
    """Hashes (n, crops) of the standard crops of grey pictures (n, side, side)."""
    n, side, _ = pictures.shape
    values = pictures.astype(np.float32)
    if not n:
        return np.empty((0, len(standard_boxes())), np.uint64)
    found = []
    for stretches in _grid(side):
        count = len(stretches) // LOW
        # Picture by picture: products this small are not worth threads to the linear algebra
        # library, which would fight those of the other workers.
        both = stretches @ (values @ stretches.T)
        found.append(_grid_hashes(both.reshape(n, count, LOW, count, LOW)))
    return np.concatenate(found, axis=1)


def _grid_hashes(low: Floats) -> Hashes:
    """Hashes (n, crops) from coefficients by row, its wave, column, its wave."""
    n, count = low.shape[:2]
    bits = (low > 0).reshape(n, -1)[:, _grid_places(count)]
    return np.where(_is_plain(low), NO_HASH, _pack(bits).reshape(n, count, count)).reshape(n, -1)


@functools.cache
def _grid_places(count: int) -> NDArray[np.intp]:
    """Where the bits of the crops of one scale lie among its coefficients, shape (crops * 64,)."""
    place = np.arange(count * LOW * count * LOW).reshape(count, LOW, count, LOW)
    return place.transpose(0, 2, 1, 3).reshape(-1, LOW * LOW)[:, _zigzag()].ravel()


def _is_plain(low: Floats) -> NDArray[np.bool_]:
    """Which crops (n, rows, columns) have next to no contrast in their largest waves."""
    broad = low[:, :, :_BROAD, :, :_BROAD]
    energy = np.einsum("nyuxv,nyuxv->nyx", broad, broad)
    return energy - np.square(low[:, :, 0, :, 0]) < _LEAST_CONTRAST**2


def whole_hashes(
    pictures: NDArray[np.generic], way: int, free: int = FREE_BITS
) -> tuple[Hashes, Hashes]:
    """Hashes (n,) of whole grey pictures turned by `way`, and the keys that each may be found by.

    There are 2 to the power `free` of them. A picture too uniform has NO_HASH and keys of it.
    """
    n, side, _ = pictures.shape
    matrix = cosines(np.zeros(1), np.ones(1), side, LOW)[0]
    low = (matrix @ pictures.astype(np.float32) @ matrix.T).reshape(n, LOW * LOW)[:, _zigzag()]
    turned = _pack(low > 0) ^ (_mirror_mask() if way else NO_HASH)
    plain = np.square(low[:, :-1]).sum(axis=1) < _LEAST_CONTRAST**2
    hashes = np.where(plain, NO_HASH, turned)
    return hashes, _probe_keys(hashes, low[:, :KEY_BITS], free)


def keys_of(hashes: Hashes) -> Hashes:
    """The KEY_BITS highest bits of hashes."""
    return hashes >> np.uint64(64 - KEY_BITS)


def _pack(bits: NDArray[np.bool_]) -> Hashes:
    """Bits, 64 to a hash, as numbers; the last is always set, so that none is NO_HASH."""
    packed = np.packbits(bits.reshape(-1)).view(">u8").astype(np.uint64)
    return packed | np.uint64(1)


def _probe_keys(hashes: Hashes, low: Floats, free: int) -> Hashes:
    """Keys with every setting of the `free` bits whose coefficients are the smallest."""
    weakest = np.argpartition(np.abs(low), free, axis=1)[:, :free]
    flips = np.left_shift(np.uint64(1), (KEY_BITS - 1 - weakest).astype(np.uint64))
    keys = keys_of(hashes)[:, np.newaxis]
    for bit in range(free):
        keys = np.concatenate([keys, keys ^ flips[:, bit : bit + 1]], axis=1)
    return keys
