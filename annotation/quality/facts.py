"""What is known of each annotator's work in one project: speed, rejects, agreement, gold.

Pure: work in, numbers out. Everything is by pseudonym.
"""

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from annotation.quality.alpha import nominal_alpha
from annotation.quality.answers import MEASURES, count_within_one


@dataclass(frozen=True)
class Judged:
    """One annotation that became `items` rows: `answer` is what the kind's measure compares.

    points: a mapping from phrase to points; count: int; transcript_review: text; preference: the
    choice; other kinds: None.
    """

    task_key: str
    annotator_id: str
    annotation: str
    seconds: float
    answer: Any
    items: int = 1


@dataclass(frozen=True)
class Refused:
    """One item of an annotation that became no row, by the annotator's doing."""

    annotator_id: str
    reason: str


@dataclass(frozen=True)
class Speed:
    """Seconds per task: the median, and what nine of ten tasks stay under (nearest rank)."""

    median_s: float
    p90_s: float


@dataclass(frozen=True)
class Score:
    """A mean of agreement in [0, 1] over `comparisons`."""

    mean: float
    comparisons: int


@dataclass(frozen=True)
class Facts:
    """One annotator, or all of them together; None where there is nothing to go by.

    `done` counts annotations that became rows, `rejected` items that did not; the rate is theirs
    among all items.
    """

    done: int
    rejected: int
    reject_rate: float | None
    speed: Speed | None
    agreement: Score | None
    gold: Score | None


@dataclass(frozen=True)
class ProjectFacts:
    """All of one project. `alpha` is Krippendorff's, for choices; `within_one` is for counts."""

    everyone: Facts
    people: dict[str, Facts]
    reasons: dict[str, int]
    alpha: float | None
    within_one: float | None


def facts_of(
    kind: str,
    judged: Sequence[Judged],
    refused: Sequence[Refused],
    known: Mapping[str, Any],
) -> ProjectFacts:
    """Facts of one project; `known` are known answers by task key, in the form of `Judged.answer`.

    Two annotators are compared on every task that both did; a person's agreement is the mean over
    all such comparisons, so that it says how close that person is to the others.
    """
    compared = _comparisons(kind, judged)
    golden = _golden(kind, judged, known)
    work, failed = _by_person(judged), Counter(one.annotator_id for one in refused)
    near: defaultdict[str, list[float]] = defaultdict(list)
    for pair, score in compared:
        for name in pair:
            near[name].append(score)
    gold: defaultdict[str, list[float]] = defaultdict(list)
    for name, score in golden:
        gold[name].append(score)
    people = {
        name: _facts(work[name], failed[name], near[name], gold[name])
        for name in sorted({*work, *failed})
    }
    everyone = _facts(
        judged, len(refused), [score for _, score in compared], [score for _, score in golden]
    )
    reasons = dict(Counter(one.reason for one in refused))
    return ProjectFacts(everyone, people, reasons, _alpha(kind, judged), _within_one(kind, judged))


def _by_person(judged: Iterable[Judged]) -> defaultdict[str, list[Judged]]:
    people: defaultdict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        people[one.annotator_id].append(one)
    return people


def _facts(
    judged: Sequence[Judged], rejected: int, compared: list[float], golden: list[float]
) -> Facts:
    seconds = {one.annotation: one.seconds for one in judged}
    items = sum(one.items for one in judged) + rejected
    return Facts(
        done=len(seconds),
        rejected=rejected,
        reject_rate=rejected / items if items else None,
        speed=speed_of(list(seconds.values())),
        agreement=_score(compared),
        gold=_score(golden),
    )


def speed_of(seconds: Sequence[float]) -> Speed | None:
    """Median and 90th percentile; times of 0 are unknown and left out."""
    known = sorted(value for value in seconds if value > 0)
    if not known:
        return None
    return Speed(median(known), known[math.ceil(0.9 * len(known)) - 1])


def _score(found: list[float]) -> Score | None:
    return Score(fmean(found), len(found)) if found else None


def _by_task(judged: Iterable[Judged]) -> dict[str, dict[str, Any]]:
    """Per task, each person's answer; the later one where a person did a task twice."""
    tasks: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for one in judged:
        tasks[one.task_key][one.annotator_id] = one.answer
    return tasks


def _comparisons(kind: str, judged: Iterable[Judged]) -> list[tuple[tuple[str, str], float]]:
    measure = MEASURES.get(kind)
    found = []
    for answers in _by_task(judged).values() if measure else ():
        for one, other in itertools.combinations(sorted(answers), 2):
            score = measure(answers[one], answers[other]) if measure else None
            if score is not None:
                found.append(((one, other), score))
    return found


def _golden(
    kind: str, judged: Iterable[Judged], known: Mapping[str, Any]
) -> list[tuple[str, float]]:
    measure = MEASURES.get(kind)
    found = []
    for one in judged:
        if measure and one.task_key in known:
            score = measure(known[one.task_key], one.answer)
            if score is not None:
                found.append((one.annotator_id, score))
    return found


def _alpha(kind: str, judged: Iterable[Judged]) -> float | None:
    if kind != "preference":
        return None
    return nominal_alpha(list(answers.values()) for answers in _by_task(judged).values())


def _within_one(kind: str, judged: Iterable[Judged]) -> float | None:
    if kind != "count":
        return None
    scores = [
        count_within_one(one, other)
        for answers in _by_task(judged).values()
        for one, other in itertools.combinations(answers.values(), 2)
    ]
    return fmean(scores) if scores else None
