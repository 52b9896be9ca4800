"""Selection: the policy, and one picture per cluster of duplicates."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import given, settings

from pipelines import selection
from pipelines.engine import BeamEngine
from pipelines.run_stage import RunOptions, run_stage
from pipelines.selection import Select
from pipelines.stage import fingerprint
from pipelines.steps.policy import Policy
from pipelines.steps.rule_counts import rule_counts
from pipelines.subsets.cap import SelectCap
from schemas.errors import UsageError
from schemas.judgment import Tag
from schemas.records import Caption, Contamination, Duplicate, Selected, Split
from schemas.store import Store
from tests import toy_store as toy
from tests.toy_store import caption, id_of

STAGE = SelectCap(max_rejects=1.0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def put_pictures(
    store: Store,
    *parts: Sequence[str],
    stars: Mapping[str, tuple[str, int]] | None = None,
    held: Sequence[str] = (),
) -> None:
    """Verdicts and splits: `stars` maps a member to its representative and the bits between."""
    for number, names in enumerate(parts):
        verdicts, splits = [], []
        for name in names:
            best, distance = (stars or {}).get(name, (name, 0))
            kind = "near" if best != name else "unique"
            own = id_of(name)
            verdicts.append(Duplicate(own, id_of(best), kind, distance, 0, 0.0, id_of(best), 1))
            splits.append(Split(own, "validation" if name in held else "train", id_of(best)))
        toy.put(store, "duplicates", number, Duplicate, verdicts)
        toy.put(store, "splits", number, Split, splits)


def chosen(store: Store) -> dict[str, str]:
    return {row.image_id: row.split for row in toy.rows(store, "selected/cap", Selected)}


def near_evaluation(name: str, tag: str, score: float) -> Contamination:
    return Contamination(id_of(name), (Tag(tag, score),) if score else (), ())


def named(*names: str) -> set[str]:
    return {id_of(name) for name in names}


def refused(store: Store) -> dict[str, tuple[str, str]]:
    return {row.key: (row.reason, row.detail) for row in toy.rejects(store, "selected/cap")}


def test_all_captions_of_lone_pictures_are_chosen(store: Store) -> None:
    toy.put_captions(store, [caption("a"), caption("b")], [caption("c")])
    put_pictures(store, ["a", "b", "x"], ["c"], held=["b"])
    result = toy.run(STAGE, store)
    assert (result.rows_in, result.records) == (3, 3)
    assert chosen(store) == {id_of("a"): "train", id_of("b"): "validation", id_of("c"): "train"}
    assert not toy.findings(store, "duplicates", "transcripts", "captions")


def test_the_policy_refuses_by_tags(store: Store) -> None:
    bad = (Tag("refusal_v1", 1.0),)
    toy.put_captions(store, [caption("a"), caption("b", tags=bad)])
    put_pictures(store, ["a", "b"])
    toy.run(STAGE, store)
    assert set(chosen(store)) == named("a")
    assert refused(store) == {id_of("b"): ("policy", "refusal_v1")}
    (row,) = toy.rejects(store, "selected/cap")
    assert json.loads(row.row)["image_url"] == toy.url_of("b"), "the row tells what it was"
    toy.run(replace(STAGE, policy=Policy()), store)
    assert set(chosen(store)) == named("a", "b")


def test_a_reject_names_every_rule_that_its_row_breaks(store: Store) -> None:
    bad = (Tag("caption_loops_v1", 0.9), Tag("refusal_v1", 1.0), Tag("caption_long_v1", 3.9))
    toy.put_captions(store, [caption("a", tags=bad)])
    put_pictures(store, ["a"])
    toy.run(STAGE, store)
    assert refused(store) == {id_of("a"): ("policy", "refusal_v1, caption_loops_v1")}
    (first, second) = rule_counts(toy.rejects(store, "selected/cap"))
    assert {first.rule, second.rule} == {"refusal_v1", "caption_loops_v1"}
    assert first.alone == second.alone == 0
    assert {example.score for example in (*first.examples, *second.examples)} == {1.0, 0.9}
    assert first.examples[0].url == toy.url_of("a")


# --- evaluation sets


@pytest.mark.parametrize(
    ("table", "tag"),
    [
        ("contamination/images", "evaluation_picture_v1"),
        ("contamination/cap", "evaluation_text_v1"),
    ],
)
def test_evidence_is_part_of_a_rows_tags(store: Store, table: str, tag: str) -> None:
    toy.put_captions(store, [caption("a"), caption("b")], [caption("c")])
    put_pictures(store, ["a", "b"], ["c"])
    assert toy.run(STAGE, store).ran == 2
    assert set(chosen(store)) == named("a", "b", "c")

    limit = dict(STAGE.policy.limits)[tag]
    rows = [near_evaluation("a", tag, limit), near_evaluation("b", tag, limit - 0.01)]
    toy.put(store, table, 0, Contamination, rows)
    toy.put(store, table, 1, Contamination, [near_evaluation("c", tag, 0.0)])
    assert toy.run(STAGE, store).ran == 2, "evidence is an input"
    assert set(chosen(store)) == named("b", "c")
    assert refused(store) == {id_of("a"): ("policy", tag)}
    (count,) = rule_counts(toy.rejects(store, "selected/cap"))
    assert (count.rule, count.alone, count.examples[0].score) == (tag, 1, limit)
    assert toy.run(STAGE, store).ran == 0

    toy.put(store, table, 0, Contamination, [near_evaluation(n, tag, 0.0) for n in "ab"])
    assert toy.run(STAGE, store).ran == 1, "only the part whose evidence has changed"
    assert set(chosen(store)) == named("a", "b", "c")


def test_a_near_duplicate_stands_in_for_one_near_an_evaluation_set(store: Store) -> None:
    toy.put_captions(store, [caption("best"), caption("near")])
    put_pictures(store, ["best", "near"], stars={"near": ("best", 2)})
    tag = "evaluation_picture_v1"
    rows = [near_evaluation("best", tag, 1.0), near_evaluation("near", tag, 0.5)]
    toy.put(store, "contamination/images", 0, Contamination, rows)
    toy.run(STAGE, store)
    assert set(chosen(store)) == named("near")


def test_a_policy_changes_what_it_names(store: Store) -> None:
    limits = dict(SelectCap.under((("refusal_v1", None), ("caption_loops_v1", 0.1))).policy.limits)
    assert "refusal_v1" not in limits
    assert limits["caption_loops_v1"] == 0.1
    assert limits["evaluation_picture_v1"] == dict(SelectCap.defaults)["evaluation_picture_v1"]
    assert set(limits) <= SelectCap.known_tags


SCORES = st.sampled_from([0.0, 0.4, 0.5, 1.0, float("nan")])


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["a_v1", "b_v1", "c_v1"]), SCORES), max_size=8))
def test_rows_that_arrow_passes_over_break_no_rule(rows: list[dict[str, float]]) -> None:
    policy = Policy((("a_v1", 0.5), ("b_v1", 1.0)))
    tags = [[{"name": name, "score": score} for name, score in row.items()] for row in rows]
    kind = pa.list_(pa.struct([("name", pa.string()), ("score", pa.float64())]))
    near = selection._near_a_limit(pa.chunked_array([pa.array(tags, kind)]), policy)
    broken = {
        at for at, row in enumerate(rows) if policy.broken_by(Tag(n, s) for n, s in row.items())
    }
    assert near == broken


# --- another subset


@dataclass(frozen=True)
class Label:
    """A row of a subset with many rows per picture."""

    label_id: str
    image_id: str
    image_url: str
    tags: tuple[Tag, ...]


@dataclass(frozen=True)
class SelectLabels(Select):
    """What it takes to add a subset."""

    name: ClassVar[str] = "select-labels"
    table: ClassVar[str] = "selected/labels"
    subset: ClassVar[str] = "labels"
    feed: ClassVar[str] = "labels"
    columns: ClassVar[tuple[str, ...]] = ("label_id", "image_url")
    known_tags: ClassVar[frozenset[str]] = frozenset({"odd_v1"})
    defaults: ClassVar[tuple[tuple[str, float], ...]] = (("odd_v1", 1.0),)


def test_a_subset_with_many_rows_per_picture(store: Store) -> None:
    """All usable rows of the one picture that stands for a star; splits are those of captions."""
    toy.put_captions(store, [caption("best"), caption("near"), caption("held")])
    put_pictures(store, ["best", "near", "held"], stars={"near": ("best", 1)}, held=["held"])
    odd = (Tag("odd_v1", 2.0),)
    found = [
        Label(f"{name}-{n}", id_of(name), toy.url_of(name), odd if n == 2 else ())
        for name in ("best", "near", "held")
        for n in range(3)
    ]
    toy.put(store, "labels", 0, Label, found)
    toy.run(SelectLabels.under(()), store)
    kept = {
        row.row_id: (row.image_id, row.split)
        for row in toy.rows(store, "selected/labels", Selected)
    }
    assert set(kept) == {"best-0", "best-1", "held-0", "held-1"}
    reasons = {row.key: row.reason for row in toy.rejects(store, "selected/labels")}
    assert reasons == {
        **dict.fromkeys(["best-2", "near-2", "held-2"], "policy"),
        **dict.fromkeys(["near-0", "near-1"], "duplicate"),
    }
    toy.run(STAGE, store)
    splits = chosen(store)
    assert all(splits[image_id] == split for image_id, split in kept.values())


# --- one picture per cluster


def test_one_picture_of_a_star_is_chosen(store: Store) -> None:
    toy.put_captions(store, [caption("best"), caption("near")], [caption("far"), caption("alone")])
    stars = {"near": ("best", 2), "far": ("best", 6)}
    put_pictures(store, ["best", "near"], ["far", "alone"], stars=stars)
    toy.run(STAGE, store)
    assert set(chosen(store)) == named("best", "alone")
    why = ("duplicate", f"near-duplicate of {id_of('best')}")
    assert refused(store) == {id_of("near"): why, id_of("far"): why}


def test_a_member_with_a_caption_stands_in_for_one_without(store: Store) -> None:
    toy.put_captions(store, [caption("near")], [caption("far")])
    stars = {"near": ("best", 2), "far": ("best", 6)}
    put_pictures(store, ["best", "near"], ["far"], stars=stars)
    toy.run(STAGE, store)
    assert set(chosen(store)) == named("near"), "the nearest one that has a caption"


def test_a_member_stands_in_for_one_that_the_policy_refuses(store: Store) -> None:
    bad = (Tag("refusal_v1", 1.0),)
    toy.put_captions(store, [caption("best", tags=bad), caption("near")])
    put_pictures(store, ["best", "near"], stars={"near": ("best", 2)})
    toy.run(STAGE, store)
    assert set(chosen(store)) == named("near")
    assert refused(store)[id_of("best")] == ("policy", "refusal_v1")


def test_changed_clusters_redo_only_the_parts_they_touch(store: Store) -> None:
    toy.put_captions(store, [caption("a"), caption("b")], [caption("c"), caption("d")])
    put_pictures(store, ["a", "b"], ["c", "d"])
    toy.run(STAGE, store)
    put_pictures(store, ["a", "b"], ["c", "d"], stars={"d": ("c", 1)})
    assert toy.run(STAGE, store).ran == 1
    assert set(chosen(store)) == named("a", "b", "c")


def test_new_pictures_leave_old_parts_alone(store: Store) -> None:
    toy.put_captions(store, [caption("a")])
    put_pictures(store, ["a"])
    toy.run(STAGE, store)
    before = toy.stamps(Path(store.url, "selected"))
    put_pictures(store, ["a"], ["b"])
    toy.put(store, "captions", 1, Caption, [caption("b")])
    assert toy.run(STAGE, store).ran == 1
    after = toy.stamps(Path(store.url, "selected"))
    assert after["cap/part-00000.parquet"] == before["cap/part-00000.parquet"]
    assert set(chosen(store)) == named("a", "b")


def test_a_better_picture_that_comes_later_takes_the_place(store: Store) -> None:
    toy.put_captions(store, [caption("a")])
    put_pictures(store, ["a"])
    toy.run(STAGE, store)
    put_pictures(store, ["a"], ["best"], stars={"a": ("best", 3)})
    toy.run(STAGE, store)
    assert set(chosen(store)) == named("a"), "the better one has no caption yet"
    toy.put(store, "captions", 1, Caption, [caption("best")])
    assert toy.run(STAGE, store).ran == 2
    assert set(chosen(store)) == named("best")


def test_a_part_without_captions(store: Store) -> None:
    toy.put_captions(store, [], [caption("b")])
    put_pictures(store, [], ["b"])
    toy.run(STAGE, store)
    assert set(chosen(store)) == named("b")


@pytest.mark.parametrize("parts", [[], [["other"]]])
def test_without_splits_the_remedy_is_named(store: Store, parts: list[list[str]]) -> None:
    toy.put_captions(store, [caption("a")])
    put_pictures(store, *parts)
    with pytest.raises(UsageError, match="dedupe"):
        toy.run(STAGE, store)
    assert not store.part_numbers("selected/cap")


def test_what_the_fingerprint_holds(store: Store) -> None:
    toy.put_captions(store, [caption("a")])
    put_pictures(store, ["a"])
    (shard,) = STAGE.plan(store)
    assert fingerprint(STAGE, shard) == fingerprint(replace(STAGE, max_rejects=0.1), shard)
    assert fingerprint(STAGE, shard) != fingerprint(replace(STAGE, policy=Policy()), shard)


def test_the_same_through_beam(store: Store, tmp_path: Path) -> None:
    other = Store(str(tmp_path / "other"))
    for each in (store, other):
        toy.put_captions(each, [caption("a"), caption("b")])
        put_pictures(each, ["a", "b"], stars={"b": ("a", 1)})
    run_stage(STAGE, store, RunOptions(BeamEngine(1)))
    toy.run(STAGE, other)
    assert toy.contents(store) == toy.contents(other)
