"""The stage contract: plan shards, run one shard, account for every input.

A stage is a small class with settings. `plan` names the parts that its inputs call for, each with a
fingerprint of inputs, settings and version; `run` turns one shard into outcomes, records and
rejects in the order of their keys. The rest (skip, lock, commit, count, retry) is here, once.
"""

import contextlib
import dataclasses
import heapq
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol

from schemas.codec import key_of
from schemas.errors import StageError
from schemas.ids import config_digest
from schemas.judgment import Reject, RejectRow
from schemas.part_writer import PartWriter
from schemas.store import PartInfo, Store, sum_reasons

CODE_VERSION = "0.1.0"


@dataclasses.dataclass(frozen=True)
class Shard:
    """A unit of work, small enough to shuffle: one output part and what it is made from.

    `inputs` maps what the part is made of to its content digest; `extra` is what the plan found
    out for this shard alone.
    """

    number: int
    rows: int
    inputs: tuple[tuple[str, str], ...]
    extra: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Work:
    """A shard to run: with its fingerprint, and only some keys when rejects are retried."""

    shard: Shard
    fingerprint: str
    keys: frozenset[str] | None = None


class Stage(Protocol):
    """What every stage provides. Instances pickle: settings only, no clients."""

    name: ClassVar[str]
    table: ClassVar[str]
    record: ClassVar[type]
    version: ClassVar[str]
    at_once: ClassVar[int]

    @property
    def max_rejects(self) -> float:
        """The share of inputs (0 to 1) that may be rejected before the run fails."""
        ...

    def settings(self) -> dict[str, Any]:
        """The settings that change the result; how fast or from where is none of them."""
        ...

    def plan(self, store: Store) -> list[Shard]:
        """The parts that the inputs call for now."""
        ...

    def prepared(self, store: Store, engine: "Engine") -> AbstractContextManager["Stage"]:
        """What must happen once before shards run (grouping, a server); gives the stage to run."""
        ...

    def tidy(self, store: Store) -> None:
        """Remove what `prepared` left in the store when it was killed; called under the lease."""
        ...

    def calls(self, store: Store, shards: list[Shard]) -> str:
        """The calls to the outside world that these shards take at most; empty for none."""
        ...

    def working(self, store: Store) -> AbstractContextManager["Stage"]:
        """What a process keeps open over the parts that it does; gives the stage that has it."""
        ...

    def run(self, store: Store, shard: Shard, keys: frozenset[str] | None) -> Iterator[Any]:
        """Records and RejectRows of a shard together in the order of their keys."""
        ...

    def spent(self, store: Store) -> str:
        """What the run cost in calls to the outside world, for people; empty for nothing."""
        ...


class Engine(Protocol):
    """Runs a function over small descriptors, in this process or on many machines."""

    def map(self, label: str, function: Any, elements: Iterable[Any], light: bool = False) -> None:
        """Apply `function` to every element; results are what it writes to the store.

        `light` work is not worth the start of worker processes.
        """
        ...


class BaseStage:
    """What stages have in common; they are frozen dataclasses that add settings and `run`.

    `at_once` is how many parts one process may have under way: more than one where a stage waits
    for others most of the time, and says itself when the next may begin (`in_threads`).
    """

    at_once: ClassVar[int] = 1

    @contextlib.contextmanager
    def prepared(self, store: Store, engine: Engine) -> Iterator[Any]:
        """Most stages need no preparation."""
        yield self

    def tidy(self, store: Store) -> None:
        """Most stages leave nothing."""

    @contextlib.contextmanager
    def working(self, store: Store) -> Iterator[Any]:
        """Most stages keep nothing open from one part to the next."""
        yield self

    def calls(self, store: Store, shards: list[Shard]) -> str:
        """Most stages call nobody."""
        return ""

    def spent(self, store: Store) -> str:
        """Most stages spend nothing."""
        return ""


def one_to_one(store: Store, feed: str) -> list[Shard]:
    """One part per part of the table that feeds the stage, and from that part alone."""
    return [
        Shard(info.number, info.records, ((f"{feed}/{info.number}", info.content),))
        for info in store.infos(feed)
    ]


def whole_table(feed: str, infos: Iterable[PartInfo]) -> tuple[tuple[str, str], ...]:
    """The inputs of a part that depends on all parts of a table."""
    return ((feed, config_digest({str(info.number): info.content for info in infos})),)


def fingerprint(stage: Stage, shard: Shard) -> str:
    """What a part depends on: inputs, settings and the version of the stage's steps."""
    return config_digest(
        {
            "stage": stage.name,
            "version": stage.version,
            "settings": stage.settings(),
            "inputs": shard.inputs,
            "extra": shard.extra,
        }
    )


def split_done(
    stage: Stage, store: Store, shards: list[Shard]
) -> tuple[list[Work], list[PartInfo]]:
    """Which shards are still to do, and the footers of those that are done."""
    works, done = [], []
    for shard in shards:
        expected = fingerprint(stage, shard)
        info = store.info(stage.table, shard.number)
        if info and info.fingerprint == expected:
            done.append(info)
        else:
            works.append(Work(shard, expected))
    return works, done


def reject_row(stage: str, key: str, reject: Reject, row: str) -> RejectRow:
    """A refused input as a row of the rejects part; `row` is the input as JSON."""
    return RejectRow(stage, key, reject.reason, reject.detail, reject.retryable, row)


def run_work(stage: Stage, store: Store, work: Work) -> PartInfo:
    """Run one shard and commit its part; StageError when inputs and outcomes do not add up."""
    shard, began = work.shard, time.monotonic()
    with PartWriter(store, stage.table, shard.number, stage.record) as writer:
        for outcome in _outcomes(stage, store, work):
            writer.add(outcome)
        seconds = round(time.monotonic() - began, 3)
        info = writer.commit(
            fingerprint=work.fingerprint,
            rows_in=shard.rows,
            seconds=seconds,
            code_version=CODE_VERSION,
            config={"stage": stage.name, "version": stage.version, **stage.settings()},
            inputs=dict(shard.inputs),
        )
    return info


def _outcomes(stage: Stage, store: Store, work: Work) -> Iterator[Any]:
    fresh = stage.run(store, work.shard, work.keys)
    if work.keys is None:
        return fresh
    return heapq.merge(_kept(stage, store, work), fresh, key=outcome_key)


def outcome_key(outcome: Any) -> str:
    """The key of a record or of a RejectRow, which outcomes of a shard are ordered by."""
    return outcome.key if isinstance(outcome, RejectRow) else key_of(outcome)


def _kept(stage: Stage, store: Store, work: Work) -> Iterator[Any]:
    """What a retry leaves as it is: the records, and the rejects that are not tried again."""
    number, keys = work.shard.number, work.keys or frozenset()
    records = store.records(stage.table, number, stage.record)
    rejects = store.records(f"rejects/{stage.table}", number, RejectRow)
    kept = (reject for reject in rejects if reject.key not in keys)
    return heapq.merge(records, kept, key=outcome_key)


def check_threshold(stage: Stage, store: Store, infos: list[PartInfo]) -> None:
    """StageError when a larger share of the inputs was rejected than the stage allows."""
    rows = sum(info.rows_in for info in infos)
    rejects = sum(info.rejects for info in infos)
    if rows and rejects / rows > stage.max_rejects:
        top = sum_reasons(infos).most_common(3)
        listed = ", ".join(f"{reason} {count}" for reason, count in top)
        raise StageError(
            f"{stage.name}: {rejects} of {rows} inputs were rejected ({rejects / rows:.0%}), more "
            f"than max_rejects = {stage.max_rejects:.0%} allows; most of them: {listed}. "
            f"See `pixmo rejects --store {store.url} --stage {stage.name}`"
        )
