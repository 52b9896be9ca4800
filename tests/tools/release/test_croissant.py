"""Croissant metadata: a validator accepts them, and a reader finds the rows by way of them."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.store import Store
from schemas.subsets import SUBSET_OF_CONFIG
from tests import toy_store as toy
from tests.tools.release import toy_release
from tests.tools.release.toy_release import CONFIG
from tools.release.describe import describe_release

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

XY = {"x": 12.5, "y": 99.0}
ROWS: dict[str, dict[str, Any]] = {
    "points": {
        "image_url": "u",
        "image_sha256": "s",
        "points": [XY, {"x": 1.0, "y": 2.0}],
        "count": 2,
        "label": "cat",
        "collection_method": "pointing",
    },
    "point_explanations": {
        "image_url": "u",
        "question": "where?",
        "response": "there",
        "points": [[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0]]],
        "inline_text": ["a", "b"],
        "alt_text": [],
    },
    "docs_charts": {
        "image": {"bytes": toy.picture(1), "path": "x.png"},
        "image_id": "i",
        "questions": {"question": ["q"], "answer": ["a"]},
    },
    "clocks": {"example_id": "e", "shows_seconds": True, "hour_visible": 3, "text": "t"},
    "count": {"image_url": "u", "count": 1, "points": {"x": [12.5], "y": [99.0]}, "label": "cat"},
    "ask_model_anything": {"image_url": "u", "question": "q", "answer": None},
    "cap_qa": {"image_url": "u", "question": "q", "answer": "a", "messages": ["m"]},
}


@pytest.fixture(scope="module")
def mlc() -> Any:
    return pytest.importorskip("mlcroissant")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = toy_release.release(str(tmp_path_factory.mktemp("croissant") / "out"))
    for config, row in ROWS.items():
        toy_release.put_config(made, config, [row], "train")
    describe_release(made, CONFIG)
    return made


def place(store: Store) -> Path:
    return Path(store.url, "release", "croissant.json")


def test_a_validator_has_nothing_to_say(store: Store, mlc: Any, caplog: Any) -> None:
    issues = mlc.Dataset(jsonld=place(store)).metadata.ctx.issues
    assert not issues.errors
    assert not issues.warnings
    assert not caplog.records  # it logs about what is not standard


def test_rows_are_read_by_way_of_it(store: Store, mlc: Any) -> None:
    dataset = mlc.Dataset(jsonld=place(store))
    rows = list(dataset.records("cap"))
    assert sorted(row["cap/split"] for row in rows) == [b"test", b"train"]
    by_url = {row["cap/image_url"].decode(): row for row in rows}
    row = by_url[toy.url_of("a")]
    assert row["cap/caption"] == b"A toy."
    assert row["cap/transcripts"] == [b"um, A toy."]
    assert row["cap/image"].size == (96, 72)
    (only,) = dataset.records("cap", filters={"cap/split": "test"})
    assert only["cap/image_url"].decode() == toy.url_of("bb")
    assert list(dataset.records("cap-splits")) == [
        {"cap-splits/name": "train"},
        {"cap-splits/name": "test"},
    ]


def test_every_kind_of_column_is_read(store: Store, mlc: Any) -> None:
    dataset = mlc.Dataset(jsonld=place(store))
    (points,) = dataset.records("points")
    assert points["points/points"] == [
        {"points/points/x": 12.5, "points/points/y": 99.0},
        {"points/points/x": 1.0, "points/points/y": 2.0},
    ]
    assert points["points/count"] == 2
    (row,) = dataset.records("point_explanations")
    assert row["point_explanations/points"] == ROWS["point_explanations"]["points"]
    assert row["point_explanations/image_sha256"] is None
    (row,) = dataset.records("docs_charts")
    assert row["docs_charts/image"].size == (96, 72)
    assert row["docs_charts/questions"] == {
        "docs_charts/questions/question": [b"q"],
        "docs_charts/questions/answer": [b"a"],
    }
    (row,) = dataset.records("clocks")
    assert (row["clocks/shows_seconds"], row["clocks/hour_visible"]) == (True, 3)
    for config in ("count", "ask_model_anything", "cap_qa"):
        assert len(list(dataset.records(config))) == 1


def test_each_file_has_its_checksum(store: Store) -> None:
    document = json.loads(place(store).read_text(encoding="utf-8"))
    files = [part for part in document["distribution"] if part["@type"] == "cr:FileObject"]
    assert len(files) == len(ROWS) + 2
    for file in files:
        data = (place(store).parent / file["contentUrl"]).read_bytes()
        assert file["sha256"] == hashlib.sha256(data).hexdigest()
        assert file["contentSize"] == f"{len(data)} B"


def test_what_it_says_of_the_whole(store: Store) -> None:
    document = json.loads(place(store).read_text(encoding="utf-8"))
    assert document["name"] == CONFIG.title
    assert document["license"] == "https://creativecommons.org/licenses/by/4.0/"
    assert document["datePublished"] == "2026-01-03"  # of the newest picture
    assert document["inLanguage"] == ["en"]
    assert document["url"] == "./"
    sets = [record["@id"] for record in document["recordSet"]]
    configs = [name for name in SUBSET_OF_CONFIG if name in {"cap", *ROWS}]
    assert sets == [name for config in configs for name in (f"{config}-splits", config)]


def test_the_command_does_not_need_the_validator() -> None:
    code = "import tools.cli, sys; assert 'mlcroissant' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
