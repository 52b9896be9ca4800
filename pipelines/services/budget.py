"""What calls have cost, and the stop when a budget is used up.

The choice worth knowing: everything that was or may have been paid counts, also answers that were
refused and calls that ran out of time; those are charged an estimate of what was sent. A budget is
checked before each new call, so a run goes over it by the calls under way at most.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from schemas.errors import StopRun, UsageError


@dataclass(frozen=True)
class Budget:
    """Limits of one process, 0 for none; prices are US dollars for a million tokens."""

    tokens: int = 0
    usd: float = 0.0
    usd_per_1m_prompt: float = 0.0
    usd_per_1m_completion: float = 0.0

    def __post_init__(self) -> None:
        if min(self.tokens, self.usd, self.usd_per_1m_prompt, self.usd_per_1m_completion) < 0:
            raise UsageError("llm: a budget and prices are not negative")
        if self.usd and not (self.usd_per_1m_prompt or self.usd_per_1m_completion):
            raise UsageError(
                "llm: budget_usd needs usd_per_1m_prompt and usd_per_1m_completion: "
                "endpoints report tokens, not money"
            )


@dataclass(frozen=True)
class Usage:
    """What has been used so far. `estimated_tokens` is the part of the tokens that no endpoint
    reported; `failures` are calls without a usable reply, each try counted; `batch_calls` are the
    calls that came back in batch files. `seconds` is the time from the first live call to the end
    of the last one, `saturated_seconds` how long of it as many were under way as may be."""

    calls: int = 0
    cached: int = 0
    failures: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated_tokens: int = 0
    usd: float = 0.0
    batch_calls: int = 0
    seconds: float = 0.0
    saturated_seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Live requests per second; 0 when there were none."""
        return (self.calls - self.batch_calls) / self.seconds if self.seconds else 0.0

    @property
    def saturation(self) -> float:
        """The share of the time (0 to 1) in which as many requests were under way as may be."""
        return self.saturated_seconds / self.seconds if self.seconds else 0.0


class Meter:
    """Counts calls and tokens, from any thread, and stops the run when the budget is used up."""

    def __init__(
        self,
        budget: Budget | None = None,
        concurrency: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._budget = budget or Budget()
        self._lock = threading.Lock()
        self._concurrency, self._clock = concurrency, clock
        self._under_way = 0
        self._first: float | None = None
        self._last = self._saturated = 0.0
        self._calls = self._cached = self._failures = 0
        self._prompt = self._completion = self._estimated = 0

    def check(self) -> None:
        """Raise StopRun when the budget is used up; called before every call."""
        used, budget = self.usage(), self._budget
        tokens = used.prompt_tokens + used.completion_tokens
        if budget.tokens and tokens >= budget.tokens:
            raise StopRun(_stopped(f"{tokens:,} of {budget.tokens:,} tokens", "budget_tokens"))
        if budget.usd and used.usd >= budget.usd:
            raise StopRun(_stopped(f"${used.usd:.4f} of ${budget.usd:.4f}", "budget_usd"))

    @contextlib.contextmanager
    def under_way(self) -> Iterator[None]:
        """Time one request: around what waits for the endpoint, not what waits for its turn."""
        self._step(1)
        try:
            yield
        finally:
            self._step(-1)

    def _step(self, by: int) -> None:
        with self._lock:
            now = self._clock()
            if self._first is None:
                self._first = now
            elif self._concurrency and self._under_way >= self._concurrency:
                self._saturated += now - self._last
            self._under_way, self._last = self._under_way + by, now

    def paid(self, prompt_tokens: int, completion_tokens: int, estimated: bool = False) -> None:
        """Count one call that was charged, whatever became of its answer."""
        with self._lock:
            self._calls += 1
            self._prompt += prompt_tokens
            self._completion += completion_tokens
            self._estimated += (prompt_tokens + completion_tokens) if estimated else 0

    def failed(self, prompt_tokens: int = 0) -> None:
        """Count one call without a usable reply, and an estimate of what it may have cost."""
        with self._lock:
            self._failures += 1
        self.paid(prompt_tokens, 0, estimated=True)

    def cached(self) -> None:
        """Count one answer that was there already."""
        with self._lock:
            self._cached += 1

    def usage(self) -> Usage:
        """A snapshot of the counters."""
        with self._lock:
            return Usage(
                calls=self._calls,
                cached=self._cached,
                failures=self._failures,
                prompt_tokens=self._prompt,
                completion_tokens=self._completion,
                estimated_tokens=self._estimated,
                usd=self._cost(),
                seconds=round(self._last - (self._first or 0.0), 3),
                saturated_seconds=round(self._saturated, 3),
            )

    def _cost(self) -> float:
        budget = self._budget
        prompt = self._prompt * budget.usd_per_1m_prompt
        return (prompt + self._completion * budget.usd_per_1m_completion) / 1e6


def estimate_tokens(text: str) -> int:
    """A rough number of tokens of a text: four bytes of UTF-8 each."""
    return len(text.encode("utf-8", "replace")) // 4 + 1


def _stopped(used: str, setting: str) -> str:
    return (
        f"the LLM budget is used up: {used}. What was answered is kept in the cache; "
        f"raise {setting} and run the same command again to go on"
    )
