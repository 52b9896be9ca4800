"""From what Label Studio sends to one question: a value, or an error that names what is wrong.

The controls are those of the labeling pages: `question`, `answer`, `verdict`, `explanation`, and,
for explanations with points, `point` and `phrase`. Unknown controls are ignored.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

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
    questions = list(_named(results, "question"))
    return Ask(
        task=task,
        user=user if isinstance(user, int) and not isinstance(user, bool) else 0,
        question_id=str(questions[0].get("id", ""))[:64] if questions else "",
        question=_tidy(" ".join(_texts(questions))),
        answer="\n".join(_texts(_named(results, "answer"))).strip(),
        verdict=next(iter(_values(_named(results, "verdict"), "choices")), ""),
        explanations=tuple(_tidy(text) for text in _texts(_named(results, "explanation"))),
        points=_points(results),
        again=context.get(AGAIN_KEY) is True,
    )


def _named(results: list[dict[str, Any]], name: str) -> Iterable[dict[str, Any]]:
    return (one for one in results if one.get("from_name") == name)


def _values(results: Iterable[dict[str, Any]], key: str) -> list[str]:
    found: list[str] = []
    for one in results:
        value = one.get("value")
        some = value.get(key) if isinstance(value, dict) else None
        found += [some] if isinstance(some, str) else some if isinstance(some, list) else []
    return [text for text in found if isinstance(text, str) and text.strip()]


def _texts(results: Iterable[dict[str, Any]]) -> list[str]:
    return _values(results, "text")


def _points(results: list[dict[str, Any]]) -> tuple[AskPoint, ...]:
    """In the order in which they were placed, which is the order of the results."""
    phrases = {one.get("id"): _texts([one]) for one in _named(results, "phrase")}
    found = []
    for one in _named(results, "point"):
        value = one.get("value")
        place = (value.get("x"), value.get("y")) if isinstance(value, dict) else (None, None)
        if isinstance(place[0], int | float) and isinstance(place[1], int | float):
            phrase = _tidy(" ".join(phrases.get(one.get("id"), [])))
            x, y = round(float(place[0]), _DIGITS), round(float(place[1]), _DIGITS)
            found.append(AskPoint(x, y, phrase))
    return tuple(found)


def _tidy(text: Any) -> str:
    return " ".join(text.split()) if isinstance(text, str) else ""
