"""From an item to a record, or the reason why it is none. Pure: the same item, the same outcome.

The first reason that holds is the one that is given. Everything may stand in an item: a value of
another type than expected is refused like one that is absent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from annotation.ask.notices import is_notice
from annotation.pull.item_values import (
    Item,
    as_int,
    as_text,
    place_of,
    turns_of,
    work_of,
)
from annotation.pull.typed import typed_characters
from pipelines.steps.citations import Citation, parse, uncited_points, unknown_points
from schemas.annotations import (
    CountAnnotation,
    Point,
    PointAnnotation,
    PointExplanation,
    Preference,
    QuestionAnnotation,
    TranscriptReview,
)
from schemas.errors import UsageError
from schemas.judgment import Reject

MOST_COUNTED = 1_000_000
SPLITS = ("", "train", "validation", "test")
METHODS = ("pointing", "counting")
CHOICES = ("left", "right", "both_good", "both_bad", "cannot_tell")


@dataclass(frozen=True)
class CheckRules:
    """What an item is held to.

    `duplicate_percent` is the distance, in percent of the picture's sides, under which two points
    of one phrase are one click. `characters_per_second` is how fast nobody types: the fastest of
    168,000 typists reach 120 words a minute, which is 10 characters a second (Dhakal et al.,
    "Observations on Typing from 136 Million Keystrokes", CHI 2018); the default is twice that.
    Fewer than `least_typed` characters are not judged by it. No text is longer than
    `most_characters`, and nothing has more than `most_points`.
    """

    duplicate_percent: float = 0.3
    characters_per_second: float = 20.0
    least_typed: int = 60
    most_characters: int = 20_000
    most_points: int = 1000

    def __post_init__(self) -> None:
        if self.duplicate_percent < 0:
            raise UsageError(f"duplicate_percent is {self.duplicate_percent}; it is not negative")
        if not self.characters_per_second > 0:
            raise UsageError("characters_per_second must be above 0")


def check_item(
    kind: str, item_id: str, item: Item, rules: CheckRules, swapped: bool = False
) -> Any | Reject:
    """The record of an item under its id; `swapped` is that of a preference's pair."""
    if item.get("skipped") is True:
        return Reject("skipped", "the person skipped the task")
    if not as_text(item.get("task_key")):
        return Reject("unknown_task", "the task has no `key`: it was not made by `annotate push`")
    if _longest(item) > rules.most_characters:
        return Reject("text_too_long", f"a text has more than {rules.most_characters} characters")
    if kind == "preference":
        return _preference(item_id, item, swapped)
    return _CHECKS[kind](item_id, item, rules)


def _longest(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return max(map(_longest, inner), default=0)


# --- points


def _placed(item: Item, rules: CheckRules) -> tuple[Point, ...] | Reject:
    """The points of an item, all within the picture and no two of them one click."""
    some = item.get("points")
    found = [place_of(place) for place in (some if isinstance(some, list) else [])]
    if len(found) > rules.most_points:
        return Reject("too_many_points", f"{len(found)} points, more than {rules.most_points}")
    points = tuple(place for place in found if place)
    if len(points) < len(found):
        at = found.index(None)
        return Reject("out_of_range", f"point {at + 1} is not within 0 to 100 percent")
    twice = _too_near(points, rules.duplicate_percent)
    if twice:
        first, second = twice
        said = f"points {first + 1} and {second + 1} are nearer than {rules.duplicate_percent:g} %"
        return Reject("duplicate_click", said)
    return points


def _too_near(points: Sequence[Point], percent: float) -> tuple[int, int] | None:
    """The first two points that are nearer than this, by their places in the sequence."""
    order = sorted(range(len(points)), key=lambda at: points[at].x)
    for place, one in enumerate(order):
        for other in order[place + 1 :]:
            across = points[other].x - points[one].x
            if across >= percent:
                break
            if across**2 + (points[other].y - points[one].y) ** 2 < percent**2:
                return min(one, other), max(one, other)
    return None


def _points(item_id: str, item: Item, rules: CheckRules) -> PointAnnotation | Reject:
    label, absent = as_text(item.get("label")), item.get("absent") is True
    some = bool(item.get("points"))
    if not label:
        named = Reject("no_phrase", "points that belong to no phrase")
        return named if some else Reject("empty_label", "neither a phrase nor a point")
    if absent and some:
        return Reject("not_present_with_points", "it is said to be absent, and has points")
    if not absent and not some:
        return Reject("no_points", "a phrase that is neither absent nor pointed at")
    if item.get("collection_method") not in METHODS:
        return Reject("not_a_choice", "collection_method is neither pointing nor counting")
    points = _placed(item, rules)
    if isinstance(points, Reject):
        return points
    method = as_text(item.get("collection_method"))
    image_id = as_text(item.get("image_id"))
    return PointAnnotation(item_id, image_id, label, points, method, work_of(item))


def _count(item_id: str, item: Item, rules: CheckRules) -> CountAnnotation | Reject:
    label, predicted = as_text(item.get("label")), as_int(item.get("predicted_count"))
    if not label:
        return Reject("empty_label", "the task does not say what to count")
    if predicted is None:
        return Reject("unknown_task", "the task has no predicted_count")
    if item.get("split") not in SPLITS:
        return Reject("not_a_choice", "split is none of train, validation and test")
    count = as_int(item.get("count"))
    if count is None or not 0 <= count <= MOST_COUNTED:
        return Reject("no_count", "the count is no whole number from 0 on")
    points = _placed(item, rules)
    if isinstance(points, Reject):
        return points
    if count != len(points):
        return Reject("count_mismatch", f"the count is {count}, the points are {len(points)}")
    facts = (label, count, predicted, points, as_text(item.get("split")))
    return CountAnnotation(item_id, as_text(item.get("image_id")), *facts, work_of(item))


# --- texts


def _too_fast(item: Item, typed: int, rules: CheckRules) -> Reject | None:
    seconds = work_of(item).seconds
    if item.get("seconds") is None or typed < rules.least_typed:
        return None
    if typed <= rules.characters_per_second * seconds:
        return None
    return Reject("typed_too_fast", f"{typed} characters that nothing offered, in {seconds:.1f} s")


def _review(item_id: str, item: Item, rules: CheckRules) -> TranscriptReview | Reject:
    recording_id, text = as_text(item.get("recording_id")), as_text(item.get("text"))
    draft = as_text(item.get("draft"))
    if not recording_id:
        return Reject("missing_recording", "the task names no recording")
    if not text:
        return Reject("empty_text", "no text was written")
    fast = _too_fast(item, typed_characters(text, draft), rules)
    if fast:
        return fast
    changed = text.split() != draft.split()
    image_id = as_text(item.get("image_id"))
    return TranscriptReview(item_id, recording_id, image_id, text, changed, work_of(item))


def _asked(item: Item, rules: CheckRules) -> tuple[str, str] | Reject:
    """Question and answer that a person stands by."""
    question, answer = as_text(item.get("question")), as_text(item.get("answer"))
    if not question or not answer:
        return Reject("empty_text", f"the {'answer' if question else 'question'} is empty")
    if is_notice(answer):
        return Reject("draft_failed", "in place of an answer it says why there is no draft")
    verdict = as_text(item.get("verdict"))
    if verdict not in ("", "accept", "reject"):
        return Reject("not_a_choice", "the verdict is neither accept nor reject")
    turns = turns_of(item)
    if verdict == "reject" and turns and answer.split() == turns[-1].draft.split():
        return Reject("not_accepted", "the answer is a draft that the person rejected")
    explained = item.get("explanations")
    said = explained if isinstance(explained, list) else []
    typed = len(question) + sum(len(as_text(text)) for text in said)
    typed += typed_characters(answer, turns[-1].draft if turns else "")
    return _too_fast(item, typed, rules) or (question, answer)


def _edited(item: Item, answer: str) -> bool:
    """Whether the answer is not the last draft; one without a draft was written by hand."""
    turns = turns_of(item)
    return not turns or answer.split() != turns[-1].draft.split()


def _question(item_id: str, item: Item, rules: CheckRules) -> QuestionAnnotation | Reject:
    asked = _asked(item, rules)
    if isinstance(asked, Reject):
        return asked
    facts = (*asked, _edited(item, asked[1]), turns_of(item), work_of(item))
    return QuestionAnnotation(item_id, as_text(item.get("image_id")), *facts)


def _explanation(item_id: str, item: Item, rules: CheckRules) -> PointExplanation | Reject:
    points = _placed(item, rules)
    if isinstance(points, Reject):
        return points
    if not points:
        return Reject("no_points", "no point was placed")
    asked = _asked(item, rules)
    if isinstance(asked, Reject):
        return asked
    refused = _cited(parse(asked[1])[1], len(points))
    if refused:
        return refused
    some = item.get("labels")
    labels = tuple(as_text(label) for label in (some if isinstance(some, list) else []))
    if len(labels) != len(points):
        return Reject("no_phrase", "there are not as many phrases as points")
    return PointExplanation(
        item_id=item_id,
        image_id=as_text(item.get("image_id")),
        question=asked[0],
        answer=asked[1],
        edited=_edited(item, asked[1]),
        points=points,
        labels=labels,
        turns=turns_of(item),
        work=work_of(item),
    )


def _cited(citations: tuple[Citation, ...], count: int) -> Reject | None:
    """Every point is cited, and nothing but points."""
    unknown, left = unknown_points(citations, count), uncited_points(citations, count)
    if unknown:
        return Reject("unknown_point", f"it cites point {unknown[0]}, and there are {count}")
    if left:
        return Reject("point_not_cited", f"the answer cites no point {left[0]}")
    return None


def _preference(item_id: str, item: Item, swapped: bool) -> Preference | Reject:
    pair_id, choice = as_text(item.get("pair_id")), item.get("choice")
    if not pair_id:
        return Reject("unknown_task", "the task names no pair of answers")
    if choice not in CHOICES:
        return Reject("not_a_choice", f"{', '.join(CHOICES)} can be chosen")
    left, right = ("b", "a") if swapped else ("a", "b")
    turned = {"left": left, "right": right}.get(str(choice), str(choice))
    return Preference(item_id, pair_id, turned, work_of(item))


_CHECKS: dict[str, Callable[[str, Item, CheckRules], Any | Reject]] = {
    "transcript_review": _review,
    "points": _points,
    "count": _count,
    "ask_model_anything": _question,
    "point_explanations": _explanation,
}
