"""Statements: what is split off a transcript, what is refused, and what says the same."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from pipelines.steps.prompts import load_prompt
from pipelines.steps.statements import (
    Stated,
    Statement,
    StatementConfig,
    Statements,
    Verdict,
    find_fault,
    find_unsupported,
    merge_statements,
    says_the_same,
    state_facts,
)
from pipelines.steps.structured import Sampling, form_request, read_form
from pipelines.steps.text_requests import TextAnswer, TextRequest
from schemas.errors import UsageError
from schemas.judgment import Reject

SAID = (
    "Um, a red cup stands on a wooden table. The cup is half full.",
    "I see a small red cup, half full. To the left there are two spoons.",
)


class Splits:
    """A model that makes a statement of every sentence, and counts."""

    name = "m"

    def __init__(self, answer: Callable[[str], Any] | None = None) -> None:
        self.asked: list[TextRequest] = []
        self._answer = answer or (lambda said: [part.strip() for part in said.split(".") if part])

    async def complete(self, request: TextRequest) -> TextAnswer | Reject:
        self.asked.append(request)
        said = request.user.splitlines()[0].split(": ", 1)[1]
        answer = self._answer(said)
        if isinstance(answer, Reject):
            return answer
        return TextAnswer(json.dumps({"statements": answer}), 10, 5)


def state(model: Splits, *said: str, **settings: Any) -> Stated | Reject:
    return asyncio.run(state_facts(model, said or SAID, StatementConfig(**settings)))


def test_every_transcript_is_asked_for_and_what_is_told_twice_is_one() -> None:
    model = Splits(
        lambda said: (
            ["A red cup stands on a wooden table.", "The cup is half full."]
            if "wooden" in said
            else ["The small cup is half full.", "There are two spoons to the left."]
        )
    )
    found = state(model)
    assert isinstance(found, Stated)
    assert [(one.text, one.transcripts) for one in found.statements] == [
        ("A red cup stands on a wooden table.", (0,)),
        ("The small cup is half full.", (0, 1)),
        ("There are two spoons to the left.", (1,)),
    ]
    assert (found.prompt_tokens, found.completion_tokens) == (20, 10)
    assert not any("Um" in request.user for request in model.asked)


def test_hesitations_stay_where_the_language_is_another() -> None:
    model = Splits(lambda said: ["Er ist rot und gross."])
    state(model, "Er ist rot und gross.", language="de")
    assert "Er ist rot" in model.asked[0].user


def test_what_nobody_said_is_refused_with_the_reason() -> None:
    model = Splits(lambda said: ["The cup is half full.", "Three blue parrots fly over Paris."])
    found = state(model, SAID[0])
    assert isinstance(found, Stated)
    assert [one.text for one in found.statements] == ["The cup is half full."]
    (refused,) = found.refused
    assert (refused.transcript, refused.why) == (0, "nobody said the number 3")


def test_a_picture_of_which_nothing_is_left_is_a_reject() -> None:
    made = state(Splits(lambda said: ["Seven dogs bark loudly."]))
    assert isinstance(made, Reject)
    assert made.reason == "no_statements"


def test_the_first_reject_of_a_transcript_is_that_of_the_picture() -> None:
    down = Reject("llm_unavailable", "later", retryable=True)
    assert state(Splits(lambda said: down)) == down


@pytest.mark.parametrize("bad", ["prose", [], [""], ["word " * 50], ["A red cup."] * 20, [7]])
def test_what_is_no_list_of_statements_is_asked_for_again(bad: Any) -> None:
    model = Splits(lambda said: bad)
    made = state(model, SAID[0])
    assert isinstance(made, Reject)
    assert made.reason in ("llm_malformed", "llm_degenerate")
    assert len(model.asked) == 3
    assert "refused" in model.asked[1].user


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("A red cup stands on a table.", ""),
        ("The cup is blue.", "nobody said the colour blue"),
        ("Four cups stand on a table.", "nobody said the number 4"),
        ("It is half full.", "it does not name what it is about"),
        ("Her cup is red.", "it does not name what it is about"),
        ("With a red cup.", "it does not name what it is about"),
        ("Wooden table.", "it does not name what it is about"),
        ("The speaker likes the cup.", "it is about the description"),
        ("There it is.", "it says nothing"),
        ("A dog barks at a wooden cup.", "it shares 40% of its words"),
        ("Italy is red wooden cup.", "it shares 75% of its words"),
    ],
)
def test_a_statement_is_held_against_its_transcript(text: str, why: str) -> None:
    least = 0.8 if text.startswith("Italy") else 0.6
    assert find_unsupported(text, SAID[0], least) == why


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("The cup is red.", "A red cup.", False),
        ("The cup is red.", "the cup is Red", True),
        ("The cup is red.", "The cup is dark red.", True),
        ("The cup is red.", "The cup is not red.", False),
        ("Cups are on the table.", "Two cups are on the table.", False),
        ("A lamp stands in the corner.", "A lamp stands in the left corner.", False),
        ("The cup stands on the saucer.", "The saucer stands on the cup.", False),
        ("The dog has a collar.", "The dog is without collar.", False),
        ("A cup.", "A cup stands on a very old wooden table.", False),
    ],
)
def test_what_says_the_same(one: str, other: str, same: bool) -> None:
    assert says_the_same(one, other) is same
    assert says_the_same(other, one) is same


def test_of_two_that_say_the_same_the_longer_stays_where_the_first_was() -> None:
    told = [Statement("The cup is red.", (0,)), Statement("A dog barks.", (0,))]
    merged = merge_statements([*told, Statement("The cup is dark red.", (2,))])
    assert merged == (Statement("The cup is dark red.", (0, 2)), told[1])
    assert merge_statements(merged) == merged


def test_few_repeats_are_no_fault() -> None:
    assert find_fault(Statements(("A cup.", "A cup.", "A dog."))) == ""


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"max_tokens": 1}, {"least_shared": 2.0}])
def test_settings_that_make_no_sense(wrong: Any) -> None:
    with pytest.raises(UsageError, match="statements"):
        StatementConfig(**wrong)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("judge_stated_v1", {"caption": "A cup.", "statement": "The cup is red."}),
        ("judge_supported_v1", {"transcripts": "Transcript 1: A cup.", "statement": "It is."}),
    ],
)
def test_the_prompts_for_judges_can_be_filled_and_their_verdicts_read(
    name: str, values: dict[str, str]
) -> None:
    request = form_request(load_prompt(name), Verdict, values, Sampling())
    assert all(value in request.user for value in values.values())
    assert "{" not in request.user
    assert read_form('{"verdict": true}', Verdict) == Verdict(True)
    assert isinstance(read_form('{"verdict": "yes"}', Verdict), Reject)
