"""Hashes of crops come from the whole picture, and a mirrored picture has known ones."""

import numpy as np
import pytest
from PIL import Image

from pipelines.steps.crops import (
    FREE_BITS,
    NO_HASH,
    cosines,
    crop_hashes,
    keys_of,
    standard_boxes,
    whole_hashes,
)
from pipelines.steps.phash import orient_grey
from tests.toy_store import pixels


def grey(seed: int, side: int = 32) -> np.ndarray:
    picture = Image.fromarray(pixels(seed, 256, 256)).convert("L")
    return np.asarray(picture.resize((side, side), Image.Resampling.LANCZOS))


def test_standard_crops_lie_inside_and_reach_every_edge() -> None:
    boxes = standard_boxes()
    assert len(set(boxes)) == len(boxes) == 148
    for scale in {box.width for box in boxes}:
        own = [box for box in boxes if box.width == scale]
        assert {box.height for box in own} == {scale}
        assert min(box.left for box in own) == 0
        assert max(box.top + box.height for box in own) == pytest.approx(1)


@pytest.mark.parametrize(("start", "length"), [(0.0, 1.0), (0.13, 0.62), (0.38, 0.62)])
def test_cosines_are_integrals_over_pixels(start: float, length: float) -> None:
    matrix = cosines(np.array([start]), np.array([length]), 32, 8)[0]
    fine = (np.arange(32 * 500) + 0.5) / (32 * 500)
    inside = (fine >= start) & (fine < start + length)
    for order in range(8):
        wave = np.cos(np.pi * order * (fine - start) / length) * (np.sqrt(2) if order else 1)
        sums = np.where(inside, wave, 0).reshape(32, 500).sum(axis=1) / (32 * 500 * length)
        assert np.allclose(matrix[order], sums, atol=1e-3)


def test_a_crop_hashes_like_the_picture_that_it_is() -> None:
    large = grey(3, 256)
    hashes = crop_hashes(grey(3)[np.newaxis])[0]
    apart = []
    for box, hashed in zip(standard_boxes(), hashes, strict=True):
        edges = (box.left, box.top, box.left + box.width, box.top + box.height)
        cut = Image.fromarray(large).resize(
            (32, 32), Image.Resampling.LANCZOS, tuple(256 * edge for edge in edges)
        )
        whole = whole_hashes(np.asarray(cut)[np.newaxis], 0)[0][0]
        apart.append(int(np.bitwise_count(whole ^ hashed)))
    assert np.median(apart) <= 4
    assert max(apart) <= 14


def test_a_mirrored_picture_has_the_hash_that_turning_says() -> None:
    pictures = np.stack([grey(seed) for seed in range(8)])
    mirrored = orient_grey(pictures, 1)
    assert np.array_equal(whole_hashes(mirrored, 0)[0], whole_hashes(pictures, 1)[0])
    assert not np.array_equal(whole_hashes(pictures, 0)[0], whole_hashes(pictures, 1)[0])


def test_keys_are_the_weakest_bits_either_way() -> None:
    hashes, keys = whole_hashes(grey(1)[np.newaxis], 0)
    assert len(set(keys[0].tolist())) == 2**FREE_BITS
    assert keys_of(hashes)[0] in keys[0]
    changed = np.bitwise_or.reduce(keys[0] ^ keys[0, 0])
    assert np.bitwise_count(changed) == FREE_BITS


def test_what_is_uniform_has_no_hash() -> None:
    plain = np.full((1, 32, 32), 200, np.uint8)
    assert (crop_hashes(plain) == NO_HASH).all()
    assert whole_hashes(plain, 0)[0][0] == NO_HASH
    half = plain.copy()
    half[0, :, :4] = 0  # all but crops that begin at the left edge are uniform
    hashes = crop_hashes(half)[0]
    left = np.array([box.left for box in standard_boxes()])
    assert (hashes[left > 0.2] == NO_HASH).all()
    assert (hashes[left == 0] != NO_HASH).all()
