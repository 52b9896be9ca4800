"""The same function over many small jobs, in this process or in several."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from schemas.errors import StageError

Job = TypeVar("Job")
Found = TypeVar("Found")
FEW_JOBS = 3  # done before a worker has imported what it needs


def run_jobs(
    function: Callable[[Job], Found], jobs: Sequence[Job], workers: int
) -> Iterator[Found]:
    """The results in the order of the jobs; function and jobs pickle. StageError when one dies."""
    if workers <= 1 or len(jobs) <= FEW_JOBS:
        yield from map(function, jobs)
        return
    # A fork of a process with threads (Arrow has some) can hang.
    context = multiprocessing.get_context("spawn")
    chunk = max(1, min(16, len(jobs) // (4 * workers)))
    with ProcessPoolExecutor(min(workers, len(jobs)), context) as pool:
        try:
            yield from pool.map(function, jobs, chunksize=chunk)
        except BrokenProcessPool as error:
            raise StageError(
                "a worker of the audit ended without a word, often for lack of memory: run it "
                "again with fewer `--workers`"
            ) from error
