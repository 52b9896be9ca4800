"""What Label Studio sends is read into one question, or refused with a reason."""

from typing import Any

import pytest

from annotation.ask.context import AskPoint, read_asks
from schemas.errors import UsageError
from tests.annotation.ask.asking import payload, point, text, verdict


def test_reads_a_whole_page() -> None:
    results = [
        text("question", " What  is it? ", id="q1"),
        text("answer", "A bus.", "Really."),
        verdict("reject"),
        text("explanation", "Too short.", "Still."),
        *point(1, 10.123456, 20, "bus"),
        *point(2, 30, 40.5),
    ]
    [ask] = read_asks(payload(*results, kind="point_explanations", again=True))
    assert ask is not None
    assert (ask.task.project, ask.task.key, ask.task.pointing) == (5, "task one", True)
    assert (ask.user, ask.again, ask.question_id) == (7, True, "q1")
    assert (ask.question, ask.answer, ask.verdict) == ("What is it?", "A bus.\nReally.", "reject")
    assert ask.explanations == ("Too short.", "Still.")
    assert ask.points == (AskPoint(10.12, 20, "bus"), AskPoint(30, 40.5))


def test_no_page_is_no_question() -> None:
    sent = payload()
    sent["params"]["context"] = None
    assert read_asks({**sent, "tasks": sent["tasks"] * 3}) == [None] * 3


def test_nobody_stays_nobody() -> None:
    [ask] = read_asks(payload(text("question", "Why?"), user="7"))
    assert ask is not None
    assert (ask.user, ask.task.pointing, ask.points) == (0, False, ())


def broken(**changes: Any) -> Any:
    return {**payload(text("question", "Why?")), **changes}


@pytest.mark.parametrize(
    "sent",
    [
        {},
        broken(tasks="x"),
        broken(tasks=[1]),
        broken(tasks=[{"id": 1}, {"id": 2}]),
        broken(tasks=[{"id": 1, "data": {}}]),
        broken(tasks=[{"id": 1, "data": {"key": 5}}]),
        broken(params={"context": {"result": "x"}}),
        broken(params={"context": {"result": ["x"]}}),
    ],
)
def test_what_is_no_request_is_refused(sent: Any) -> None:
    with pytest.raises(UsageError):
        read_asks(sent)


@pytest.mark.parametrize("value", [None, 5, {}, {"text": None}, {"text": [None, 5, " "]}])
def test_odd_values_are_no_text(value: Any) -> None:
    [ask] = read_asks(payload({**text("question"), "value": value}))
    assert ask is not None
    assert ask.question == ""
