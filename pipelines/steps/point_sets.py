"""From annotations of one phrase in one picture to one set of points.

The choice worth knowing: nothing is averaged. Of several annotators the one whose points agree best
with those of all others stands, so that every point lies where a person put it; ties go by the rule
of `judged_rows`. Tags, higher is worse, 0 is left out:

- `annotators_disagree_v1`: 1 minus the mean F1 of the chosen points with those of the others
- `swapped_axes_v1`: the share of the others that agree only when x and y change places
- `merged_points_v1`: how many points were left out since they lie on another one
- `many_points_v1`: the number of points
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.steps.judged_rows import Judged, ranked
from pipelines.steps.phrases import folded, normal_phrase
from pipelines.steps.point_matching import NEAR_PERCENT, points_f1
from pipelines.steps.point_units import CLIPPED, PIXELS, SWAPPED_AXES, SWAPPED_SIDES, without_near
from pipelines.steps.published_rows import COUNT_MISMATCH, OTHER_BYTES
from schemas.annotations import Point
from schemas.errors import UsageError
from schemas.ids import content_id
from schemas.judgment import Tag
from schemas.subset_records import PointSet

DISAGREE, MERGED, MANY = "annotators_disagree_v1", "merged_points_v1", "many_points_v1"
_UNITS = (CLIPPED, PIXELS, SWAPPED_AXES, SWAPPED_SIDES)
TAGS = (*_UNITS, OTHER_BYTES, COUNT_MISMATCH, DISAGREE, MERGED, MANY)
DEFAULT_LIMITS: tuple[tuple[str, float], ...] = (
    (PIXELS, 1.0),
    (SWAPPED_AXES, 0.5),
    (SWAPPED_SIDES, 1.0),
    (CLIPPED, 2.0),
    (OTHER_BYTES, 1.0),
    (COUNT_MISMATCH, 1.0),
    (DISAGREE, 0.5),
)
_MOST_COMPARED = 20  # annotators of one phrase: F1 is taken of each pair of them
_AGREES, _DIFFERS = 0.8, 0.5
Points = tuple[Point, ...]


@dataclass(frozen=True)
class PointRules:
    """Distances in percent of the picture's sides.

    Points of one set nearer than `same_point_percent` are one; points of two annotators agree
    within `agree_percent`.
    """

    same_point_percent: float = 0.3
    agree_percent: float = NEAR_PERCENT

    def __post_init__(self) -> None:
        if not (self.same_point_percent >= 0 and self.agree_percent >= 0):
            raise UsageError("points.rules: a distance is not negative")


def phrase_group(row: Judged) -> tuple[str, ...]:
    """What rows have in common that are about one phrase: its spelling and how it was collected."""
    return folded(normal_phrase(row.record.label)), row.record.collection_method


def point_set(
    rows: Sequence[Judged], image_url: str, rules: PointRules
) -> tuple[PointSet, list[Judged]]:
    """The set that stands for rows of one phrase, and the rows that it stands for."""
    first, *others = _by_agreement(rows, rules)
    kept = without_near(first.record.points, rules.same_point_percent)
    label = normal_phrase(first.record.label)
    group = phrase_group(first)
    record = PointSet(
        point_set_id=content_id("points", first.record.image_id, *group),
        image_id=first.record.image_id,
        image_url=image_url,
        label=label,
        points=kept,
        count=len(kept),
        collection_method=first.record.collection_method,
        tags=_tags(first, others, kept, rules),
        item_ids=tuple(row.item_id for row in (first, *others)),
        origin=first.origin,
        guideline=first.record.work.guideline,
    )
    return record, others


def _by_agreement(rows: Sequence[Judged], rules: PointRules) -> list[Judged]:
    """The rows, the one that agrees best with the others first."""
    ordered = ranked(rows)
    compared = ordered[:_MOST_COMPARED]
    if len(compared) > 2:  # of two, neither agrees better
        means = [_mean_f1(row, compared, rules) for row in compared]
        best = means.index(max(means))
        ordered.insert(0, ordered.pop(best))
    return ordered


def _mean_f1(row: Judged, rows: Sequence[Judged], rules: PointRules) -> float:
    others = [other for other in rows if other is not row]
    return sum(_f1(row, other.record.points, rules) for other in others) / len(others)


def _f1(row: Judged, points: Points, rules: PointRules) -> float:
    return points_f1(row.record.points, points, rules.agree_percent)


def _tags(
    first: Judged, others: Sequence[Judged], kept: Points, rules: PointRules
) -> tuple[Tag, ...]:
    scores = {tag.name: tag.score for tag in first.record.tags}
    compared = others[: _MOST_COMPARED - 1]
    if compared:
        scores[DISAGREE] = 1 - _mean_f1(first, [first, *compared], rules)
        turned = sum(_fits_only_swapped(first, other, rules) for other in compared)
        scores[SWAPPED_AXES] = max(scores.get(SWAPPED_AXES, 0.0), turned / len(compared))
    scores[MERGED] = float(len(first.record.points) - len(kept))
    scores[MANY] = float(len(kept))
    return tuple(Tag(name, scores[name]) for name in TAGS if scores.get(name))


def _fits_only_swapped(first: Judged, other: Judged, rules: PointRules) -> bool:
    points = other.record.points
    if not points or _f1(first, points, rules) >= _DIFFERS:
        return False
    return _f1(first, tuple(Point(p.y, p.x) for p in points), rules) >= _AGREES
