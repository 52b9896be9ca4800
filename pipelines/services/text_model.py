"""The text LLM behind any OpenAI-compatible endpoint, called through the `openai` client.

The choice worth knowing: the client's typed methods cost more time per request than the rest of a
request altogether, so requests go through its `post`, over its aiohttp transport, and the five
fields that matter are read here. Retries are our own loop: one deadline spans them, the budget is
checked before each, and a `Retry-After` too long to wait for becomes a retryable Reject.

A wrong key or model name is a UsageError, for it would reject every row alike.
"""

import asyncio
import json
import os
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType

import aiohttp
import httpx2
import openai

from pipelines.services.budget import Meter, estimate_tokens
from pipelines.services.chat_completions import chat_body, read_completion
from pipelines.services.llm_config import LlmConfig
from pipelines.steps.retry_after import backoff_s, parse_retry_after
from pipelines.steps.text_requests import TextAnswer, TextModel, TextRequest
from schemas.errors import StopRun, UsageError
from schemas.judgment import Reject

__all__ = ["LlmConfig", "OpenAiTextModel", "TextAnswer", "TextModel", "TextRequest"]

_RETRIED = frozenset({408, 409, 425, 429})
_TOO_LONG = re.compile(r"context.{0,40}(size|length|window)|too (long|many tokens)", re.I)
_PARAMETERS = re.compile(
    r"response_format|json_schema|max_tokens|max_completion_tokens|temperature|\bseed\b"
)

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class _Again:
    """A try that failed in a way that may pass; `after_s` is what the server asked to wait."""

    why: str
    after_s: float | None = None


class OpenAiTextModel:
    """A TextModel over HTTP; use it as `async with`, inside one event loop."""

    def __init__(
        self, config: LlmConfig, meter: Meter | None = None, sleep: Sleep = asyncio.sleep
    ) -> None:
        if not config.base_url:
            raise UsageError("llm: no base_url: start the embedded server or name an endpoint")
        self._config = config
        self._meter = meter or Meter(config.budget(), config.concurrency)
        self._sleep = sleep
        self._slots = asyncio.Semaphore(config.concurrency)
        self._client = _open_client(config)

    @property
    def name(self) -> str:
        """The model's name as the endpoint knows it."""
        return self._config.model

    async def __aenter__(self) -> "OpenAiTextModel":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.close()

    async def complete(self, request: TextRequest) -> TextAnswer | Reject:
        """The answer, or a Reject: `llm_unavailable` (retryable), `llm_context_too_long`,
        `llm_bad_request`. Raises StopRun when the budget or the account is used up, UsageError
        on a wrong key or model name."""
        async with self._slots:
            try:
                async with asyncio.timeout(self._config.deadline_s):
                    return await self._try_often(request)
            except TimeoutError:
                late = f"no answer within {self._config.deadline_s:g} s over all tries"
                return Reject("llm_unavailable", late, retryable=True)

    async def _try_often(self, request: TextRequest) -> TextAnswer | Reject:
        why = ""
        for attempt in range(self._config.retries + 1):
            self._meter.check()
            outcome = await self._try_once(request)
            if not isinstance(outcome, _Again):
                return outcome
            why = f"{outcome.why} (try {attempt + 1})"
            wait = backoff_s(attempt, self._config.backoff_s, random.random())
            if outcome.after_s is not None:
                wait = max(wait, outcome.after_s)
            if attempt == self._config.retries or wait > self._config.max_retry_after_s:
                break
            await self._sleep(wait)
        return Reject("llm_unavailable", why, retryable=True)

    async def _try_once(self, request: TextRequest) -> TextAnswer | Reject | _Again:
        sent = estimate_tokens(request.system + request.user)
        body = chat_body(request, self._config)
        try:
            with self._meter.under_way():
                async with asyncio.timeout(self._config.timeout_s):
                    reply = await self._client.post(
                        "/chat/completions", cast_to=httpx2.Response, body=body
                    )
        except openai.APIStatusError as error:
            self._meter.failed()
            return self._refusal_of(error)
        except (TimeoutError, openai.APITimeoutError):
            self._meter.failed(sent)
            return _Again(f"no answer within {self._config.timeout_s:g} s, or no connection")
        except (openai.APIConnectionError, aiohttp.ClientError) as error:
            self._meter.failed()
            return _Again(f"no connection: {type(error.__cause__ or error).__name__}")
        except asyncio.CancelledError:
            # The deadline or the run ended it; the endpoint has read the prompt all the same.
            self._meter.failed(sent)
            raise
        return self._read(reply.content, sent)

    def _read(self, body: bytes, sent: int) -> TextAnswer | _Again:
        try:
            completion = read_completion(json.loads(body), sent)
        except (ValueError, RecursionError):
            completion = None
        if completion is None:
            self._meter.failed(sent)
            return _Again("the reply is no chat completion")
        answer = completion.answer
        self._meter.paid(answer.prompt_tokens, answer.completion_tokens, completion.estimated)
        return answer

    def _refusal_of(self, error: openai.APIStatusError) -> Reject | _Again:
        status, message = error.status_code, _message_of(error)
        if status == 402 or "insufficient_quota" in error.response.text:
            raise StopRun(f"llm: {self._config.base_url} wants money first: {message}")
        if status in _RETRIED or status >= 500:
            asked = error.response.headers.get("retry-after", "")
            return _Again(f"HTTP {status}: {message}", parse_retry_after(asked, datetime.now(UTC)))
        if status in (401, 403, 404, 405):
            raise UsageError(self._remedy(status, message))
        if status == 413 or _TOO_LONG.search(message):
            return Reject("llm_context_too_long", message)
        if found := _PARAMETERS.search(message):
            raise UsageError(
                f"llm: {self._config.base_url} does not take {found[0]}: {message}. "
                "See the settings `structured` and `max_tokens_name`"
            )
        return Reject("llm_bad_request", f"HTTP {status}: {message}")

    def _remedy(self, status: int, message: str) -> str:
        config = self._config
        if status in (401, 403):
            return f"llm: {config.base_url} refuses the key in ${config.api_key_env}: {message}"
        return (
            f"llm: {config.base_url} has no model {config.model!r} or is not the API's base "
            f"(it often ends in /v1): {message}"
        )


def _open_client(config: LlmConfig) -> openai.AsyncOpenAI:
    limits = httpx2.Limits(
        max_connections=config.concurrency, max_keepalive_connections=config.concurrency
    )
    timeout = httpx2.Timeout(config.timeout_s, connect=min(10.0, config.timeout_s))
    return openai.AsyncOpenAI(
        base_url=config.base_url,
        # Local servers want none, but the client refuses to start without.
        api_key=os.environ.get(config.api_key_env) or "none",
        max_retries=0,
        timeout=timeout,
        http_client=openai.DefaultAioHttpClient(limits=limits, timeout=timeout),
    )


def _message_of(error: openai.APIStatusError) -> str:
    """What the endpoint says, in one short line; its form differs between servers."""
    body = error.body
    text = body.get("message") if isinstance(body, dict) else None
    return " ".join(str(text or error.response.text).split())[:300]
