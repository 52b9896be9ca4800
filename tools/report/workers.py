"""Jobs over worker processes that end with their parent; few jobs stay in this process."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from schemas.errors import StageError

_Job = TypeVar("_Job")
_Made = TypeVar("_Made")


class Pool:
    """Runs functions over jobs: in this process with one worker, else in `workers` of them."""

    def __init__(self, executor: ProcessPoolExecutor | None) -> None:
        self._executor = executor

    def start(self, function: Callable[[_Job], _Made], jobs: Sequence[_Job]) -> Iterable[_Made]:
        """Begin all jobs; results come in their order. StageError when a worker process dies."""
        if self._executor is None:
            return map(function, jobs)
        futures = [self._executor.submit(function, job) for job in jobs]
        return _results(futures)


def _results(futures: list[Any]) -> Iterator[Any]:
    for at in range(len(futures)):
        try:
            yield futures[at].result()
        except BrokenProcessPool as error:
            raise StageError(
                "a worker process died (killed, or out of memory); nothing was written: run the "
                "same command again, with fewer --workers if memory ran out"
            ) from error
        futures[at] = None  # what a job returned is large, and is of no more use


@contextmanager
def pool(workers: int) -> Iterator[Pool]:
    """A pool that is closed when the block ends; what has not begun is given up on an error."""
    if workers <= 1:
        yield Pool(None)
        return
    # A fresh interpreter each: a fork would copy locks that threads of this process may hold.
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent)
    try:
        yield Pool(executor)
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
