"""Bradley-Terry ratings on the Elo scale, and their intervals by bootstrap.

The chance that i wins against j is 1 / (1 + 10 ** ((r_j - r_i) / 400)): the model of Bradley and
Terry (1952) with strengths on Elo's scale, 400 / ln 10 points per unit of log-odds, and a mean of
1000 over the models. Evalica finds the maximum of the likelihood by Newman's iteration (2023).

A maximum exists only where every model can be reached from every other by wins (Ford 1957). Where
that fails, one tie is added to each pair of models that was ever compared, and that is said.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.ratings.tally import Counts, Tally
from schemas.errors import MissingPart, StageError, UsageError

MEAN = 1000.0
POINTS = 400.0 / math.log(10.0)
CONFIDENCE = 0.95
_TOLERANCE = 1e-10
_ITERATIONS = 100_000
_DRAWS_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Ratings:
    """Elo points by model; `low` and `high` bound the middle 95% of resamples, NaN without any.

    `regularised` says that ties were added, `regularised_resamples` in how many resamples.
    """

    rating: Counts
    low: Counts
    high: Counts
    regularised: bool
    regularised_resamples: int


def rate(counts: Tally, resamples: int, seed: int) -> Ratings:
    """Ratings of all models of a tally; UsageError where groups of models were never compared.

    A resample draws as many prompts as there are, with replacement, each with all its judgments
    (judgments where prompts are not known): people who judge the same answers agree more than
    chance, and an interval that takes them for independent is too narrow.
    """
    _check_compared(counts)
    compared = (counts.wins + counts.wins.T) > 0
    rating = fit(_solvable(counts.wins, compared), counts.models)
    if resamples and counts.units > 1:
        drawn, added = _resample(counts, compared, resamples, np.random.default_rng(seed))
        tail = 50.0 * (1.0 - CONFIDENCE)
        low, high = np.percentile(drawn, [tail, 100.0 - tail], axis=0)
    else:
        added = 0
        low = high = np.full(len(rating), math.nan)
    return Ratings(rating, low, high, not is_strong(counts.wins), added)


def fit(wins: Counts, names: Sequence[str]) -> Counts:
    """The ratings under which `wins` [i, j] (i against j) are most likely, in Elo points.

    StageError when the iteration does not settle; a maximum must exist (`is_strong`).
    """
    evalica = _evalica()
    winners, losers = np.nonzero(wins)
    result = evalica.bradley_terry(
        [names[i] for i in winners],
        [names[j] for j in losers],
        [evalica.Winner.X] * len(winners),
        weights=wins[winners, losers].tolist(),
        tolerance=_TOLERANCE,
        limit=_ITERATIONS,
    )
    if result.iterations >= _ITERATIONS:
        raise StageError("the Bradley-Terry fit does not settle: too few judgments per model")
    strengths = np.log(result.scores[list(names)].to_numpy())
    return np.asarray(MEAN + POINTS * (strengths - strengths.mean()))


def _evalica() -> Any:
    try:
        import evalica
    except ImportError as error:
        raise MissingPart("ratings need evalica: pip install 'pixmo[evaluate]'") from error
    return evalica


def is_strong(wins: Counts) -> bool:
    """Whether every model can be reached from every other by wins."""
    return bool(_reach(wins > 0).all())


def _reach(edges: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """[i, j]: whether j can be reached from i, or is i."""
    reached = edges | np.eye(len(edges), dtype=bool)
    for _ in range(max(1, len(edges).bit_length())):
        reached = reached @ reached
    return np.asarray(reached)


def _solvable(wins: Counts, compared: NDArray[np.bool_]) -> Counts:
    return wins if is_strong(wins) else wins + 0.5 * compared


def _check_compared(counts: Tally) -> None:
    if len(counts.models) < 2:
        raise UsageError("ratings need judgments of at least two models, without cannot_tell")
    joined = _reach((counts.wins + counts.wins.T) > 0)
    if not joined.all():
        groups = sorted({tuple(np.flatnonzero(row).tolist()) for row in joined})
        named = " | ".join(", ".join(counts.models[i] for i in group) for group in groups)
        raise UsageError(
            f"no judgment compares these groups of models: {named}; "
            "collect judgments between them, or rate each group by itself"
        )


def _resample(
    counts: Tally, compared: NDArray[np.bool_], resamples: int, rng: np.random.Generator
) -> tuple[Counts, int]:
    """Ratings of resamples [n, model], and to how many of them ties were added."""
    chances = counts.sizes / counts.units
    at_once = max(1, _DRAWS_AT_ONCE // (len(chances) + counts.wins.size))
    ratings, added = [], 0
    for start in range(0, resamples, at_once):
        sizes = rng.multinomial(counts.units, chances, min(at_once, resamples - start))
        for wins in counts.weighted(sizes):
            added += not is_strong(wins)
            ratings.append(fit(_solvable(wins, compared), counts.models))
    return np.stack(ratings), added
