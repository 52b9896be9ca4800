"""The release: columns, files, pictures without metadata, lineage, and nothing written twice."""

import errno
import importlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image as Pictures
from PIL import ImageOps

from pipelines import export as stage_module
from pipelines.engine import BeamEngine
from pipelines.export import drop_empty_release, export_subset
from pipelines.release_plan import (
    ExportConfig,
    Exporter,
    Rows,
    column_of,
    look_up,
    plan_release,
)
from pipelines.subsets.cap import CAP, SelectCap
from pipelines.subsets.registry import EXPORTS
from schemas.codec import arrow_schema
from schemas.errors import StageError, UsageError
from schemas.ids import sha256_hex
from schemas.lineage import CaptionLineage
from schemas.manifest import MANIFEST
from schemas.records import Caption, Duplicate, Image, Selected, Split, Transcript
from schemas.release import IMAGE_TYPE, LINEAGE
from schemas.store import Store
from schemas.tables import TABLES
from tests import toy_store as toy
from tests.pipelines.toy_stage import InlineEngine
from tests.toy_store import caption, id_of, picture, transcript, url_of
from tools.release.describe import describe_release

SAMPLES = Path(__file__).parents[2] / "samples" / "images"
EMBED = ExportConfig(license="cc0-1.0")


def put(store: Store, *parts: Sequence[str], files: Mapping[str, bytes] | None = None) -> None:
    """Parts of pictures by name, all captioned; a name that ends in `v` is held for validation."""
    data = {
        name: (files or {}).get(name) or picture(n)
        for n, name in enumerate(itertools.chain(*parts))
    }
    toy.put_images(store, *({name: data[name] for name in names} for names in parts))
    toy.put_captions(
        store, *([caption(name, f"A toy, {name}.") for name in names] for names in parts)
    )
    for number, names in enumerate(parts):
        ids = {name: id_of(name) for name in names}
        verdicts = [Duplicate(i, i, "unique", 0, 0, 0.0, i, 1) for i in ids.values()]
        splits = [
            Split(i, "validation" if name.endswith("v") else "train", i) for name, i in ids.items()
        ]
        toy.put(store, "duplicates", number, Duplicate, verdicts)
        toy.put(store, "splits", number, Split, splits)
    toy.run(SelectCap(), store)


def export(store: Store, config: ExportConfig = EMBED) -> list[str]:
    """Export; the names of the files that were written."""
    return [shard.name for shard in export_subset(store, CAP, config, InlineEngine())]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def folder(store: Store, *more: str) -> Path:
    return Path(store.url, "release", *more)


def files(store: Store) -> list[str]:
    return sorted(str(p.relative_to(folder(store))) for p in folder(store).rglob("*.parquet"))


def released(store: Store, split: str = "train") -> list[dict[str, Any]]:
    paths = sorted(folder(store, "cap").glob(f"{split}-*.parquet"))
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def lineage(store: Store, split: str = "train") -> list[dict[str, Any]]:
    paths = sorted(folder(store, "lineage", "cap").glob(f"{split}-*.parquet"))
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def test_the_columns_are_those_of_pixmo_cap_and_the_picture(store: Store) -> None:
    put(store, ["a", "b"])
    export(store)
    schema = pq.read_schema(folder(store, "cap", "train-00000-of-00001.parquet"))
    assert [(field.name, field.type) for field in schema] == [
        ("image_url", pa.string()),
        ("caption", pa.string()),
        ("transcripts", pa.list_(pa.string())),
        ("image", IMAGE_TYPE),
    ]
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert features == {
        "image_url": {"dtype": "string", "_type": "Value"},
        "caption": {"dtype": "string", "_type": "Value"},
        "transcripts": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"},
        "image": {"_type": "Image"},
    }


def test_what_a_row_holds(store: Store) -> None:
    put(store, ["a"])
    export(store)
    (row,) = released(store)
    assert (row["image_url"], row["caption"]) == (url_of("a"), "A toy, a.")
    assert row["transcripts"] == ["um, A toy, a."], "as they were spoken"
    assert row["image"]["path"] == f"{id_of('a')}.png"
    with Pictures.open(pa.BufferReader(row["image"]["bytes"])) as found:
        assert found.size == (96, 72)


def test_urls_alone(store: Store) -> None:
    put(store, ["a", "b"])
    export(store)
    assert export(store, replace(EMBED, images="url")) == ["train-00000-of-00001.parquet"]
    assert [set(row) for row in released(store)] == [{"image_url", "caption", "transcripts"}] * 2
    assert {row["image_bytes"] for row in lineage(store)} == {"url"}
    assert {row["image_sha256"] for row in lineage(store)} == {
        image.image_sha256 for image in toy.rows(store, "images", Image)
    }


def test_splits_are_files_and_their_rows_keep_their_order(store: Store) -> None:
    put(store, ["a", "bv", "c"], ["dv", "e"])
    written = export(store)
    assert written == ["train-00000-of-00001.parquet", "validation-00000-of-00001.parquet"]
    first = [*sorted(map(id_of, ["a", "c"])), id_of("e")]
    assert [row["image_id"] for row in lineage(store)] == first
    assert {row["image_url"] for row in released(store, "validation")} == {
        url_of("bv"),
        url_of("dv"),
    }


def test_lineage_stands_beside_its_row_and_says_what_made_it(store: Store) -> None:
    put(store, [f"{n:02d}" for n in range(12)], [f"{n:02d}" for n in range(12, 20)])
    export(store, replace(EMBED, rows_per_shard=7))
    rows, made = released(store), lineage(store)
    assert len(rows) == len(made) == 20
    images = {image.image_id: image for image in toy.rows(store, "images", Image)}
    for row, own in zip(rows, made, strict=True):
        name = row["image_url"].rsplit("/", 1)[1]
        spoken = transcript(name, row["transcripts"][0])
        assert own["image_url"] == row["image_url"]
        assert own["image_id"] == id_of(name)
        assert own["image_sha256"] == images[id_of(name)].image_sha256
        assert own["recording_ids"] == [spoken.recording_id]
        assert "annotator_ids" not in own
        assert own["component_id"] == own["image_id"]
        assert own["audio_sha256"] == [spoken.audio_sha256]
        assert own["cleaned"] == [row["caption"]]
        assert (own["model"], own["speech_model"]) == ("m", "toy@00000000")
        assert (own["clean_prompt"], own["caption_prompt"]) == ("clean_v1", "caption_v1")
        assert own["image_bytes"] == "lossless"
    path = folder(store, "lineage", "cap", "train-00000-of-00003.parquet")
    assert pq.read_schema(path).names == list(CaptionLineage.__annotations__)


def test_files_hold_the_rows_they_are_told_to(store: Store) -> None:
    put(store, [f"{n:02d}" for n in range(12)], [f"{n:02d}" for n in range(12, 20)])
    written = export(store, replace(EMBED, rows_per_shard=7))
    assert written == [f"train-0000{n}-of-00003.parquet" for n in range(3)]
    paths = sorted(folder(store, "cap").iterdir())
    assert [pq.read_metadata(path).num_rows for path in paths] == [7, 7, 6]
    assert len({row["image_url"] for row in released(store)}) == 20


def test_files_of_an_earlier_cut_are_removed(store: Store) -> None:
    put(store, ["a", "b", "c", "dv"])
    export(store, replace(EMBED, rows_per_shard=1))
    assert len(files(store)) == 8
    stray = folder(store, "cap", ".tmp-train-00000-of-00009.parquet~gone")
    stray.write_text("of a run that was killed")
    export(store, EMBED)
    assert files(store) == [
        "cap/train-00000-of-00001.parquet",
        "cap/validation-00000-of-00001.parquet",
        "lineage/cap/train-00000-of-00001.parquet",
        "lineage/cap/validation-00000-of-00001.parquet",
    ]
    assert not stray.exists()


def test_row_groups_are_what_viewers_show_and_pages_have_an_index(store: Store) -> None:
    names = [f"{n:03d}" for n in range(230)]
    small = toy.blank(9, 8)
    put(store, names, files=dict.fromkeys(names, small))
    export(store)
    meta = pq.read_metadata(folder(store, "cap", "train-00000-of-00001.parquet"))
    groups = [meta.row_group(n) for n in range(meta.num_row_groups)]
    assert [group.num_rows for group in groups] == [100, 100, 30]
    for group in groups:
        columns = [group.column(n) for n in range(group.num_columns)]
        assert all(column.has_offset_index for column in columns)
        (data,) = [c for c in columns if c.path_in_schema == "image.bytes"]
        assert data.compression == "UNCOMPRESSED"


def test_large_pictures_make_small_row_groups(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage_module, "GROUP_BYTES", 3 * len(picture(1)))
    put(store, [f"{n:02d}" for n in range(10)])
    export(store)
    meta = pq.read_metadata(folder(store, "cap", "train-00000-of-00001.parquet"))
    assert meta.num_row_groups >= 3
    assert [row["image_id"] for row in lineage(store)] == sorted(
        id_of(f"{n:02d}") for n in range(10)
    )
    assert [row["image_url"] for row in released(store)] == [
        row["image_url"] for row in lineage(store)
    ]


# --- pictures without metadata


def test_gps_is_gone_and_the_picture_is_the_same(store: Store) -> None:
    coffee = (SAMPLES / "coffee.jpg").read_bytes()
    put(store, ["coffee.jpg"], files={"coffee.jpg": coffee})
    with Pictures.open(SAMPLES / "coffee.jpg") as own:
        assert own.getexif().get_ifd(0x8825), "the sample has a position to be removed"
    export(store)
    (row,) = released(store)
    data = row["image"]["bytes"]
    for word in (b"Sample Camera", b"2024:05:17", b"Exif\0\0", b"GPS", b"http://ns.adobe.com"):
        assert word not in data
    with (
        Pictures.open(pa.BufferReader(data)) as found,
        Pictures.open(SAMPLES / "coffee.jpg") as own,
    ):
        assert not found.getexif().get_ifd(0x8825)
        assert np.array_equal(np.asarray(found), np.asarray(own)), "not encoded anew"
    assert [own["image_bytes"] for own in lineage(store)] == ["lossless"]
    whole = folder(store, "cap", "train-00000-of-00001.parquet").read_bytes()
    assert b"Sample Camera" not in whole


def test_orientation_stays(store: Store) -> None:
    hopper = (SAMPLES / "hopper.jpg").read_bytes()
    put(store, ["hopper.jpg"], files={"hopper.jpg": hopper})
    export(store)
    (row,) = released(store)
    with Pictures.open(pa.BufferReader(row["image"]["bytes"])) as found:
        assert found.getexif()[0x0112] == 6
        upright = ImageOps.exif_transpose(found)
    with Pictures.open(SAMPLES / "hopper.jpg") as own:
        assert np.array_equal(np.asarray(upright), np.asarray(ImageOps.exif_transpose(own)))
    (image,) = toy.rows(store, "images", Image)
    assert upright.size == (image.width, image.height)


def test_every_sample_is_stripped(store: Store) -> None:
    paths = sorted(SAMPLES.iterdir())
    put(store, [p.name for p in paths], files={p.name: p.read_bytes() for p in paths})
    export(store)
    rows = {row["image_url"]: row for row in released(store)}
    assert len(rows) == len(paths)
    for path in paths:
        with Pictures.open(pa.BufferReader(rows[url_of(path.name)]["image"]["bytes"])) as found:
            assert set(found.getexif()) <= {0x0112}
            with Pictures.open(path) as own:
                assert found.size == own.size


# --- nothing twice, nothing lost


def test_unchanged_is_not_written(store: Store) -> None:
    put(store, ["a", "bv"])
    assert len(export(store)) == 2
    before = toy.stamps(folder(store))
    assert export(store) == []
    assert export(store, replace(EMBED, license="mit", title="Another")) == []
    assert toy.stamps(folder(store)) == before


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    found = []
    for turn, engine in enumerate([InlineEngine(), BeamEngine(1)]):
        store = Store(str(tmp_path / str(turn)))
        put(store, ["a", "b"], ["cv"])
        export_subset(store, CAP, EMBED, engine)
        found.append({name: folder(store, name).read_bytes() for name in files(store)})
    assert found[0] == found[1]


def changed_picture(store: Store) -> None:
    toy.put_images(store, {"a": picture(77), "b": picture(1)})


def changed_recording(store: Store) -> None:
    said = [transcript(name, f"A toy, {name}.") for name in ("a", "b")]
    toy.put(store, "transcripts", 0, Transcript, [replace(t, audio_sha256="0" * 64) for t in said])


def changed_caption(store: Store) -> None:
    toy.put(store, "captions", 0, Caption, [caption("a", "New."), caption("b", "A toy, b.")])


@pytest.mark.parametrize("change", [changed_picture, changed_recording, changed_caption])
def test_whatever_a_row_is_made_of_makes_it_anew(store: Store, change: Any) -> None:
    put(store, ["a", "b"])
    export(store)
    rows, made = released(store), lineage(store)
    change(store)
    toy.run(SelectCap(), store)
    assert len(export(store)) == 1
    assert (rows, made) != (released(store), lineage(store))
    assert export(store) == []


@pytest.mark.parametrize("lost", ["images", "transcripts", "captions"])
def test_a_row_that_has_lost_its_source_is_not_dropped_in_silence(store: Store, lost: str) -> None:
    put(store, ["a", "b"])
    export(store)
    before = toy.stamps(folder(store))
    record = {"images": Image, "transcripts": Transcript, "captions": Caption}[lost]
    kept = [row for row in toy.rows(store, lost, record) if "a" not in str(row)[-400:]]
    toy.put(store, lost, 0, record, kept[:1])
    plan_release(store, CAP, EMBED)
    with pytest.raises(UsageError, match="run all stages again"):
        export(store)
    assert toy.stamps(folder(store)) == before


class Killed(InlineEngine):
    """An engine that dies after some elements, leaving behind what a killed writer leaves."""

    def __init__(self, after: int, folder: Path) -> None:
        super().__init__()
        self._after, self._folder = after, folder

    def map(self, label: str, function: Any, elements: Any, light: bool = False) -> None:
        for element in list(elements)[: self._after]:
            function(element)
        for where in ("cap", "lineage/cap"):
            (self._folder / where).mkdir(parents=True, exist_ok=True)
            (self._folder / where / ".tmp-half.parquet~nowhere~1~1.0~abc").write_bytes(b"PAR1")
        raise KeyboardInterrupt


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_killed_export_is_finished_by_the_next(tmp_path: Path, after: int) -> None:
    whole, store = Store(str(tmp_path / "whole")), Store(str(tmp_path / "killed"))
    config = replace(EMBED, rows_per_shard=2)
    for each in (whole, store):
        put(each, ["a", "b", "c"], ["d", "ev"])
    export(whole, config)
    with pytest.raises(KeyboardInterrupt):
        export_subset(store, CAP, config, Killed(after, folder(store)))
    if after:
        # Of one file only the lineage had its name when the run died.
        folder(store, "cap", "train-00000-of-00002.parquet").unlink()
    export(store, config)
    for name in files(whole):
        assert folder(store, name).read_bytes() == folder(whole, name).read_bytes()
    everything = [p for p in folder(store).rglob("*") if p.is_file()]
    assert len(everything) == len(files(whole))


def test_a_damaged_file_is_written_again(store: Store) -> None:
    put(store, ["a", "bv"])
    export(store)
    path = folder(store, "cap", "train-00000-of-00001.parquet")
    good = path.read_bytes()
    path.write_bytes(good[: len(good) // 2])
    assert export(store) == ["train-00000-of-00001.parquet"]
    assert path.read_bytes() == good


def test_an_empty_selection_is_an_empty_release(store: Store) -> None:
    assert export(store) == []
    put(store, ["a"])
    export(store)
    put(store, [])
    assert export(store) == []
    assert files(store) == []


def test_a_split_that_is_no_more_loses_its_files(store: Store) -> None:
    put(store, ["a", "bv"])
    export(store)
    splits = [Split(id_of(name), "train", id_of(name)) for name in ("a", "bv")]
    toy.put(store, "splits", 0, Split, splits)
    toy.run(SelectCap(), store)
    assert export(store) == ["train-00000-of-00001.parquet"]
    names = ["cap/train-00000-of-00001.parquet", "lineage/cap/train-00000-of-00001.parquet"]
    assert files(store) == names


def test_the_last_row_takes_what_describes_the_release_with_it(store: Store) -> None:
    put(store, ["a"])
    export(store)
    describe_release(store, EMBED)
    drop_empty_release(store)
    assert folder(store, MANIFEST).exists(), "there is a row still"
    put(store, [])
    export(store)
    drop_empty_release(store)
    assert not [path for path in folder(store).rglob("*") if path.is_file()]
    drop_empty_release(store)


def test_only_the_files_of_changed_parts_are_written_again(store: Store) -> None:
    put(store, ["a", "b"], ["c", "d"])
    one_each = replace(EMBED, rows_per_shard=2)
    export(store, one_each)
    toy.put(store, "images", 1, Image, [toy.image(n, picture(70)) for n in ("c", "d")])
    assert export(store, one_each) == ["train-00001-of-00002.parquet"]


def test_urls_come_in_groups_that_a_viewer_pages_through(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage_module, "TEXT_ROWS_PER_GROUP", 7)
    put(store, [f"{n:02d}" for n in range(12)], [f"{n:02d}" for n in range(12, 20)])
    export(store, replace(EMBED, images="url"))
    for where in ("cap", "lineage/cap"):
        meta = pq.read_metadata(folder(store, where, "train-00000-of-00001.parquet"))
        assert [meta.row_group(n).num_rows for n in range(meta.num_row_groups)] == [7, 7, 6]
    urls = [row["image_url"] for row in released(store)]
    assert urls == [row["image_url"] for row in lineage(store)]
    assert len(set(urls)) == 20


@pytest.mark.parametrize("lost", ["splits", "images"])
def test_a_store_that_changes_under_an_export_leaves_no_file(store: Store, lost: str) -> None:
    put(store, ["a", "b"])

    class Meanwhile(InlineEngine):
        def map(self, label: str, function: Any, elements: Any, light: bool = False) -> None:
            record = {"splits": Split, "images": Image}[lost]
            toy.put(store, lost, 0, record, toy.rows(store, lost, record)[:1])
            super().map(label, function, elements, light)

    with pytest.raises(StageError, match="run the same command again"):
        export_subset(store, CAP, EMBED, Meanwhile())
    assert files(store) == []


def test_a_full_disk_is_told_of_as_what_it_is(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, ["a"])

    def full(*paths: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("schemas.files._commit", full)
    with pytest.raises(StageError, match="the disk is full"):
        export_subset(store, CAP, EMBED, BeamEngine(1))


@dataclass(frozen=True)
class Label:
    """A row of a subset with many rows per picture; its keys are in no order of pictures."""

    label_id: str
    image_id: str
    image_url: str
    question: str
    answer: str


@dataclass(frozen=True)
class LabelLineage:
    """What is told of a label."""

    image_url: str
    image_sha256: str
    image_id: str
    component_id: str
    label_id: str
    image_bytes: str
    code_version: str


def read_labels(store: Store, number: int, keys: pa.Array) -> Rows:
    found = store.read("labels", number).sort_by("label_id")
    rows = look_up(found, keys, "label_id")
    held = store.read_map("images", number, "image_id", "image_sha256")
    checksums = pa.array([held[image_id] for image_id in rows["image_id"].to_pylist()])
    columns = rows.select(["image_url", "question", "answer"])
    columns = columns.add_column(1, "image_sha256", checksums)
    return Rows(columns, rows.select(["image_url", "label_id"]))


ASKED = Exporter(
    name="ask_model_anything",
    feed="labels",
    lineage=LabelLineage,
    version="1",
    sources=lambda store, number: [],
    whole=lambda store, number: set(column_of(store, "labels", number, "label_id")),
    read=read_labels,
)


def test_the_table_of_exporters_agrees_with_the_schemas() -> None:
    for name, exporter in EXPORTS.items():
        assert exporter.config == name
        assert exporter.selected in TABLES
        assert TABLES[exporter.selected].fed_by == exporter.feed
        assert LINEAGE[exporter.config] == arrow_schema(exporter.lineage)
        assert exporter.subset.models.keys() <= set(LINEAGE[exporter.config].names)


def test_another_subset_adds_its_rows_and_lineage_only(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With several rows of a picture, whose keys stand in another order than the pictures."""
    monkeypatch.setitem(EXPORTS, ASKED.name, ASKED)
    monkeypatch.setattr(stage_module, "IMAGE_ROWS_PER_GROUP", 4)
    put(store, ["a", "b", "cv"], ["d"])
    parts = (["a", "b", "cv"], ["d"])
    for number, names in enumerate(parts):
        pairs = [
            (f"{n}-{sha256_hex((name + str(n)).encode())}", name)
            for name in names
            for n in range(3)
        ]
        labels = [Label(key, id_of(n), url_of(n), f"What is {key}?", n) for key, n in pairs]
        toy.put(store, "labels", number, Label, labels)
        kept = [Selected(key, id_of(n), "validation" if n == "cv" else "train") for key, n in pairs]
        toy.put(store, "selected/ask_model_anything", number, Selected, kept)
    written = export_subset(store, ASKED, EMBED, BeamEngine(1))
    assert [shard.rows for shard in written] == [9, 3]
    where = folder(store, "ask_model_anything", "train-00000-of-00001.parquet")
    rows = pq.read_table(where).to_pylist()
    made = pq.read_table(folder(store, "lineage", *where.parts[-2:])).to_pylist()
    assert list(rows[0]) == [*ASKED.subset.columns.names, "image"]
    for row, own in zip(rows, made, strict=True):
        assert own["label_id"] in row["question"]
        assert own["image_id"] == id_of(row["answer"])
        assert own["image_sha256"] == row["image_sha256"]
        assert row["image"]["path"] == f"{own['image_id']}.png"
    assert len({own["label_id"] for own in made}) == 9
    assert export_subset(store, ASKED, EMBED, InlineEngine()) == []


# --- as its users open it


@pytest.fixture
def datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The library, off the network and with a cache of its own."""
    for name in ("HF_DATASETS_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    module = importlib.import_module("datasets")
    module.disable_progress_bars()
    return module


def test_datasets_opens_the_release_with_no_options(
    store: Store, tmp_path: Path, datasets: Any
) -> None:
    put(store, ["a", "bv", "c"], ["d"])
    export(store, replace(EMBED, rows_per_shard=2))
    describe_release(store, EMBED)
    cache = str(tmp_path / "cache")
    for path, name in ((folder(store), "cap"), (folder(store, "cap"), None), (folder(store), None)):
        found = datasets.load_dataset(str(path), name, cache_dir=cache)
        assert {split: len(rows) for split, rows in found.items()} == {"train": 3, "validation": 1}
        rows = found["train"]
        assert rows.column_names == ["image_url", "caption", "transcripts", "image"]
        assert [row["image_url"] for row in rows] == [row["image_url"] for row in released(store)]
        assert rows[0]["image"].size == (96, 72)
        assert isinstance(rows.features["image"], datasets.Image)
        assert rows[0]["transcripts"] == released(store)[0]["transcripts"]


def test_datasets_streams_the_release(store: Store, datasets: Any) -> None:
    put(store, ["a", "b"])
    export(store, replace(EMBED, images="url"))
    describe_release(store, replace(EMBED, images="url"))
    rows = list(datasets.load_dataset(str(folder(store)), split="train", streaming=True))
    assert rows == released(store)
