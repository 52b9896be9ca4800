"""Answers of batch files into the cache of a store, each checked against what was asked for.

The choice worth knowing: an answer to something that was never written, or that another model gave,
is not taken; it is told of. What failed is in no cache, so the next run writes it again.
"""

import asyncio
import contextlib
import itertools
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from pipelines.batch import Awaited, awaited, awaited_files, read_awaited
from pipelines.services.batch_files import BatchLine, read_batch_file
from pipelines.services.budget import Budget, Meter, Usage
from pipelines.services.chat_completions import read_completion
from pipelines.services.llm_cache import LlmCache
from pipelines.services.llm_usage import StageUsage, keep_usage, total_usage
from pipelines.steps.concurrently import map_bounded
from schemas.store import Store

BATCH_PRICE = 0.5  # of a live call, as services of this kind charge
_AT_ONCE = 64
_DIGEST = re.compile(r"[0-9a-f]{32}")
# What OpenAI, and others after it, add to a model's name when they say which version answered.
_VERSION = re.compile(r"[-@](\d{4}-\d{2}-\d{2}|\d{4,8})")


@dataclass(frozen=True)
class BatchSettings:
    """`price` is the share of the price of live calls; `served_as` is the name under which the
    service answers, where it is not the model's name."""

    price: float = BATCH_PRICE
    served_as: str = ""


@dataclass
class BatchReport:
    """What became of the lines: `taken` answers, `failed` requests by reason with an example each,
    `passed_over` lines by reason (doubled, answered before, unknown), and `usage` by stage."""

    taken: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    passed_over: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    usages: list[StageUsage] = field(default_factory=list)

    @property
    def unreadable(self) -> int:
        """Lines that are none."""
        return self.failed["bad_line"]

    @property
    def usage(self) -> Usage:
        """What all answers that were taken cost."""
        return total_usage(self.usages)


def read_batch(store: Store, urls: Iterable[str], settings: BatchSettings) -> BatchReport:
    """Put the answers of output files into the cache; error files tell why others are missing."""
    lines = itertools.chain.from_iterable(read_batch_file(url) for url in urls)
    reader = _Reader(store, settings)
    asyncio.run(reader.read(lines))
    reader.finish()
    _drop_answered(store)
    return reader.report


class _Reader:
    """Takes lines; whichever line of a request is usable first counts."""

    def __init__(self, store: Store, settings: BatchSettings) -> None:
        self._store, self._settings = store, settings
        self._cache = LlmCache(f"{store.url}/cache/llm")
        self._awaited = awaited(store)
        self._taken: set[str] = set()
        self._failures: dict[str, BatchLine] = {}
        self._meters: dict[Awaited, Meter] = {}
        self.report = BatchReport()

    async def read(self, lines: Iterator[BatchLine]) -> None:
        """Take all lines, some at once."""
        await map_bounded(self._one, lines, _AT_ONCE)

    async def _one(self, line: BatchLine) -> None:
        cached = await self._is_cached(line.custom_id)
        known = self._awaited.get(line.custom_id)
        if line.custom_id in self._taken:
            self._pass_over("doubled", line)
        elif cached:
            self._pass_over("answered_before", line)
        elif line.custom_id and known is None:
            self._pass_over("unknown_id", line)
        elif known is None or line.reply is None:
            self._fail(line)
        else:
            await self._take(line, line.reply, *known)

    async def _is_cached(self, digest: str) -> bool:
        return bool(_DIGEST.fullmatch(digest)) and await self._cache.get(digest) is not None

    async def _take(
        self, line: BatchLine, reply: dict[str, Any], common: Awaited, prompt: str
    ) -> None:
        """Keep and count a reply, or note why it is of no use."""
        served, completion = str(reply.get("model") or ""), read_completion(reply, 0)
        if served and not self._is_model(served, common.model):
            detail = f"{served} in place of {common.model}"
            self._fail(replace(line, failure="another_model", detail=detail))
        elif completion is None:
            self._fail(replace(line, failure="no_completion", detail="no chat completion"))
        else:
            answer = completion.answer
            paid = (answer.prompt_tokens, answer.completion_tokens, completion.estimated)
            self._taken.add(line.custom_id)  # before anything is awaited: the line may come twice
            self._meter(common).paid(*paid)
            await self._cache.put_as(line.custom_id, common.model, prompt, answer)

    def _is_model(self, served: str, wanted: str) -> bool:
        name = self._settings.served_as or wanted
        return served == name or (
            served.startswith(name) and bool(_VERSION.fullmatch(served[len(name) :]))
        )

    def _fail(self, line: BatchLine) -> None:
        self._failures[line.custom_id or line.place] = line

    def _pass_over(self, reason: str, line: BatchLine) -> None:
        self.report.passed_over[reason] += 1
        self.report.examples.setdefault(reason, f"{line.place} {line.custom_id}")

    def _meter(self, common: Awaited) -> Meter:
        if common not in self._meters:
            price = self._settings.price
            self._meters[common] = Meter(
                Budget(
                    usd_per_1m_prompt=price * common.usd_per_1m_prompt,
                    usd_per_1m_completion=price * common.usd_per_1m_completion,
                )
            )
        return self._meters[common]

    def finish(self) -> None:
        """Count what failed for good, and keep what was used."""
        report, run_id = self.report, uuid.uuid4().hex
        report.taken = len(self._taken)
        for key, line in self._failures.items():
            if key not in self._taken:
                report.failed[line.failure] += 1
                said = f"{line.place} {line.detail}".strip()
                report.examples.setdefault(line.failure, said)
        for at, (common, meter) in enumerate(self._meters.items()):
            usage = replace(meter.usage(), batch_calls=meter.usage().calls)
            report.usages.append(StageUsage(common.stage, usage))
            keep_usage(self._store, f"batch-{run_id}-{at}", common.stage, usage)


def _drop_answered(store: Store) -> None:
    """Forget files of awaited requests that have all been answered."""
    cache = LlmCache(f"{store.url}/cache/llm")

    async def answered(digests: list[str]) -> bool:
        for digest in digests:
            if await cache.get(digest) is None:
                return False
        return True

    for path in awaited_files(store):
        digests: list[Any] = [digest for digest, _ in read_awaited(store, path)[1]]
        if asyncio.run(answered(digests)):
            with contextlib.suppress(FileNotFoundError):
                store.fs.rm(path)
