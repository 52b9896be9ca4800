"""`pixmo points`, `point-explanations`, `ask-model-anything` on files, up to the release."""

import json
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from annotation.pull.stages import ANNOTATION_STAGES
from schemas.ids import image_id_of
from schemas.records import Image
from schemas.store import Store
from schemas.subsets import SUBSETS
from tests import toy_store as toy
from tests.tools.in_process import pixmo, refused
from tools import recipe
from tools.making.judged import judged_steps
from tools.stages import Run

SAMPLES = Path(__file__).parents[2] / "samples"
HOST = "http://samples.pixmo.test"
VERBS = {
    "points": "points",
    "point-explanations": "point_explanations",
    "ask-model-anything": "ask_model_anything",
}


def put_samples(store: Store) -> None:
    """The sample pictures under their URLs, as ingest would have them."""
    found = []
    for path in sorted((SAMPLES / "images").iterdir()):
        url = f"{HOST}/{path.name}"
        made = toy.image(path.name, path.read_bytes())
        facts = vars(made) | {"image_id": image_id_of(url), "image_url": url, "final_url": url}
        found.append(Image(**facts))
    toy.put(store, "images", 0, Image, found)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = Store(str(tmp_path_factory.mktemp("samples") / "store"))
    put_samples(made)
    for verb, kind in VERBS.items():
        done = pixmo(verb, "--store", made.url, "--annotations", annotations(kind))
        assert done.exit_code == 0, done.output
    assert pixmo("dedupe", "--store", made.url, "--workers", "1").exit_code == 0
    done = pixmo("export", "all", "--store", made.url, "--workers", "1", "--validation", "0.3")
    assert done.exit_code == 0, done.output
    return made


def annotations(kind: str) -> Path:
    return SAMPLES / "annotations" / f"{kind}.jsonl"


@pytest.mark.parametrize("kind", ["points", "point_explanations", "ask_model_anything"])
def test_the_samples_make_rows_of_every_subset(store: Store, kind: str) -> None:
    rows = sum(info.records for info in store.infos(f"selected/{kind}"))
    assert rows >= 10
    reasons = toy.reasons(store, f"annotations/{kind}")
    assert len(reasons) >= 3  # the rows that are wrong on purpose


@pytest.mark.parametrize("kind", ["points", "point_explanations", "ask_model_anything"])
def test_a_release_opens_with_the_published_columns(
    store: Store, kind: str, tmp_path: Path
) -> None:
    release = str(Path(store.url, "release"))
    opened = datasets.load_dataset(release, kind, cache_dir=str(tmp_path))
    rows = opened["train"]
    columns = SUBSETS[kind].columns
    assert rows.column_names == [*columns.names, "image"]
    assert rows.features.arrow_schema.remove(len(columns)).types == columns.types
    held = {row.image_url: row.image_sha256 for row in toy.rows(store, "images", Image)}
    for row in rows:
        assert row["image_sha256"] == held[row["image_url"]]
        if kind == "points":
            assert row["count"] == len(row["points"])
            assert all(0 <= p[axis] <= 100 for p in row["points"] for axis in "xy")


def test_the_audit_finds_nothing_in_the_subsets(store: Store) -> None:
    said = toy.findings(store, "images/")
    assert said == []
    done = pixmo("audit", "--release", f"{store.url}/release", "--workers", "1")
    assert done.exit_code == 0, done.output


def test_again_does_nothing_and_more_does_what_is_new(store: Store) -> None:
    before = toy.stamps(Path(store.url, "points"))
    for _ in range(2):
        pixmo("points", "--store", store.url, "--annotations", annotations("points"))
    assert toy.stamps(Path(store.url, "points")) == before


@pytest.fixture
def small(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "store"))
    toy.put_images(made, {"a.png": toy.picture(1)})
    return made


def published(path: Path, *labels: str) -> str:
    rows = [
        {
            "image_url": toy.url_of("a.png"),
            "points": [{"x": 1.0, "y": 2.0}],
            "count": 1,
            "label": label,
            "collection_method": "pointing",
        }
        for label in labels
    ]
    pq.write_table(pa.Table.from_pylist(rows, SUBSETS["points"].columns), path)
    return str(path)


def test_published_files_come_in(small: Store, tmp_path: Path) -> None:
    files = [published(tmp_path / f"{n}.parquet", n) for n in ("cup", "dog")]
    words: list[Any] = [word for path in files for word in ("--published", path)]
    done = pixmo("points", "--store", small.url, "--dry-run", *words)
    assert done.exit_code == 0
    assert small.infos("points") == []
    done = pixmo("points", "--store", small.url, *words)
    assert "published-points" in done.stdout
    assert sum(info.records for info in small.infos("points")) == 2


def test_refused_rows_are_told_of(small: Store, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\nno JSON\n', encoding="utf-8")
    done = pixmo("points", "--store", small.url, "--annotations", path)
    assert done.exit_code == 0
    assert "2 of 2 input rows were refused: 2 bad_row" in done.stderr
    assert "nothing to do" in done.stdout


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("flag", "name", "text"),
    [
        ("--annotations", "none.jsonl", None),
        ("--annotations", "a.json", "{"),
        ("--annotations", "a.json", '{"a": 1}'),
        ("--annotations", "a.txt", "text"),
        ("--published", "none.parquet", None),
        ("--published", "a.parquet", "no Parquet"),
        ("--published", "a.jsonl", '{"caption": 1}'),
    ],
)
def test_a_wrong_file_is_said_in_one_line(
    small: Store, tmp_path: Path, verb: str, flag: str, name: str, text: str | None
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert name in refused(verb, "--store", small.url, flag, path)


def test_too_many_rejects_fail_the_run(small: Store, tmp_path: Path) -> None:
    path = published(tmp_path / "p.parquet", "cup", "Cup", "CUP.")
    words = ("--store", small.url, "--published", path, "--max-rejects", "0.5")
    assert "2 of 3 inputs were rejected" in refused("points", *words, status=1)


def test_a_recipe_does_the_same(small: Store, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    section = {"published": [published(tmp_path / "p.parquet", "cup")]}
    values = {"store": small.url, "points": section, "ask_model_anything": {}}
    path.write_text(json.dumps(values), encoding="utf-8")
    steps = judged_steps(recipe.load_recipe(path))
    assert list(steps) == [
        *("annotations-points", "published-points", "points"),
        *("annotations-ask_model_anything", "published-ask_model_anything", "ask-model-anything"),
    ]
    results = [step(Run(small, workers=1)) for step in steps.values()]
    assert [result.records for result in results] == [0, 1, 1, 0, 0, 0]


def test_rules_of_the_recipe_hold_for_given_annotations(small: Store, tmp_path: Path) -> None:
    """Else a stage would be redone by turns, by the pull's rules and by the defaults."""
    path = tmp_path / "recipe.yaml"
    values = {
        "store": small.url,
        "pull": {"optional": True, "rules": {"most_points": 3}},
        "points": {"annotations": [str(annotations("points"))]},
    }
    path.write_text(json.dumps(values), encoding="utf-8")
    steps = judged_steps(recipe.load_recipe(path))
    steps["annotations-points"](Run(small, workers=1))
    (info, *_) = small.infos("annotations/points")
    assert info.config["most_points"] == 3
    pixmo("points", "--store", small.url)
    (info, *_) = small.infos("annotations/points")
    assert info.config["most_points"] == 3
    assert ANNOTATION_STAGES["points"].name in steps
