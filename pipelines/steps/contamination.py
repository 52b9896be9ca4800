"""The tags of contamination: how near a training row comes to an evaluation set.

A tag stands on a row only when there is a verified match, so that a policy can tell "nothing found"
from "found, but far enough". The limits are the defaults of that policy: at a limit, a row goes.
"""

from collections.abc import Iterable

from schemas.judgment import Tag
from schemas.records import Contamination, EvaluationMatch

PICTURE_TAG = "evaluation_picture_v1"
TEXT_TAG = "evaluation_text_v1"
MAX_MATCHES = 20  # kept as evidence for one row

# A picture: similarity of the nearest evaluation picture, 1 - grey_difference. A text: words of the
# longest run in common.
DEFAULT_LIMITS = ((PICTURE_TAG, 0.85), (TEXT_TAG, 13.0))


def judged(
    row_id: str, matches: Iterable[EvaluationMatch], tag: str, score: float
) -> Contamination:
    """The row of a contamination table: the first of the evidence, and a tag when there is any."""
    kept = list(matches)[:MAX_MATCHES]
    return Contamination(row_id, (Tag(tag, score),) if kept else (), tuple(kept))


def similarity(matches: Iterable[EvaluationMatch]) -> float:
    """How alike the nearest of the evaluation pictures is: 1 for equal bytes."""
    return max((round(1 - match.grey_difference, 4) for match in matches), default=0.0)


def nearest_first(matches: Iterable[EvaluationMatch]) -> list[EvaluationMatch]:
    """Evidence on pictures by grey difference; equal bytes stand before what looks the same."""
    return sorted(
        matches, key=lambda match: (match.grey_difference, match.kind != "exact", match.item_id)
    )
