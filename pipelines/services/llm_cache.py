"""Answers kept by the digest of their request, so that no call is paid for twice.

The choice worth knowing: one small file per answer, written under a temporary name and renamed,
without fsync. Any number of processes share the folder without a lock; a crash of the machine may
cost an answer but never the store, because a file that cannot be read is a miss. An answer that was
malformed is kept too: it was paid for, and asking again is another request.
"""

import asyncio
import contextlib
import errno
import itertools
import json
import os
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from pipelines.services.budget import Meter
from pipelines.steps.text_requests import TextAnswer, TextModel, TextRequest, request_digest
from schemas.errors import StageError
from schemas.files import open_fs
from schemas.judgment import Reject

_FORMAT = 1
_serial = itertools.count()


class LlmCache:
    """The folder `cache/llm` of a store, on any file system that fsspec knows."""

    def __init__(self, folder: str) -> None:
        fs, self._root = open_fs(folder)
        # Plain file calls are ten times faster than going through fsspec.
        self._fs: Any = None if isinstance(fs, LocalFileSystem) else fs

    async def get(self, digest: str) -> TextAnswer | None:
        """The kept answer; None when there is none, or none that can be read."""
        path = self._path(digest)
        if self._fs is None:
            return _decode(_read_local(path))
        try:
            return _decode(await asyncio.to_thread(self._fs.cat_file, path))
        except FileNotFoundError:
            return None

    async def put(self, digest: str, model: str, request: TextRequest, answer: TextAnswer) -> None:
        """Keep an answer; raises StageError when the disk is full."""
        await self.put_as(digest, model, request.prompt_version, answer)

    async def put_as(self, digest: str, model: str, prompt: str, answer: TextAnswer) -> None:
        """The same where the request is known by its digest and its prompt's name alone."""
        write = _write_local if self._fs is None else self._fs.pipe_file
        # In a thread: a new file takes longer than all else here, and the loop has calls to send.
        loop = asyncio.get_running_loop()
        path, data = self._path(digest), _encode(model, prompt, answer)
        await loop.run_in_executor(None, write, path, data)

    def _path(self, digest: str) -> str:
        return f"{self._root}/{digest[:2]}/{digest}.json"


class CachedTextModel:
    """A TextModel that asks the cache before it asks `inner`; failures are not kept."""

    def __init__(self, inner: TextModel, cache: LlmCache, meter: Meter) -> None:
        self._inner = inner
        self._cache = cache
        self._meter = meter

    @property
    def name(self) -> str:
        """The name of the model that answers what the cache lacks."""
        return self._inner.name

    async def complete(self, request: TextRequest) -> TextAnswer | Reject:
        """The answer, from the cache or else from `inner`, which pays for it."""
        digest = request_digest(self.name, request)
        kept = await self._cache.get(digest)
        if kept is not None:
            self._meter.cached()
            return kept
        answer = await self._inner.complete(request)
        if isinstance(answer, TextAnswer):
            await self._cache.put(digest, self.name, request, answer)
        return answer


def _encode(model: str, prompt: str, answer: TextAnswer) -> bytes:
    value = {
        "format": _FORMAT,
        "model": model,
        "prompt_version": prompt,
        "text": answer.text,
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "finish_reason": answer.finish_reason,
    }
    # ASCII, because an answer may hold a lone surrogate, which UTF-8 cannot.
    return json.dumps(value, ensure_ascii=True).encode("ascii")


def _decode(data: bytes) -> TextAnswer | None:
    try:
        value = json.loads(data)
        if value["format"] != _FORMAT:
            return None
        return TextAnswer(
            text=str(value["text"]),
            prompt_tokens=int(value["prompt_tokens"]),
            completion_tokens=int(value["completion_tokens"]),
            cached=True,
            finish_reason=str(value["finish_reason"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _read_local(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as handle:
            return handle.read()
    except FileNotFoundError:
        return b""


def _write_local(path: str, data: bytes) -> None:
    folder, name = path.rsplit("/", 1)
    temporary = f"{folder}/.tmp-{name}.{os.getpid()}.{next(_serial)}"
    try:
        try:
            _write_new(temporary, data)
        except FileNotFoundError:
            os.makedirs(folder, exist_ok=True)
            _write_new(temporary, data)
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StageError(
                f"the disk is full: {path} was not written; free space and run again"
            ) from error
        raise


def _write_new(path: str, data: bytes) -> None:
    with open(path, "xb", buffering=0) as handle:
        written = handle.write(data)
    if written != len(data):
        raise OSError(errno.ENOSPC, "only a part was written")
