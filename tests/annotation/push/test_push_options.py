"""What push may be told: options that a kind does not take are refused by name."""

from typing import Any

import pytest

from annotation.kinds import KINDS
from annotation.push.options import PushOptions, Settings, check_options, kind_of, settings_of
from annotation.push.push import surplus_tasks
from schemas.errors import UsageError

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("cap", {"candidates": "c.jsonl"}, "--candidates"),
    ("cap", {"gold": "g.jsonl"}, "--gold"),
    ("ask_model_anything", {"gold": "g.jsonl"}, "--gold"),
    ("points", {"min_seconds": 60.0}, "--min-seconds"),
    ("cap", {"collection_method": "pointing"}, "--collection-method"),
    ("cap", {"ocr": "o.jsonl"}, "--ocr"),
    ("count", {"answers": "a.jsonl", "candidates": "c"}, "--answers"),
    ("preference", {}, "--answers"),
    ("cap", {"overlap": 0}, "--overlap"),
    ("cap", {"overlap": 101}, "--overlap"),
    ("cap", {"limit": -1}, "--limit"),
    ("cap", {"min_seconds": 0.0}, "--min-seconds"),
    ("cap", {"min_seconds": float("nan")}, "--min-seconds"),
    ("points", {"collection_method": "guessing"}, "--collection-method"),
]


@pytest.mark.parametrize(("kind", "given", "named"), REFUSED)
def test_refused_by_name(kind: str, given: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        check_options(KINDS[kind], PushOptions(**given))


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("cap", {"min_seconds": 90.0, "overlap": 3, "limit": 5}),
        ("points", {"collection_method": "counting", "gold": "g"}),
        ("count", {"gold": "g"}),
        ("count", {}),
        ("preference", {"answers": "a"}),
        ("point_explanations", {"ocr": "o"}),
    ],
)
def test_accepted(kind: str, given: dict[str, Any]) -> None:
    check_options(KINDS[kind], PushOptions(**given))


def test_an_unknown_kind_lists_the_known() -> None:
    with pytest.raises(UsageError, match="transcript_review"):
        kind_of("caps")


def test_what_is_not_given_stays() -> None:
    kept = {"overlap": 3, "min_seconds": 90.0, "split": "validation"}
    assert settings_of(PushOptions(), kept) == Settings(3, 90.0)
    assert settings_of(PushOptions(overlap=2), kept) == Settings(2, 90.0)
    assert settings_of(PushOptions(), {}) == Settings()
    assert Settings(3, 90.0).kept(KINDS["cap"]) == {"overlap": 3, "min_seconds": 90.0}
    assert Settings().kept(KINDS["count"]) == {"overlap": 1, "split": "validation"}


def test_titles_are_of_a_length_that_label_studio_takes() -> None:
    assert all(3 <= len(kind.title) <= 50 for kind in KINDS.values())


def test_of_tasks_with_one_key_all_but_one_are_surplus() -> None:
    rows = [(1, "a", 0), (2, "a", 1), (3, "a", 0), (4, "b", 0), (5, "b", 0), (6, None, 0)]
    assert surplus_tasks(rows) == [1, 3, 5]
    assert surplus_tasks([(1, "a", 1), (2, "a", 2)]) == []
