"""Ratings: published fits, known strengths, honest intervals, and what cannot be rated."""

import json
import math
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.ratings.bradley_terry import MEAN, POINTS, fit, is_strong, rate
from annotation.ratings.judgments import Judgment
from annotation.ratings.tally import Counts, tally
from schemas.errors import UsageError

MODELS = ("ada", "bob", "cid")


def won(winner: str, loser: str, times: int = 1, prompt: str = "") -> list[Judgment]:
    return [Judgment(winner, loser, "a", prompt)] * times


def tied(one: str, other: str, times: int = 1, prompt: str = "") -> list[Judgment]:
    return [Judgment(one, other, "both_bad", prompt)] * times


def wins_of(pairs: Sequence[Sequence[int]], models: int) -> Counts:
    wins = np.zeros((models, models))
    for winner, loser in pairs:
        wins[winner, loser] += 1
    return wins


def log_odds(ratings: Counts) -> Counts:
    return np.asarray((ratings - MEAN) / POINTS)


@pytest.mark.parametrize("name", ["pairwise-1", "pairwise-2"])
def test_published_maxima_are_found(test_data: Path, name: str) -> None:
    """The estimates that choix publishes with its test cases, in log-odds."""
    file = test_data / "preferences" / "choix" / f"testcase-{name}.json"
    case = json.loads(file.read_text(encoding="utf-8"))
    found = fit(wins_of(case["data"], case["n_items"]), [str(n) for n in range(case["n_items"])])
    assert log_odds(found) == pytest.approx(case["ml_est"], abs=1e-6)


@pytest.mark.parametrize("name", ["rankings-1", "top1-1"])
def test_published_ties_of_other_models_are_ties_here(test_data: Path, name: str) -> None:
    """Rankings and choices among several are Plackett and Luce's model; where they are symmetric,
    the pairs in them are, and both models agree."""
    file = test_data / "preferences" / "choix" / f"testcase-{name}.json"
    case = json.loads(file.read_text(encoding="utf-8"))
    pairs = []
    for one in case["data"]:
        first, rest = (one[0], one[1]) if isinstance(one[1], list) else (one[0], one[1:])
        pairs += [(first, other) for other in rest]
        if not isinstance(one[1], list):
            pairs += [(one[1], one[2])]
    found = fit(wins_of(pairs, case["n_items"]), [str(n) for n in range(case["n_items"])])
    assert log_odds(found) == pytest.approx(case["ml_est"], abs=1e-6)


def test_two_models_differ_by_the_log_odds() -> None:
    ratings = rate(tally(won("ada", "bob", 3) + won("bob", "ada", 1)), 0, 0)
    assert ratings.rating[0] - ratings.rating[1] == pytest.approx(400 * math.log10(3))
    assert ratings.rating.mean() == pytest.approx(1000)


def test_a_tie_is_half_a_win_for_both() -> None:
    halves = won("ada", "bob", 3) + won("bob", "ada", 1)
    ties = won("ada", "bob", 2) + tied("ada", "bob", 2)
    one, other = rate(tally(halves), 0, 0), rate(tally(ties), 0, 0)
    assert one.rating == pytest.approx(other.rating)


def test_known_strengths_lie_inside_their_intervals() -> None:
    rng = np.random.default_rng(1)
    strength = {"ada": 0.7, "bob": 0.0, "cid": -0.3, "dot": -0.4}
    judgments = []
    for n in range(1200):
        one, other = rng.choice(list(strength), 2, replace=False).tolist()
        chance = 1 / (1 + math.exp(strength[other] - strength[one]))
        choice = "a" if rng.random() < chance else "b"
        judgments.append(Judgment(one, other, choice, f"p{n // 3}"))
    ratings = rate(tally(judgments), 300, 0)
    truth = MEAN + POINTS * np.array(list(strength.values()))
    assert ((ratings.low < truth) & (truth < ratings.high)).all()
    assert ((ratings.low < ratings.rating) & (ratings.rating < ratings.high)).all()


def test_same_seed_same_intervals() -> None:
    counts = tally(won("ada", "bob", 30) + won("bob", "ada", 20))
    one, other, third = rate(counts, 50, 7), rate(counts, 50, 7), rate(counts, 50, 8)
    assert (one.low == other.low).all()
    assert (one.low != third.low).any()


def test_people_who_judge_one_prompt_are_no_independent_evidence() -> None:
    """The same 300 judgments, as 300 prompts or as 30 prompts on which ten people agree."""
    agreeing = [
        Judgment("ada", "bob", "a" if n < 20 else "b", f"p{n}") for n in range(30) for _ in "x" * 10
    ]
    alone = [Judgment("ada", "bob", one.choice) for one in agreeing]
    narrow, wide = rate(tally(alone), 400, 0), rate(tally(agreeing), 400, 0)
    ratio = (wide.high - wide.low) / (narrow.high - narrow.low)
    assert (ratio > 2.5).all()
    assert (ratio < 4.0).all()  # the square root of ten


def test_a_model_that_never_lost_gets_a_bound_and_it_is_said() -> None:
    judgments = won("ada", "bob", 5) + won("bob", "cid", 3) + won("cid", "bob", 2)
    ratings = rate(tally(judgments), 100, 0)
    assert ratings.regularised
    assert ratings.regularised_resamples == 100
    assert ratings.rating.argmax() == 0
    assert ratings.rating[0] - ratings.rating[1] == pytest.approx(400 * math.log10(11), abs=5)


def test_resamples_that_lose_a_model_stay_finite() -> None:
    judgments = won("ada", "bob", 4) + won("bob", "ada", 4) + won("cid", "bob") + won("bob", "cid")
    ratings = rate(tally(judgments), 200, 0)
    assert not ratings.regularised
    assert 0 < ratings.regularised_resamples < 200
    assert np.isfinite(ratings.low).all()
    assert np.isfinite(ratings.high).all()


def test_models_that_were_never_compared_are_named() -> None:
    judgments = [*won("ada", "bob"), *won("bob", "ada"), *tied("cid", "dot")]
    with pytest.raises(UsageError, match=r"ada, bob \| cid, dot"):
        rate(tally(judgments), 10, 0)


def test_one_prompt_has_no_interval() -> None:
    counts = tally(won("ada", "bob", 3, "p") + won("bob", "ada", 2, "p"))
    assert np.isnan(rate(counts, 100, 0).low).all()


outcomes = st.tuples(
    st.sampled_from(MODELS), st.sampled_from(MODELS), st.sampled_from(["a", "b", "both_good"])
).filter(lambda one: one[0] != one[1])


@settings(max_examples=60, deadline=None)
@given(st.lists(outcomes, min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_ratings_depend_neither_on_order_nor_on_sides(
    drawn: list[tuple[str, str, str]], shuffler: random.Random
) -> None:
    """The maximum also explains the points that each model won: its score equations hold."""
    judgments = [Judgment(*one) for one in drawn]
    mirror = {"a": "b", "b": "a", "both_good": "both_good"}
    turned = [Judgment(one.model_b, one.model_a, mirror[one.choice]) for one in judgments]
    shuffler.shuffle(turned)
    counts = tally(judgments)
    if not is_strong(counts.wins):
        return
    ratings = rate(counts, 0, 0).rating
    assert ratings == pytest.approx(rate(tally(turned), 0, 0).rating, abs=1e-3)
    games = counts.wins + counts.wins.T
    chance = 1 / (1 + 10 ** ((ratings[None, :] - ratings[:, None]) / 400))
    assert (games * chance).sum(axis=1) == pytest.approx(counts.wins.sum(axis=1), abs=1e-4)
