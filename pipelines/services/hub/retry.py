"""Trying again, for all calls to the Hub: growing waits with jitter, `Retry-After` up to a cap.

The library tries some calls again and others not, and sleeps for as long as a server asks; here all
calls follow one rule, bounded by a number of tries and by time.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from pipelines.services.hub.errors import (
    Failed,
    Failure,
    HubAnswer,
    HubGarbled,
    HubUnreachable,
    explain,
    failure_of,
    worth_trying_again,
)
from pipelines.steps.retry_after import backoff_s

T = TypeVar("T")
# The library wraps failures of its upload threads, and reads JSON without looking.
MAYBE = (HubAnswer, HubUnreachable, HubGarbled, RuntimeError, ValueError)


@dataclass(frozen=True)
class HubConfig:
    """How to reach the Hub and how patient to be.

    Empty `endpoint` and `token`: HF_ENDPOINT and HF_TOKEN, else the library's own settings.
    `retries` after the first try, within `deadline_s` for one call over all tries; a server that
    asks for more than `max_retry_after_s` ends the run. Batches are files and bytes per upload
    call, and files per commit.
    """

    endpoint: str = ""
    token: str = field(default="", repr=False)
    retries: int = 8
    backoff_s: float = 2.0
    max_retry_after_s: float = 300.0
    deadline_s: float = 1800.0
    timeout_s: float = 120.0
    files_per_upload: int = 20
    bytes_per_upload: int = 2 * 2**30
    files_per_commit: int = 2000


class Watcher(Protocol):
    """Is told how publishing goes; called from several threads."""

    def begin(self, what: str, files: int, size: int) -> None:
        """A phase begins: what is done, to how many files and bytes."""

    def done(self, files: int, size: int) -> None:
        """So many more files and bytes of the phase are done."""

    def sent(self, size: int) -> None:
        """So many more bytes of LFS objects went out, tried-again ones included."""

    def waiting(self, why: str, seconds: float) -> None:
        """A call failed and is tried again after this time."""


class Silent:
    """A Watcher that says nothing."""

    def begin(self, what: str, files: int, size: int) -> None:
        """Nothing."""

    def done(self, files: int, size: int) -> None:
        """Nothing."""

    def sent(self, size: int) -> None:
        """Nothing."""

    def waiting(self, why: str, seconds: float) -> None:
        """Nothing."""


class Patience:
    """Runs calls until they succeed, fail for good, or patience ends."""

    def __init__(self, repo: str, config: HubConfig, watcher: Watcher) -> None:
        self._repo, self._config, self._watcher = repo, config, watcher
        self._doing = ""

    def persist(self, doing: str, call: Callable[[], T]) -> T:
        """What `call` returns, said to be `doing` this; PixmoError when it fails for good."""
        self._doing = doing
        try:
            return self.try_again(call)
        except MAYBE as error:
            failure = failure_of(error)
            if failure is None:
                raise
            raise explain(failure, self._repo, doing) from error

    def try_again(self, call: Callable[[], T], passing: type[Failed] = Failed) -> T:
        """What `call` returns; when patience ends its failure, marked as final.

        A failure that is not `passing` goes up at once, and is not final.
        """
        began, attempt = time.monotonic(), 0
        while True:
            try:
                return call()
            except MAYBE as error:
                failure = failure_of(error)
                if not isinstance(failure, passing):
                    raise
                wait = self._wait_s(failure, attempt)
                if wait is None or time.monotonic() - began + wait > self._config.deadline_s:
                    failure.final = True
                    raise
            self._watcher.waiting(f"{self._doing}: {failure}", wait)
            time.sleep(wait)
            attempt += 1

    def _wait_s(self, failure: Failure, attempt: int) -> float | None:
        """Seconds before the next try; None: there is none."""
        asked = failure.retry_after_s if isinstance(failure, HubAnswer) else 0.0
        spent = attempt >= self._config.retries or asked > self._config.max_retry_after_s
        if failure.final or spent or not worth_trying_again(failure):
            return None
        return max(asked, backoff_s(attempt, self._config.backoff_s, random.random()))
