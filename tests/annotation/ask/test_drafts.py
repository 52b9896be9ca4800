"""What the text model is asked, and what is taken of its answers."""

import asyncio
import json

import pytest

from annotation.ask.context import Ask, AskPoint, AskTask
from annotation.ask.decide import Refusal, Wanted
from annotation.ask.drafts import describe, draft, notice_of, obstacle
from annotation.ask.notices import (
    DOWN,
    MALFORMED,
    NO_POINTS,
    NO_TEXT,
    REPEATED,
    TOO_LONG,
    UNCITED,
)
from pipelines.steps.answers import Asked
from pipelines.steps.text_requests import TextAnswer, TextRequest
from schemas.judgment import Reject

TASK = AskTask(5, "task", "A red bus stands at a station.", "LINE 5", pointing=False)
PAGE = Ask(TASK, 7, "q1", "What colour is the bus?")
WANTED = Wanted("q1", ("What colour is the bus?", (), ()))
POINTED = Ask(
    AskTask(5, "task", "A red bus.", "", pointing=True),
    7,
    "q1",
    "Where?",
    points=(AskPoint(10.4, 20, "bus"), AskPoint(55, 66.6)),
)


class Scripted:
    """A model that gives one answer after the other, and keeps what it was asked."""

    name = "scripted"

    def __init__(self, *answers: str | Reject) -> None:
        self.answers = list(answers)
        self.asked: list[TextRequest] = []

    async def complete(self, request: TextRequest) -> TextAnswer | Reject:
        """The next answer, for 100 + 20 tokens."""
        self.asked.append(request)
        answer = self.answers.pop(0)
        return answer if isinstance(answer, Reject) else TextAnswer(answer, 100, 20)


def said(text: str) -> str:
    return json.dumps({"answer": text})


def run(model: Scripted, page: Ask = PAGE, wanted: Wanted = WANTED) -> Asked | Reject:
    return asyncio.run(draft(model, page, wanted))


def test_the_model_reads_caption_text_and_question() -> None:
    model = Scripted(said("It is red."))
    assert run(model) == Asked("It is red.", 100, 20, 1)
    [request] = model.asked
    assert (request.prompt_version, request.schema_name) == ("ask_v1", "answer")
    for part in (TASK.caption, TASK.ocr, PAGE.question):
        assert part in request.user


def test_points_are_numbered_with_names_and_places() -> None:
    told = describe(POINTED, WANTED)
    assert "[bus](1) at 10% from the left, 20% from the top" in told
    assert "[this](2) at 55% from the left, 67% from the top" in told
    assert "Text in the picture" not in told


def test_refused_answers_are_told_the_newest_last_and_not_all() -> None:
    refusals = tuple(Refusal(f"draft {n}", f"why {n}") for n in range(5))
    told = describe(PAGE, Wanted("q1", WANTED.key, refusals))
    assert "draft 1" not in told
    assert told.index("why 2") < told.index("draft 3") < told.index("why 4")


def test_long_texts_are_cut_between_words() -> None:
    page = Ask(AskTask(5, "task", "word " * 3000, "", pointing=False), question="Why?")
    told = describe(page, WANTED)
    assert len(told) < 4200
    assert "word ...\n" in told


def test_the_same_answer_again_is_refused() -> None:
    wanted = Wanted("q1", WANTED.key, (Refusal("It is red.", "Too short."),))
    model = Scripted(said("It is  red."), said("It is red, all of it."))
    assert run(model, PAGE, wanted) == Asked("It is red, all of it.", 200, 40, 2)
    outcome = run(Scripted(said("It is red."), said("It is red.")), PAGE, wanted)
    assert isinstance(outcome, Reject)
    assert notice_of(outcome) == REPEATED


@pytest.mark.parametrize(
    ("wrong", "notice"),
    [
        ("It is here.", UNCITED),
        ("The [bus](3) is here.", UNCITED),
        ("The [bus](1, 2) is here.", UNCITED),
        ("[no draft: ha]", MALFORMED),
        ("word " * 300, MALFORMED),
    ],
)
def test_a_wrong_answer_is_asked_for_again_with_the_reason(wrong: str, notice: str) -> None:
    right = said("The [bus](1) is beside [it](2).")
    model = Scripted(said(wrong), right)
    outcome = run(model, POINTED)
    assert isinstance(outcome, Asked)
    assert outcome.attempts == 2
    assert "Your last answer was refused" in model.asked[1].user
    outcome = run(Scripted(said(wrong), said(wrong)), POINTED)
    assert isinstance(outcome, Reject)
    assert notice_of(outcome) == notice


@pytest.mark.parametrize("junk", ["", "It is red.", '{"answer": 5}', '{"answer": "a", "b": "c"}'])
def test_only_the_one_json_object_is_an_answer(junk: str) -> None:
    outcome = run(Scripted(junk, junk))
    assert isinstance(outcome, Reject)
    assert notice_of(outcome) == MALFORMED


@pytest.mark.parametrize(
    ("reason", "notice"), [("llm_unavailable", DOWN), ("llm_context_too_long", TOO_LONG)]
)
def test_a_model_that_does_not_answer_is_asked_once(reason: str, notice: str) -> None:
    model = Scripted(Reject(reason))
    outcome = run(model)
    assert isinstance(outcome, Reject)
    assert (notice_of(outcome), len(model.asked)) == (notice, 1)


def test_some_pages_need_no_model() -> None:
    assert obstacle(PAGE) == ""
    assert obstacle(POINTED) == ""
    assert obstacle(Ask(POINTED.task, question="Why?")) == NO_POINTS
    assert obstacle(Ask(AskTask(5, "t", "", "", pointing=False), question="Why?")) == NO_TEXT
    assert obstacle(Ask(TASK, question="why " * 600)) == TOO_LONG
