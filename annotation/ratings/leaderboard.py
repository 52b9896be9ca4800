"""A leaderboard of models: ratings, intervals, games and win rates, from judgments."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from annotation.ratings.bradley_terry import POINTS, Ratings, rate
from annotation.ratings.judgments import Judgment
from annotation.ratings.tally import Tally, tally
from schemas.errors import UsageError

_DIGITS = 6  # what the fit settles to; more would differ between machines


@dataclass(frozen=True)
class Standing:
    """One model. `games` are its judgments without cannot_tell; `win_rate` counts ties as half.

    `low` and `high` bound the rating (95%), None where there is nothing to resample.
    """

    rank: int
    model: str
    rating: float
    low: float | None
    high: float | None
    games: int
    wins: int
    ties: int
    losses: int
    win_rate: float
    cannot_tell: int


@dataclass(frozen=True)
class Meeting:
    """What one model did against another; `expected` is the win rate that the ratings foretell."""

    model: str
    opponent: str
    games: int
    wins: int
    ties: int
    losses: int
    win_rate: float
    expected: float


@dataclass(frozen=True)
class Leaderboard:
    """All models, the best first, and all meetings of two.

    `resampled` is what a resample draws: prompts, or judgments where prompts are not known.
    """

    standings: tuple[Standing, ...]
    meetings: tuple[Meeting, ...]
    judgments: int
    cannot_tell: int
    resampled: str
    units: int
    bootstrap: int
    seed: int
    regularised: bool
    regularised_resamples: int


def make_leaderboard(judgments: Sequence[Judgment], bootstrap: int, seed: int) -> Leaderboard:
    """Rate all models; UsageError where judgments are lacking, or models were never compared."""
    if not judgments:
        raise UsageError(
            "no judgments: run `pixmo annotate pull` after people judged, or name a file with "
            "--judgments"
        )
    counts = tally(judgments)
    ratings = rate(counts, bootstrap, seed)
    return Leaderboard(
        standings=_standings(counts, ratings),
        meetings=_meetings(counts, ratings),
        judgments=len(judgments),
        cannot_tell=counts.undecided,
        resampled="prompts" if counts.by_prompt else "judgments",
        units=counts.units,
        bootstrap=bootstrap,
        seed=seed,
        regularised=ratings.regularised,
        regularised_resamples=ratings.regularised_resamples,
    )


def _standings(counts: Tally, ratings: Ratings) -> tuple[Standing, ...]:
    order = sorted(
        range(len(counts.models)),
        key=lambda i: (-round(float(ratings.rating[i]), 6), counts.models[i]),
    )
    points, ties = counts.wins.sum(axis=1), counts.ties.sum(axis=1)
    games = (counts.wins + counts.wins.T).sum(axis=1)
    return tuple(
        Standing(
            rank=rank,
            model=counts.models[i],
            rating=round(float(ratings.rating[i]), _DIGITS),
            low=_known(ratings.low[i]),
            high=_known(ratings.high[i]),
            games=round(games[i]),
            wins=round(points[i] - ties[i] / 2),
            ties=int(ties[i]),
            losses=round(games[i] - points[i] - ties[i] / 2),
            win_rate=round(float(points[i] / games[i]), _DIGITS),
            cannot_tell=counts.cannot_tell[counts.models[i]],
        )
        for rank, i in enumerate(order, start=1)
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), _DIGITS)


def _meetings(counts: Tally, ratings: Ratings) -> tuple[Meeting, ...]:
    found = []
    for i, model in enumerate(counts.models):
        for j, opponent in enumerate(counts.models):
            games = counts.wins[i, j] + counts.wins[j, i]
            if games:
                ties = int(counts.ties[i, j])
                gap = (ratings.rating[i] - ratings.rating[j]) / POINTS
                found.append(
                    Meeting(
                        model=model,
                        opponent=opponent,
                        games=round(games),
                        wins=round(counts.wins[i, j] - ties / 2),
                        ties=ties,
                        losses=round(counts.wins[j, i] - ties / 2),
                        win_rate=round(float(counts.wins[i, j] / games), _DIGITS),
                        expected=round(1.0 / (1.0 + math.exp(-gap)), _DIGITS),
                    )
                )
    return tuple(found)
