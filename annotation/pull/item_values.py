"""Values of an item as types: what is of another type reads as absent."""

from typing import Any

from pipelines.steps.json_values import finite
from schemas.annotations import Point, Turn, Work

Item = dict[str, Any]
_ROUNDING = 1e-6  # percent; what arithmetic in a browser adds to a point on the border


def as_text(value: Any) -> str:
    """A text without space at its ends; empty for what is none."""
    return value.strip() if isinstance(value, str) else ""


def as_int(value: Any) -> int | None:
    """A whole number; None for anything else."""
    number = finite(value)
    return int(number) if number is not None and number.is_integer() else None


def place_of(value: Any) -> Point | None:
    """A point within the picture, in percent; None for anything else."""
    if not isinstance(value, list) or len(value) != 2:
        return None
    x, y = finite(value[0]), finite(value[1])
    if x is None or y is None or not all(-_ROUNDING <= side <= 100 + _ROUNDING for side in (x, y)):
        return None
    return Point(min(max(x, 0.0), 100.0), min(max(y, 0.0), 100.0))


def work_of(item: Item) -> Work:
    """Who did it, under which guidelines, how long it took; an unknown time is 0 seconds."""
    return Work(
        annotation=as_text(item.get("annotation")),
        task_key=as_text(item.get("task_key")),
        annotator_id=as_text(item.get("annotator_id")),
        guideline=as_text(item.get("guideline")),
        seconds=max(finite(item.get("seconds")) or 0.0, 0.0),
        submitted_at=as_text(item.get("submitted_at")),
    )


def turns_of(item: Item) -> tuple[Turn, ...]:
    """The exchanges with the text model, in order."""
    some = item.get("turns")
    return tuple(_turn(turn) for turn in (some if isinstance(some, list) else []) if turn)


def _turn(turn: Any) -> Turn:
    values = turn if isinstance(turn, dict) else {}
    texts = {name: as_text(values.get(name)) for name in ("draft", "explanation", "model")}
    seconds = max(finite(values.get("seconds")) or 0.0, 0.0)
    prompt, at = as_text(values.get("prompt")), as_text(values.get("at"))
    return Turn(**texts, prompt=prompt, seconds=seconds, at=at)
