"""How far two answers to one task agree, by kind: 0 for not at all, 1 for wholly.

The same measure compares two annotators, and an annotator with a known answer. Kinds in which
people are free to say what they like (speech, questions) have none.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pipelines.steps.point_matching import points_f1
from pipelines.steps.wer import count_word_errors, normalise_words
from schemas.annotations import Point

Phrases = Mapping[str, tuple[Point, ...]]


def phrase_key(label: str) -> str:
    """What two spellings of a phrase have in common: neither capitals nor spaces matter."""
    return " ".join(label.split()).casefold()


def points_agreement(one: Phrases, other: Phrases) -> float | None:
    """Mean F1 of the phrases that both used (`phrase_key`); None where they share none.

    Annotators choose their phrases, so that one which only one of them used is no disagreement.
    """
    shared = [points_f1(one[phrase], other[phrase]) for phrase in one if phrase in other]
    return sum(shared) / len(shared) if shared else None


def count_agreement(one: int, other: int) -> float:
    """1 for the same count, else 0."""
    return float(one == other)


def count_within_one(one: int, other: int) -> float:
    """1 for counts that differ by one at most, else 0."""
    return float(abs(one - other) <= 1)


def text_agreement(one: str, other: str) -> float:
    """1 minus the word errors per word of the longer text, so that sides do not matter."""
    words = max(len(normalise_words(one)), len(normalise_words(other)))
    return 1 - count_word_errors(one, other).errors / words if words else 1.0


def choice_agreement(one: str, other: str) -> float:
    """1 for the same choice, else 0."""
    return float(one == other)


Measure = Callable[[Any, Any], float | None]
MEASURES: dict[str, Measure] = {
    "points": points_agreement,
    "count": count_agreement,
    "transcript_review": text_agreement,
    "preference": choice_agreement,
}
NAMES = {
    "points": "F1 of points within 5%",
    "count": "same count",
    "transcript_review": "1 - word error rate",
    "preference": "same choice",
}
