"""Krippendorff's alpha: agreement beyond chance among any number of people, some tasks missing."""

from collections import Counter
from collections.abc import Iterable, Sequence


def nominal_alpha(units: Iterable[Sequence[str]]) -> float | None:
    """Alpha for choices without order; `units` hold what people chose, one sequence per task.

    1 is perfect agreement, 0 that of chance, and less is possible. None where no task has two
    choices, or where all choices are the same, so that chance alone would agree. By coincidences:
    Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section C.
    """
    totals: Counter[str] = Counter()
    observed = 0.0  # disagreeing pairs, each unit weighing as much as it has choices
    for unit in units:
        if len(unit) > 1:
            counts = Counter(unit)
            totals.update(counts)
            agreeing = sum(count * (count - 1) for count in counts.values())
            observed += len(unit) - agreeing / (len(unit) - 1)
    n = totals.total()
    expected = n * n - sum(count * count for count in totals.values())
    return 1 - (n - 1) * observed / expected if expected else None
