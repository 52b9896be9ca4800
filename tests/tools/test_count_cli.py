"""`pixmo count` from pictures to a release, with the real detector, and what it refuses."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines import detect
from pipelines.splits import SplitStage
from pipelines.steps.count_rules import CountConfig
from schemas.annotations import CountAnnotation, Point, Work
from schemas.errors import UsageError
from schemas.records import Selected
from schemas.store import Store
from schemas.subset_records import Detections, ObjectCount
from tests import toy_store as toy
from tests.tools.in_process import pixmo, refused
from tools.audit import audit
from tools.recipe import CountRecipe, load_recipe
from tools.steps import steps_of

SAMPLES = Path(__file__).parents[2] / "samples" / "images"
NAMES = ("hopper.jpg", "horse.png", "oranges.jpg", "brick.jpg")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "store"))
    toy.put_images(made, {name: (SAMPLES / name).read_bytes() for name in NAMES})
    return made


def test_settings_and_detectors_that_are_none_are_refused_in_a_line(store: Store) -> None:
    assert "no model named 'yolo'" in refused("count", "--store", store.url, "--detector", "yolo")
    assert "is no detector" in refused("count", "--store", store.url, "--detector", "tiny.en")
    assert "threshold is 1" in refused("count", "--store", store.url, "--threshold", "1")
    assert not store.part_numbers("detections")


def test_without_its_model_it_says_how_to_get_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIXMO_CACHE", str(tmp_path / "empty"))
    detect._loaded.cache_clear()
    said = refused("count", "--store", store.url)
    assert "to get it, run: pixmo models fetch nanodet" in said


def test_a_dry_run_counts_what_is_to_do(store: Store) -> None:
    done = pixmo("count", "--store", store.url, "--dry-run")
    assert done.exit_code == 0
    (line,) = [line for line in done.output.splitlines() if line.strip().startswith("detect ")]
    assert line.split()[1:4] == ["0", "1", "4"]
    assert not store.part_numbers("detections")


@pytest.mark.slow
def test_from_pictures_to_a_release(store: Store, model_folder: Callable[[str], Path]) -> None:
    model_folder("nanodet")
    done = pixmo("count", "--store", store.url, "--per-count", 1)
    assert done.exit_code == 0, done.output
    labels = {row.image_id: row.label for row in toy.rows(store, "count", ObjectCount)}
    assert labels == {
        toy.id_of("hopper.jpg"): "person",
        toy.id_of("horse.png"): "horse",
        toy.id_of("oranges.jpg"): "orange",
    }
    assert len(toy.rows(store, "detections", Detections)) == 4
    assert toy.reasons(store, "count") == {"nothing_detected": 1}

    # A person counts three things in each, and all four pictures are in test.
    points = tuple(Point(10.0 * n, 50.0) for n in range(3))
    work = Work("1:1", "key", "ada", "count_v1", 2.0, "2026-01-01")
    people = [
        CountAnnotation(f"i-{n}", toy.id_of(n), "thing", 3, 1, points, "test", work) for n in NAMES
    ]
    toy.put(store, "annotations/count", 0, CountAnnotation, people)
    pixmo("dedupe", "--store", store.url)
    toy.run(SplitStage((("train", 0.0), ("validation", 0.0), ("test", 1.0))), store)
    done = pixmo("count", "--store", store.url, "--per-count", 1)
    assert "test" in done.output
    rows = toy.rows(store, "count", ObjectCount)
    assert [(row.count, row.checked) for row in rows] == [(3, True)] * 4
    done = pixmo("export", "count", "--store", store.url, "--images", "url")
    assert done.exit_code == 0, done.output
    assert len(toy.rows(store, "selected/count", Selected)) == 1
    assert toy.reasons(store, "selected/count") == {"surplus_of_count": 3}
    ours = ("annotations", "images")
    assert not [f for f in audit(store) if not f.place.startswith(ours)]


def test_a_recipe_has_the_same_settings(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("store: out/\ncount:\n  counts: {threshold: 0.5, per_count: 9}\n")
    loaded = load_recipe(file)
    assert loaded.count == CountRecipe(counts=CountConfig(0.5, 9))
    names = list(steps_of(loaded))
    assert names.index("detect") < names.index("count") < names.index("select-count")
    file.write_text("store: out/\ncount:\n  detector: {model: tiny.en}\n")
    with pytest.raises(UsageError, match=r"recipe.yaml: the model tiny.en is no detector"):
        load_recipe(file)
