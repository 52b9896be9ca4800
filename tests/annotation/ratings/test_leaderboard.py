"""A leaderboard: counts that add up, and published tables of AlpacaEval from their counts."""

import csv
import math
from pathlib import Path

import pytest

from annotation.ratings.judgments import Judgment
from annotation.ratings.leaderboard import make_leaderboard
from schemas.errors import UsageError

# Tables that count whole wins. In the weighted one, wins are probabilities; its discrete column
# counts them. What cannot be computed from counts: its weighted and length-controlled win rates.
TABLES = {
    "alpaca_eval_gpt4": "win_rate",
    "chatgpt_fn": "win_rate",
    "claude": "win_rate",
    "text_davinci_003": "win_rate",
    "weighted_alpaca_eval_gpt4_turbo": "discrete_win_rate",
}
# Its published rate is not that of its published counts (371 + 8.5 of 805 is 47.1%, not 40.2%).
INCONSISTENT = {"aligner-2b_gpt-4-turbo-2024-04-09"}


def published(test_data: Path, table: str) -> dict[str, dict[str, str]]:
    file = test_data / "preferences" / "alpaca_eval" / f"{table}_leaderboard.csv"
    with file.open(encoding="utf-8", newline="") as lines:
        return {row[""]: row for row in csv.DictReader(lines)}


def judged(model: str, row: dict[str, str]) -> list[Judgment]:
    """What the counts of a row say: one model against the baseline."""
    counts = {"a": "n_wins", "b": "n_wins_base", "both_good": "n_draws"}
    return [
        Judgment(model, "BASELINE", choice)
        for choice, name in counts.items()
        for _ in range(int(float(row[name])))
    ]


@pytest.mark.parametrize(("table", "column"), TABLES.items())
def test_published_win_rates_come_out(test_data: Path, table: str, column: str) -> None:
    rows = published(test_data, table)
    judgments = [one for model, row in rows.items() for one in judged(model, row)]
    board = make_leaderboard(judgments, bootstrap=0, seed=0)
    base = next(one.rating for one in board.standings if one.model == "BASELINE")
    for one in board.standings:
        if one.model != "BASELINE" and one.model not in INCONSISTENT:
            rate = float(rows[one.model][column]) / 100
            assert one.win_rate == pytest.approx(rate, abs=1e-5), one.model
            if 0 < rate < 1 and not board.regularised:
                gap = 400 * math.log10(rate / (1 - rate))
                assert one.rating - base == pytest.approx(gap, abs=0.05), one.model
    assert len(board.standings) == len(rows) + 1


@pytest.mark.parametrize("model", ["gpt4", "vicuna-13b", "falcon-40b-instruct"])
def test_intervals_have_the_published_width(test_data: Path, model: str) -> None:
    """The published standard errors, from other means: the spread of the single judgments."""
    row = published(test_data, "chatgpt_fn")[model]
    board = make_leaderboard(judged(model, row), bootstrap=1000, seed=0)
    own = next(one for one in board.standings if one.model == model)
    assert own.low is not None
    assert own.high is not None
    bounds = [1 / (1 + 10 ** (-2 * (bound - 1000) / 400)) for bound in (own.low, own.high)]
    width = 100 * (bounds[1] - bounds[0]) / (2 * 1.96)
    assert width == pytest.approx(float(row["standard_error"]), rel=0.1)


def test_counts_add_up() -> None:
    choices = ["a", "a", "b", "both_good", "both_bad", "cannot_tell"]
    judgments = [Judgment("ada", "bob", choice) for choice in choices]
    judgments += [Judgment("cid", "ada", "a"), Judgment("bob", "cid", "cannot_tell")]
    judgments += [Judgment("cid", "ada", "b")]
    board = make_leaderboard(judgments, bootstrap=0, seed=0)
    assert (board.judgments, board.cannot_tell, board.resampled) == (9, 2, "judgments")
    ada = next(one for one in board.standings if one.model == "ada")
    assert (ada.games, ada.wins, ada.ties, ada.losses, ada.cannot_tell) == (7, 3, 2, 2, 1)
    assert ada.win_rate == pytest.approx(4 / 7, abs=1e-6)
    assert sum(one.games for one in board.standings) == 2 * 7
    meetings = {(one.model, one.opponent): one for one in board.meetings}
    assert set(meetings) == {("ada", "bob"), ("bob", "ada"), ("ada", "cid"), ("cid", "ada")}
    for (model, opponent), one in meetings.items():
        other = meetings[opponent, model]
        assert (one.wins, one.ties, one.losses) == (other.losses, other.ties, other.wins)
        assert one.win_rate + other.win_rate == pytest.approx(1)
        assert one.expected + other.expected == pytest.approx(1)


def test_equal_ratings_rank_by_name() -> None:
    board = make_leaderboard([Judgment("bob", "ada", "both_good")], bootstrap=0, seed=0)
    assert [one.model for one in board.standings] == ["ada", "bob"]


@pytest.mark.parametrize("choices", [[], ["cannot_tell", "cannot_tell"]])
def test_nothing_to_rate(choices: list[str]) -> None:
    with pytest.raises(UsageError, match="judgments"):
        make_leaderboard([Judgment("ada", "bob", choice) for choice in choices], 10, 0)
