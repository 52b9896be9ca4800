"""A warm process in the sandbox that answers one line at a time, with bytes after an answer.

What stops it or takes too long becomes a Reject, and the next request starts a new one. Its answers
are foreign: hostile input may have taken it over.
"""

import json
import os
import select
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from pipelines.services.sandbox.long_lived import SandboxedProcess
from schemas.judgment import Reject

CHUNK_BYTES = 1 << 20
_HEAD_BYTES = 1 << 20


class WorkerOutOfTime(Exception):
    """No whole answer before the deadline."""


class WorkerGone(Exception):
    """The worker ended, or answered what is no answer."""


class LineWorker:
    """Requests to a process that `start` opens when it is needed; safe to share between threads."""

    def __init__(self, start: Callable[[], SandboxedProcess], seconds: float, most: int) -> None:
        self._start, self._seconds, self._most = start, seconds, most
        self._process: SandboxedProcess | None = None
        self._lock = threading.Lock()
        self._came = bytearray()
        self._deadline = 0.0

    def ask(self, request: Mapping[str, Any]) -> tuple[dict[str, Any], bytes] | Reject:
        """The answer's head and the bytes after it, `most` of them at most, or a Reject."""
        with self._lock:
            process = self._warm()
            self._deadline = time.monotonic() + self._seconds
            whole = False
            try:
                self._write(process, json.dumps(request).encode() + b"\n")
                answer = self._read(process)
                whole = True
            except WorkerOutOfTime:
                return Reject("render_timeout", f"not drawn within {self._seconds:g} s")
            except WorkerGone as error:
                if process.over_memory():
                    return Reject("render_memory", "the tool needed more memory than it may use")
                return Reject("render_failed", str(error))
            finally:
                if not whole:
                    self._end()
            return answer

    def end(self) -> None:
        """End the process; the next request would start another."""
        with self._lock:
            self._end()

    def _warm(self) -> SandboxedProcess:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = self._start()
            os.set_blocking(self._process.to, False)
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
        self._process = None
        self._came.clear()

    def _read(self, process: SandboxedProcess) -> tuple[dict[str, Any], bytes]:
        while b"\n" not in self._came:
            if len(self._came) > _HEAD_BYTES:
                raise WorkerGone("the tool answered without end")
            self._more(process)
        line, _, rest = self._came.partition(b"\n")
        self._came = rest
        try:
            head = json.loads(line)
        except ValueError as error:
            raise WorkerGone("the tool answered nonsense") from error
        size = head.get("png", 0) if isinstance(head, dict) else -1
        if not isinstance(size, int) or not 0 <= size <= self._most:
            raise WorkerGone(f"the tool answered with more than {self._most} bytes")
        while len(self._came) < size:
            self._more(process)
        data = bytes(self._came[:size])
        del self._came[:size]
        return head, data

    def _more(self, process: SandboxedProcess) -> None:
        self._wait([process.out], [])
        chunk = os.read(process.out, CHUNK_BYTES)
        if not chunk:
            raise WorkerGone("the tool ended: " + " ".join(process.log().split())[-300:])
        self._came += chunk

    def _write(self, process: SandboxedProcess, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._wait([], [process.to])
            try:
                view = view[os.write(process.to, view) :]
            except BlockingIOError:
                continue
            except BrokenPipeError as error:
                raise WorkerGone("the tool ended") from error

    def _wait(self, reading: list[int], writing: list[int]) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0 or not any(select.select(reading, writing, [], left)):
            raise WorkerOutOfTime
