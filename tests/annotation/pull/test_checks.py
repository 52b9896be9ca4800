"""Which items become records, and the reason of every one that does not."""

from typing import Any

import pytest

from annotation.ask.notices import DOWN
from annotation.pull.checks import CheckRules, check_item
from annotation.pull.typed import typed_characters
from schemas.annotations import (
    CountAnnotation,
    Point,
    PointAnnotation,
    PointExplanation,
    Preference,
    QuestionAnnotation,
    TranscriptReview,
    Turn,
    Work,
)
from schemas.errors import UsageError
from schemas.judgment import Reject
from tests.annotation.pull.studio_page import KEY, PERSON, clock

BASE = {
    "annotation": "1:7",
    "revision": clock(0),
    "annotator_id": PERSON,
    "task_key": KEY,
    "image_id": "0" * 32,
    "guideline": "g_v1",
    "seconds": 30.0,
    "submitted_at": clock(0),
    "skipped": False,
    "deleted": False,
}
WORK = Work("1:7", KEY, PERSON, "g_v1", 30.0, clock(0))
TURN = {"draft": "It is red.", "explanation": "", "model": "m", "prompt": "p_v1", "seconds": 1.5}
TURN |= {"at": "2026-01-01"}
ITEMS: dict[str, dict[str, Any]] = {
    "points": {
        "label": "cup",
        "points": [[1.0, 2.0], [50, 100]],
        "absent": False,
        "collection_method": "pointing",
    },
    "count": {
        "label": "cup",
        "predicted_count": 3.0,
        "split": "test",
        "count": 2.0,
        "points": [[1.0, 2.0], [50.0, 60.0]],
    },
    "ask_model_anything": {
        "question": "What colour?",
        "answer": "It is red.",
        "verdict": "accept",
        "explanations": [],
        "turns": [TURN],
    },
    "point_explanations": {
        "question": "Where?",
        "answer": "[here](1) and [there](2)",
        "verdict": "",
        "explanations": [],
        "turns": [],
        "points": [[1.0, 2.0], [50.0, 60.0]],
        "labels": ["one", ""],
    },
    "transcript_review": {"recording_id": "r1", "text": "a red cup", "draft": "a read cup"},
    "preference": {"pair_id": "p1", "choice": "left"},
}


def check(kind: str, rules: CheckRules = CheckRules(), **changed: Any) -> Any:  # noqa: B008
    return check_item(kind, "i" * 32, {**BASE, **ITEMS[kind], **changed}, rules)


def reason(kind: str, **changed: Any) -> str:
    refused = check(kind, **changed)
    assert isinstance(refused, Reject), refused
    assert refused.detail
    return refused.reason


def test_sound_items_become_records() -> None:
    key, image = "i" * 32, "0" * 32
    points = (Point(1.0, 2.0), Point(50.0, 60.0))
    turn = Turn("It is red.", "", "m", "p_v1", 1.5, "2026-01-01")
    spread = (Point(1.0, 2.0), Point(50.0, 100.0))
    assert check("points") == PointAnnotation(key, image, "cup", spread, "pointing", WORK)
    assert check("count") == CountAnnotation(key, image, "cup", 2, 3, points, "test", WORK)
    asked = ("What colour?", "It is red.", False, (turn,))
    assert check("ask_model_anything") == QuestionAnnotation(key, image, *asked, WORK)
    explained = check("point_explanations")
    assert isinstance(explained, PointExplanation)
    assert (explained.points, explained.labels, explained.edited) == (points, ("one", ""), True)
    review = TranscriptReview(key, "r1", image, "a red cup", True, WORK)
    assert check("transcript_review") == review
    assert check("preference") == Preference(key, "p1", "a", WORK)


@pytest.mark.parametrize("kind", ITEMS)
def test_a_task_without_a_key_is_none_of_ours(kind: str) -> None:
    assert reason(kind, task_key="") == "unknown_task"
    assert reason(kind, task_key=None) == "unknown_task"
    assert reason(kind, skipped=True) == "skipped"


def test_absent_phrases_have_no_points() -> None:
    assert check("points", points=[], absent=True).points == ()
    assert reason("points", absent=True) == "not_present_with_points"
    assert reason("points", points=[]) == "no_points"
    assert reason("points", label="") == "no_phrase"
    assert reason("points", label="", points=[]) == "empty_label"
    assert reason("points", label=7, points=[]) == "empty_label"
    assert reason("points", collection_method="guessing") == "not_a_choice"


@pytest.mark.parametrize(
    "place",
    [
        [-0.1, 5],
        [5, 100.1],
        [None, 5],
        ["5", 5],
        [5],
        [5, 5, 5],
        "5,5",
        None,
        [True, 5],
        [1e999, 5],
    ],
)
def test_points_lie_within_the_picture(place: Any) -> None:
    for kind in ("points", "count", "point_explanations"):
        assert reason(kind, points=[[1.0, 2.0], place]) == "out_of_range"


def test_rounding_at_the_border_is_forgiven() -> None:
    assert check("points", points=[[100.0000001, -1e-9]]).points == (Point(100.0, 0.0),)


def test_two_points_in_one_place_are_one_click() -> None:
    assert reason("points", points=[[10, 10], [50, 50], [10.2, 10.1]]) == "duplicate_click"
    assert reason("count", points=[[10, 10], [10, 10]]) == "duplicate_click"
    assert len(check("points", points=[[10, 10], [10.2, 10.3]]).points) == 2
    wide = CheckRules(duplicate_percent=2.0)
    refused = check("points", wide, points=[[10, 10], [11, 11]])
    assert refused.reason == "duplicate_click"
    assert "points 1 and 2" in refused.detail
    assert (
        len(check("points", CheckRules(duplicate_percent=0), points=[[1, 1], [1, 1]]).points) == 2
    )


def test_the_count_is_that_of_the_points() -> None:
    assert reason("count", count=3.0) == "count_mismatch"
    assert check("count", count=0.0, points=[]).count == 0
    for wrong in (None, 1.5, -1.0, "2", 10.0**9, True):
        assert reason("count", count=wrong) == "no_count"
    assert reason("count", label="") == "empty_label"
    assert reason("count", predicted_count=None) == "unknown_task"
    assert reason("count", split="holdout") == "not_a_choice"


def test_texts_are_there() -> None:
    assert reason("ask_model_anything", question=" ") == "empty_text"
    assert reason("ask_model_anything", answer="") == "empty_text"
    assert reason("transcript_review", text="\n") == "empty_text"
    assert reason("transcript_review", recording_id="") == "missing_recording"
    assert reason("transcript_review", text="word " * 5000) == "text_too_long"
    assert reason("points", label="x" * 20_001) == "text_too_long"


def test_a_notice_is_no_answer() -> None:
    assert reason("ask_model_anything", answer=DOWN) == "draft_failed"
    assert reason("point_explanations", answer=DOWN + " so what") == "draft_failed"


def test_a_rejected_draft_is_no_answer_and_an_edited_one_is() -> None:
    assert reason("ask_model_anything", verdict="reject") == "not_accepted"
    assert check("ask_model_anything", verdict="reject", answer="It is blue.").edited
    assert reason("ask_model_anything", verdict="accept,reject") == "not_a_choice"


def test_edited_compares_with_the_last_draft() -> None:
    first = {**TURN, "draft": "It is green.", "explanation": "look again"}
    made = check("ask_model_anything", turns=[first, TURN])
    assert not made.edited
    assert [turn.explanation for turn in made.turns] == ["look again", ""]
    assert check("ask_model_anything", answer="It is  red.\n").edited is False
    assert check("ask_model_anything", answer="It is green.", turns=[first, TURN]).edited
    assert check("ask_model_anything", turns=[]).edited


def test_every_point_is_cited_and_nothing_else() -> None:
    assert reason("point_explanations", answer="[here](1,2) and [there](3)") == "unknown_point"
    assert reason("point_explanations", answer="[here](1) only") == "point_not_cited"
    assert reason("point_explanations", answer="no citation") == "point_not_cited"
    assert reason("point_explanations", points=[], labels=[]) == "no_points"
    assert reason("point_explanations", labels=["one"]) == "no_phrase"
    assert check("point_explanations", answer="[both](1,2)").answer == "[both](1,2)"


@pytest.mark.parametrize(
    ("choice", "swapped", "expected"),
    [
        ("left", False, "a"),
        ("left", True, "b"),
        ("right", False, "b"),
        ("right", True, "a"),
        ("both_good", True, "both_good"),
        ("both_bad", False, "both_bad"),
        ("cannot_tell", True, "cannot_tell"),
    ],
)
def test_preferences_are_turned_back(choice: str, swapped: bool, expected: str) -> None:
    item = {**BASE, "pair_id": "p1", "choice": choice}
    assert check_item("preference", "i", item, CheckRules(), swapped).choice == expected


def test_only_the_five_choices_count() -> None:
    for wrong in ("", "Left", "left,right", None, ["left"]):
        assert reason("preference", choice=wrong) == "not_a_choice"
    assert reason("preference", pair_id="") == "unknown_task"


# --- typing


def test_typed_characters_are_those_of_words_that_were_not_there() -> None:
    assert typed_characters("a red cup") == 7
    assert typed_characters("a red cup", "a read cup") == 3
    assert typed_characters("a  red\ncup", "a red cup") == 0
    assert typed_characters("then a red cup", "a red cup") == 4
    assert typed_characters("", "a red cup") == 0


def test_text_that_nobody_can_type_so_fast_was_pasted() -> None:
    long = " ".join(f"word{at}" for at in range(200))
    assert reason("ask_model_anything", answer=long, seconds=20.0) == "typed_too_fast"
    assert check("ask_model_anything", answer=long, seconds=200.0).answer == long
    # What the model drafted was not typed, however long it is.
    drafted = {**TURN, "draft": long}
    assert check("ask_model_anything", answer=long, seconds=2.0, turns=[drafted]).answer == long
    assert reason("transcript_review", text=long, seconds=20.0) == "typed_too_fast"
    assert check("transcript_review", text=long, draft=long + " and", seconds=3.0).changed


def test_an_unknown_time_and_a_short_text_are_not_judged() -> None:
    long = "word " * 100
    assert check("ask_model_anything", answer=long, seconds=None).work.seconds == 0.0
    assert check("transcript_review", text="a short one", draft="", seconds=0.1).changed


def test_repetitive_texts_are_compared_in_good_time() -> None:
    assert typed_characters("la " * 6000, "la la lo " * 2000) >= 0


def test_rules_that_mean_nothing_are_refused() -> None:
    with pytest.raises(UsageError, match="characters_per_second"):
        CheckRules(characters_per_second=0)
    with pytest.raises(UsageError, match="duplicate_percent"):
        CheckRules(duplicate_percent=-1)
