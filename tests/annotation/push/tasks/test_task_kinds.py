"""Rows become tasks: what is shown, what is prefilled, and what must not be there."""

import json
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.push.preference_pairs import Answer, pairs_of
from annotation.push.tasks.about_answers import pair_tasks
from annotation.push.tasks.about_captions import ask_tasks
from annotation.push.tasks.about_counts import count_task
from annotation.push.tasks.about_pictures import NEAR_DUPLICATES, cap_tasks, points_tasks
from annotation.push.tasks.about_speech import Heard, review_tasks
from annotation.push.tasks.row_values import BadValue, count_of, image_of, points_of
from annotation.push.tasks.task import PREFILL, Task, once_each, task_key
from schemas.annotations import Point
from schemas.ids import image_id_of

SALT = "salt"
KEY = partial(task_key, "cap", SALT)


def test_a_key_depends_on_kind_and_salt_and_what_it_is_about() -> None:
    keys = {task_key(k, s, a) for k in ("cap", "points") for s in ("x", "y") for a in ("1", "2")}
    assert len(keys) == 8
    assert all(len(key) == 32 for key in keys)
    assert KEY("1") == KEY("1")


def test_cap_is_a_task_per_picture_but_for_twins() -> None:
    made = cap_tasks(["a", "b", "c"], {"b"}, 90.0, KEY)
    assert [task.picture for task in made.tasks] == ["a", "c"]
    assert made.passed_over == {NEAR_DUPLICATES: 1}
    assert made.tasks[0].for_studio() == {
        "data": {
            "key": KEY("a"),
            "image_id": "a",
            "image": "/pixmo/pictures/a",
            "min_seconds": 90.0,
        }
    }


def test_a_changed_minimum_is_no_other_task() -> None:
    assert cap_tasks(["a"], (), 60, KEY).tasks[0].key == cap_tasks(["a"], (), 90, KEY).tasks[0].key


def test_pointing_and_counting_are_two_tasks() -> None:
    pointing, counting = (
        points_tasks(["a"], (), method, KEY).tasks[0] for method in ("pointing", "counting")
    )
    assert pointing.key != counting.key
    assert counting.data["collection_method"] == "counting"


def test_a_review_starts_with_what_was_heard() -> None:
    heard = [Heard("r", "i", "a cat", "tiny"), Heard("s", "gone", " ", "base")]
    with_text, without = review_tasks(heard, {"i"}, KEY).tasks
    assert (with_text.sound, with_text.picture) == ("r", "i")
    assert with_text.data["audio"] == "/pixmo/sounds/r"
    prediction = with_text.for_studio()["predictions"][0]
    # Label Studio shows one version per project, so that it is the same whatever the recogniser.
    assert prediction["model_version"] == PREFILL
    assert prediction["result"][0]["value"] == {"text": ["a cat"]}
    assert with_text.data["model"] == "tiny"
    assert "predictions" not in without.for_studio()
    assert (without.picture, without.data["image"]) == ("", "")


def test_asking_carries_caption_and_text() -> None:
    first, second = ask_tasks([("a", "A dog."), ("b", "A cat.")], {"a": "STOP"}, KEY).tasks
    assert (first.data["caption"], first.data["ocr"]) == ("A dog.", "STOP")
    assert second.data["ocr"] == ""


def test_counting_starts_with_the_candidates() -> None:
    row = {"image_id": "a", "label": " cat ", "points": [{"x": 1, "y": 2.5}, {"x": 0, "y": 100}]}
    task = count_task(row, {"a"}, KEY)
    assert task.data["label"] == "cat"
    assert (task.data["predicted_count"], task.data["split"]) == (2, "validation")
    kinds = [one["type"] for one in task.prefilled]
    assert kinds == ["keypoint", "keypoint", "number"]
    assert task.prefilled[-1]["value"] == {"number": 2}
    assert len({one["id"] for one in task.prefilled}) == 3


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"image_id": "b", "label": "cat"}, "no_picture"),
        ({"label": "cat"}, "bad_row"),
        ({"image_id": "a"}, "bad_row"),
        ({"image_id": "a", "label": "  "}, "bad_row"),
        ({"image_id": "a", "label": "cat", "points": "1,2"}, "bad_row"),
        ({"image_id": "a", "label": "cat", "points": [[1, 2]]}, "bad_row"),
        ({"image_id": "a", "label": "cat", "points": [{"x": "1", "y": 2}]}, "bad_row"),
        ({"image_id": "a", "label": "cat", "points": [{"x": True, "y": 2}]}, "bad_row"),
        ({"image_id": "a", "label": "cat", "points": [{"x": float("nan"), "y": 2}]}, "bad_row"),
        ({"image_id": "a", "label": "cat", "points": [{"x": 1, "y": 100.1}]}, "point_out_of_range"),
        ({"image_id": "a", "label": "cat", "split": "dev"}, "bad_row"),
    ],
)
def test_a_candidate_that_says_nothing_is_refused(row: dict[str, object], reason: str) -> None:
    with pytest.raises(BadValue) as caught:
        count_task(row, {"a"}, KEY)
    assert caught.value.reason == reason


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100))))
def test_points_come_through(points: list[tuple[float, float]]) -> None:
    row = {"points": [{"x": x, "y": y} for x, y in points]}
    assert points_of(row) == tuple(Point(x, y) for x, y in points)


@given(st.one_of(st.none(), st.booleans(), st.text(), st.floats(max_value=-0.1), st.just([])))
def test_a_count_is_a_number_from_zero(value: object) -> None:
    with pytest.raises(BadValue):
        count_of({"count": value}, "count")


def test_a_picture_is_named_by_id_or_url() -> None:
    assert image_of({"image_id": "a", "image_url": "u"}) == "a"
    assert image_of({"image_id": None, "image_url": "u"}) == image_id_of("u")


def test_no_model_is_named_in_a_comparison() -> None:
    models = ("secret-one", "secret-two", "secret-three")
    answers = [Answer("p", "", "why?", model, f"because {at}") for at, model in enumerate(models)]
    made = pair_tasks(pairs_of(answers, SALT), (), KEY)
    text = json.dumps([task.for_studio() for task in made.tasks])
    assert len(made.tasks) == 3
    assert "secret" not in text
    assert {"pair_id", "prompt", "left", "right", "image"} <= set(made.tasks[0].data)


def test_a_comparison_about_an_unknown_picture_is_refused() -> None:
    answers = [Answer("p", "gone", "why?", model, model) for model in ("x", "y")]
    made = pair_tasks(pairs_of(answers, SALT), {"here"}, KEY)
    assert not made.tasks
    assert [one.reason for one in made.refused] == ["no_picture"]


def test_the_second_row_about_the_same_is_refused() -> None:
    made = once_each([Task("k", {"n": 1}), Task("k", {"n": 2})], ["row 1", "row 2"])
    assert [task.data["n"] for task in made.tasks] == [1]
    assert [(one.where, one.reason) for one in made.refused] == [("row 2", "repeated")]
