"""Lines with known answers become tasks like any other, and answers that stay here."""

import json
from functools import partial
from typing import Any

import pytest

from annotation.push.tasks.about_pictures import points_task
from annotation.push.tasks.about_speech import Heard
from annotation.push.tasks.known_answers import Around, known_tasks
from annotation.push.tasks.task import Made, task_key
from pipelines.steps.read_rows import InputRow


def known(kind: str, *lines: dict[str, Any]) -> Made:
    heard = {"r": Heard("r", "a", "a cat", "tiny")}
    around = Around(partial(task_key, kind, "salt"), {"a", "b"}, heard, "counting")
    rows = [InputRow(number, values) for number, values in enumerate(lines, 1)]
    return known_tasks(kind, "gold.jsonl", rows, around)


def test_several_labels_of_a_picture_are_one_task() -> None:
    cats = {"label": "cat", "points": [{"x": 1, "y": 2}]}
    dogs = {"label": "dog", "points": []}
    made = known(
        "points",
        {"image_id": "a", "expected": cats},
        {"image_id": "a", "expected": dogs},
        {"image_id": "a", "expected": cats},
    )
    own = points_task("a", "counting", partial(task_key, "points", "salt"))
    assert made.tasks == (own,)
    assert [one.expected for one in made.known] == [
        {"label": "cat", "points": [{"x": 1.0, "y": 2.0}]},
        {"label": "dog", "points": []},
    ]
    assert [(one.where, one.reason) for one in made.refused] == [("gold.jsonl, row 3", "repeated")]


def test_the_answer_is_not_in_the_task() -> None:
    line = {"image_id": "b", "label": "cat", "points": [], "expected": {"count": 417}}
    made = known("count", line)
    assert made.known[0].expected == {"count": 417}
    assert "417" not in json.dumps(made.tasks[0].for_studio())
    assert made.known[0].key == made.tasks[0].key


def test_a_transcript_and_a_comparison() -> None:
    heard = known("transcript_review", {"recording_id": "r", "expected": {"text": "a bat"}})
    assert heard.known[0].expected == {"text": "a bat"}
    pair = {"prompt": "why?", "left": "so", "right": "no", "expected": {"choice": "left"}}
    compared = known("preference", pair)
    assert compared.tasks[0].data["left"] == "so"
    assert compared.known[0].expected == {"choice": "left"}


@pytest.mark.parametrize(
    ("kind", "line", "reason"),
    [
        ("points", {"image_id": "z", "expected": {"label": "cat"}}, "no_picture"),
        ("points", {"image_id": "a", "expected": {}}, "bad_row"),
        ("points", {"image_id": "a"}, "bad_row"),
        ("count", {"image_id": "a", "label": "x", "expected": {"count": -1}}, "bad_row"),
        ("transcript_review", {"recording_id": "q", "expected": {"text": "x"}}, "no_transcript"),
        ("preference", {"prompt": "p", "left": "l", "expected": {"choice": "left"}}, "bad_row"),
        (
            "preference",
            {"prompt": "p", "left": "l", "right": "r", "expected": {"choice": "middle"}},
            "bad_row",
        ),
    ],
)
def test_a_line_that_is_none_is_refused(kind: str, line: dict[str, Any], reason: str) -> None:
    made = known(kind, line)
    assert not made.tasks
    assert [one.reason for one in made.refused] == [reason]
