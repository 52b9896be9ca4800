"""A function over a few things in threads, the next begun when the one before it says so.

The choice worth knowing: Python waits at its end for the threads of its pools, so that Ctrl-C would
wait for hours of work under way; these threads it does not wait for.
"""

import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
_own = threading.local()


def in_threads(function: Callable[[Item], None], items: Iterable[Item], count: int) -> None:
    """`function` of every item in order, at most `count` under way; the first error is raised.

    An item is begun when that before it has ended, or has called its `next_may_begin`. After an
    error no item is begun any more; it is raised when those under way have ended.
    """
    waiting, beginning = iter(items), threading.Lock()
    failed: list[BaseException] = []

    def work() -> None:
        while True:
            beginning.acquire()
            _own.let_go = _once(beginning.release)
            try:
                for item in waiting if not failed else ():
                    function(item)
                    break
                else:
                    return
            except BaseException as error:  # noqa: BLE001 (raised again by the caller's thread)
                failed.append(error)
            finally:
                _own.let_go()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def next_may_begin() -> Callable[[], None]:
    """What the function of this thread's item calls, from any thread, to let the next one begin."""
    let_go: Callable[[], None] = getattr(_own, "let_go", lambda: None)
    return let_go


def _once(release: Callable[[], None]) -> Callable[[], None]:
    called = threading.Lock()

    def let_go() -> None:
        if called.acquire(blocking=False):
            release()

    return let_go
