"""The text model behind the drafts: the caption stage's service, opened on the first question.

The choice worth knowing: opening may take a minute (the embedded model is loaded), so it goes on
while a question that waited too long has already had its notice. A model that could not be opened,
or an embedded one that is gone, is opened anew with the next question.
"""

import asyncio
import contextlib
import importlib
from pathlib import Path
from urllib.parse import urlsplit

from pipelines.services.budget import Meter
from pipelines.services.llm_cache import CachedTextModel, LlmCache
from pipelines.services.llm_config import LlmConfig
from pipelines.services.llm_server import LocalLlmConfig, LocalLlmServer
from pipelines.services.models import model_path
from pipelines.steps.text_requests import TextAnswer, TextModel, TextRequest
from schemas.judgment import Reject

_SERVICE = "pipelines.services.text_model"


class LazyTextModel:
    """A TextModel that opens itself; a person waits, so it tries twice and not for minutes."""

    def __init__(self, config: LlmConfig, cache: str, log: Path, longest_s: float) -> None:
        self._config = LlmConfig(
            **{
                **vars(config),
                "timeout_s": min(config.timeout_s, longest_s),
                "deadline_s": min(config.deadline_s, longest_s),
                "retries": min(config.retries, 1),
            }
        )
        self._cache = cache
        self._log = log
        self._meter = Meter(config.budget())
        self._opening: asyncio.Task[TextModel] | None = None
        self._open = contextlib.AsyncExitStack()
        self._server: LocalLlmServer | None = None

    @property
    def name(self) -> str:
        """The model's name as the endpoint knows it."""
        return self._config.model

    async def complete(self, request: TextRequest) -> TextAnswer | Reject:
        """The answer, from the cache, or else from the endpoint; raises as the endpoint does, and
        MissingPart or StageError when the embedded model cannot start."""
        opening = self._opening
        if opening is None or (opening.done() and await self._is_gone(opening)):
            opening = self._opening = asyncio.create_task(self._start())
        model = await asyncio.shield(opening)
        return await model.complete(request)

    async def close(self) -> None:
        """End the client and the embedded server."""
        if self._opening is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({self._opening}, timeout=0)
                self._opening.cancel()
        await self._open.aclose()

    async def _start(self) -> TextModel:
        # Its client takes 0.4 s to import, which neither the start nor a webhook need wait for.
        service = await asyncio.to_thread(importlib.import_module, _SERVICE)
        await self._open.aclose()
        config = self._config
        if config.is_embedded:
            local = LocalLlmConfig(model=config.model)
            self._server = LocalLlmServer(model_path(config.model), self._log, local)
            self._open.callback(self._server.stop)
            await asyncio.to_thread(self._server.__enter__)
            config = LlmConfig(**{**vars(config), "base_url": self._server.base_url})
        endpoint = await self._open.enter_async_context(
            service.OpenAiTextModel(config, self._meter)
        )
        return CachedTextModel(endpoint, LlmCache(self._cache), self._meter)

    async def _is_gone(self, opening: "asyncio.Task[TextModel]") -> bool:
        if opening.cancelled() or opening.exception() is not None:
            return True
        return self._server is not None and not await _listens(self._server.base_url)


async def _listens(url: str) -> bool:
    """Whether something accepts connections there; a busy server does, a dead one does not."""
    where = urlsplit(url)
    try:
        _, writer = await asyncio.open_connection(where.hostname, where.port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
