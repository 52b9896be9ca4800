"""Stage splits: drawn once per component, kept for good, the evaluation side wins."""

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import Phase, given, settings

from pipelines.dedupe import Dedupe
from pipelines.engine import BeamEngine
from pipelines.run_stage import RunOptions, run_stage
from pipelines.splits import SplitStage, moved_out_of_train
from pipelines.stage import Work, fingerprint, run_work
from schemas.errors import UsageError
from schemas.records import Duplicate, Image, Split
from schemas.store import Store
from tests import toy_store as toy
from tests.pipelines.toy_stage import InlineEngine
from tests.toy_store import id_of, picture

HALF = SplitStage((("train", 0.5), ("validation", 0.5)))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def verdict(name: str, component: str = "") -> Duplicate:
    own = id_of(name)
    return Duplicate(own, own, "unique", 0, 0, 0.0, component or own, 1)


def put(store: Store, *parts: Mapping[str, str]) -> None:
    """Parts of duplicates from picture names and the component of each."""
    for number, names in enumerate(parts):
        rows = [verdict(name, component) for name, component in names.items()]
        toy.put(store, "duplicates", number, Duplicate, rows)


def alone(*numbers: int) -> dict[str, str]:
    """Pictures that resemble nothing."""
    return {f"{n}.png": "" for n in numbers}


def drawn(store: Store) -> dict[str, str]:
    """The split of each picture, by id."""
    return {row.image_id: row.split for row in toy.rows(store, "splits", Split)}


def test_each_picture_has_a_split_in_about_the_shares(store: Store) -> None:
    put(store, alone(*range(300)), alone(*range(300, 400)))
    result = toy.run(SplitStage((("train", 0.7), ("validation", 0.2), ("test", 0.1))), store)
    assert (result.rows_in, result.records) == (400, 400)
    counts = Counter(drawn(store).values())
    assert 240 < counts["train"] < 320
    assert 50 < counts["validation"] < 115
    assert 20 < counts["test"] < 65
    assert not toy.findings(store, "duplicates")


def test_without_shares_all_is_train(store: Store) -> None:
    put(store, alone(1, 2, 3))
    toy.run(SplitStage(), store)
    assert set(drawn(store).values()) == {"train"}


def test_a_component_has_one_split_wherever_its_members_lie(store: Store) -> None:
    names = {f"{n}.png": f"component-{n % 10}" for n in range(60)}
    parts: list[dict[str, str]] = [{}, {}, {}]
    for at, (name, component) in enumerate(names.items()):
        parts[at % 3][name] = component
    put(store, *parts)
    toy.run(HALF, store)
    by_component: dict[str, set[str]] = {}
    for row in toy.rows(store, "splits", Split):
        by_component.setdefault(row.component_id, set()).add(row.split)
    assert all(len(splits) == 1 for splits in by_component.values())
    assert set().union(*by_component.values()) == {"train", "validation"}


def test_splits_stay_when_shares_and_salt_change(store: Store) -> None:
    put(store, alone(*range(50)))
    toy.run(HALF, store)
    before = drawn(store)
    for other in (
        SplitStage((("train", 1.0),)),
        SplitStage((("train", 0.1), ("test", 0.9))),
        replace(HALF, salt="pepper"),
    ):
        assert toy.run(other, store).ran == 1, "the settings are in the fingerprint"
        assert drawn(store) == before


def test_only_new_pictures_are_drawn_with_the_new_shares(store: Store) -> None:
    put(store, alone(*range(50)))
    toy.run(HALF, store)
    before = drawn(store)
    put(store, alone(*range(50)), alone(*range(50, 80)))
    toy.run(SplitStage((("test", 1.0),)), store)
    after = drawn(store)
    assert before.items() <= after.items()
    assert {after[id_of(f"{n}.png")] for n in range(50, 80)} == {"test"}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_evaluation_side_wins_when_components_grow_together(
    store: Store, caplog: pytest.LogCaptureFixture, order: tuple[int, int]
) -> None:
    put(store, alone(*range(40)))
    toy.run(HALF, store)
    before = drawn(store)
    train = next(n for n in range(40) if before[id_of(f"{n}.png")] == "train")
    held = next(n for n in range(40) if before[id_of(f"{n}.png")] == "validation")
    linked = (f"{(train, held)[order[0]]}.png", f"{(train, held)[order[1]]}.png")
    joined = alone(*range(40)) | dict.fromkeys(linked, id_of(linked[0]))
    put(store, joined, {"new.png": id_of(linked[0])})
    with caplog.at_level(logging.WARNING):
        toy.run(HALF, store)
    after = drawn(store)
    assert {after[id_of(name)] for name in (*linked, "new.png")} == {"validation"}
    assert {i: s for i, s in after.items() if before.get(i, s) != s} == {
        id_of(f"{train}.png"): "validation"
    }
    assert f"{id_of(f'{train}.png')} moved from train to validation" in caplog.text


def join(store: Store, *names: str) -> None:
    """Forty pictures, of which these are one component now."""
    put(store, alone(*range(40)) | dict.fromkeys(names, id_of(names[0])))


def first_of(splits: Mapping[str, str], split: str) -> str:
    return next(f"{n}.png" for n in range(40) if splits[id_of(f"{n}.png")] == split)


THIRDS = SplitStage((("train", 0.34), ("validation", 0.33), ("test", 0.33)))


def test_what_left_train_is_kept_with_its_row(store: Store) -> None:
    put(store, alone(*range(40)))
    toy.run(THIRDS, store)
    before = drawn(store)
    assert {row.moved_from for row in toy.rows(store, "splits", Split)} == {""}
    assert moved_out_of_train(store) == 0
    train, held, tested = (first_of(before, s) for s in ("train", "validation", "test"))

    join(store, train, held)
    toy.run(THIRDS, store)
    rows = {row.image_id: row for row in toy.rows(store, "splits", Split)}
    assert (rows[id_of(train)].split, rows[id_of(train)].moved_from) == ("validation", "train")
    assert {i for i, row in rows.items() if row.moved_from} == {id_of(train)}
    assert moved_out_of_train(store) == 1

    # It moves on, and still is known to have been trained on; the other one never was.
    join(store, train, held, tested)
    toy.run(THIRDS, store)
    rows = {row.image_id: row for row in toy.rows(store, "splits", Split)}
    assert {rows[id_of(name)].split for name in (train, held, tested)} == {"test"}
    assert rows[id_of(train)].moved_from == "train"
    assert rows[id_of(held)].moved_from == "validation"
    assert moved_out_of_train(store) == 1

    # A later run with nothing to move forgets nothing, nor does one that redraws a lost part.
    put(store, alone(*range(40)))
    toy.run(THIRDS, store)
    assert drawn(store) == {i: row.split for i, row in rows.items()}
    assert moved_out_of_train(store) == 1


@dataclass(frozen=True)
class FirstSplit:
    """A row as version 1 of the stage wrote it."""

    image_id: str
    split: str
    component_id: str


def test_parts_of_version_1_are_kept_and_brought_up_to_date(store: Store) -> None:
    put(store, alone(*range(40)))
    ids = [id_of(f"{n}.png") for n in range(40)]
    old = [FirstSplit(i, "test" if n % 4 == 0 else "train", i) for n, i in enumerate(ids)]
    toy.put(store, "splits", 0, FirstSplit, old)
    assert moved_out_of_train(store) == 0, "it can be asked before the stage runs again"

    join(store, "0.png", "1.png")
    toy.run(HALF, store)
    rows = {row.image_id: row for row in toy.rows(store, "splits", Split)}
    wanted = {row.image_id: row.split for row in old} | {id_of("1.png"): "test"}
    assert {i: row.split for i, row in rows.items()} == wanted
    assert rows[id_of("1.png")].moved_from == "train"
    assert moved_out_of_train(store) == 1


def test_a_run_killed_between_parts_loses_no_move(store: Store) -> None:
    put(store, {"0.png": ""}, {"1.png": ""}, {"2.png": ""})
    toy.run(SplitStage(), store)
    joined = dict.fromkeys(["0.png", "1.png", "2.png"], "c")
    held = [Split(id_of("2.png"), "validation", id_of("2.png"))]
    toy.put(store, "splits", 2, Split, held)
    put(store, *({name: component} for name, component in joined.items()))
    with SplitStage().prepared(store, InlineEngine()) as ready:
        shard = ready.plan(store)[0]
        run_work(ready, store, Work(shard, fingerprint(ready, shard)))
    assert toy.run(SplitStage(), store).ran == 2
    rows = toy.rows(store, "splits", Split)
    assert {row.split for row in rows} == {"validation"}
    assert sorted(row.moved_from for row in rows) == ["", "train", "train"]


def test_a_part_that_is_lost_is_drawn_as_before(store: Store) -> None:
    put(store, alone(*range(20)), alone(*range(20, 40)))
    toy.run(HALF, store)
    before, digests = drawn(store), toy.contents(store)
    store.fs.rm(store.part_path("splits", 1))
    assert toy.run(HALF, store).ran == 1
    assert drawn(store) == before
    assert toy.contents(store) == digests


def test_the_draw_is_the_same_everywhere(tmp_path: Path) -> None:
    found = []
    for turn, parts in enumerate([(range(30),), (range(29, 14, -1), range(15))]):
        store = Store(str(tmp_path / str(turn)))
        put(store, *(alone(*part) for part in parts))
        if turn:
            run_stage(HALF, store, RunOptions(BeamEngine(1)))
        else:
            toy.run(HALF, store)
        found.append(drawn(store))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "shares",
    [
        (("train", 0.5),),
        (("train", 1.5), ("test", -0.5)),
        (("train", 0.5), ("train", 0.5)),
        (("train", 0.5), ("holdout", 0.5)),
        (),
    ],
)
def test_shares_that_make_no_sense(store: Store, shares: Any) -> None:
    put(store, alone(1))
    with pytest.raises(UsageError):
        toy.run(SplitStage(shares), store)
    assert not drawn(store)
    assert not toy.leftovers(Path(store.url))


def test_what_the_fingerprint_holds(store: Store) -> None:
    put(store, alone(1))
    (shard,) = HALF.plan(store)
    same = replace(HALF, kept=(("a", "train"),), max_rejects=0.1)
    assert fingerprint(HALF, shard) == fingerprint(same, shard)
    for other in (SplitStage(), replace(HALF, salt="x")):
        assert fingerprint(HALF, shard) != fingerprint(other, shard)


def test_near_duplicates_never_straddle(store: Store) -> None:
    toy.put_images(
        store, *({f"{n}.png": picture(n), f"{n}.jpg": picture(n, "JPEG")} for n in range(20))
    )
    toy.run(Dedupe(), store)
    toy.run(HALF, store)
    found = drawn(store)
    assert all(found[id_of(f"{n}.png")] == found[id_of(f"{n}.jpg")] for n in range(20))
    # More pictures come: some link what was apart, none may straddle now.
    toy.put(store, "images", 20, Image, [toy.image("1.webp", picture(1, "WEBP"))])
    toy.run(Dedupe(), store)
    toy.run(HALF, store)
    assert drawn(store)[id_of("1.webp")] == found[id_of("1.png")]
    assert found.items() <= drawn(store).items()


KINDS = st.sampled_from(["same bytes", "other format", "mirrored"])


@settings(max_examples=12, deadline=None, phases=[Phase.reuse, Phase.generate])
@given(st.lists(st.tuples(st.integers(0, 5), KINDS, st.booleans()), min_size=2, max_size=14))
def test_whatever_shows_the_same_shares_a_split(drawn_from: list[tuple[int, str, bool]]) -> None:
    """In two deliveries: same bytes under other URLs, other formats and mirrors never straddle."""
    with TemporaryDirectory() as folder:
        store = Store(folder)
        made: dict[int, list[str]] = {}
        for number, late in enumerate((False, True)):
            files = {}
            for at, (seed, kind, is_late) in enumerate(drawn_from):
                if is_late == late:
                    files[f"{at}.png"] = shown(seed, kind)
                    made.setdefault(seed, []).append(id_of(f"{at}.png"))
            rows = [toy.image(name, data) for name, data in files.items()]
            toy.put(store, "images", number, Image, rows)
            toy.run(Dedupe(), store)
            toy.run(THIRDS, store)
        found = drawn(store)
        assert set(found) == {image_id for ids in made.values() for image_id in ids}
        for ids in made.values():
            assert len({found[image_id] for image_id in ids}) == 1


def shown(seed: int, kind: str) -> bytes:
    """The picture of a seed, as `kind` says."""
    if kind == "mirrored":
        return toy.encode(toy.pixels(seed)[:, ::-1])
    return picture(seed, "JPEG" if kind == "other format" else "PNG")
