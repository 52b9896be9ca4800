"""Running one stage on a store: plan, lock, skip what is done, run the rest, summarise, judge.

Expected failures inside a worker (budget used up, bad settings, full disk) come back as small files
in `<store>/failures/`, because Beam turns every exception into one that says nothing to a person.
"""

import dataclasses
import json
import re
import time
from collections.abc import Callable
from typing import Any

from pipelines.stage import Engine, Shard, Stage, Work, check_threshold, run_work, split_done
from pipelines.steps.in_threads import in_threads
from schemas import errors
from schemas.files import write_text
from schemas.judgment import RejectRow
from schemas.locks import hold
from schemas.store import PartInfo, Store, sum_reasons

TOGETHER = 16  # parts that one process goes through without a pause between them
LIGHT_ROWS = 100  # fewer rows than this are done before worker processes would have started


@dataclasses.dataclass(frozen=True)
class StageResult:
    """How a stage stands after a run: all its parts, and how many of them this run made."""

    stage: str
    table: str
    infos: tuple[PartInfo, ...]
    ran: int
    rows_ran: int
    seconds: float
    calls: str = ""
    spent: str = ""

    @property
    def rows_in(self) -> int:
        """Inputs of all parts."""
        return sum(info.rows_in for info in self.infos)

    @property
    def records(self) -> int:
        """Records of all parts."""
        return sum(info.records for info in self.infos)

    @property
    def reasons(self) -> dict[str, int]:
        """Rejects by reason over all parts."""
        return dict(sorted(sum_reasons(self.infos).items()))


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """How a run is carried out; none of it changes the records.

    `workers` is how many processes of the engine share out the parts.
    """

    engine: Engine
    index: int = 0
    count: int = 1
    watch: Callable[["Progress"], Any] | None = None
    workers: int = 1


@dataclasses.dataclass(frozen=True)
class Progress:
    """What a progress display needs: the works of this run and where their parts appear."""

    stage: str
    table: str
    store: Store
    works: tuple[Work, ...]
    done_before: int


@dataclasses.dataclass(frozen=True)
class RunOne:
    """The function that workers apply to each unit of work. Pickles by settings and store URL."""

    stage: Stage
    store: Store

    def __call__(self, work: Work) -> None:
        """Run one shard; expected failures are left as a file for the driver.

        On a disk too full for that file the failure passes through Beam, see `expected_error`.
        """
        try:
            run_work(self.stage, self.store, work)
        except errors.PixmoError as error:
            failure = {"kind": _kind(error), "message": str(error)}
            path = _failure_path(self.store, self.stage.name, work.shard.number)
            write_text(self.store.fs, path, json.dumps(failure))


@dataclasses.dataclass(frozen=True)
class RunTogether:
    """The same for several units of work in their order, `stage.at_once` under way at most."""

    stage: Stage
    store: Store

    def __call__(self, works: tuple[Work, ...]) -> None:
        """Run these shards; an error that nobody expects ends all of them."""
        with self.stage.working(self.store) as ready:
            in_threads(RunOne(ready, self.store), works, self.stage.at_once)


def _kind(error: errors.PixmoError) -> str:
    """The name of the nearest class that `schemas.errors` knows."""
    return next(cls.__name__ for cls in type(error).__mro__ if hasattr(errors, cls.__name__))


def _failure_path(store: Store, stage: str, number: int) -> str:
    return store.path("failures", stage, f"part-{number:05d}.json")


def plan_stage(
    stage: Stage, store: Store, options: RunOptions
) -> tuple[list[Work], list[PartInfo]]:
    """The shards of this run's share that are to do, and the footers of those done."""
    return split_done(stage, store, _share(stage, store, options))


def _share(stage: Stage, store: Store, options: RunOptions) -> list[Shard]:
    return [s for s in stage.plan(store) if s.number % options.count == options.index]


def run_stage(stage: Stage, store: Store, options: RunOptions) -> StageResult:
    """Bring the table of a stage up to date; StageError or another PixmoError when it cannot."""
    with hold(store, stage.name, options.index, options.count):
        stage.tidy(store)
        works, done = plan_stage(stage, store, options)
        return _run_works(stage, store, options, works, done)


def retry_stage(stage: Stage, store: Store, options: RunOptions, reasons: set[str]) -> StageResult:
    """Try the retryable rejects again (of `reasons`, or all), and none of what is settled.

    Parts that are missing or whose inputs have changed are done as in any run.
    """
    with hold(store, stage.name, options.index, options.count):
        shards = {shard.number: shard for shard in _share(stage, store, options)}
        works, done = split_done(stage, store, list(shards.values()))
        again = [work for info in done if (work := _retry(store, info, shards, reasons))]
        numbers = {work.shard.number for work in again}
        untouched = [info for info in done if info.number not in numbers]
        return _run_works(stage, store, options, works + again, untouched)


def _retry(
    store: Store, info: PartInfo, shards: dict[int, Shard], reasons: set[str]
) -> Work | None:
    rejects = store.records(f"rejects/{info.table}", info.number, RejectRow)
    keys = {r.key for r in rejects if r.retryable and (not reasons or r.reason in reasons)}
    return Work(shards[info.number], info.fingerprint, frozenset(keys)) if keys else None


def _run_works(
    stage: Stage, store: Store, options: RunOptions, works: list[Work], done: list[PartInfo]
) -> StageResult:
    began = time.monotonic()
    numbers = [work.shard.number for work in works]
    spent = ""
    if works:
        _take_failures(store, stage.name, numbers)
        spent = _map_works(stage, store, options, works, len(done))
        _raise_first(stage.name, _take_failures(store, stage.name, numbers))
    infos = sorted([*done, *_infos(store, stage.table, numbers)], key=lambda info: info.number)
    rows = sum(len(work.keys or ()) or work.shard.rows for work in works)
    seconds = time.monotonic() - began
    made = (len(works), rows, seconds)
    result = StageResult(stage.name, stage.table, tuple(infos), *made, spent=spent)
    _write_summary(store, result, options)
    check_threshold(stage, store, infos)
    return result


def _write_summary(store: Store, result: StageResult, options: RunOptions) -> None:
    """Bring `_stage.json` up to date, also where a killed run left it behind its parts."""
    shared = options.count > 1  # other shards' parts belong in it too
    infos = tuple(store.infos(result.table)) if shared else result.infos
    if infos:
        store.write_summary(result.table, summary(dataclasses.replace(result, infos=infos)))


def _map_works(
    stage: Stage, store: Store, options: RunOptions, works: list[Work], done: int
) -> str:
    """Run the works; returns what they spent."""
    progress = Progress(stage.name, stage.table, store, tuple(works), done)
    watching = options.watch(progress) if options.watch else None
    try:
        with stage.prepared(store, options.engine) as ready:
            rows = sum(work.shard.rows for work in works)
            light, label = rows < LIGHT_ROWS, stage.name.capitalize()
            if stage.at_once > 1:
                groups = _groups(works, options.workers)
                options.engine.map(label, RunTogether(ready, store), groups, light=light)
            else:
                options.engine.map(label, RunOne(ready, store), works, light=light)
            return ready.spent(store)
    except RuntimeError as error:
        raise expected_error(error) or error from error
    finally:
        if watching:
            watching.close()


def _groups(works: list[Work], workers: int) -> list[tuple[Work, ...]]:
    """Runs of works for one process each: long enough to go on from part to part, and no fewer
    than there are workers."""
    size = max(1, min(TOGETHER, len(works) // max(1, workers)))
    return [tuple(works[at : at + size]) for at in range(0, len(works), size)]


_RAISED = re.compile(r"^schemas\.errors\.(\w+): (.+?)(?: \[while running .*)?$", re.MULTILINE)


def expected_error(error: RuntimeError) -> errors.PixmoError | None:
    """The error of ours that a worker raised, from the traceback that Beam made its message."""
    found = _RAISED.findall(str(error))
    return getattr(errors, found[-1][0])(found[-1][1]) if found else None


def _infos(store: Store, table: str, numbers: list[int]) -> list[PartInfo]:
    found = [store.info(table, number) for number in numbers]
    missing = [number for number, info in zip(numbers, found, strict=True) if info is None]
    if missing:
        raise errors.StageError(f"{table}: parts {missing} were not written; run the command again")
    return [info for info in found if info]


def _take_failures(store: Store, stage: str, numbers: list[int]) -> list[dict[str, str]]:
    """Read and remove what workers left about these parts; other shards' are not ours to take."""
    folder = store.path("failures", stage)
    store.fs.invalidate_cache(folder)
    if not store.fs.exists(folder):
        return []
    own = {_failure_path(store, stage, number) for number in numbers}
    paths = sorted(own & set(store.fs.ls(folder, detail=False)))
    failures = [json.loads(store.fs.cat_file(path)) for path in paths]
    for path in paths:
        store.fs.rm(path)
    return failures


def _raise_first(stage: str, failures: list[dict[str, str]]) -> None:
    """Raise the failure of the first part as the error that it was."""
    for failure in failures:
        raise getattr(errors, failure["kind"])(f"{stage}: {failure['message']}")


def summary(result: StageResult) -> dict[str, Any]:
    """What `_stage.json` says: sums over the footers of the parts."""
    return {
        "stage": result.stage,
        "parts": len(result.infos),
        "rows_in": result.rows_in,
        "records": result.records,
        "rejects": result.reasons,
        "work_seconds": round(sum(info.seconds for info in result.infos), 1),
    }
