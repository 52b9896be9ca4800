"""One line to a text LLM for all parts that a process works on: client, cache, budget, event loop.

The choice worth knowing: several parts are under way at once, but each begins when all items of
that before it have been taken. While the last answers of a part are waited for, and while it is
written, the first of the next part are asked, so that the endpoint is busy over the boundary too.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from pipelines.services.budget import Meter
from pipelines.services.llm_cache import CachedTextModel, LlmCache
from pipelines.services.llm_config import LlmConfig
from pipelines.services.loop_thread import loop_thread
from pipelines.steps.concurrently import settle
from pipelines.steps.text_requests import TextModel

Item = TypeVar("Item")
One = Callable[[TextModel, Item], Awaitable[Any]]


@dataclass(frozen=True)
class LlmLine:
    """An open line; `answered` may be called from several threads at once."""

    meter: Meter
    _loop: asyncio.AbstractEventLoop
    _model: TextModel
    _room: asyncio.Semaphore

    def answered(
        self, items: Iterable[Item], one: One[Item], begun: Callable[[], None]
    ) -> list[Any]:
        """`one` of every item in order; `begun` is called when the last item is under way.

        The first error ends the taking of items; it is raised when what is under way has ended.
        """
        work = self._answered(items, one, begun)
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _answered(
        self, items: Iterable[Item], one: One[Item], begun: Callable[[], None]
    ) -> list[Any]:
        tasks: list[asyncio.Task[Any]] = []
        failed = asyncio.Event()
        for item in items:
            await self._room.acquire()
            if failed.is_set():
                self._room.release()
                break
            tasks.append(asyncio.create_task(self._outcome(item, one, failed)))
        begun()
        return await settle(tasks)

    async def _outcome(self, item: Item, one: One[Item], failed: asyncio.Event) -> Any:
        try:
            return await one(self._model, item)
        except BaseException:
            failed.set()
            raise
        finally:
            self._room.release()


@contextlib.contextmanager
def open_line(llm: LlmConfig, meter: Meter, cache: str) -> Iterator[LlmLine]:
    """A line while the block lasts; calls that are under way when it ends are cancelled.

    `cache` is the URL of the folder of answers. Twice as many items are under way as requests may
    be, so that the next request is ready when a slot gets free.
    """
    # Its client takes 0.4 s to import, which every other stage and verb does without.
    from pipelines.services.text_model import OpenAiTextModel

    async def connect() -> OpenAiTextModel:
        return await OpenAiTextModel(llm, meter).__aenter__()

    with loop_thread("llm") as loop:
        endpoint = asyncio.run_coroutine_threadsafe(connect(), loop).result()
        try:
            model = CachedTextModel(endpoint, LlmCache(cache), meter)
            room = asyncio.Semaphore(2 * llm.concurrency)
            yield LlmLine(meter, loop, model, room)
        finally:
            closing = endpoint.__aexit__(None, None, None)
            asyncio.run_coroutine_threadsafe(closing, loop).result()
