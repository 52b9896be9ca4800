"""Iterators that work ahead in threads, so that reading, working and writing overlap.

Worth it where both sides let other threads run, as Arrow, NumPy, models and files do. What is
raised ahead is raised where the next item was asked for; whoever stops asking stops the threads.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
Item = TypeVar("Item")


def read_ahead(items: Iterator[T], depth: int = 1) -> Iterator[T]:
    """The same items in the same order, up to `depth` of them made before they are asked for."""
    made: queue.Queue[tuple[bool, T | BaseException | None]] = queue.Queue(depth)
    stopped = threading.Event()

    def hand_over(is_item: bool, value: T | BaseException | None) -> bool:
        while not stopped.is_set():
            try:
                made.put((is_item, value), timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not hand_over(True, item):
                    return
            hand_over(False, None)
        except BaseException as error:  # noqa: BLE001 (raised again by whoever asks)
            hand_over(False, error)

    thread = threading.Thread(target=work, name="read-ahead", daemon=True)
    thread.start()
    try:
        yield from _taken(made)
    finally:
        stopped.set()
        thread.join()


def map_ahead(function: Callable[[Item], T], items: Iterable[Item], threads: int) -> Iterator[T]:
    """`function` of every item in order, in so many threads; no more items than that are held."""
    with ThreadPoolExecutor(threads, thread_name_prefix="map-ahead") as pool:
        waiting: deque[Future[T]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _taken(made: "queue.Queue[tuple[bool, T | BaseException | None]]") -> Iterator[T]:
    while True:
        is_item, value = made.get()
        if isinstance(value, BaseException) and not is_item:
            raise value
        if not is_item:
            return
        yield value  # type: ignore[misc]
