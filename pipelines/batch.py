"""Batch files in place of calls: the requests of a run go into files, answers come into the cache.

The choice worth knowing: nothing but the cache joins the two. A stage run over the cache alone gets
as far as its answers go and names the next requests; once all are there, the plain run makes no
call. So writing, reading and calling may alternate in any order.

The store remembers what was written in `cache/batch`: digests, the model and its prices, no text.
An answer to anything else is not taken, so what a takedown forgets cannot come back with a batch.
"""

import contextlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from pipelines.llm_stage import LlmStage
from pipelines.run_stage import RunOptions, plan_stage
from pipelines.services.batch_files import FileLimits, RequestFiles, request_line
from pipelines.services.llm_config import LlmConfig
from pipelines.services.offline_model import RowsWait
from schemas.files import write_text
from schemas.ids import content_id
from schemas.locks import hold
from schemas.store import Store

FOLDER = ("cache", "batch")
_FORMAT = 1


@dataclass(frozen=True)
class Awaited:
    """What requests of one run have in common: the stage, the model and its prices for live
    calls, in US dollars for a million tokens."""

    stage: str
    model: str
    usd_per_1m_prompt: float
    usd_per_1m_completion: float


@dataclass(frozen=True)
class Written:
    """What a run wrote: files with `requests` for `rows`, in `parts` that cannot be made yet.

    `before` are requests that were written before and have no answer yet; `ready` are parts that
    need no call any more.
    """

    files: tuple[str, ...]
    requests: int
    before: int
    rows: int
    parts: int
    ready: int


@dataclass(frozen=True)
class Target:
    """Where request files go, and the beginning of their names."""

    folder: str
    prefix: str
    limits: FileLimits = FileLimits()


def write_stage_requests(
    stage: Any, store: Store, options: RunOptions, folder: str, limits: FileLimits | None = None
) -> Written:
    """Write what a stage would ask now; its table stays as it is. `stage` is an LlmStage too."""
    shared = f"-{options.index}-of-{options.count}" if options.count > 1 else ""
    target = Target(folder, f"requests-{stage.name}{shared}", limits or FileLimits())
    offline = replace(stage, offline=True)
    with hold(store, stage.name, options.index, options.count):
        works, _ = plan_stage(stage, store, options)
        with offline.prepared(store, options.engine) as ready:
            outcomes = (ready.run(store, work.shard, work.keys) for work in works)
            return write_requests(stage, store, outcomes, target)


def write_requests(
    stage: LlmStage, store: Store, parts: Iterable[Iterable[Any]], target: Target
) -> Written:
    """Write the requests that offline parts wait for, each once, by part and then by digest."""
    known = awaited(store)
    asked: dict[str, str] = {}
    counts = {"rows": 0, "parts": 0, "ready": 0}
    with RequestFiles(target.folder, target.prefix, target.limits) as files:
        for part in parts:
            waits = _waits(part)
            counts["rows"] += waits.rows
            counts["parts" if waits.requests else "ready"] += 1
            for digest, request in sorted(waits.requests.items()):
                if digest not in asked:
                    asked[digest] = request.prompt_version
                    files.add(request_line(digest, request, stage.llm))
        if asked:
            _remember(store, _common(stage.name, stage.llm), asked)
    before = len(asked.keys() & known.keys())
    return Written(tuple(files.paths), len(asked), before, **counts)


def _waits(part: Iterable[Any]) -> RowsWait:
    """Run a part to its end, for the requests it stops at."""
    try:
        for _ in part:
            pass
    except RowsWait as waits:
        return waits
    return RowsWait(0, {})


def _common(stage: str, llm: LlmConfig) -> Awaited:
    return Awaited(stage, llm.model, llm.usd_per_1m_prompt, llm.usd_per_1m_completion)


def _remember(store: Store, common: Awaited, asked: dict[str, str]) -> None:
    """Keep what was written under a name made of it, so that writing it again changes nothing."""
    lines = [json.dumps({"format": _FORMAT, **asdict(common)}, sort_keys=True)]
    lines += [json.dumps(pair) for pair in sorted(asked.items())]
    text = "\n".join(lines) + "\n"
    write_text(store.fs, store.path(*FOLDER, f"{content_id('batch', text)}.jsonl"), text)


def awaited_files(store: Store) -> list[str]:
    """The files that tell what answers are awaited."""
    folder = store.path(*FOLDER)
    store.fs.invalidate_cache(folder)
    return sorted(store.fs.glob(f"{folder}/*.jsonl"))


def awaited(store: Store) -> dict[str, tuple[Awaited, str]]:
    """Every request that was written, by digest: what it has in common with others, its prompt."""
    found: dict[str, tuple[Awaited, str]] = {}
    for path in awaited_files(store):
        common, asked = read_awaited(store, path)
        found |= {digest: (common, prompt) for digest, prompt in asked}
    return found


def read_awaited(store: Store, path: str) -> tuple[Awaited, list[tuple[str, str]]]:
    """What one of these files holds: pairs of digest and prompt."""
    head, *lines = store.fs.cat_file(path).decode().splitlines()
    values = json.loads(head)
    values.pop("format")
    return Awaited(**values), [(digest, prompt) for digest, prompt in map(json.loads, lines)]


def forget_awaited(store: Store) -> None:
    """Take no answer any more to what was written so far."""
    for path in awaited_files(store):
        with contextlib.suppress(FileNotFoundError):
            store.fs.rm(path)
