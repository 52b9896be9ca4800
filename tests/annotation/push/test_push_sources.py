"""Tables and files become tasks, or refusals that say where a row stands."""

import json
from pathlib import Path
from typing import Any

import pytest

from annotation.push.answer_pairs import drawn_from, keep_pairs
from annotation.push.options import PushOptions, Settings
from annotation.push.task_sources import Sources, make_tasks
from annotation.push.tasks.task import Made
from schemas.annotations import PreferencePair
from schemas.errors import UsageError
from schemas.records import Duplicate, Recording, Split
from schemas.store import Store
from schemas.subset_records import ObjectCount
from tests import toy_store as toy


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "store"))
    toy.put_images(made, {"a": toy.picture(1), "b": toy.picture(2)}, {"c": toy.picture(3)})
    return made


def made_of(store: Store, kind: str, **given: Any) -> Made:
    options = PushOptions(**given)
    drawn = drawn_from(options.answers, "salt")
    return make_tasks(kind, Sources(store, options, Settings(), "salt", drawn.pairs))


def lines(folder: Path, *rows: Any) -> str:
    path = folder / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return str(path)


def ids(made: Made) -> set[str]:
    return {str(task.data["image_id"]) for task in made.tasks}


def test_pictures_that_another_one_stands_for_are_passed_over(store: Store) -> None:
    assert len(made_of(store, "cap").tasks) == 3
    a, b = toy.id_of("a"), toy.id_of("b")
    twins = [Duplicate(b, a, "near", 2, 0, 0.0, min(a, b), 2)]
    own = Duplicate(a, a, "unique", 0, 0, 0.0, min(a, b), 2)
    toy.put(store, "duplicates", 0, Duplicate, [own, *twins])
    for kind in ("cap", "points"):
        made = made_of(store, kind)
        assert ids(made) == {a, toy.id_of("c")}
        assert made.passed_over == {"near-duplicates": 1}


@pytest.mark.parametrize(
    ("kind", "table"),
    [("cap", "images"), ("transcript_review", "transcripts"), ("ask_model_anything", "captions")],
)
def test_a_table_that_is_missing_is_named(tmp_path: Path, kind: str, table: str) -> None:
    with pytest.raises(UsageError, match=f"has no {table}: `pixmo"):
        made_of(Store(str(tmp_path / "empty")), kind)


def test_transcripts_of_different_models_all_start_with_their_text(store: Store) -> None:
    toy.put(store, "recordings", 0, Recording, [toy.recording("a", "1")])
    toy.put_transcripts(store, [toy.transcript("a", "one"), toy.transcript("gone", "two", "2")])
    made = made_of(store, "transcript_review")
    assert {task.prefilled[0]["value"]["text"][0] for task in made.tasks} == {"one", "two"}
    assert {task.picture for task in made.tasks} == {toy.id_of("a"), ""}


def test_text_in_pictures_comes_from_table_and_file(store: Store, tmp_path: Path) -> None:
    toy.put_captions(store, [toy.caption("a", "A."), toy.caption("b", "B."), toy.caption("c")])
    url = lines(
        tmp_path,
        {"image_url": toy.url_of("a"), "text": "STOP"},
        {"image_id": toy.id_of("b"), "text": ""},
        {"text": "whose?"},
        {"image_id": "x", "text": 7},
    )
    made = made_of(store, "point_explanations", ocr=url)
    texts = {task.data["image_id"]: task.data["ocr"] for task in made.tasks}
    assert texts == {toy.id_of("a"): "STOP", toy.id_of("b"): "", toy.id_of("c"): ""}
    assert [one.where for one in made.refused] == [f"{url}, row 3", f"{url}, row 4"]


def test_candidates_end_as_tasks_or_refusals(store: Store, tmp_path: Path) -> None:
    good = {"image_url": toy.url_of("a"), "label": "cat", "points": [{"x": 1, "y": 2}]}
    url = lines(tmp_path, good, good, good | {"label": "dog", "split": "test"}, [], {"label": "x"})
    made = made_of(store, "count", candidates=url)
    assert [task.data["split"] for task in made.tasks] == ["validation", "test"]
    assert {one.where.rpartition(" ")[2]: one.reason for one in made.refused} == {
        "2": "repeated",
        "4": "unreadable_row",
        "5": "bad_row",
    }


def put_counts(store: Store, *checked: str) -> None:
    """A count of two cats in every picture; a and b are in test, c is in train."""
    for number, names in enumerate(["ab", "c"]):
        rows = [toy.object_count(name, 2, checked=name in checked) for name in names]
        toy.put(store, "count", number, ObjectCount, rows)
        split = "train" if number else "test"
        splits = [Split(toy.id_of(name), split, toy.id_of(name)) for name in names]
        toy.put(store, "splits", number, Split, splits)


def test_counts_of_the_store_are_checked_outside_train(store: Store) -> None:
    put_counts(store, "b")
    made = made_of(store, "count")
    (task,) = made.tasks
    assert (task.picture, task.data["split"], task.data["label"]) == (toy.id_of("a"), "test", "cat")
    assert task.data["predicted_count"] == 2
    assert [one["type"] for one in task.prefilled] == ["keypoint", "keypoint", "number"]
    assert made.passed_over == {"train": 1, "checked": 1}
    twin = Duplicate(toy.id_of("a"), toy.id_of("b"), "near", 2, 0, 0.0, toy.id_of("a"), 2)
    toy.put(store, "duplicates", 0, Duplicate, [twin])
    assert made_of(store, "count").passed_over == {"train": 1, "checked": 1, "near-duplicates": 1}


def test_the_same_candidate_is_one_task_from_file_and_table(store: Store, tmp_path: Path) -> None:
    put_counts(store)
    row = {"image_url": toy.url_of("a"), "label": "cat", "points": []}
    from_file = made_of(store, "count", candidates=lines(tmp_path, row))
    assert from_file.tasks[0].key in {task.key for task in made_of(store, "count").tasks}


def test_counts_need_a_table_or_a_file(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no count: `pixmo count` makes them"):
        made_of(store, "count")
    gold = {"image_url": toy.url_of("a"), "label": "cat", "expected": {"count": 1}}
    assert len(made_of(store, "count", gold=lines(tmp_path, gold)).tasks) == 1
    toy.put(store, "count", 0, ObjectCount, [toy.object_count("a", 1)])
    with pytest.raises(UsageError, match="has no splits: `pixmo export"):
        made_of(store, "count")


def test_a_known_answer_about_a_task_makes_no_second_one(store: Store, tmp_path: Path) -> None:
    row = {"image_url": toy.url_of("a"), "expected": {"label": "cat", "points": []}}
    made = made_of(store, "points", gold=lines(tmp_path, row))
    assert len(made.tasks) == 3
    assert [one.key for one in made.known] == [
        task.key for task in made.tasks if task.picture == toy.id_of("a")
    ]


@pytest.mark.parametrize("name", ["gone.jsonl", "rows.txt"])
def test_a_file_that_is_none_is_named(store: Store, tmp_path: Path, name: str) -> None:
    (tmp_path / "rows.txt").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match=name):
        made_of(store, "count", candidates=str(tmp_path / name))


def test_pairs_are_kept_once(store: Store, tmp_path: Path) -> None:
    def answers(*models: str) -> str:
        rows = [{"prompt": p, "model": m, "answer": f"{m} {p}"} for p in "xy" for m in models]
        return lines(tmp_path, *rows)

    drawn = drawn_from(answers("m1", "m2"), "salt")
    assert (keep_pairs(store, drawn.pairs), keep_pairs(store, drawn.pairs)) == (2, 0)
    more = drawn_from(answers("m1", "m2", "m3"), "salt")
    assert keep_pairs(store, more.pairs) == 4
    rows = toy.rows(store, "preference_pairs", PreferencePair)
    assert {row.pair_id for row in rows} == {pair.pair_id for pair in more.pairs}
    assert len(rows) == 6
    assert not toy.findings(store, "images")
