"""Detectors: which boxes are kept, what is missing is said in a line, and the real NanoDet."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pipelines.services.detector import (
    Detector,
    DetectorConfig,
    detector_name,
    load_detector,
)
from pipelines.services.models import verify_model
from pipelines.services.nanodet import LABELS, NanoDet, best_boxes
from pipelines.steps.decode import DecodeLimits, decode_rgb
from schemas.errors import MissingPart, UsageError

SAMPLES = Path(__file__).parents[3] / "samples" / "images"


def scores(**by_label: float) -> list[float]:
    found = [0.0] * len(LABELS)
    for label, score in by_label.items():
        found[LABELS.index(label)] = score
    return found


# --- which boxes are kept


def test_there_are_the_eighty_classes_of_coco() -> None:
    assert len(LABELS) == len(set(LABELS)) == 80
    assert LABELS[0] == "person"
    assert LABELS[39:41] == ("bottle", "wine glass")
    assert LABELS[-1] == "toothbrush"
    assert all(label == " ".join(label.split()) for label in LABELS)


def test_a_place_is_one_object_of_its_best_class() -> None:
    boxes = np.array([[0, 0, 50, 50], [1, 0, 50, 50], [60, 60, 90, 90]], np.float32)
    classes = np.array([scores(cat=0.9, dog=0.8), scores(cat=0.7), scores(dog=0.5)], np.float32)
    found = best_boxes(boxes, classes, 0.2, 0.6, 10)
    assert [(box.label, box.score, box.left) for box in found] == [
        ("cat", 0.9, 0),
        ("dog", 0.5, 60),
    ]


def test_classes_do_not_suppress_each_other() -> None:
    boxes = np.array([[0, 0, 50, 50], [0, 0, 50, 50]], np.float32)
    classes = np.array([scores(cat=0.9), scores(dog=0.8)], np.float32)
    assert len(best_boxes(boxes, classes, 0.2, 0.6, 10)) == 2
    assert len(best_boxes(boxes, classes, 0.2, 0.6, 1)) == 1
    assert len(best_boxes(boxes, classes, 0.85, 0.6, 10)) == 1


def test_boxes_without_area_are_no_objects() -> None:
    boxes = np.array([[0, 0, 0, 50], [100, 100, 100, 100]], np.float32)
    assert best_boxes(boxes, np.array([scores(cat=0.9)] * 2, np.float32), 0.2, 0.6, 10) == ()


# --- what is missing or wrong


def test_names_of_detectors_carry_their_weights() -> None:
    assert detector_name(DetectorConfig()) == "nanodet@5d0e4f8c"
    with pytest.raises(UsageError, match=r"the model base is no detector: .*; one is nanodet"):
        detector_name(DetectorConfig("base"))
    with pytest.raises(UsageError, match="no model named 'yolo'"):
        detector_name(DetectorConfig("yolo"))


@pytest.mark.parametrize("values", [{"lowest_score": 1.1}, {"max_overlap": -1}, {"most_boxes": 0}])
def test_settings_out_of_range_are_named(values: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=rf"detector\.{next(iter(values))} is"):
        DetectorConfig(**values)  # type: ignore[arg-type]


def test_a_model_that_is_not_here_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIXMO_CACHE", str(tmp_path))
    with pytest.raises(MissingPart, match="run: pixmo models fetch nanodet"):
        load_detector(DetectorConfig())


@pytest.mark.parametrize(
    ("module", "said"),
    [("onnxruntime", "ONNX Runtime: pip install"), ("onnx", "the package onnx: pip install")],
)
@pytest.mark.slow
def test_a_package_that_is_not_here_is_named(
    module: str,
    said: str,
    model_folder: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model_folder("nanodet")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingPart, match=said):
        load_detector(DetectorConfig())


# --- the real network


@pytest.fixture(scope="module")
def detector(model_folder: Callable[[str], Path]) -> Detector:
    model_folder("nanodet")
    return load_detector(DetectorConfig())


def sample(name: str) -> NDArray[np.uint8]:
    picture = decode_rgb((SAMPLES / name).read_bytes(), DecodeLimits())
    assert isinstance(picture, Image.Image)
    return np.asarray(picture)


@pytest.mark.slow
def test_the_weights_are_whole(detector: Detector) -> None:
    assert verify_model("nanodet") == ()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "label", "least", "box"),
    [
        ("hopper.jpg", "person", 0.8, (3, 1, 100, 100)),
        ("horse.png", "horse", 0.6, (4, 2, 99, 96)),
        ("chelsea.jpg", "cat", 0.5, (0, 0, 98, 98)),
    ],
)
def test_it_finds_what_is_in_the_samples(
    detector: Detector, name: str, label: str, least: float, box: tuple[float, ...]
) -> None:
    best = detector.detect(sample(name))[0]
    assert best.label == label
    assert best.score > least
    assert (best.left, best.top, best.right, best.bottom) == pytest.approx(box, abs=5)


@pytest.mark.slow
def test_boxes_follow_the_picture(detector: Detector) -> None:
    """A mirrored picture has mirrored boxes, a padded one boxes where the picture lies in it."""
    pixels = sample("horse.png")
    own = detector.detect(pixels)[0]
    mirrored = detector.detect(np.ascontiguousarray(pixels[:, ::-1]))[0]
    assert (mirrored.left, mirrored.right) == pytest.approx(
        (100 - own.right, 100 - own.left), abs=3
    )
    wide = np.full((pixels.shape[0], pixels.shape[1] * 2, 3), 255, np.uint8)
    wide[:, pixels.shape[1] :] = pixels
    right = detector.detect(wide)[0]
    assert (right.label, right.left) == ("horse", pytest.approx(50 + own.left / 2, abs=3))
    assert (right.top, right.bottom) == pytest.approx((own.top, own.bottom), abs=5)


@pytest.mark.slow
def test_many_oranges_are_many(detector: Detector) -> None:
    found = detector.detect(sample("oranges.jpg"))
    assert sum(box.label == "orange" and box.score > 0.4 for box in found) >= 4
    assert all(
        0 <= box.left < box.right <= 100 and 0 <= box.top < box.bottom <= 100 for box in found
    )


@pytest.mark.slow
def test_threads_share_one_network(detector: Detector) -> None:
    pixels = sample("horse.png")
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(detector.detect, [pixels] * 8))) == 1


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1, 1), (3000, 1), (1, 3000)])
def test_odd_sizes_are_no_trouble(detector: Detector, size: tuple[int, int]) -> None:
    assert isinstance(detector, NanoDet)
    for box in detector.detect(np.zeros((*size, 3), np.uint8)):
        assert box.score <= 1
