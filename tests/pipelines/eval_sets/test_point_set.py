"""The evaluation set points: held-out rows, masks in every form, cases, and what is left out."""

import io
import json
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from pipelines.eval_sets.point_files import COLUMNS, masks_column
from schemas.annotations import Point
from schemas.records import Image as Stored
from schemas.records import Selected
from schemas.store import Store
from schemas.subset_records import PointSet
from schemas.subsets import SUBSETS
from tests import toy_store as toy
from tests.tools.in_process import pixmo, refused

SIZE = (96, 72)


def point_set(key: str, name: str, label: str, *places: tuple[float, float]) -> PointSet:
    points = tuple(Point(x, y) for x, y in places)
    made = (points, len(points), "pointing", (), (f"item-{key}",), "annotated", "points_v1")
    return PointSet(key, toy.id_of(name), toy.url_of(name), label, *made)


ROWS = [
    (point_set("1", "a.png", "Cups", (10, 10), (90, 90)), "validation"),
    (point_set("2", "a.png", "dog"), "validation"),
    (point_set("3", "b.png", "spoon", (50, 50)), "test"),
    (point_set("4", "b.png", "fork", (50, 50)), "test"),
    (point_set("5", "c.png", "train only", (50, 50)), "train"),
]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "store"))
    toy.put_images(made, {n: toy.picture(k) for k, n in enumerate(("a.png", "b.png", "c.png"))})
    toy.put(made, "points", 0, PointSet, [row for row, _ in ROWS])
    chosen = [Selected(row.point_set_id, row.image_id, split) for row, split in ROWS]
    toy.put(made, "selected/points", 0, Selected, chosen)
    return made


def build(store: Store, folder: Path, *words: object) -> str:
    done = pixmo("eval-set", "points", "--store", store.url, "--output", folder, *words)
    assert done.exit_code == 0, done.output
    return done.stdout


def opened(folder: Path, cache: Path) -> Any:
    return datasets.load_dataset(str(folder), split="test", cache_dir=str(cache))


def box(x0: int, y0: int, x1: int, y1: int) -> list[list[int]]:
    return [[x0, y0, x1, y0, x1, y1, x0, y1]]


def write_masks(folder: Path, *more: Any) -> Path:
    folder.mkdir()
    picture = Image.new("L", SIZE)
    picture.paste(255, (40, 30, 56, 42))
    picture.save(folder / "spoon.png")
    whole = {"size": [72, 96], "counts": [0, 96 * 72]}
    rows = [
        {"image_url": toy.url_of("a.png"), "label": "cups", "polygons": box(80, 60, 95, 71)},
        {"image_id": toy.id_of("a.png"), "label": "CUPS", "rle": whole},
        {"image_url": toy.url_of("b.png"), "label": "spoon", "png": "spoon.png"},
        *more,
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "masks.jsonl").write_text(text, encoding="utf-8")
    return folder


def rejects(folder: Path) -> dict[str, int]:
    found = [row["reason"] for row in pq.read_table(folder / "rejects.parquet").to_pylist()]
    return {reason: found.count(reason) for reason in sorted(set(found))}


def test_without_masks_every_held_out_row_is_in(store: Store, tmp_path: Path) -> None:
    said = build(store, tmp_path / "set")
    assert "points without masks 3" in " ".join(said.split())
    rows = opened(tmp_path / "set", tmp_path / "cache")
    assert [row["label"] for row in rows] == sorted_labels({"Cups", "dog", "spoon", "fork"})
    assert all(row["masks"] == [] for row in rows)
    assert {row["image"].size for row in rows} == {SIZE}
    lineage = pq.read_table(tmp_path / "set" / "lineage" / "test-00000-of-00001.parquet")
    assert set(lineage["split"].to_pylist()) == {"validation", "test"}
    assert rejects(tmp_path / "set") == {}
    assert "Do not train" in (tmp_path / "set" / "README.md").read_text(encoding="utf-8")


def sorted_labels(labels: set[str]) -> list[str]:
    rows = sorted((row.image_id, row.label) for row, _ in ROWS if row.label in labels)
    return [label for _, label in rows]


def test_columns_are_those_of_points_eval(store: Store, tmp_path: Path) -> None:
    build(store, tmp_path / "set", "--images", "url")
    schema = pq.read_schema(tmp_path / "set" / "data" / "test-00000-of-00001.parquet")
    names = ["image_url", "image_sha256", "label", "points", "masks"]
    assert schema.names == names
    points = SUBSETS["points"].columns
    for name in ("image_url", "image_sha256", "label", "points"):
        assert schema.field(name).type == points.field(name).type
    assert schema.field("masks").type == pa.list_(pa.list_(pa.list_(pa.bool_())))
    features = opened(tmp_path / "set", tmp_path / "cache").features
    nested = datasets.List(datasets.List(datasets.List(datasets.Value("bool"))))
    assert features["masks"] == nested


def test_masks_go_with_their_points(store: Store, tmp_path: Path) -> None:
    masks = write_masks(tmp_path / "masks")
    said = " ".join(build(store, tmp_path / "set", "--masks", masks).split())
    assert "points with masks 2" in said
    assert "not in the picture 1" in said
    assert "1 no_mask" in said  # of the fork
    rows = {row["label"]: row for row in opened(tmp_path / "set", tmp_path / "cache")}
    assert set(rows) == {"Cups", "dog", "spoon"}
    cups = np.array(rows["Cups"]["masks"])
    assert cups.shape == (2, 72, 96)
    assert cups[0].all()  # the point at 10, 10 lies in this one alone
    assert cups[1].sum() == 16 * 12
    assert np.array(rows["spoon"]["masks"]).sum() == 16 * 12
    assert (rows["dog"]["points"], rows["dog"]["masks"]) == ([], [])


def test_the_same_set_is_the_same_bytes(store: Store, tmp_path: Path) -> None:
    masks = write_masks(tmp_path / "masks")
    for name in ("one", "two"):
        build(store, tmp_path / name, "--masks", masks)
    build(store, tmp_path / "two", "--masks", masks)
    for path in (tmp_path / "one").rglob("*"):
        other = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert path.is_dir() or path.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"polygons": box(0, 0, 5, 5), "label": "fork"}, "mask_mismatch"),
        ({"polygons": [[1]], "label": "fork"}, "unreadable_mask"),
        ({"png": "none.png", "label": "fork"}, "unreadable_mask"),
        ({"png": "../store/x", "label": "fork"}, "unreadable_mask"),
        ({"png": "/etc/passwd", "label": "fork"}, "unreadable_mask"),
        ({"rle": {"size": [96, 72], "counts": []}, "label": "fork"}, "other_shape"),
        ({"label": "fork"}, "bad_row"),
        ({"polygons": [[1]], "png": "x", "label": "fork"}, "bad_row"),
        ({"polygons": box(0, 0, 5, 5), "label": " "}, "empty_label"),
        ({"polygons": box(0, 0, 5, 5), "label": "knife"}, "unused_mask"),
        ({"polygons": box(0, 0, 5, 5), "label": "x", "image_url": "http://z.test"}, "unused_mask"),
    ],
)
def test_masks_that_do_not_fit(
    store: Store, tmp_path: Path, row: dict[str, Any], reason: str
) -> None:
    masks = write_masks(tmp_path / "masks", {"image_url": toy.url_of("b.png"), **row})
    build(store, tmp_path / "set", "--masks", masks)
    found = rejects(tmp_path / "set")
    assert found[reason] == 1
    assert "fork" not in {r["label"] for r in opened(tmp_path / "set", tmp_path / "cache")}


def test_masks_may_lie_in_parquet(store: Store, tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.new("L", SIZE, 255).save(out, "PNG")
    rows = {"image_sha256": [sha(store, "b.png")], "label": ["fork"], "png": [out.getvalue()]}
    pq.write_table(pa.table(rows), tmp_path / "masks.parquet")
    build(store, tmp_path / "set", "--masks", tmp_path / "masks.parquet", "--split", "test")
    (row,) = opened(tmp_path / "set", tmp_path / "cache")
    assert row["label"] == "fork"
    assert np.array(row["masks"]).all()


def sha(store: Store, name: str) -> str:
    rows = toy.rows(store, "images", Stored)
    return str(next(row.image_sha256 for row in rows if row.image_url == toy.url_of(name)))


def test_a_column_of_masks_has_them_as_they_are() -> None:
    rng = np.random.default_rng(0)
    rows = [[rng.random((3, 4)) > 0.5, rng.random((3, 4)) > 0.5], [], [rng.random((2, 5)) > 0.5]]
    column = masks_column(rows)
    assert column.type == COLUMNS.field("masks").type
    assert column.to_pylist() == [[mask.tolist() for mask in row] for row in rows]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--split", "nowhere"), "no selected row of points is in nowhere"),
        (("--masks", "none"), "no such file or folder of masks"),
        (("--masks", "."), "neither masks.jsonl nor a Parquet file"),
    ],
)
def test_wrong_use_is_one_line(
    store: Store, tmp_path: Path, words: Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    found = refused(
        "eval-set", "points", "--store", store.url, "--output", tmp_path / "set", *words
    )
    assert said in found
    assert not (tmp_path / "set" / "README.md").exists()


def test_a_folder_with_other_things_is_left_alone(store: Store, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "mine.txt").write_text("mine", encoding="utf-8")
    words = ("--store", store.url, "--output", tmp_path / "set")
    assert "holds something else" in refused("eval-set", "points", *words)


def test_nothing_selected_is_said(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    toy.put_images(store, {"a.png": toy.picture(1)})
    words = ("--store", store.url, "--output", tmp_path / "set")
    assert "run `pixmo export points` first" in refused("eval-set", "points", *words)
