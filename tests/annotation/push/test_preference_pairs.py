"""Pairs of answers: all or some, blind, the same again, and turned back rightly."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.push.preference_pairs import (
    Answer,
    choice_of,
    draw_pairs,
    pairs_of,
    read_answers,
    sides_of,
)
from schemas.errors import UsageError
from schemas.ids import image_id_of

SALT = "5a17"
MODELS = ("ada", "bob", "cid")


def answers(prompts: int, models: tuple[str, ...] = MODELS) -> list[Answer]:
    return [
        Answer(f"p{n}", "", f"question {n}?", model, f"{model} says {n}")
        for n in range(prompts)
        for model in models
    ]


def test_all_pairs_of_models_stand_against_each_other() -> None:
    pairs = pairs_of(answers(4), SALT)
    assert len(pairs) == len({pair.pair_id for pair in pairs}) == 12
    assert Counter((p.model_a, p.model_b) for p in pairs) == {
        ("ada", "bob"): 4,
        ("ada", "cid"): 4,
        ("bob", "cid"): 4,
    }


def test_drawn_pairs_are_balanced() -> None:
    pairs = pairs_of(answers(900), SALT, per_prompt=1)
    assert len(pairs) == 900
    assert all(250 < n < 350 for n in Counter((p.model_a, p.model_b) for p in pairs).values())
    assert 400 < sum(pair.swapped for pair in pairs) < 500


def test_more_prompts_and_models_only_add() -> None:
    first = {pair.pair_id for pair in pairs_of(answers(50), SALT, per_prompt=2)}
    more = {pair.pair_id for pair in pairs_of(answers(80), SALT, per_prompt=2)}
    assert first < more
    another = pairs_of(answers(50, (*MODELS, "dot")), SALT, per_prompt=2)
    assert all(p.pair_id in first or "dot" in (p.model_a, p.model_b) for p in another)


@given(st.permutations(answers(3)))
def test_the_order_of_rows_says_nothing(rows: list[Answer]) -> None:
    assert pairs_of(rows, SALT) == pairs_of(answers(3), SALT)


def test_without_the_salt_a_pair_cannot_be_known() -> None:
    ours, others = pairs_of(answers(30), SALT), pairs_of(answers(30), "other")
    assert not {p.pair_id for p in ours} & {p.pair_id for p in others}


def test_what_nobody_can_compare_is_left_out_and_counted() -> None:
    rows = [
        Answer("p", "", "q?", "ada", "a cat"),
        Answer("p", "", "q?", "ada", "two cats"),
        Answer("p", "", "q?", "bob", "a  cat\n"),
        Answer("p", "", "q?", "cid", "a dog"),
        Answer("p", "", "q?", "cid", "a dog"),
    ]
    drawn = draw_pairs(rows, SALT)
    assert drawn.left_out == {"same_model": 2, "equal_answers": 1, "repeated": 3}
    assert {(p.answer_a, p.answer_b) for p in drawn.pairs} == {
        ("a cat", "a dog"),
        ("two cats", "a dog"),
        ("two cats", "a  cat\n"),
        ("a  cat\n", "a dog"),
    }


def test_choices_are_turned_back() -> None:
    for pair in pairs_of(answers(20), SALT):
        left, right = sides_of(pair)
        chosen = {"a": pair.answer_a, "b": pair.answer_b}
        assert chosen[choice_of(pair, "left")] == left
        assert chosen[choice_of(pair, "right")] == right
        assert choice_of(pair, "cannot_tell") == "cannot_tell"


def write(path: Path, *rows: object) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_answers_are_read(tmp_path: Path) -> None:
    url = "https://pics.test/1.png"
    rows = read_answers(
        write(
            tmp_path / "answers.jsonl",
            {"prompt": "what?", "model": "ada", "answer": "a cat", "image_url": url},
            {"prompt": "what?", "model": "bob", "answer": "a dog", "image_url": url},
            {"prompt": "what?", "model": "ada", "answer": "a cat", "prompt_id": "7"},
        )
    )
    assert [row.image_id for row in rows] == [image_id_of(url), image_id_of(url), ""]
    assert rows[0].prompt_id == rows[1].prompt_id != rows[2].prompt_id == "7"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"prompt": "what?", "model": "ada"}, "row 2: prompt, model, answer must not be empty"),
        ({"prompt": 3, "model": "ada", "answer": "x"}, "row 2: prompt must be text"),
        ([], "row 2: "),
        ({"prompt": "who?", "model": "a", "answer": "x", "prompt_id": "1"}, "two prompts"),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, row: object, says: str) -> None:
    good = {"prompt": "what?", "model": "ada", "answer": "a cat", "prompt_id": "1"}
    with pytest.raises(UsageError, match=says) as caught:
        read_answers(write(tmp_path / "answers.jsonl", good, row))
    assert "answers.jsonl" in str(caught.value)
