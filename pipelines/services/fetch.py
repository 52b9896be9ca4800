"""From a URL to bytes (or its headers alone) over HTTP, politely, or to the reason why not.

`HttpFetcher.fetch` never raises for what a URL or a server does. One URL waits in line for its host
without a clock; from its first token on, a single deadline covers robots.txt, retries, redirects
and the body. A URL keeps its host's place while it waits to retry, so that a host that answers 429
to all is asked less and less.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self

import aiohttp
from yarl import URL

from pipelines.services.addresses import Lookup
from pipelines.services.fetch_config import FetchConfig
from pipelines.services.host_limits import HostLimits
from pipelines.services.http_client import CheckedClient, read_body
from pipelines.services.robots import REDIRECTS, Robots, RobotsCache
from pipelines.steps.fetch_reasons import fetch_reject, is_retryable_status, status_reject
from pipelines.steps.opt_out import decide_opt_out
from pipelines.steps.retry_after import backoff_s, parse_retry_after
from pipelines.steps.url_check import host_key, parse_url, redirect_url
from schemas.judgment import Reject

__all__ = ["FetchConfig", "FetchMemory", "Fetched", "Fetcher", "HttpFetcher"]

_NO_HEAD = frozenset({405, 501})
_RETRIED_REASONS = frozenset({"timeout", "connection_reset"})


@dataclass(frozen=True)
class Fetched:
    """An answer of status 200. `opt_out` is canonical JSON of the headers that decide opt-out."""

    url: str
    final_url: str
    status: int
    body: bytes
    opt_out: str
    fetched_at: str  # ISO 8601, UTC, seconds


class Fetcher(Protocol):
    """What ingest needs of the network."""

    async def fetch(self, url: str) -> Fetched | Reject:
        """The bytes behind a URL, or why there are none."""


@dataclass(frozen=True)
class FetchMemory:
    """What a process keeps between part runs: limits per host and robots.txt files."""

    limits: HostLimits
    robots: RobotsCache = field(default_factory=RobotsCache)

    @classmethod
    def for_config(cls, config: FetchConfig) -> "FetchMemory":
        """An empty memory with the limits of `config`."""
        return cls(HostLimits.from_config(config))


@dataclass(frozen=True)
class _Moved:
    """A redirect to follow."""

    url: URL


@dataclass(frozen=True)
class _Again:
    """A refusal that another try may lift, after `wait_s` at least where the server says so."""

    reject: Reject
    wait_s: float = 0.0


_Answer = Fetched | Reject | _Moved | _Again
_Handle = Callable[[aiohttp.ClientResponse], Awaitable[_Answer]]


@dataclass
class _Trip:
    """One URL on its way: the clock, what was spent and the opt-out headers seen so far."""

    url: str
    clock: asyncio.Timeout
    bodiless: bool = False
    tries: int = 0
    hops: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    last: Reject | None = None


class HttpFetcher:
    """A Fetcher over aiohttp; an async context manager that can be entered again."""

    def __init__(
        self,
        config: FetchConfig,
        memory: FetchMemory | None = None,
        lookup: Lookup | None = None,
        rng: random.Random | None = None,
        refuses: Callable[[str], str] | None = None,
    ) -> None:
        self._config = config
        self._memory = memory or FetchMemory.for_config(config)
        self._limits = self._memory.limits
        self._client = CheckedClient(config, lookup)
        self._rng = rng or random.Random()  # only the jitter of waits
        self._refuses = refuses  # says by what a redirect is refused, before it is followed
        self._flights = asyncio.Semaphore(config.concurrency)
        self._robots: Robots | None = None
        self._headless: set[str] = set()  # hosts that refused a HEAD

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        self._flights = asyncio.Semaphore(self._config.concurrency)
        if self._config.respect_robots:
            self._robots = Robots(self._config, self._client, self._limits, self._memory.robots)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._robots is not None:
            await self._robots.close()
        await self._client.__aexit__(kind, error, trace)

    async def fetch(self, url: str) -> Fetched | Reject:
        """The bytes behind a URL, or a Reject with a reason of `fetch_reasons.REASONS`.

        A redirect that `refuses` says something about is `denied`, and not followed.
        """
        return await self._start(url, bodiless=False)

    async def look(self, url: str) -> Fetched | Reject:
        """What `fetch` would say, with the same manners, but without the body.

        The request is HEAD, or a GET for one byte that is not read where a server knows no HEAD.
        """
        return await self._start(url, bodiless=True)

    async def _start(self, url: str, bodiless: bool) -> Fetched | Reject:
        target = parse_url(url)
        if isinstance(target, Reject):
            return target
        clock = asyncio.timeout(None)
        trip = _Trip(url, clock, bodiless)
        try:
            async with clock:
                return await self._travel(target, trip)
        except TimeoutError:
            last = f"; before that {trip.last.reason}" if trip.last else ""
            return fetch_reject("timeout", f"deadline of {self._config.deadline_s:g} s{last}")

    async def _travel(self, url: URL, trip: _Trip) -> Fetched | Reject:
        """Follow redirects; each host's place is given back before the next one's is asked for."""
        while True:
            async with self._limits.slot(host_key(url)):
                answer = await self._stay(url, trip)
            if not isinstance(answer, _Moved):
                return answer
            if self._refuses is not None and (kind := self._refuses(str(answer.url))):
                return Reject("denied", kind)
            trip.hops += 1
            if trip.hops > self._config.max_redirects:
                return fetch_reject("too_many_redirects", f"at {answer.url}"[:300])
            url = answer.url

    async def _stay(self, url: URL, trip: _Trip) -> Fetched | Reject | _Moved:
        """Try one URL until there is an answer that another try would not change."""
        while True:
            await self._limits.turn(host_key(url))
            async with self._flights:
                self._start_clock(trip)
                answer = await self._attempt(url, trip)
            if not isinstance(answer, _Again):
                return answer
            wait = self._wait_s(answer, trip)
            if isinstance(wait, Reject):
                return wait
            trip.tries += 1
            trip.last = answer.reject
            await asyncio.sleep(wait)

    async def _attempt(self, url: URL, trip: _Trip) -> _Answer:
        """One request, unless robots.txt forbids it."""
        refused = await self._robots.check(url) if self._robots is not None else None
        if refused is not None:
            return refused

        async def handle(response: aiohttp.ClientResponse) -> _Answer:
            return await self._receive(url, trip, response)

        ask = self._look if trip.bodiless else self._client.get
        answer = await ask(url, handle)
        if isinstance(answer, Reject) and answer.reason in _RETRIED_REASONS:
            return _Again(answer)
        return answer

    async def _look(self, url: URL, handle: _Handle) -> _Answer:
        """HEAD, or a GET whose body nobody reads; a host that knows no HEAD is not asked twice."""

        async def handle_head(response: aiohttp.ClientResponse) -> _Answer | None:
            return None if response.status in _NO_HEAD else await handle(response)

        if host_key(url) not in self._headless:
            answer = await self._client.ask("HEAD", url, handle_head)
            if answer is not None:
                return answer
            self._headless.add(host_key(url))
            await self._limits.turn(host_key(url))
        return await self._client.ask("GET", url, handle, {"Range": "bytes=0-0"})

    async def _receive(self, url: URL, trip: _Trip, response: aiohttp.ClientResponse) -> _Answer:
        """Decide on status and headers first; only a wanted answer's body is read."""
        status = response.status
        if is_retryable_status(status):
            return self._again(status, response.headers)
        if status not in REDIRECTS and status != 200 and not (trip.bodiless and status == 206):
            return status_reject(status, response.reason or "")
        trip.headers.extend(response.headers.items())
        opt_out = decide_opt_out(trip.headers)
        if opt_out.refusal and self._config.respect_opt_out:
            return fetch_reject("opt_out", opt_out.refusal)
        if status in REDIRECTS:
            target = redirect_url(url, response.headers.get("Location", ""))
            return target if isinstance(target, Reject) else _Moved(target)
        body = b"" if trip.bodiless else await self._body(response)
        if isinstance(body, Reject):
            return body
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Fetched(trip.url, str(url), status, body, opt_out.headers, now)

    async def _body(self, response: aiohttp.ClientResponse) -> bytes | Reject:
        body = await read_body(response, self._config.max_bytes)
        return body if body else fetch_reject("empty_body")

    def _again(self, status: int, headers: Mapping[str, str]) -> Reject | _Again:
        """A busy or failing server: try again as it asks, unless it asks for too long."""
        reject = status_reject(status)
        asked = parse_retry_after(headers.get("Retry-After", ""), datetime.now(UTC))
        cap = self._config.retry_after_cap_s
        if asked is not None and asked > cap:
            detail = f"status {status}, Retry-After {asked:.0f} s, the cap is {cap:g} s"
            return fetch_reject("retry_after_too_long", detail)
        return _Again(reject, asked or 0.0)

    def _wait_s(self, again: _Again, trip: _Trip) -> float | Reject:
        """Seconds to wait, or the refusal when tries or time would not suffice."""
        if trip.tries >= self._config.retries:
            return replace(again.reject, detail=f"{trip.tries + 1} tries. {again.reject.detail}")
        wait = backoff_s(trip.tries, self._config.backoff_s, self._rng.random())
        wait = max(wait, again.wait_s)
        ends_at = trip.clock.when()
        if ends_at is not None and asyncio.get_running_loop().time() + wait >= ends_at:
            return replace(again.reject, detail=f"no time for a wait of {wait:.1f} s")
        return wait

    def _start_clock(self, trip: _Trip) -> None:
        if trip.clock.when() is None:
            now = asyncio.get_running_loop().time()
            trip.clock.reschedule(now + self._config.deadline_s)
