"""Subset count: balanced and checked outside train, nothing alike across splits, pixels."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from PIL import Image

from pipelines.dedupe import Dedupe
from pipelines.export import export_subset
from pipelines.release_plan import ExportConfig
from pipelines.splits import SplitStage
from pipelines.steps.count_rules import CountConfig
from pipelines.steps.splits import draw_split
from pipelines.subsets.count import COUNT, SelectCount, in_pixels
from schemas.judgment import Tag
from schemas.records import Duplicate, Selected, Split
from schemas.release import LINEAGE
from schemas.store import Store
from schemas.subset_records import ObjectCount
from schemas.subsets import SUBSETS
from tests import toy_store as toy
from tests.pipelines.toy_stage import InlineEngine
from tests.toy_store import id_of, object_count

STAGE = SelectCount(max_rejects=1.0)
RULES = CountConfig(per_count=2)
SHARES = (("train", 0.5), ("validation", 0.25), ("test", 0.25))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def put_counts(store: Store, *parts: list[ObjectCount], rules: CountConfig = RULES) -> None:
    """Parts of the table as its stage writes them: with its rules in the footer."""
    for number, rows in enumerate(parts):
        toy.put(store, "count", number, ObjectCount, rows, vars(rules))


def put_splits(store: Store, *parts: dict[str, str], stars: dict[str, str] | None = None) -> None:
    """Splits of pictures by name; `stars` maps a near-duplicate to what stands for it."""
    for number, split_of in enumerate(parts):
        best = {name: (stars or {}).get(name, name) for name in split_of}
        toy.put(
            store,
            "duplicates",
            number,
            Duplicate,
            [
                Duplicate(id_of(n), id_of(b), "near", int(n != b), 0, 0.0, id_of(b), 1)
                for n, b in best.items()
            ],
        )
        splits = [Split(id_of(n), split, id_of(best[n])) for n, split in split_of.items()]
        toy.put(store, "splits", number, Split, splits)


def chosen(store: Store) -> dict[str, str]:
    return {row.image_id: row.split for row in toy.rows(store, "selected/count", Selected)}


def refused(store: Store) -> dict[str, tuple[str, str]]:
    return {row.key: (row.reason, row.detail) for row in toy.rejects(store, "selected/count")}


# --- what is chosen


def test_train_keeps_the_rest_and_held_out_rows_are_checked_and_in_range(store: Store) -> None:
    numbers = {"a": (0, True), "b": (3, False), "c": (11, True)}
    held = {"d": (3, True), "e": (3, False), "f": (1, True), "g": (11, True)}
    rows = [object_count(n, count, done) for n, (count, done) in (numbers | held).items()]
    put_counts(store, rows)
    put_splits(store, {n: "test" if n in held else "train" for n in numbers | held})
    result = toy.run(STAGE, store)
    assert (result.rows_in, result.records) == (7, 3)
    assert chosen(store) == {id_of("a"): "train", id_of("b"): "train", id_of("d"): "test"}
    assert {key: reason for key, (reason, _) in refused(store).items()} == {
        id_of("c"): "count_out_of_range",
        id_of("e"): "not_checked",
        id_of("f"): "count_out_of_range",
        id_of("g"): "count_out_of_range",
    }
    assert refused(store)[id_of("f")][1] == "test has counts from 2 to 10"
    assert not toy.findings(store, "count", "duplicates", "splits", "images")


def test_of_each_count_as_many_are_held_out(store: Store) -> None:
    names = [f"p{n}" for n in range(60)]
    rows = [object_count(name, 2 + at % 4, checked=True) for at, name in enumerate(names)]
    put_counts(store, rows[:25], rows[25:])
    split_of = {name: ("test", "validation", "train")[at // 20] for at, name in enumerate(names)}
    put_splits(store, dict(list(split_of.items())[:25]), dict(list(split_of.items())[25:]))
    toy.run(STAGE, store)
    found = chosen(store)
    per = Counter((found[row.image_id], row.count) for row in rows if row.image_id in found)
    held = {key: number for key, number in per.items() if key[0] != "train"}
    assert held == {(split, n): 2 for split in ("test", "validation") for n in range(2, 6)}
    assert sum(number for key, number in per.items() if key[0] == "train") == 20
    reasons = {reason for reason, _ in refused(store).values()}
    assert reasons == {"surplus_of_count"}
    assert "test has 2 others of count 2" in {detail for _, detail in refused(store).values()}


def test_which_rows_stay_depends_on_no_order(store: Store, tmp_path: Path) -> None:
    rows = [object_count(f"p{n}", 5, checked=True) for n in range(10)]
    other = Store(str(tmp_path / "other"))
    for where, parts in ((store, (rows[:3], rows[3:])), (other, (rows[7:], rows[:7]))):
        put_counts(where, *parts)
        names = [{f"p{rows.index(row)}": "test" for row in part} for part in parts]
        put_splits(where, *names)
        toy.run(STAGE, where)
    assert chosen(store) == chosen(other)
    assert len(chosen(store)) == 2


def test_a_larger_number_per_count_keeps_what_was_chosen(store: Store) -> None:
    rows = [object_count(f"p{n}", 5, checked=True) for n in range(10)]
    put_splits(store, {f"p{n}": "test" for n in range(10)})
    put_counts(store, rows)
    toy.run(STAGE, store)
    before = set(chosen(store))
    put_counts(store, rows, rules=CountConfig(per_count=4))
    assert toy.run(STAGE, store).ran == 1
    assert before < set(chosen(store))
    assert len(chosen(store)) == 4


def test_a_checked_picture_stands_in_for_its_unchecked_twin(store: Store) -> None:
    put_counts(store, [object_count("a", 3), object_count("b", 3, checked=True)])
    put_splits(store, {"a": "test", "b": "test"}, stars={"b": "a"})
    toy.run(STAGE, store)
    assert chosen(store) == {id_of("b"): "test"}
    assert refused(store)[id_of("a")][0] == "not_checked"


def test_twins_do_not_take_two_seats(store: Store) -> None:
    rows = [object_count(name, 3, checked=True) for name in "abc"]
    put_counts(store, rows)
    put_splits(store, dict.fromkeys("abc", "test"), stars={"b": "a"})
    toy.run(STAGE, store)
    assert set(chosen(store)) == {id_of("a"), id_of("c")}
    assert refused(store)[id_of("b")][0] == "duplicate"


def test_annotators_who_differ_keep_a_row_out(store: Store) -> None:
    odd = (Tag("counts_differ_v1", 1.0),)
    put_counts(store, [object_count("a", 3, True, odd), object_count("b", 3, True)])
    put_splits(store, {"a": "test", "b": "test"})
    toy.run(STAGE, store)
    assert set(chosen(store)) == {id_of("b")}
    assert refused(store)[id_of("a")] == ("policy", "counts_differ_v1")


# --- near-duplicates


def names_drawn(split: str, number: int, avoid: tuple[str, ...] = ()) -> list[str]:
    """Names whose pictures are drawn into a split on their own."""
    every = (f"n{at}" for at in range(10_000))
    found = (n for n in every if draw_split(id_of(n), SHARES, "") == split and n not in avoid)
    return [name for name, _ in zip(found, range(number), strict=False)]


def near(seed: int) -> bytes:
    """A near-duplicate of the picture of this seed: the same, a little smaller, as a JPEG."""
    return toy.encode(toy.pixels(seed, 80, 60), "JPEG", quality=85)


def select(store: Store) -> None:
    toy.run(Dedupe(), store)
    toy.run(SplitStage(SHARES), store)
    toy.run(STAGE, store)


def alike(store: Store) -> dict[str, set[str]]:
    """The splits that the chosen pictures of each component of near-duplicates lie in."""
    splits = {row.image_id: row for row in toy.rows(store, "splits", Split)}
    found: dict[str, set[str]] = {}
    for image_id, split in chosen(store).items():
        found.setdefault(splits[image_id].component_id, set()).add(split)
    return found


def test_no_near_duplicate_of_held_out_rows_is_in_train_even_when_it_comes_later(
    store: Store,
) -> None:
    train, held = names_drawn("train", 6), names_drawn("test", 3)
    first = {name: toy.picture(seed) for seed, name in enumerate([*train[:3], *held])}
    toy.put_images(store, first)
    rows = [object_count(name, 3, checked=name in held) for name in first]
    put_counts(store, rows, rules=CountConfig())
    select(store)
    assert {chosen(store)[id_of(name)] for name in held} == {"test"}
    assert {chosen(store)[id_of(name)] for name in train[:3]} == {"train"}

    # Near-duplicates of two held-out pictures and of one in train come in under names that are
    # drawn into train and into test on their own.
    later = {train[3]: near(3), train[4]: near(4), names_drawn("test", 4)[3]: near(0)}
    toy.put_images(store, first, later)
    put_counts(store, rows, [object_count(name, 3) for name in later], rules=CountConfig())
    select(store)
    splits = {row.image_id: row.split for row in toy.rows(store, "splits", Split)}
    assert {splits[id_of(train[3])], splits[id_of(train[4])]} == {"test"}
    assert id_of(train[3]) not in chosen(store)
    assert id_of(train[4]) not in chosen(store)
    assert all(len(found) == 1 for found in alike(store).values())
    assert set(chosen(store).values()) == {"train", "test"}


def test_a_picture_that_links_train_and_test_takes_train_along(store: Store) -> None:
    """One late picture that is near one in train and one in test moves the former out of train."""
    (own,), (held,), link = names_drawn("train", 1), names_drawn("test", 1), "link"
    toy.put_images(store, {own: toy.picture(1), held: toy.picture(2), link: near(1)})
    rows = [object_count(name, 3, checked=name != own) for name in (own, held, link)]
    put_counts(store, rows)
    put_splits(store, {own: "train", held: "test", link: "test"})
    toy.run(Dedupe(), store)
    toy.run(SplitStage(SHARES), store)
    toy.run(STAGE, store)
    assert set(chosen(store).values()) == {"test"}
    assert refused(store)[id_of(own)][0] == "not_checked"


# --- points in pixels


def lists(points: list[list[tuple[float, float]]]) -> pa.ListArray:
    kind = pa.list_(pa.struct([("x", pa.float64()), ("y", pa.float64())]))
    return pa.array([[{"x": x, "y": y} for x, y in some] for some in points], kind)


def sizes(*of: tuple[int, int]) -> tuple[pa.Array, pa.Array]:
    return pa.array([w for w, _ in of], pa.int64()), pa.array([h for _, h in of], pa.int64())


def test_percent_become_pixels_of_each_picture_and_hidden_points_are_gone() -> None:
    some = lists([[(0, 0), (50, 25)], [(100, 100)], [], [(1, 1)]])
    shown = pa.array([True, True, True, False])
    found = in_pixels(some, sizes((200, 100), (640, 480), (1, 1), (9, 9)), shown)
    assert found.to_pylist() == [
        {"x": [0, 100], "y": [0, 25]},
        {"x": [640], "y": [480]},
        {"x": [], "y": []},
        None,
    ]
    assert len(found.field("x").values) == 3, "not even behind a null"


PERCENT = st.floats(0, 100)


@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(PERCENT, PERCENT), max_size=12),
            st.tuples(st.integers(1, 20_000), st.integers(1, 20_000)),
            st.booleans(),
        ),
        max_size=8,
    )
)
def test_pixels_lie_in_the_picture_and_lead_back(rows: list[Any]) -> None:
    points = [row[0] for row in rows]
    shown = pa.array([row[2] for row in rows], pa.bool_())
    found = in_pixels(lists(points), sizes(*(row[1] for row in rows)), shown).to_pylist()
    assert len(found) == len(rows)
    for made, (given_points, (width, height), is_shown) in zip(found, rows, strict=True):
        assert (made is not None) == is_shown
        places = zip(made["x"], made["y"], strict=True) if made else ()
        for (left, top), (x, y) in zip(places, given_points if is_shown else [], strict=True):
            assert 0 <= left <= width
            assert 0 <= top <= height
            assert left == np.float32(left)
            assert left / width * 100 == pytest.approx(x, abs=1e-4)
            assert top / height * 100 == pytest.approx(y, abs=1e-4)


# --- the release


def read(store: Store, name: str) -> pa.Table:
    (path,) = store.fs.glob(store.path("release", name, "*.parquet"))
    return pq.read_table(path)


def test_the_release_has_the_published_columns_and_points_in_train_alone(store: Store) -> None:
    files = {name: toy.picture(seed) for seed, name in enumerate("abc")}
    toy.put_images(store, files)
    put_counts(store, [object_count(name, 2, checked=name != "a") for name in files])
    put_splits(store, {"a": "train", "b": "validation", "c": "test"})
    toy.run(STAGE, store)
    written = export_subset(store, COUNT, ExportConfig(images="url"), InlineEngine())
    assert {shard.split for shard in written} == {"train", "validation", "test"}
    for shard in written:
        table = pq.read_table(store.path("release", "count", shard.name))
        assert table.schema.remove_metadata().equals(SUBSETS["count"].columns)
        (row,) = table.to_pylist()
        assert (row["label"], row["count"]) == ("cat", 2)
        if shard.split == "train":
            assert row["points"] == {"x": [24.0, 72.0], "y": [36.0, 36.0]}
        else:
            assert row["points"] is None
        lineage = pq.read_table(store.path("release", "lineage", "count", shard.name))
        assert lineage.column_names == LINEAGE["count"].names
        (made_by,) = lineage.to_pylist()
        assert made_by["checked"] == (shard.split != "train")
        assert made_by["image_sha256"] == row["image_sha256"]
        assert made_by["detector"] == "toy@00000000"


def test_upright_sizes_are_what_pixels_are_of(store: Store) -> None:
    """A picture that lies on its side in its file: its points are pixels of what is seen."""
    sideways = toy.encode(toy.pixels(1, 96, 72), "JPEG", exif=exif(6))
    record = toy.image("a", sideways)
    assert (record.width, record.height) == (72, 96)
    toy.put(store, "images", 0, type(record), [record])
    row = object_count("a", 1, size=(record.width, record.height))
    put_counts(store, [replace(row, points=(replace(row.points[0], x=100.0, y=100.0),))])
    put_splits(store, {"a": "train"})
    toy.run(STAGE, store)
    export_subset(store, COUNT, ExportConfig(images="url"), InlineEngine())
    assert read(store, "count")["points"].to_pylist() == [{"x": [72.0], "y": [96.0]}]


def exif(orientation: int) -> bytes:
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()
