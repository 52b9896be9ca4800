"""Crops are found both ways round and mirrored; what they are is measured on real pictures."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.steps.crop_check import Fits, describe_box, fit_crops
from pipelines.steps.crop_index import CropCandidates, CropIndex
from pipelines.steps.crops import crop_hashes
from pipelines.steps.decode import DecodeLimits, decode_rgb
from pipelines.steps.phash import blank_mask, orient_grey
from schemas.judgment import Reject
from tests.toy_store import pixels

SAMPLES = Path(__file__).parents[3] / "samples" / "images"
LIMIT = 0.1


def shrink(picture: Image.Image, box: tuple[float, ...] | None = None) -> np.ndarray:
    """To 32x32 grey; `box` in shares: left, top, width, height."""
    if box:
        width, height = picture.size
        left, top, across, down = box
        edges = (left * width, top * height, (left + across) * width, (top + down) * height)
        return np.asarray(picture.resize((32, 32), Image.Resampling.LANCZOS, edges))
    return np.asarray(picture.resize((32, 32), Image.Resampling.LANCZOS))


def toy(seed: int) -> Image.Image:
    return Image.fromarray(pixels(seed, 240, 240)).convert("L")


def index_of(grey: np.ndarray) -> CropIndex:
    return CropIndex(grey, crop_hashes(grey))


def fits_of(seen: CropCandidates, ours: np.ndarray, theirs: np.ndarray) -> Fits:
    whole = seen.within[:, None, None]
    inner = np.where(whole, ours[seen.row], theirs[seen.item])
    inner = np.where((seen.way == 1)[:, None, None], orient_grey(inner, 1), inner)
    return fit_crops(inner, np.where(whole, theirs[seen.item], ours[seen.row]), seen.box)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("within", [True, False])
def test_a_crop_is_found_both_ways_round(within: bool, mirrored: bool) -> None:
    wholes = np.stack([shrink(toy(seed)) for seed in range(20)])
    crops = np.stack([shrink(toy(seed), (0.1, 0.15, 0.75, 0.75)) for seed in range(20)])
    ours, theirs = (crops, wholes) if within else (wholes, crops)
    ours = orient_grey(ours, 1) if mirrored else ours
    seen = index_of(theirs).candidates(ours)
    fits = fits_of(seen, ours, theirs)
    good = (fits.difference <= LIMIT) & (seen.row == seen.item)
    assert len(set(seen.row[good])) >= 14, "smooth random pictures are harder than real ones"
    assert set(seen.within[good]) == {within}
    assert set(seen.way[good]) == {int(mirrored)}
    unlike = (fits.difference <= LIMIT) & (seen.row != seen.item)
    assert not unlike.any()


def test_the_rectangle_is_climbed_to() -> None:
    picture = toy(3)
    box = (0.09, 0.17, 0.71, 0.78)
    crop, whole = shrink(picture, box)[None], shrink(picture)[None]
    seen = index_of(whole).candidates(crop)
    fits = fits_of(seen, crop, whole)
    assert fits.difference.min() < 0.02
    assert np.allclose(fits.boxes[fits.difference.argmin()], box, atol=0.04)
    assert describe_box(np.array(box)) == "71% x 78% at 9%, 17%"


def test_uniform_pictures_and_no_pictures_have_no_candidates() -> None:
    plain = np.full((3, 32, 32), 180, np.uint8)
    some = np.stack([shrink(toy(seed)) for seed in range(3)])
    assert not len(index_of(plain).candidates(some).row)
    assert not len(index_of(some).candidates(plain).row)
    assert not len(index_of(some[:0]).candidates(some).row)
    assert not len(index_of(some).candidates(some[:0]).row)


def unlike_pictures(*folders: Path) -> list[Image.Image]:
    """Decodable pictures of the folders; of those that share something, the first."""
    kept: list[Image.Image] = []
    paths = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    for path in paths:
        found = decode_rgb(path.read_bytes(), DecodeLimits())
        if isinstance(found, Reject):
            continue
        picture = found.convert("L")
        picture.thumbnail((256, 256), Image.Resampling.LANCZOS)
        grey = shrink(picture)[None]
        if blank_mask(grey)[0] or min(picture.size) < 64:
            continue
        if kept:
            known = np.stack([shrink(other) for other in kept])
            seen = index_of(known).candidates(
                np.concatenate([orient_grey(grey, way) for way in range(8)])
            )
            turned = np.concatenate([orient_grey(grey, way) for way in range(8)])
            alike = np.corrcoef(np.concatenate([turned, known]).reshape(8 + len(known), -1))
            if (alike[:8, 8:] > 0.8).any() or (fits_of(seen, turned, known).difference < 0.3).any():
                continue
        kept.append(picture)
    return kept


def random_box(rng: np.random.Generator, by_area: bool, free: bool) -> tuple[float, ...]:
    """A crop that keeps 60% to 95% of the area or of each side, of any or of its own shape."""
    while True:
        kept = rng.uniform(0.6, 0.95)
        side = np.sqrt(kept) if by_area else kept
        stretch = np.exp(rng.uniform(-1, 1) * np.log(4 / 3) / 2) if free else 1.0
        width, height = side * stretch, side / stretch
        if width <= 1 and height <= 1:
            return rng.uniform(0, 1 - width), rng.uniform(0, 1 - height), width, height


# What docs/decontamination.md says, less the chance of other draws.
RECALL = {(True, False): 0.86, (False, False): 0.77, (True, True): 0.65, (False, True): 0.57}


def test_recall_and_false_alarms_on_real_pictures(test_data: Path) -> None:
    odd = test_data / "images_odd"
    pictures = unlike_pictures(SAMPLES, test_data / "neardup", odd / "photos", test_data / "charts")
    assert len(pictures) >= 40
    known = np.stack([shrink(picture) for picture in pictures])
    index, rng = index_of(known), np.random.default_rng(0)
    for (by_area, free), least in RECALL.items():
        owner = np.repeat(np.arange(len(pictures)), 5)
        boxes = [random_box(rng, by_area, free) for _ in owner]
        crops = np.stack([shrink(pictures[at], box) for at, box in zip(owner, boxes, strict=True)])
        seen = index.candidates(crops)
        good = fits_of(seen, crops, known).difference <= LIMIT
        own = owner[seen.row] == seen.item
        assert len(set(seen.row[good & own])) >= least * len(owner), (by_area, free)
        assert not (good & ~own).any()
