"""Judgments as counts: how often each model won against each other, prompt by prompt.

Prompts with the same judgments count as one distinct group that occurs several times, so that a
resample of 325,000 judgments is a multinomial draw over few groups.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.ratings.judgments import CANNOT_TELL, Judgment

Counts = NDArray[np.float64]
# A win of i over j is (i, j, _WIN); a tie is (i, j, _TIE) with i < j.
_WIN, _TIE = 0, 1
Outcome = tuple[int, int, int]


@dataclass(frozen=True)
class Tally:
    """Counted judgments. `models` are sorted; a group is the sorted outcomes of one prompt.

    `groups` says how many prompts have these outcomes; `by_prompt` is False where prompts are not
    known, and each judgment is a group of its own. `cannot_tell` counts what was left out, by
    model.
    """

    models: tuple[str, ...]
    groups: dict[tuple[Outcome, ...], int]
    by_prompt: bool
    cannot_tell: Counter[str]
    undecided: int

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """How often each distinct group occurs."""
        return np.fromiter(self.groups.values(), np.int64, len(self.groups))

    @cached_property
    def wins(self) -> Counts:
        """[i, j]: how often i won against j, a tie being half a win for both."""
        return np.asarray(self.weighted(self.sizes[None, :])[0])

    @cached_property
    def ties(self) -> NDArray[np.int64]:
        """[i, j]: how often i and j tied."""
        found = np.zeros((len(self.models),) * 2, np.int64)
        for outcomes, size in self.groups.items():
            for i, j, kind in outcomes:
                if kind == _TIE:
                    found[i, j] += size
                    found[j, i] += size
        return found

    @property
    def units(self) -> int:
        """Prompts, or judgments where prompts are not known: what is drawn in a resample."""
        return int(self.sizes.sum())

    def weighted(self, sizes: NDArray[np.int64]) -> Counts:
        """`wins` of resamples [n, group], which say how often each group occurs: [n, i, j]."""
        flat = self._matrix.T @ sizes.T.astype(np.float64)
        return np.asarray(flat).T.reshape(len(sizes), len(self.models), len(self.models))

    @cached_property
    def _matrix(self) -> Any:
        """Sparse [group, i * models + j]."""
        from scipy.sparse import csr_array  # comes with evalica

        width = len(self.models)
        cells = [
            (row, i * width + j, 1.0 if kind == _WIN else 0.5)
            for row, outcomes in enumerate(self.groups)
            for one, other, kind in outcomes
            for i, j in ([(one, other)] if kind == _WIN else [(one, other), (other, one)])
        ]
        rows, columns, values = zip(*cells, strict=True) if cells else ((), (), ())
        return csr_array((values, (rows, columns)), shape=(len(self.groups), width * width))


def tally(judgments: Sequence[Judgment]) -> Tally:
    """Count judgments; `cannot_tell` is left out, as in Molmo's evaluation."""
    decided = [one for one in judgments if one.choice != CANNOT_TELL]
    models = tuple(sorted({name for one in decided for name in (one.model_a, one.model_b)}))
    number = {name: place for place, name in enumerate(models)}
    prompts: defaultdict[Any, list[Outcome]] = defaultdict(list)
    for place, one in enumerate(decided):
        prompts[one.prompt or place].append(_outcome(one, number))
    return Tally(
        models=models,
        groups=dict(Counter(tuple(sorted(outcomes)) for outcomes in prompts.values())),
        by_prompt=any(one.prompt for one in decided),
        cannot_tell=Counter(
            name
            for one in judgments
            if one.choice == CANNOT_TELL
            for name in (one.model_a, one.model_b)
        ),
        undecided=len(judgments) - len(decided),
    )


def _outcome(one: Judgment, number: dict[str, int]) -> Outcome:
    a, b = number[one.model_a], number[one.model_b]
    if one.choice in ("a", "b"):
        return (a, b, _WIN) if one.choice == "a" else (b, a, _WIN)
    return (min(a, b), max(a, b), _TIE)
