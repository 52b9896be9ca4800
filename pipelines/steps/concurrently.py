"""Awaiting many things at once so that nothing that was begun is thrown away.

The choice worth knowing: asyncio's own ways cancel what is under way, or leave it behind, when one
thing fails. Here calls under way have been paid for, so they are let end before the first error is
raised; what was not begun is not begun any more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")
Item = TypeVar("Item")


async def settle(work: Sequence[Awaitable[T]]) -> list[T]:
    """All results in order; when some raised, the first error, after all have ended."""
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


async def map_bounded(
    function: Callable[[Item], Awaitable[T]], items: Iterable[Item], limit: int
) -> list[T]:
    """`function` of every item in order, at most `limit` at once, items taken as they are needed.

    The first error ends the taking of items; it is raised when what is under way has ended.
    """
    waiting = enumerate(items)
    done: dict[int, T] = {}
    failed = False

    async def work() -> None:
        nonlocal failed
        for at, item in waiting:
            try:
                done[at] = await function(item)
            except BaseException:
                failed = True
                raise
            if failed:
                return

    await settle([work() for _ in range(limit)])
    return [done[at] for at in sorted(done)]
