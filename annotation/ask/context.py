"""From what Label Studio sends to one question: a value, or an error that names what is wrong.

The controls are those of the labeling pages: `question`, `answer`, `verdict`, `explanation`, and,
for explanations with points, `point` and `phrase`. Unknown controls are ignored.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from annotation.results import (
    Region,
    choice_of,
    one_line,
    phrases_of,
    plain_text,
    regions_of,
    text_of,
    texts_of,
)
from pipelines.steps.json_values import finite
from schemas.errors import UsageError

USER_KEY = "pixmo_user"  # set by our server from the session, whatever the browser sent
AGAIN_KEY = "pixmo_again"  # set by the page when a draft is asked for with the button
_DIGITS = 2  # of percent, a tenth of a pixel on a large screen
_POINTING = re.compile(r"<KeyPoint\b")


@dataclass(frozen=True)
class AskPoint:
    """A point in percent of width and height, and the phrase that it belongs to."""

    x: float
    y: float
    phrase: str = ""


@dataclass(frozen=True)
class AskTask:
    """What a task says: its key, and all that the text model may know of the picture."""

    project: int
    key: str
    caption: str
    ocr: str
    pointing: bool


@dataclass(frozen=True)
class Ask:
    """The page as it stands. `question_id` tells a question typed anew from the same one.

    `again` says that a draft was asked for expressly. `user` is 0 where it is not known.
    """

    task: AskTask
    user: int = 0
    question_id: str = ""
    question: str = ""
    answer: str = ""
    verdict: str = ""
    explanations: tuple[str, ...] = ()
    points: tuple[AskPoint, ...] = ()
    again: bool = False


def read_asks(payload: dict[str, Any]) -> list[Ask | None]:
    """One per task of a prediction request; None for each where no page is open (no context).

    UsageError when the payload is none of Label Studio's.
    """
    tasks = payload.get("tasks")
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise UsageError("a prediction request has a list of `tasks`")
    params = payload.get("params")
    context = params.get("context") if isinstance(params, dict) else None
    if not isinstance(context, dict):
        return [None for _ in tasks]
    if len(tasks) != 1:
        raise UsageError("a request with a context is about one task")
    return [read_ask(read_task(payload, tasks[0]), context)]


def read_task(payload: dict[str, Any], task: dict[str, Any]) -> AskTask:
    """The task's part; UsageError when it has no key."""
    data = task.get("data")
    if not isinstance(data, dict) or not isinstance(data.get("key"), str) or not data["key"]:
        raise UsageError(f"task {task.get('id')} has no `key`: it was not made by `annotate push`")
    project = re.match(r"\d+", str(payload.get("project", "")))
    config = payload.get("label_config")
    return AskTask(
        project=int(project[0]) if project else 0,
        key=data["key"],
        caption=_tidy(data.get("caption")),
        ocr=_tidy(data.get("ocr")),
        pointing=bool(isinstance(config, str) and _POINTING.search(config)),
    )


def read_ask(task: AskTask, context: dict[str, Any]) -> Ask:
    """The page's part; UsageError when its results are no list of objects."""
    results = context.get("result")
    if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
        raise UsageError("a context has a list `result`")
    user = context.get(USER_KEY)
    regions = regions_of(results)
    questions = [region for region in regions if region.name == "question"]
    return Ask(
        task=task,
        user=user if isinstance(user, int) and not isinstance(user, bool) else 0,
        question_id=questions[0].region[:64] if questions else "",
        question=one_line(" ".join(texts_of(regions, "question"))),
        answer=text_of(regions, "answer"),
        verdict=choice_of(regions, "verdict").partition(",")[0],
        explanations=tuple(map(one_line, texts_of(regions, "explanation"))),
        points=_points(regions),
        again=context.get(AGAIN_KEY) is True,
    )


def _points(regions: Sequence[Region]) -> tuple[AskPoint, ...]:
    """In the order in which they were placed, which is the order of the results."""
    phrases = phrases_of(regions, "phrase")
    found = []
    for region in regions:
        x, y = finite(region.value.get("x")), finite(region.value.get("y"))
        if region.name == "point" and x is not None and y is not None:
            phrase = " ".join(phrases.get(region.region, []))
            found.append(AskPoint(round(x, _DIGITS), round(y, _DIGITS), phrase))
    return tuple(found)


def _tidy(text: Any) -> str:
    return one_line(plain_text(text))
