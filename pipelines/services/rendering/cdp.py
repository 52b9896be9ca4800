"""Chromium's DevTools protocol over two pipes: commands out, answers and events in, one thread.

The form is that of `--remote-debugging-pipe`: one JSON object a message, ended by a zero byte
(https://chromedevtools.github.io/devtools-protocol). Every wait has an end: `begin` sets it, and
what comes from the browser is treated as foreign, because a page may have taken it over.
"""

import json
import os
import select
import time
from collections.abc import Callable, Mapping
from typing import Any

CHUNK_BYTES = 1 << 20
MAX_MESSAGE_BYTES = 256 << 20
_END = b"\0"

Handler = Callable[["CdpPipe", str, Mapping[str, Any]], None]


class OutOfTime(Exception):
    """The browser did not answer before the deadline."""


class BrowserGone(Exception):
    """The browser closed its pipe, or a page of it crashed; the message says which."""


class CdpError(Exception):
    """The browser refused a command; the message is its own."""


class CdpPipe:
    """One connection over two pipes, given by number.

    `handlers` are called with (pipe, session, params) for the events that they name.
    """

    def __init__(self, to: int, out: int) -> None:
        self.handlers: dict[str, Handler] = {}
        self._to, self._out = to, out
        os.set_blocking(self._to, False)
        self._came = bytearray()
        self._looked_at = 0
        self._number = 0
        self._deadline = 0.0
        self._events: list[tuple[str, str]] = []

    def begin(self, seconds: float) -> None:
        """All waits from here on end together, this many seconds from now."""
        self._deadline = time.monotonic() + seconds

    def send(self, method: str, session: str = "", **params: Any) -> int:
        """Send a command without waiting for its answer; gives its number."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        self._write(json.dumps(message).encode() + _END)
        return self._number

    def call(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """Send a command and wait for its result; CdpError when the browser refuses it."""
        return self.answer(self.send(method, session, **params))

    def answer(self, number: int) -> dict[str, Any]:
        """The result of a command that was sent; answers to others on the way are dropped."""
        while True:
            message = self._next()
            if message.get("id") == number:
                if "error" in message:
                    raise CdpError(str(message["error"].get("message", ""))[:500])
                result: dict[str, Any] = message.get("result", {})
                return result

    def forget_events(self) -> None:
        """What happened so far is not waited for again."""
        self._events.clear()

    def wait_for(self, event: str, session: str) -> None:
        """Until the session has reported the event since `forget_events`."""
        while (event, session) not in self._events:
            self._next()

    def _next(self) -> dict[str, Any]:
        message = self._parse(self._read())
        method = message.get("method")
        if isinstance(method, str):
            session = message.get("sessionId", "")
            self._events.append((method, session))
            if method in self.handlers:
                self.handlers[method](self, session, message.get("params", {}))
        return message

    def _parse(self, data: bytes) -> dict[str, Any]:
        try:
            message = json.loads(data)
        except ValueError as error:
            raise BrowserGone("the browser sent what is no message") from error
        if not isinstance(message, dict):
            raise BrowserGone("the browser sent what is no message")
        return message

    def _read(self) -> bytes:
        while True:
            end = self._came.find(_END, self._looked_at)
            if end >= 0:
                data = bytes(self._came[:end])
                del self._came[: end + 1]
                self._looked_at = 0
                return data
            self._looked_at = len(self._came)
            if self._looked_at > MAX_MESSAGE_BYTES:
                raise BrowserGone("the browser sent an endless message")
            self._wait(reading=True)
            chunk = os.read(self._out, CHUNK_BYTES)
            if not chunk:
                raise BrowserGone("the browser ended")
            self._came += chunk

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._wait(reading=False)
            try:
                view = view[os.write(self._to, view) :]
            except BlockingIOError:
                continue
            except BrokenPipeError as error:
                raise BrowserGone("the browser ended") from error

    def _wait(self, reading: bool) -> None:
        left = self._deadline - time.monotonic()
        wanted = ([self._out], []) if reading else ([], [self._to])
        if left <= 0 or not any(select.select(*wanted, [], left)):
            raise OutOfTime
