"""The meter: everything paid counts, and a budget used up stops with a way to go on."""

import pytest

from pipelines.services.budget import Budget, Meter, Usage, estimate_tokens
from schemas.errors import StopRun, UsageError


def test_calls_failures_and_cached_answers_are_told_apart() -> None:
    meter = Meter(Budget(usd_per_1m_prompt=2.0, usd_per_1m_completion=8.0))
    meter.paid(1000, 500)
    meter.failed(100)
    meter.failed()
    meter.cached()
    assert meter.usage() == Usage(
        calls=3,
        cached=1,
        failures=2,
        prompt_tokens=1100,
        completion_tokens=500,
        estimated_tokens=100,
        usd=pytest.approx(0.0062),
    )


def test_time_runs_from_the_first_request_to_the_last() -> None:
    now = 100.0
    meter = Meter(concurrency=2, clock=lambda: now)
    assert meter.usage().seconds == 0.0
    with meter.under_way():
        now = 101.0
        with meter.under_way():
            now = 104.0
        now = 105.0
    now = 109.0  # nothing is under way, and the endpoint stands idle
    with meter.under_way():
        now = 110.0
    for _ in range(3):
        meter.paid(1, 1)
    used = meter.usage()
    assert (used.seconds, used.saturated_seconds) == (10.0, 3.0)
    assert (used.rate, used.saturation) == (pytest.approx(0.3), pytest.approx(0.3))


def test_a_request_that_fails_ends_too() -> None:
    meter = Meter(concurrency=1)
    with pytest.raises(KeyError), meter.under_way():
        raise KeyError
    with meter.under_way():
        assert meter.usage().saturated_seconds < 1.0


def test_without_calls_there_is_no_rate() -> None:
    assert (Usage().rate, Usage().saturation) == (0.0, 0.0)
    assert Usage(calls=9, batch_calls=9).rate == 0.0


def test_money_runs_out() -> None:
    meter = Meter(Budget(usd=0.01, usd_per_1m_prompt=10.0))
    meter.paid(999, 0)
    meter.check()
    meter.failed(1)
    with pytest.raises(StopRun, match=r"\$0.0100 of \$0.0100.*budget_usd"):
        meter.check()


def test_without_a_budget_nothing_stops() -> None:
    meter = Meter()
    meter.paid(10**12, 10**12)
    meter.check()


@pytest.mark.parametrize("wrong", [{"tokens": -1}, {"usd": 5.0}])
def test_budgets_that_make_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="budget"):
        Budget(**wrong)


def test_estimates_are_about_four_bytes_a_token() -> None:
    assert estimate_tokens("") == 1
    assert estimate_tokens("word " * 400) == 501
    assert estimate_tokens("\ud800") == 1
