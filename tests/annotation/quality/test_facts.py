"""Facts per annotator: speed, rejects, agreement with others and with known answers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.quality.answers import (
    phrase_key,
    points_agreement,
    text_agreement,
)
from annotation.quality.facts import Judged, Refused, facts_of, speed_of
from schemas.annotations import Point

HERE, NEAR, FAR = (Point(10, 10),), (Point(12, 12),), (Point(80, 80),)


def judged(who: str, task: str, answer: Any, seconds: float = 10.0, items: int = 1) -> Judged:
    return Judged(task, who, f"1:{who}{task}", seconds, answer, items)


def test_counts() -> None:
    work = [
        judged("ada", "t1", 3),
        judged("bob", "t1", 3),
        judged("cid", "t1", 4),
        judged("ada", "t2", 0),
        judged("bob", "t2", 7),
        judged("ada", "t3", 1),
    ]
    facts = facts_of("count", work, [], {"t1": 3, "t3": 2})
    assert facts.everyone.agreement is not None
    assert facts.everyone.agreement.comparisons == 4
    assert facts.everyone.agreement.mean == pytest.approx(1 / 4)
    assert facts.within_one == pytest.approx(3 / 4)
    ada, cid = facts.people["ada"], facts.people["cid"]
    assert ada.agreement is not None
    assert (ada.agreement.mean, ada.agreement.comparisons) == (pytest.approx(1 / 3), 3)
    assert ada.gold is not None
    assert (ada.gold.mean, ada.gold.comparisons) == (0.5, 2)
    assert cid.gold is not None
    assert cid.gold.mean == 0
    assert facts.alpha is None


def test_points_are_compared_by_phrases_that_both_used() -> None:
    one = {"cat": HERE, "red car": FAR, "moon": ()}
    other = {"cat": NEAR, "moon": HERE}
    assert points_agreement(one, other) == pytest.approx(0.5)
    assert points_agreement(one, {"dog": HERE}) is None
    work = [judged("ada", "t", one, items=3), judged("bob", "t", {"dog": HERE})]
    facts = facts_of("points", work, [], {"t": {"cat": FAR}})
    assert facts.everyone.agreement is None
    assert facts.people["ada"].gold is not None
    assert facts.people["ada"].gold.mean == 0
    assert facts.people["bob"].gold is None


def test_spelling_of_phrases_does_not_matter() -> None:
    assert phrase_key("  Red\tCAR ") == phrase_key("red car")


def test_reviews_are_compared_word_by_word() -> None:
    assert text_agreement("A red car.", "a red car") == 1
    assert text_agreement("a red car", "a blue car") == pytest.approx(2 / 3)
    assert text_agreement("", "") == 1
    assert text_agreement("", "one two") == 0


@given(st.text(max_size=40), st.text(max_size=40))
def test_text_agreement_is_symmetric_and_bounded(one: str, other: str) -> None:
    assert text_agreement(one, other) == text_agreement(other, one)
    assert 0 <= text_agreement(one, other) <= 1


def test_choices_have_an_alpha() -> None:
    work = [
        judged(who, task, "a" if task == "t1" else "b") for who in "xy" for task in ("t1", "t2")
    ]
    facts = facts_of("preference", work, [], {})
    assert facts.alpha == 1
    assert facts.everyone.agreement is not None
    assert facts.everyone.agreement.mean == 1


def test_free_work_has_no_agreement() -> None:
    facts = facts_of("cap", [judged("ada", "t", None), judged("bob", "t", None)], [], {})
    assert facts.everyone.agreement is None
    assert facts.everyone.done == 2


def test_rejects_count_per_item_and_by_reason() -> None:
    refused = [Refused("ada", "out_of_range"), Refused("dan", "out_of_range")]
    facts = facts_of("points", [judged("ada", "t", {"cat": HERE}, items=3)], refused, {})
    assert facts.people["ada"].reject_rate == pytest.approx(1 / 4)
    assert facts.people["dan"].reject_rate == 1
    assert facts.people["dan"].speed is None
    assert facts.everyone.reject_rate == pytest.approx(2 / 5)
    assert facts.reasons == {"out_of_range": 2}


def test_nobody_did_anything() -> None:
    facts = facts_of("points", [], [], {})
    assert facts.people == {}
    assert facts.everyone.reject_rate is None
    assert facts.everyone.done == 0


def test_speed() -> None:
    found = speed_of([5, 1, 2, 3, 4, 6, 7, 8, 9, 100, 0])
    assert found is not None
    assert (found.median_s, found.p90_s) == (5.5, 9)
    assert speed_of([0, 0]) is None
    only = speed_of([4])
    assert only is not None
    assert (only.median_s, only.p90_s) == (4, 4)
