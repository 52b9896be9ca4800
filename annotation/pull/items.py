"""One annotation of Label Studio to the items that a person judged: rows, before any check.

An item is a JSON object. It says who, what, when and under which guidelines, by pseudonym alone,
and what was judged, as it was: wrong values stay in it, and `checks` refuses them. An annotation
without any result is one item too, so that nothing is lost on the way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotation.results import (
    Placed,
    Region,
    choice_of,
    number_of,
    one_line,
    phrases_of,
    plain_text,
    points_of,
    regions_of,
    shown_sizes,
    text_of,
    texts_of,
)
from pipelines.steps.json_values import finite

Item = dict[str, Any]
TIMES = ("revision", "submitted_at", "seconds", "guideline", "item")


@dataclass(frozen=True)
class Fetched:
    """One annotation as our page in Label Studio gives it.

    Times are ISO, UTC, with six digits behind the second; `seconds` is Label Studio's lead_time;
    `draft` is the result of the prediction that the page began with.
    """

    annotation_id: int
    data: dict[str, Any]
    user_id: int | None
    result: Any
    skipped: bool
    seconds: Any
    created_at: str
    updated_at: str
    draft: Any = None


@dataclass(frozen=True)
class Context:
    """What is known of an annotation beside it.

    `recorded` is about the recording that a `cap` annotation names; `turns` are those of this
    person, task and question; `before` is the recogniser's text where no prediction says it.
    """

    project_id: int
    project_created_at: str
    annotator_id: str
    guideline: str
    turns: tuple[Item, ...] = ()
    recorded: Item = field(default_factory=dict)
    before: str = ""


def items_of(kind: str, fetched: Fetched, context: Context) -> list[Item]:
    """The items of an annotation, at least one; an unknown kind is a KeyError."""
    regions = () if fetched.skipped else regions_of(fetched.result)
    judged = _KINDS[kind](regions, fetched, context)
    base = _base(fetched, context)
    return [{**base, "item": at, **values} for at, values in enumerate(judged)]


def tombstone(item: Item, noticed_at: str) -> Item:
    """The item that says that an annotation is gone, from the last that was known of it."""
    kept = ("annotation", "project_created_at", "annotator_id", "task_key", "image_id")
    base = {name: item.get(name) for name in (*kept, "guideline", "submitted_at")}
    return {**base, "revision": noticed_at, "item": 0, "deleted": True, "skipped": False}


def question_of(fetched: Fetched) -> str:
    """The question that an annotation asks, as the log of turns has it."""
    return one_line(" ".join(texts_of(regions_of(fetched.result), "question")))


def recording_of(fetched: Fetched) -> str:
    """The recording that an annotation names, empty for none."""
    return text_of(regions_of(fetched.result), "recording")


def _base(fetched: Fetched, context: Context) -> Item:
    return {
        "annotation": f"{context.project_id}:{fetched.annotation_id}",
        "project_created_at": context.project_created_at,
        "revision": fetched.updated_at,
        "annotator_id": context.annotator_id,
        "task_key": plain_text(fetched.data.get("key")),
        "image_id": plain_text(fetched.data.get("image_id")),
        "guideline": context.guideline,
        "seconds": finite(fetched.seconds),
        "submitted_at": fetched.updated_at,
        "skipped": fetched.skipped,
        "deleted": False,
    }


def _cap(regions: Sequence[Region], fetched: Fetched, context: Context) -> list[Item]:
    recording = text_of(regions, "recording")
    known = {"audio": "", "audio_sha256": "", "recorded_by": "", "recorded_for": ""}
    least = finite(fetched.data.get("min_seconds"))
    return [{"recording": recording, "min_seconds": least, **known, **context.recorded}]


def _review(regions: Sequence[Region], fetched: Fetched, context: Context) -> list[Item]:
    draft = text_of(regions_of(fetched.draft), "text") or context.before
    recording = plain_text(fetched.data.get("recording_id"))
    return [{"recording_id": recording, "text": text_of(regions, "text"), "draft": draft}]


def _points(regions: Sequence[Region], fetched: Fetched, context: Context) -> list[Item]:
    absent = {_same(text) for text in texts_of(regions, "absent")}
    base = {
        "collection_method": plain_text(fetched.data.get("collection_method")) or "pointing",
        "shown": shown_sizes(regions),
    }
    found = _by_phrase(regions)
    return [
        {**base, "label": label, "points": _places(points), "absent": name in absent}
        for name, (label, points) in found.items()
    ] or [{**base, "label": "", "points": [], "absent": False}]


def _by_phrase(regions: Sequence[Region]) -> dict[str, tuple[str, list[Placed]]]:
    """Each phrase as it was first written, with its points; "" for points without a phrase."""
    found: dict[str, tuple[str, list[Placed]]] = {}
    phrases = phrases_of(regions, "phrase")
    for point in points_of(regions):
        for label in phrases.get(point.region) or map(one_line, point.labels or ("",)):
            found.setdefault(_same(label), (label, []))[1].append(point)
    for labels in phrases.values():  # of regions that are no points
        for label in labels:
            found.setdefault(_same(label), (label, []))
    for text in texts_of(regions, "absent"):
        found.setdefault(_same(text), (one_line(text), []))
    return found


def _same(phrase: str) -> str:
    """What two spellings of one phrase have in common."""
    return one_line(phrase).casefold()


def _places(points: Sequence[Placed]) -> list[list[float | None]]:
    return [[point.x, point.y] for point in points]


def _count(regions: Sequence[Region], fetched: Fetched, context: Context) -> list[Item]:
    return [
        {
            "label": plain_text(fetched.data.get("label")),
            "predicted_count": finite(fetched.data.get("predicted_count")),
            "split": plain_text(fetched.data.get("split")),
            "count": number_of(regions, "count"),
            "points": _places(points_of(regions)),
            "shown": shown_sizes(regions),
        }
    ]


def _ask(regions: Sequence[Region], fetched: Fetched, context: Context) -> list[Item]:
    return [
        {
            "question": one_line(" ".join(texts_of(regions, "question"))),
            "answer": text_of(regions, "answer"),
            "verdict": choice_of(regions, "verdict"),
            "explanations": [one_line(text) for text in texts_of(regions, "explanation")],
            "turns": list(context.turns),
        }
    ]


def _explanation(regions: Sequence[Region], fetched: Fetched, context: Context) -> list[Item]:
    phrases, placed = phrases_of(regions, "phrase"), points_of(regions)
    labels = [" ".join(phrases.get(point.region) or point.labels) for point in placed]
    asked = _ask(regions, fetched, context)[0]
    return [{**asked, "points": _places(placed), "labels": labels, "shown": shown_sizes(regions)}]


def _preference(regions: Sequence[Region], fetched: Fetched, context: Context) -> list[Item]:
    pair = plain_text(fetched.data.get("pair_id"))
    return [{"pair_id": pair, "choice": choice_of(regions, "choice")}]


_KINDS: dict[str, Callable[[Sequence[Region], Fetched, Context], list[Item]]] = {
    "cap": _cap,
    "transcript_review": _review,
    "points": _points,
    "count": _count,
    "ask_model_anything": _ask,
    "point_explanations": _explanation,
    "preference": _preference,
}
