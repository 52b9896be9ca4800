"""Stage detect: with a toy that finds one thing per colour, and with the real detector."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines import detect as stage_module
from pipelines.count import Count
from pipelines.detect import Detect
from pipelines.services.detector import DetectorConfig
from schemas.errors import MissingPart
from schemas.records import Image
from schemas.store import Store
from schemas.subset_records import DetectedBox, Detections, ObjectCount
from tests import toy_store as toy
from tests.tools.in_process import pixmo
from tests.toy_store import id_of

STAGE = Detect(max_rejects=1.0)


class Eye:
    """Finds one thing, as wide as the picture is high, and keeps which threads asked."""

    def __init__(self) -> None:
        self.threads: set[str] = set()

    def detect(self, pixels: NDArray[np.uint8]) -> tuple[DetectedBox, ...]:
        height, width, channels = pixels.shape
        assert (pixels.dtype, channels) == (np.uint8, 3)
        self.threads.add(threading.current_thread().name)
        return (DetectedBox("toy", 0.9, 0.0, 0.0, min(100.0, 100.0 * height / width), 100.0),)


@pytest.fixture
def eye(monkeypatch: pytest.MonkeyPatch) -> Eye:
    made = Eye()
    monkeypatch.setattr(stage_module, "_loaded", lambda config: made)
    return made


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def found(store: Store) -> dict[str, Detections]:
    return {row.image_id: row for row in toy.rows(store, "detections", Detections)}


def test_every_picture_is_looked_at_once(store: Store, eye: Eye) -> None:
    names = {f"p{n}": toy.picture(n) for n in range(12)}
    toy.put_images(store, names, {"q": toy.picture(99, width=48)})
    result = toy.run(STAGE, store)
    assert (result.rows_in, result.records, result.ran) == (13, 13, 2)
    assert set(found(store)) == {id_of(name) for name in [*names, "q"]}
    assert found(store)[id_of("p3")].detector == "nanodet@5d0e4f8c"
    assert found(store)[id_of("p3")].boxes[0].right == 75
    assert toy.run(STAGE, store).ran == 0
    assert not toy.findings(store, "images")


def test_another_setting_or_detector_looks_again(store: Store, eye: Eye) -> None:
    toy.put_images(store, {"a": toy.picture(1)})
    toy.run(STAGE, store)
    assert toy.run(Detect(DetectorConfig(lowest_score=0.3), 1.0), store).ran == 1
    assert toy.run(Detect(DetectorConfig(lowest_score=0.3), 0.5), store).ran == 0


def test_what_cannot_be_decoded_is_a_reject(store: Store, eye: Eye) -> None:
    damaged = replace(toy.image("cut", toy.picture(3)), bytes=toy.picture(3)[:60])
    toy.put(store, "images", 0, Image, [toy.image("good", toy.picture(1)), damaged])
    assert toy.run(STAGE, store).records == 1
    (row,) = toy.rejects(store, "detections")
    assert (row.key, row.stage, row.reason) == (id_of("cut"), "detect", "truncated")
    assert json.loads(row.row)["image_url"] == toy.url_of("cut")


def test_without_its_model_the_run_says_how_to_get_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIXMO_CACHE", str(tmp_path / "empty"))
    stage_module._loaded.cache_clear()
    toy.put_images(store, {"a": toy.picture(1)})
    with pytest.raises(MissingPart, match="pixmo models fetch nanodet"):
        toy.run(STAGE, store)


@pytest.mark.slow
def test_the_real_detector_on_samples(store: Store, model_folder: Callable[[str], Path]) -> None:
    model_folder("nanodet")
    stage_module._loaded.cache_clear()
    folder = Path(__file__).parents[2] / "samples" / "images"
    names = ("hopper.jpg", "horse.png", "brick.jpg")
    toy.put_images(store, {name: (folder / name).read_bytes() for name in names})
    assert toy.run(STAGE, store).records == 3
    best = {name: found(store)[id_of(name)].boxes[:1] for name in names}
    assert [box.label for name in names for box in best[name]] == ["person", "horse"]


def test_a_takedown_asks_no_detector_again(store: Store, eye: Eye) -> None:
    names = {f"p{n}": toy.picture(n) for n in range(3)}
    toy.put_images(store, names)
    toy.run(STAGE, store)
    toy.run(Count(), store)
    pixmo("takedown", "--store", store.url, "--reason", "asked", "--url", toy.url_of("p1"))
    assert set(found(store)) == {id_of("p0"), id_of("p2")}
    assert {row.image_id for row in toy.rows(store, "count", ObjectCount)} == set(found(store))
    assert toy.run(STAGE, store).ran == 0
    assert toy.run(Count(), store).ran == 0
