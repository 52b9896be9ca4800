"""What stages that ask a text LLM have in common: the server, the cache, the budget, the usage.

A stage gives its items and a function that makes an outcome of one of them with a model; here they
are run side by side, so that the endpoint always has `llm.concurrency` requests to work on, also
where one part ends and the next begins (`llm_line.py`). An `offline` stage calls nobody: it
collects the requests that a batch file is written from.
"""

import asyncio
import contextlib
import copy
import functools
import os
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pipelines.llm_line import LlmLine, open_line
from pipelines.services.budget import Meter, Usage
from pipelines.services.llm_cache import LlmCache
from pipelines.services.llm_config import LlmConfig
from pipelines.services.llm_server import LocalLlmConfig, LocalLlmServer
from pipelines.services.llm_usage import keep_usage, read_usages, total_usage, usage_text
from pipelines.services.models import model_path
from pipelines.services.offline_model import NotAnswered, OfflineTextModel, RowsWait
from pipelines.stage import BaseStage, Engine
from pipelines.steps.concurrently import map_bounded
from pipelines.steps.in_threads import next_may_begin
from pipelines.steps.text_requests import TextModel
from schemas.store import Store

CACHE = "cache/llm"
Item = TypeVar("Item")


@functools.lru_cache(maxsize=1)
def _meter(run: str, llm: LlmConfig) -> Meter:
    """What one run has used in this process: a budget holds over all of its parts."""
    return Meter(llm.budget(), llm.concurrency)


@dataclass(frozen=True)
class LlmStage(BaseStage):
    """A stage that asks a text LLM; subclasses add their settings and call `answered`.

    `run_id` and `offline` are of one run only, and are set by what runs the stage.
    """

    name: ClassVar[str]
    at_once: ClassVar[int] = 4
    # Set by `working` on a copy of the stage; no field, for fields are settings.
    _line: ClassVar[LlmLine | None] = None

    llm: LlmConfig = field(default_factory=LlmConfig)
    run_id: str = field(default="", kw_only=True)
    offline: bool = field(default=False, kw_only=True)

    def model_settings(self) -> dict[str, Any]:
        """What of the LLM changes answers; where it is served from does not."""
        return {"model": self.llm.model, "structured": self.llm.structured}

    @contextlib.contextmanager
    def prepared(self, store: Store, engine: Engine) -> Iterator[Any]:
        """Start the embedded server where no endpoint is named, and stop it afterwards."""
        run = replace(self, run_id=uuid.uuid4().hex)
        if self.offline or not self.llm.is_embedded:
            yield run
            return
        log = Path(tempfile.gettempdir()) / f"pixmo-llm-{os.getpid()}.log"
        config = LocalLlmConfig(model=self.llm.model)
        with LocalLlmServer(model_path(self.llm.model), log, config) as server:
            yield replace(run, llm=replace(self.llm, base_url=server.base_url))
        log.unlink(missing_ok=True)

    @contextlib.contextmanager
    def working(self, store: Store) -> Iterator[Any]:
        """The stage with a line to the endpoint, which all parts share that are done meanwhile."""
        if self.offline:
            yield self
            return
        meter = _meter(self.run_id, self.llm)
        try:
            with open_line(self.llm, meter, f"{store.url}/{CACHE}") as line:
                ready = copy.copy(self)
                object.__setattr__(ready, "_line", line)
                yield ready
        finally:
            self._keep_usage(store, meter)

    def answered(
        self,
        store: Store,
        items: Iterable[Item],
        one: Callable[[TextModel, Item], Awaitable[Any]],
    ) -> list[Any]:
        """`one` of every item in order, twice as many under way as requests may be.

        Offline, RowsWait is raised after all items when some lack answers; so a stage hands all the
        rows of a part over at once.
        """
        if self.offline:
            cache = LlmCache(f"{store.url}/{CACHE}")
            model = OfflineTextModel(self.llm.model, cache)
            return asyncio.run(_from_cache(model, items, one, 2 * self.llm.concurrency))
        if self._line is None:
            with self.working(store) as ready:
                outcomes: list[Any] = ready.answered(store, items, one)
                return outcomes
        try:
            return self._line.answered(items, one, next_may_begin())
        finally:
            self._keep_usage(store, self._line.meter)

    def _keep_usage(self, store: Store, meter: Meter) -> None:
        keep_usage(store, f"{self.run_id}-{os.getpid()}", self.name, meter.usage())

    def spent(self, store: Store) -> str:
        """Calls, tokens, money and speed of this run, over all of its processes."""
        used = total_usage(read_usages(store, f"{self.run_id}-*")) if self.run_id else Usage()
        return usage_text(used)


async def _from_cache(
    model: OfflineTextModel,
    items: Iterable[Item],
    one: Callable[[TextModel, Item], Awaitable[Any]],
    under_way: int,
) -> list[Any]:
    """The outcomes when every item has its answers; RowsWait with the requests otherwise."""
    waits = 0

    async def tried(item: Item) -> Any:
        nonlocal waits
        try:
            return await one(model, item)
        except NotAnswered:
            waits += 1

    outcomes = await map_bounded(tried, items, under_way)
    if waits:
        raise RowsWait(waits, model.requests)
    return outcomes
