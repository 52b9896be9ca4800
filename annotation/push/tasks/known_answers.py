"""Tasks with known answers: a line of the kind's own input with what a careful person says.

A line about something that is pushed anyway makes no second task: its task becomes a known one.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from annotation.push.tasks.about_answers import pair_task
from annotation.push.tasks.about_counts import count_task
from annotation.push.tasks.about_pictures import points_task
from annotation.push.tasks.about_speech import Heard, review_task
from annotation.push.tasks.row_values import BadValue, count_of, image_of, points_of, text_of
from annotation.push.tasks.task import KeyOf, KnownAnswer, Made, Refused, Task
from pipelines.steps.read_rows import InputRow
from schemas.ids import content_id

CHOICES = ("left", "right", "both_good", "both_bad", "cannot_tell")


@dataclass(frozen=True)
class Around:
    """What a line is understood by: the store's pictures and transcripts, and settings."""

    key_of: KeyOf
    pictures: Collection[str] = ()
    transcripts: Mapping[str, Heard] | None = None
    collection_method: str = "pointing"


_Answer = Callable[[Mapping[str, Any]], dict[str, Any]]
_Maker = Callable[[Mapping[str, Any], Around], Task]


def _points_task(row: Mapping[str, Any], around: Around) -> Task:
    image_id = image_of(row)
    if image_id not in around.pictures:
        raise BadValue("no_picture", f"the store has no picture {image_id}")
    return points_task(image_id, around.collection_method, around.key_of)


def _count_task(row: Mapping[str, Any], around: Around) -> Task:
    return count_task(row, around.pictures, around.key_of)


def _review_task(row: Mapping[str, Any], around: Around) -> Task:
    heard = (around.transcripts or {}).get(text_of(row, "recording_id"))
    if heard is None:
        raise BadValue("no_transcript", f"no transcript of recording {row['recording_id']}")
    return review_task(heard, around.pictures, around.key_of)


def _pair_task(row: Mapping[str, Any], around: Around) -> Task:
    shown = {name: text_of(row, name) for name in ("prompt", "left", "right")}
    image_id = image_of(row) if row.get("image_id") or row.get("image_url") else ""
    if image_id and image_id not in around.pictures:
        raise BadValue("no_picture", f"the store has no picture {image_id}")
    pair_id = content_id("known-pair", image_id, *shown.values())
    return pair_task(pair_id, shown, image_id, around.key_of)


def _points(expected: Mapping[str, Any]) -> dict[str, Any]:
    points = [{"x": point.x, "y": point.y} for point in points_of(expected)]
    return {"label": text_of(expected, "label"), "points": points}


def _choice(expected: Mapping[str, Any]) -> dict[str, Any]:
    choice = text_of(expected, "choice")
    if choice not in CHOICES:
        raise BadValue("bad_row", f"`choice` is {choice!r}; one of {', '.join(CHOICES)}")
    return {"choice": choice}


_KINDS: dict[str, tuple[_Maker, _Answer]] = {
    "points": (_points_task, _points),
    "count": (_count_task, lambda expected: {"count": count_of(expected, "count")}),
    "transcript_review": (_review_task, lambda expected: {"text": text_of(expected, "text")}),
    "preference": (_pair_task, _choice),
}
KNOWN_KINDS = tuple(_KINDS)


def known_tasks(kind: str, url: str, rows: Iterable[InputRow], around: Around) -> Made:
    """Tasks and known answers from the lines of a file; a line that is neither is refused.

    Several lines about one picture are one task of kind points, with an answer per label.
    """
    tasks: dict[str, Task] = {}
    known: dict[tuple[str, str], KnownAnswer] = {}
    refused = []
    for row in rows:
        where = f"{url}, row {row.number}"
        try:
            task, answer = _line(kind, around, row)
        except BadValue as bad:
            refused.append(Refused(where, bad.reason, bad.detail))
            continue
        about = (task.key, str(answer.expected.get("label", "")))
        if about in known:
            refused.append(Refused(where, "repeated", "an earlier row is about the same"))
            continue
        tasks[task.key], known[about] = task, answer
    return Made(tuple(tasks.values()), tuple(refused), tuple(known.values()))


def _line(kind: str, around: Around, row: InputRow) -> tuple[Task, KnownAnswer]:
    if row.values is None:
        raise BadValue("unreadable_row", row.error)
    make, answer = _KINDS[kind]
    expected = row.values.get("expected")
    if not isinstance(expected, Mapping):
        raise BadValue("bad_row", "`expected` must be an object with the known answer")
    task = make(row.values, around)
    return task, KnownAnswer(task.key, answer(expected))
