"""Asking every picture's host again whether it may be used: headers and robots.txt, no picture.

Work goes part by part, as in a stage, but makes no table: what a worker finds in a part lies in
`scratch/recheck/` until the run has read it. A run that was killed leaves nothing to go on from,
and needs nothing: to ask again does no harm.
"""

import asyncio
import functools
import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any

from pipelines.services.fetch import FetchConfig, FetchMemory, HttpFetcher
from pipelines.stage import Engine
from pipelines.steps.opt_out import short_rule
from schemas.files import write_text
from schemas.judgment import Reject
from schemas.locks import hold
from schemas.store import Store

SCRATCH = "scratch/recheck"
LIGHT_ROWS = 100  # fewer pictures are asked for before worker processes would have started
ROBOTS_RULE = "robots.txt"


@dataclass(frozen=True)
class Standing:
    """How the pictures of a part, or of a store, stand with their hosts.

    `local` pictures came from a folder and have no host; `opted_out` are (rule, URL) pairs;
    `unreachable` counts by the reason that ingest would give.
    """

    allowed: int = 0
    local: int = 0
    opted_out: tuple[tuple[str, str], ...] = ()
    unreachable: dict[str, int] = field(default_factory=dict)

    @property
    def asked(self) -> int:
        """Pictures whose host was asked."""
        return self.allowed + len(self.opted_out) + sum(self.unreachable.values())

    @property
    def rules(self) -> dict[str, int]:
        """How many pictures each rule takes away."""
        return dict(sorted(Counter(rule for rule, _ in self.opted_out).items()))


@dataclass(frozen=True)
class Asking:
    """What a progress display needs: how many parts there are, and how many are done."""

    store: Store
    parts: tuple[int, ...]

    def done(self) -> int:
        """How many parts' answers are in."""
        return len(_found(self.store, self.parts))


@dataclass(frozen=True)
class AskPart:
    """Asks for one part of images and leaves its Standing as a file. Pickles by settings."""

    store: Store
    fetch: FetchConfig
    run_id: str

    def __call__(self, number: int) -> None:
        """Do one part."""
        urls = self.store.read("images", number, ["image_url"]).column("image_url").to_pylist()
        standing = asyncio.run(_ask_all(urls, self.fetch, _memory(self.fetch, self.run_id)))
        write_text(self.store.fs, _path(self.store, number), json.dumps(asdict(standing)))


@functools.lru_cache(maxsize=1)
def _memory(config: FetchConfig, run_id: str) -> FetchMemory:
    """Limits and robots.txt, kept from part to part of one run: the next one reads them anew."""
    return FetchMemory.for_config(config)


async def _ask_all(urls: list[str], config: FetchConfig, memory: FetchMemory) -> Standing:
    """The Standing of URLs, all asked at once as far as the limits allow."""
    remote = [url for url in urls if not url.startswith("file://")]
    async with HttpFetcher(config, memory) as fetcher:
        answers = await asyncio.gather(*map(fetcher.look, remote))
    refused = [(url, a) for url, a in zip(remote, answers, strict=True) if isinstance(a, Reject)]
    rules = [(_rule(answer), url) for url, answer in refused]
    causes = Counter(a.reason for (_, a), (rule, _) in zip(refused, rules, strict=True) if not rule)
    return Standing(
        allowed=len(remote) - len(refused),
        local=len(urls) - len(remote),
        opted_out=tuple((rule, url) for rule, url in rules if rule),
        unreachable=dict(causes),
    )


def _rule(answer: Reject) -> str:
    """The rule by which a host opts out; empty where it did not answer, which removes nothing."""
    if answer.reason == "opt_out":
        return short_rule(answer.detail)
    return ROBOTS_RULE if answer.reason == "robots_disallow" else ""


def ask_again(
    store: Store,
    fetch: FetchConfig,
    engine: Engine,
    share: tuple[int, int] = (0, 1),
    watch: Callable[[Asking], Any] | None = None,
) -> Standing:
    """How all pictures of a store (or the parts I of N, `share`) stand with their hosts now.

    Nothing is removed. LockedError when another process asks for the same parts.
    """
    index, count = share
    infos = [info for info in store.infos("images") if info.number % count == index]
    numbers = [info.number for info in infos]
    light = sum(info.records for info in infos) < LIGHT_ROWS
    with hold(store, "recheck-optout", index, count):
        _tidy(store, numbers)
        try:
            with _watching(Asking(store, tuple(numbers)), watch):
                if numbers:
                    ask = AskPart(store, fetch, uuid.uuid4().hex)
                    engine.map("Recheck", ask, numbers, light=light)
            return _sum(_read(store, number) for number in numbers)
        finally:
            _tidy(store, numbers)


def _watching(asking: Asking, watch: Callable[[Asking], Any] | None) -> AbstractContextManager[Any]:
    return closing(watch(asking)) if watch else nullcontext()


def _path(store: Store, number: int) -> str:
    return store.path(SCRATCH, f"part-{number:05d}.json")


def _tidy(store: Store, numbers: Iterable[int]) -> None:
    """Remove the answers of these parts; another shard's are not ours to take."""
    for path in _found(store, numbers):
        store.fs.rm(path)


def _found(store: Store, numbers: Iterable[int]) -> list[str]:
    folder = store.path(SCRATCH)
    store.fs.invalidate_cache(folder)
    if not store.fs.exists(folder):
        return []
    own = {_path(store, number) for number in numbers}
    return sorted(own.intersection(store.fs.ls(folder, detail=False)))


def _read(store: Store, number: int) -> Standing:
    values = json.loads(store.fs.cat_file(_path(store, number)))
    pairs = tuple((rule, url) for rule, url in values["opted_out"])
    return Standing(**{**values, "opted_out": pairs})


def _sum(parts: Iterable[Standing]) -> Standing:
    found = list(parts)
    causes: Counter[str] = Counter()
    for part in found:
        causes.update(part.unreachable)
    return Standing(
        allowed=sum(part.allowed for part in found),
        local=sum(part.local for part in found),
        opted_out=tuple(pair for part in found for pair in part.opted_out),
        unreachable=dict(sorted(causes.items())),
    )
