"""Answers as forms: what is read, what is refused, and how a refused one is asked for again."""

import asyncio
import json
from dataclasses import replace
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field
from pydantic.dataclasses import dataclass as form

from pipelines.steps.prompts import parse_prompt
from pipelines.steps.structured import (
    FORM,
    Answered,
    Sampling,
    ask_form,
    form_request,
    form_schema,
    read_form,
)
from pipelines.steps.text_requests import TextAnswer, TextRequest
from schemas.judgment import Reject


@form(frozen=True, config=FORM)
class Turn:
    """A question and its answer, in the order in which they are to be written."""

    question: str
    answer: str


@form(frozen=True, config=FORM)
class Talk:
    """Two or three turns and a number."""

    turns: Annotated[tuple[Turn, ...], Field(min_length=2, max_length=3)]
    score: float


ONE = {"question": "What is it?", "answer": "A cat."}
GOOD = json.dumps(ONE)
TALK: dict[str, Any] = {"turns": [ONE, ONE], "score": 0.5}
PROMPT = parse_prompt(
    "toy_v1", "field: turn\n## system\nAsk.\n## user\n{input}\n## again\nRefused: {error}.\n"
)
REQUEST = form_request(PROMPT, Turn, {"input": "A cat."}, Sampling(max_tokens=64))


class Answers:
    """A model that gives these answers one after the other, and keeps what it was asked."""

    name = "m"

    def __init__(self, *answers: str | TextAnswer | Reject) -> None:
        self.waiting = list(answers)
        self.asked: list[TextRequest] = []

    async def complete(self, request: TextRequest) -> TextAnswer | Reject:
        """The next answer; a text costs 10 + 2 tokens."""
        self.asked.append(request)
        answer = self.waiting.pop(0)
        return TextAnswer(answer, 10, 2) if isinstance(answer, str) else answer


def asked(model: Answers, attempts: int = 3, judge: Any = lambda value: "") -> Any:
    return asyncio.run(ask_form(model, REQUEST, PROMPT, Turn, judge, attempts))


# --- what is read


def test_a_whole_object_is_read() -> None:
    assert read_form(GOOD, Turn) == Turn("What is it?", "A cat.")
    talk = read_form(json.dumps(TALK), Talk)
    assert isinstance(talk, Talk)
    assert [turn.answer for turn in talk.turns] == ["A cat."] * 2


@pytest.mark.parametrize(
    "text",
    [f"```json\n{GOOD}\n```", f"Sure! Here it is:\n{GOOD}\nGood luck.", GOOD.replace("}", ",}")],
)
def test_dressing_around_a_whole_object_is_forgiven(text: str) -> None:
    assert read_form(text, Turn) == Turn("What is it?", "A cat.")


EVIL = {
    "prose": "The question is what it is, and the answer is a cat.",
    "nothing": "",
    "half": GOOD[:30],
    "half of a list": json.dumps(TALK)[:60],
    "two of them": GOOD + GOOD.replace("cat", "dog"),
    "a list": f"[{GOOD}, 1]",
    "null": "null",
    "another schema": '{"caption": "A cat."}',
    "a key too few": '{"question": "What is it?"}',
    "a key too many": json.dumps({**ONE, "why": "so"}),
    "a key twice": '{"question": "a", "question": "b", "answer": "c"}',
    "a number for a text": '{"question": "How many?", "answer": 3}',
    "NaN for a text": '{"question": "How many?", "answer": NaN}',
    "null for a text": '{"question": "How many?", "answer": null}',
    "a list for a text": '{"question": "How many?", "answer": ["3"]}',
    "an object for a text": '{"question": "How many?", "answer": {"a": "3"}}',
    "a control character": json.dumps({**ONE, "answer": "a\x00cat"}),
    "an escape of a terminal": json.dumps({**ONE, "answer": "\x1b[2J"}),
    "half a letter": '{"question": "What?", "answer": "\\ud800"}',
    "nested without end": '{"question": ' + "[" * 50_000,
    "nested deeply": '{"question": ' + "[" * 900 + "]" * 900 + ', "answer": ""}',
}


@pytest.mark.parametrize("kind", EVIL)
def test_what_is_no_form_is_refused(kind: str) -> None:
    refused = read_form(EVIL[kind], Turn)
    assert isinstance(refused, Reject), refused
    assert refused.reason == "llm_malformed"
    assert 0 < len(refused.detail) < 300
    assert "\n" not in refused.detail


@pytest.mark.parametrize(
    "change",
    [
        {"score": "0.5"},
        {"score": True},
        {"turns": [ONE]},
        {"turns": [ONE] * 4},
        {"turns": "none"},
        {"turns": [ONE, {**ONE, "why": ""}]},
        {"turns": [ONE, "What?"]},
    ],
)
def test_types_and_lengths_are_held_to(change: dict[str, Any]) -> None:
    assert isinstance(read_form(json.dumps({**TALK, **change}), Talk), Reject)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_are_finite(number: str) -> None:
    text = json.dumps(TALK).replace("0.5", number)
    assert isinstance(read_form(text, Talk), Reject)


def test_the_place_of_an_error_is_named() -> None:
    refused = read_form(json.dumps({**TALK, "turns": [ONE, {**ONE, "answer": 3}]}), Talk)
    assert isinstance(refused, Reject)
    assert refused.detail.startswith("turns.1.answer: ")


def test_a_huge_answer_is_read_or_refused_in_no_time() -> None:
    long = "word " * 400_000
    assert read_form(json.dumps({**ONE, "answer": long}), Turn) == Turn("What is it?", long)
    assert isinstance(read_form("{" * 1_000_000, Turn), Reject)
    assert isinstance(read_form('{"a":' * 100_000 + "1", Turn), Reject)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    assert isinstance(read_form(text, Turn), Turn | Reject)


@given(st.text(), st.text())
def test_written_text_comes_back_as_it_was(question: str, answer: str) -> None:
    read = read_form(json.dumps({"question": question, "answer": answer}), Turn)
    assert isinstance(read, Reject) or read == Turn(question, answer)


# --- how it is asked for


def test_the_schema_keeps_the_order_of_the_fields() -> None:
    schema = json.loads(form_schema(Turn))
    assert list(schema["properties"]) == ["question", "answer"]
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["question", "answer"]


def test_a_request_says_all_that_an_answer_depends_on() -> None:
    assert REQUEST.prompt_version == "toy_v1"
    assert (REQUEST.schema_name, REQUEST.max_tokens) == ("turn", 64)
    assert REQUEST.user == "A cat."


def test_a_good_answer_is_asked_for_once() -> None:
    model = Answers(GOOD)
    assert asked(model) == Answered(Turn("What is it?", "A cat."), 10, 2, 1)


def test_a_refused_answer_is_asked_for_again_with_the_error_and_both_are_paid() -> None:
    model = Answers("prose", GOOD[:20], GOOD)
    assert asked(model) == Answered(Turn("What is it?", "A cat."), 30, 6, 3)
    users = [request.user for request in model.asked]
    assert "it was not one JSON object" in users[1]
    assert len({(r.user, r.seed, r.temperature) for r in model.asked}) == 3


def test_the_last_error_is_told_after_all_attempts() -> None:
    refused = asked(Answers("prose", "prose"), attempts=2)
    assert refused.reason == "llm_malformed"
    assert refused.detail.startswith("toy_v1, 2 tries, the last: ")


def test_what_was_cut_off_gets_more_room() -> None:
    model = Answers(TextAnswer(GOOD, 10, 2, finish_reason="length"), GOOD)
    assert isinstance(asked(model), Answered)
    assert [request.max_tokens for request in model.asked] == [64, 128]


def test_an_answer_that_never_ends_is_truncated() -> None:
    cut = TextAnswer(GOOD[:20], 10, 64, finish_reason="length")
    assert asked(Answers(cut, cut, cut)).reason == "llm_truncated"


def test_an_answer_that_never_comes_is_not_asked_for_again() -> None:
    gone = Reject("llm_unavailable", "no answer within 300 s", retryable=True)
    model = Answers(gone)
    assert asked(model) == gone
    assert len(model.asked) == 1


@pytest.mark.parametrize(
    ("error", "reason"),
    [("it is a dog", "llm_degenerate"), (Reject("unsupported_name", "a dog"), "unsupported_name")],
)
def test_a_judge_may_name_its_reason(error: str | Reject, reason: str) -> None:
    model = Answers(GOOD, GOOD)
    refused = asked(model, 2, lambda value: error)
    assert refused.reason == reason
    assert "a dog" in refused.detail
    assert "a dog" in model.asked[1].user


def test_a_judge_sees_forms_only() -> None:
    seen: list[Any] = []

    def judge(value: Turn) -> str:
        seen.append(value)
        return ""

    asked(Answers("prose", GOOD), judge=judge)
    assert seen == [Turn("What is it?", "A cat.")]


def test_places_of_a_prompt_are_filled_by_name() -> None:
    prompt = replace(PROMPT, user="{one} and {other}")
    values: dict[str, str] = {"one": "{other}", "other": "b"}
    assert form_request(prompt, Turn, values, Sampling()).user == "{other} and b"
