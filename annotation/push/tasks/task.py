"""What a task is before Label Studio knows it: an opaque key, what is shown, what is prefilled.

The key depends on the kind, on what the task is about and on the campaign's salt, and on nothing
else: the same picture gives the same task tomorrow, and the key tells nobody what it is about.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.ids import content_id

# Label Studio shows the predictions of one version per project, so that all have this one; the
# model that made the text or the points stands in the task's data.
PREFILL = "prefill"
KeyOf = Callable[..., str]


@dataclass(frozen=True)
class Task:
    """One task. `picture` and `sound` are the ids of what must lie in the campaign's folder.

    `prefilled` are results in Label Studio's form, which the page starts with.
    """

    key: str
    data: dict[str, Any]
    picture: str = ""
    sound: str = ""
    prefilled: tuple[dict[str, Any], ...] = ()

    def for_studio(self) -> dict[str, Any]:
        """The task in Label Studio's form."""
        task: dict[str, Any] = {"data": {"key": self.key, **self.data}}
        if self.prefilled:
            prediction = {"model_version": PREFILL, "result": list(self.prefilled)}
            task["predictions"] = [prediction]
        return task


@dataclass(frozen=True)
class Refused:
    """A row that becomes no task: where it stands (table or file and row), a reason, a remedy."""

    where: str
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class KnownAnswer:
    """What a task ought to be answered with; Label Studio never sees it."""

    key: str
    expected: dict[str, Any]


@dataclass(frozen=True)
class Made:
    """What rows became: tasks, refusals, known answers, and counts of what was passed over."""

    tasks: tuple[Task, ...] = ()
    refused: tuple[Refused, ...] = ()
    known: tuple[KnownAnswer, ...] = ()
    passed_over: dict[str, int] = field(default_factory=dict)

    def __add__(self, other: "Made") -> "Made":
        counts = {**self.passed_over, **other.passed_over}
        known = self.known + other.known
        return Made(self.tasks + other.tasks, self.refused + other.refused, known, counts)


def task_key(kind: str, salt: str, *about: str) -> str:
    """The opaque key of the task of a kind about something, 32 hex digits."""
    return content_id("task", salt, kind, *about)


def picture_place(image_id: str) -> str:
    """Where the page finds a picture, on Label Studio's own origin."""
    return f"/pixmo/pictures/{image_id}"


def sound_place(recording_id: str) -> str:
    """Where the page finds a recording, on Label Studio's own origin."""
    return f"/pixmo/sounds/{recording_id}"


def once_each(tasks: Sequence[Task], where: Sequence[str]) -> Made:
    """Tasks with distinct keys; later ones with a key that was there are refused."""
    kept: dict[str, Task] = {}
    refused = []
    for task, place in zip(tasks, where, strict=True):
        if task.key in kept:
            refused.append(Refused(place, "repeated", "an earlier row is about the same"))
        else:
            kept[task.key] = task
    return Made(tuple(kept.values()), tuple(refused))
