"""`pixmo export all` and `export cap`: files, settings that stay, locks, and following changes."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.release_plan import ExportConfig
from pipelines.splits import SplitStage
from schemas.locks import hold
from schemas.manifest import CARD, CROISSANT, MANIFEST, read_manifest
from schemas.records import Caption, Duplicate, Image, Split
from schemas.store import Store
from tests import toy_store as toy
from tests.tools.in_process import pixmo, refused
from tests.toy_store import caption, id_of, picture
from tools import recipe, stages
from tools.making import release as making
from tools.stages import Run

NAMES = tuple(f"{n}.png" for n in range(8))


def put(store: Store, *names: str) -> None:
    """Captioned pictures of these names."""
    toy.put_images(store, {name: picture(int(name.split(".")[0])) for name in names})
    toy.put_captions(store, [caption(name, f"A toy, {name}.") for name in names])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "store"))
    put(made, *NAMES)
    assert pixmo("dedupe", "--store", made.url, "--workers", "1").exit_code == 0
    return made


def export(store: Store, *words: object, verb: str = "all") -> str:
    done = pixmo("export", verb, "--store", store.url, "--workers", "1", *words)
    assert done.exit_code == 0, done.output
    return done.stdout


def released(store: Store) -> dict[str, str]:
    """The split of each released URL."""
    return {
        row["image_url"]: path.name.split("-")[0]
        for path in Path(store.url, "release", "cap").glob("*.parquet")
        for row in pq.read_table(path).to_pylist()
    }


@pytest.mark.parametrize("verb", ["all", "cap"])
def test_a_release_is_written_and_described(store: Store, verb: str) -> None:
    said = export(store, "--license", "cc0-1.0", "--validation", "0.5", verb=verb)
    assert "wrote 2 files" in said
    assert set(released(store).values()) == {"train", "validation"}
    for name in (CARD, CROISSANT, MANIFEST):
        assert Path(store.url, "release", name).exists()
    manifest = read_manifest(store.fs, store.path("release"))
    assert manifest.license == "cc0-1.0"
    assert sum(manifest.rows["cap"].values()) == len(NAMES)
    before = toy.stamps(Path(store.url, "release"))
    assert "wrote 0 files" in export(store, verb=verb)
    assert toy.stamps(Path(store.url, "release")) == before


def test_a_dry_run_does_nothing(store: Store) -> None:
    before = toy.stamps(Path(store.url))
    assert "the release has 0 files" in export(store, "--dry-run", "--license", "mit")
    assert toy.stamps(Path(store.url)) == before


def test_what_no_flag_names_stays_as_it_was(store: Store) -> None:
    right = ("--embedding-right", "all are my own")
    export(store, "--license", "mit", "--images", "url", "--test", "0.5", *right)
    splits = toy.rows(store, "splits", Split)
    export(store, "--rows-per-shard", "3")
    kept = making.recall_export(store)
    assert kept == ExportConfig("url", 3, "mit", embedding_right="all are my own")
    assert making.recall_splits(store).shares == (
        ("train", 0.5),
        ("validation", 0.0),
        ("test", 0.5),
    )
    assert toy.rows(store, "splits", Split) == splits
    export(store, "--images", "embed", "--embedding-right", "")
    assert making.recall_export(store) == ExportConfig("embed", 3, "mit")


def test_settings_of_a_store_that_was_never_exported(store: Store) -> None:
    assert making.recall_export(store) is None
    assert making.recall_splits(store) == recipe.SplitsRecipe()


@pytest.mark.parametrize("verb", ["export all", "export cap", "policy"])
def test_two_exports_at_once_are_refused(
    store: Store, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(store)
    before = toy.stamps(Path(store.url, "release"))
    with hold(store, "export"):
        (lease,) = Path(store.url, "locks", "export").iterdir()
        other = json.loads(lease.read_text()) | {"host": "elsewhere"}
        lease.with_name("0-of-1-elsewhere-1.json").write_text(json.dumps(other))
    words = [*verb.split(), "--store", store.url]
    said = refused(*words, status=3)
    assert "stage export, shard 0/1: process" in said
    assert pixmo(*words, "--dry-run").exit_code == 0, "a plan disturbs nobody"
    assert toy.stamps(Path(store.url, "release")) == before


def test_a_policy_that_drops_all_leaves_no_release_behind(store: Store, tmp_path: Path) -> None:
    export(store)
    put(store)
    done = pixmo("dedupe", "--store", store.url, "--workers", "1")
    assert done.exit_code == 0, done.output
    assert "nothing to release" in export(store)
    assert not [p for p in Path(store.url, "release").rglob("*") if p.is_file()]


def test_pictures_that_left_train_are_told_of(store: Store) -> None:
    assert "moved out of train" not in export(store)
    rows = toy.rows(store, "splits", Split)
    moved = [Split(r.image_id, "test", r.component_id, "train") for r in rows[:2]]
    toy.put(store, "splits", 0, Split, [*moved, *rows[2:]])
    said = " ".join(export(store).split())
    assert "2 pictures have moved out of train" in said


def test_everything_follows_what_was_taken_away(store: Store) -> None:
    export(
        store, "--license", "mit", "--images", "url", "--validation", "0.4", "--rows-per-shard", "3"
    )
    put(store, *NAMES[2:])
    before = {url: split for url, split in released(store).items() if url[-5] not in "01"}
    results = making.bring_up_to_date(Run(store, workers=1))
    assert [result.stage for result in results] == ["dedupe", "splits", "select-cap"]
    assert all(result.ran == 1 for result in results)
    assert released(store) == before
    assert {row.image_id for row in toy.rows(store, "duplicates", Duplicate)} == {
        id_of(name) for name in NAMES[2:]
    }
    manifest = read_manifest(store.fs, store.path("release"))
    assert (manifest.license, manifest.images) == ("mit", {"cap": "url"})
    assert sum(manifest.rows["cap"].values()) == 6
    assert [result.ran for result in making.bring_up_to_date(Run(store, workers=1))] == [0, 0, 0]


def test_nothing_follows_that_was_never_done(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    put(store, *NAMES)
    assert making.bring_up_to_date(Run(store)) == []
    assert store.tables() == ["captions", "images", "transcripts"]
    pixmo("dedupe", "--store", store.url, "--workers", "1")
    toy.put(store, "images", 1, Image, [toy.image("9.png", picture(9))])
    assert [r.ran for r in making.bring_up_to_date(Run(store, workers=1))] == [2]
    assert not Path(store.url, "release").exists()


def test_the_policy_of_last_time_is_followed_with_the_limits_of_today(
    store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("cap: {refusal_v1: null}")
    export(store, "--policy", path)
    place = Path(store.url, "stages", "select-cap.json")
    kept = json.loads(place.read_text())
    limits = dict(kept["policy"]["limits"])
    del limits["evaluation_picture_v1"]  # as an older version left it
    place.write_text(json.dumps(kept | {"policy": {"limits": list(limits.items())}}))
    put(store, *NAMES[1:])
    making.bring_up_to_date(Run(store, workers=1))
    (info,) = store.infos("selected/cap")
    names = {name for name, _ in info.config["limits"]}
    assert "evaluation_picture_v1" in names
    assert "refusal_v1" not in names


def test_the_selection_of_one_subset_remembers_the_policy_of_all(store: Store) -> None:
    stages.splits(Run(store), recipe.SplitsRecipe())
    policies = {"cap": (("refusal_v1", 2.0),)}
    (result,) = making.select_all(Run(store), policies, ("cap",))
    assert (result.stage, result.records) == ("select-cap", 8)
    (other,) = making.select_all(Run(store), policies, ("points",))
    assert (other.stage, other.ran, other.infos) == ("select-points", 0, ())


def test_grouping_stages_are_one_job(store: Store) -> None:
    """A shard of a run leaves them to a run of the whole."""
    assert {"dedupe", "splits", "select-cap", "export"} <= set(stages.GROUPING)
    run = Run(store, index=1, count=2)
    assert stages.splits(run, recipe.SplitsRecipe()).ran == 1
    assert making.select_all(run, {})[0].ran == 1
    assert store.infos(SplitStage.table)[0].records == len(toy.rows(store, "captions", Caption))
