"""Any annotation becomes items, at least one, and nothing in it is a reason to crash."""

import json
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from annotation.kinds import KINDS
from annotation.pull.checks import CheckRules, check_item
from annotation.pull.items import items_of, question_of, recording_of, tombstone
from pipelines.steps.read_rows import row_json
from schemas.annotations import CountAnnotation, PointAnnotation
from schemas.judgment import Reject
from tests.annotation.pull.studio_page import (
    KEY,
    PERSON,
    chosen,
    clock,
    context,
    fetched,
    keypoint,
    number,
    phrase,
    textarea,
)

JUDGED = [kind for kind in KINDS if kind != "cap"]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12
)
NAMES = ("point", "phrase", "absent", "text", "question", "answer", "verdict", "choice", "count")
VALUES = st.fixed_dictionaries(
    {},
    optional={
        name: ANYTHING
        for name in ("x", "y", "text", "choices", "number", "keypointlabels", "width")
    },
)
RESULTS = st.lists(
    st.fixed_dictionaries(
        {
            "id": SCALARS | st.sampled_from(["r1", "r2"]),
            "from_name": st.sampled_from(NAMES) | SCALARS,
            "type": st.sampled_from(["keypoint", "textarea", "choices", "number"]) | SCALARS,
            "value": VALUES | ANYTHING,
            "original_width": SCALARS,
            "original_height": SCALARS,
        }
    )
    | ANYTHING
)


def items(kind: str, result: Any, data: dict[str, Any] | None = None, **more: Any) -> list[Any]:
    return items_of(kind, fetched(result, data, **more), context())


def test_an_item_says_who_what_and_when_by_pseudonym() -> None:
    (item,) = items("points", phrase("a cup", (10, 20)), {"collection_method": "counting"})
    assert item == {
        "annotation": "1:7",
        "project_created_at": context().project_created_at,
        "revision": clock(0),
        "item": 0,
        "annotator_id": PERSON,
        "task_key": KEY,
        "image_id": "0" * 32,
        "guideline": "points_v1",
        "seconds": 60.0,
        "submitted_at": clock(0),
        "skipped": False,
        "deleted": False,
        "label": "a cup",
        "points": [[10.0, 20.0]],
        "absent": False,
        "collection_method": "counting",
        "shown": [[96.0, 72.0, 0.0]],
    }


def test_points_are_an_item_per_phrase_in_the_order_of_the_first_point() -> None:
    result = [
        *phrase("two  cups", (1, 2)),
        *phrase("a spoon", (3, 4)),
        *phrase("Two cups", (5, 6)),
        textarea("absent", "a fork", "a knife"),
    ]
    found = items("points", result)
    assert [(item["label"], item["points"], item["absent"]) for item in found] == [
        ("two cups", [[1.0, 2.0], [5.0, 6.0]], False),
        ("a spoon", [[3.0, 4.0]], False),
        ("a fork", [], True),
        ("a knife", [], True),
    ]
    assert [item["item"] for item in found] == [0, 1, 2, 3]


def test_a_phrase_that_is_absent_and_pointed_at_is_one_item() -> None:
    (item,) = items("points", [*phrase("cup", (1, 2)), textarea("absent", "Cup")])
    assert item["absent"]
    assert item["points"]


def test_points_without_a_phrase_and_phrases_without_a_point() -> None:
    lonely, named = items("points", [keypoint("r", 1, 2), textarea("phrase", "cup", region="s")])
    assert (lonely["label"], lonely["points"]) == ("", [[1.0, 2.0]])
    assert (named["label"], named["points"], named["absent"]) == ("cup", [], False)


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_annotation_is_one_item(kind: str) -> None:
    for result in ([], None, {}, "?"):
        (item,) = items(kind, result)
        assert item["task_key"] == KEY


@pytest.mark.parametrize("kind", JUDGED)
def test_a_skipped_task_is_one_item_and_a_reject(kind: str) -> None:
    (item,) = items(kind, phrase("cup", (1, 2)), skipped=True)
    refused = check_item(kind, "i", item, CheckRules())
    assert isinstance(refused, Reject)
    assert refused.reason == "skipped"


def test_count_and_its_task() -> None:
    data = {"label": "ducks", "predicted_count": 3, "split": "test"}
    (item,) = items("count", [keypoint("a", 1, 2), number("count", 1)], data)
    assert (item["label"], item["predicted_count"], item["split"]) == ("ducks", 3.0, "test")
    assert (item["count"], item["points"]) == (1.0, [[1.0, 2.0]])


def test_questions_carry_their_turns() -> None:
    turn = {"draft": "Red.", "explanation": "", "model": "m", "prompt": "p", "seconds": 1.0}
    result = [
        textarea("question", " What   colour? "),
        textarea("answer", "Red.\n"),
        chosen("verdict", "accept"),
    ]
    (item,) = items_of("ask_model_anything", fetched(result), context(turns=(turn,)))
    assert item["question"] == question_of(fetched(result)) == "What colour?"
    assert (item["answer"], item["verdict"], item["turns"]) == ("Red.", "accept", [turn])


def test_explanations_have_a_label_per_point() -> None:
    result = [*phrase("cup", (1, 2)), keypoint("x", 3, 4), textarea("answer", "[a](1) [b](2)")]
    (item,) = items("point_explanations", result)
    assert item["points"] == [[1.0, 2.0], [3.0, 4.0]]
    assert item["labels"] == ["cup", ""]


def test_a_review_knows_the_text_that_it_began_from() -> None:
    draft = [textarea("text", "a read cup")]
    own = fetched([textarea("text", "a red cup")], {"recording_id": "r"}, draft=draft)
    (item,) = items_of("transcript_review", own, context(before="from the store"))
    assert (item["recording_id"], item["text"], item["draft"]) == ("r", "a red cup", "a read cup")
    (item,) = items_of("transcript_review", fetched([]), context(before="from the store"))
    assert item["draft"] == "from the store"


def test_cap_names_the_recording() -> None:
    result = [textarea("recording", "f" * 32)]
    assert recording_of(fetched(result)) == "f" * 32
    (item,) = items("cap", result, {"min_seconds": 60})
    assert (item["recording"], item["audio"], item["min_seconds"]) == ("f" * 32, "", 60.0)


def test_a_removal_keeps_who_and_what_and_nothing_else() -> None:
    (item,) = items("points", phrase("cup", (1, 2)))
    gone = tombstone(item, clock(99))
    assert gone["deleted"]
    assert (gone["annotator_id"], gone["image_id"]) == (PERSON, "0" * 32)
    assert "label" not in gone


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(list(KINDS)), RESULTS | ANYTHING, st.dictionaries(st.text(), ANYTHING))
def test_whatever_was_posted_becomes_items_and_records_or_rejects(
    kind: str, result: Any, data: dict[str, Any]
) -> None:
    found = items_of(kind, fetched(result, data, seconds=data.get("s"), draft=result), context())
    assert found
    for item in found:
        row_json(item).encode()  # it can be kept
        kept = json.loads(row_json(item))
        if kind != "cap":
            assert check_item(kind, "i", kept, CheckRules()) is not None


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(JUDGED), st.dictionaries(st.text(), ANYTHING), ANYTHING)
def test_whatever_stands_in_a_row_is_a_record_or_a_reject(
    kind: str, item: dict[str, Any], value: Any
) -> None:
    for name in ("points", "turns", "labels", "explanations", "seconds", "label", "answer"):
        values = json.loads(row_json({**item, "task_key": KEY, name: value}))
        assert check_item(kind, "i", values, CheckRules()) is not None


def test_half_a_surrogate_pair_is_no_text_to_stumble_over() -> None:
    (item,) = items("points", phrase("cup \ud83d", (1, 2)))
    row_json(item).encode()
    assert item["label"].startswith("cup")


# --- what Label Studio exports


def _exports(folder: Path) -> list[tuple[Path, Any]]:
    places = sorted((folder / "labelstudio").rglob("*.json"))
    return [(place, json.loads(place.read_text(encoding="utf-8"))) for place in places]


def _annotations(values: Any) -> list[dict[str, Any]]:
    tasks = values if isinstance(values, list) else [values]
    own = [task for task in tasks if isinstance(task, dict)]
    found = [a for task in own for a in (task.get("annotations") or task.get("completions") or [])]
    return [*found, *(task for task in own if isinstance(task.get("result"), list))]


def test_real_exports_go_through_the_parser(test_data: Path) -> None:
    read = 0
    for place, values in _exports(test_data):
        for annotation in _annotations(values):
            for kind in JUDGED:
                for item in items(kind, annotation.get("result")):
                    assert check_item(kind, "i", item, CheckRules()) is not None, place
                    read += 1
    assert read > 50


def test_real_keypoints_are_points_with_their_labels(test_data: Path) -> None:
    place = test_data / "labelstudio" / "ml_backend" / "test_keypoint_labels_1.json"
    (one,) = json.loads(place.read_text(encoding="utf-8"))
    placed = [r for r in one["result"] if r["type"] == "keypointlabels"]
    found = items("points", one["result"])
    assert sum(len(item["points"]) for item in found) == len(placed)
    assert found[0]["label"] == "left_shoulder"
    assert found[0]["points"][0] == [placed[0]["value"]["x"], placed[0]["value"]["y"]]
    made = [check_item("points", "i", item, CheckRules()) for item in found]
    assert all(isinstance(record, PointAnnotation) for record in made)
    assert not isinstance(made[0], CountAnnotation)
