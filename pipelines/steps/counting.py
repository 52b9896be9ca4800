"""Counting objects: the class of which a detector finds most, and what people say in its place.

As PixMo-Count was made: of the detections above a strict threshold the class with the most wins,
and the centres of its boxes are the points. What a person has counted replaces the detector's
result, whatever its class; of several people the latest is right, how far they differ is a tag.

Tags, higher is worse, all 0 where a person has counted but for the last:

- `unsure_detection_v1`: 1 less the lowest score of what is counted
- `near_threshold_v1`: share of boxes of the class, of those counted and those up to 0.1 below the
  threshold, that are below
- `crowded_boxes_v1`: largest overlap (intersection over union) of two boxes that are counted
- `counts_differ_v1`: the largest less the smallest count that people gave for the class
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipelines.steps.boxes import DECIMALS, overlaps
from schemas.annotations import CountAnnotation, Point
from schemas.judgment import Reject, Tag
from schemas.subset_records import DetectedBox

DEFAULT_LIMITS: Final[tuple[tuple[str, float], ...]] = (("counts_differ_v1", 1.0),)
JUST_BELOW = 0.1


@dataclass(frozen=True)
class Counted:
    """How many of what, and where; `item_ids` are the annotations that it rests on, if any."""

    label: str
    points: tuple[Point, ...]
    predicted: int
    tags: tuple[Tag, ...]
    item_ids: tuple[str, ...] = ()


def count_objects(
    boxes: Sequence[DetectedBox], people: Sequence[CountAnnotation], threshold: float
) -> Counted | Reject:
    """What is counted in a picture, from its detections and from what people counted in it."""
    found = most_detected(boxes, threshold)
    if people:
        return _judged(people, found[0] if found else "")
    if found is None:
        best = max(boxes, key=lambda box: box.score, default=None)
        seen = f"; the best is {best.label} at {best.score:g}" if best else ""
        return Reject("nothing_detected", f"no detection is above {threshold:g}{seen}")
    label, counted = found
    below = threshold - JUST_BELOW
    near = sum(box.label == label and below < box.score <= threshold for box in boxes)
    tags = _tags(
        unsure_detection_v1=1 - min(box.score for box in counted),
        near_threshold_v1=near / (near + len(counted)),
        crowded_boxes_v1=_largest_overlap(counted),
    )
    return Counted(label, tuple(sorted(map(_centre, counted), key=_place)), len(counted), tags)


def most_detected(
    boxes: Sequence[DetectedBox], threshold: float
) -> tuple[str, list[DetectedBox]] | None:
    """The class with the most boxes strictly above the threshold, and these boxes.

    Of classes with as many the one with the best box wins, then the one whose name comes first.
    """
    by_label: dict[str, list[DetectedBox]] = defaultdict(list)
    for box in boxes:
        if box.score > threshold:
            by_label[box.label].append(box)
    if not by_label:
        return None
    return min(
        by_label.items(),
        key=lambda entry: (-len(entry[1]), -max(box.score for box in entry[1]), entry[0]),
    )


def _judged(people: Sequence[CountAnnotation], detected: str) -> Counted | Reject:
    """What people say: of the detector's class if any of them counted it, else of the latest."""
    newest_first = sorted(people, key=lambda one: (one.work.submitted_at, one.item_id))[::-1]
    labels = [one.label for one in newest_first]
    label = detected if detected in labels else labels[0]
    latest: dict[str, CountAnnotation] = {}
    for one in newest_first:
        if one.label == label:
            latest.setdefault(one.work.annotator_id, one)
    best, counts = next(iter(latest.values())), [one.count for one in latest.values()]
    if best.count != len(best.points):
        detail = f"the count of {best.item_id} is {best.count}, the points are {len(best.points)}"
        return Reject("count_mismatch", detail)
    tags = _tags(counts_differ_v1=max(counts) - min(counts))
    ids = tuple(one.item_id for one in latest.values())
    return Counted(label, best.points, best.predicted_count, tags, ids)


def _tags(
    unsure_detection_v1: float = 0.0,
    near_threshold_v1: float = 0.0,
    crowded_boxes_v1: float = 0.0,
    counts_differ_v1: float = 0.0,
) -> tuple[Tag, ...]:
    scores = {
        "unsure_detection_v1": unsure_detection_v1,
        "near_threshold_v1": near_threshold_v1,
        "crowded_boxes_v1": crowded_boxes_v1,
        "counts_differ_v1": counts_differ_v1,
    }
    return tuple(Tag(name, round(float(score), 4)) for name, score in scores.items())


TAGS: Final = frozenset(tag.name for tag in _tags())


def _largest_overlap(boxes: Sequence[DetectedBox]) -> float:
    sides = np.array([[b.left, b.top, b.right, b.bottom] for b in boxes], np.float32)
    found = (overlaps(sides[at], sides[at + 1 :]).max() for at in range(len(sides) - 1))
    return float(max(found, default=0.0))


def _centre(box: DetectedBox) -> Point:
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    return Point(round(x, DECIMALS), round(y, DECIMALS))


def _place(point: Point) -> tuple[float, float]:
    return point.x, point.y
