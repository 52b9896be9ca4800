"""A stand-in of the Hugging Face Hub on 127.0.0.1, for dataset repositories, with faults on demand.

It speaks the part of the protocol that publishing and reading use: create, settings, preupload,
Git LFS (basic and multipart), Xet tokens for a local store, commits with `parentCommit`, listings
with pages, files with byte ranges, history and its removal. It keeps a log of all calls. It proves
what a client does; it knows nothing of the real service's limits.
"""

import re
import socket
import struct
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from huggingface_hub import constants

from tests.hub_routes import READER, ROUTES, WRITER, Answer, HubError, HubRoutes, Request
from tests.loopback_server import LoopbackServer, serving

__all__ = ["READER", "WRITER", "Call", "Fault", "HubServer", "hub", "signed_in"]


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one call: a status, or a `kind`.

    Kinds: `reset` (no answer), `hang` (no answer after a while), `lost` (done, then no answer),
    `truncate`, `flip`. With `seconds` alone a call is only slow.
    """

    status: int = 0
    retry_after: str = ""
    kind: str = ""
    seconds: float = 0.0
    message: str = "made to fail"


@dataclass(frozen=True)
class Call:
    """One call as the server saw it."""

    route: str
    method: str
    path: str
    status: int
    sent: int


class HubServer(HubRoutes, LoopbackServer):
    """The stand-in; `repos` holds what it has, `log` what it was asked, `fail` breaks calls."""

    def __init__(self) -> None:
        HubRoutes.__init__(self)
        LoopbackServer.__init__(self, ("127.0.0.1", 0), _Handler)
        self.log: list[Call] = []
        self.faults: dict[str, list[Fault | None]] = defaultdict(list)
        self.calls_left: int | None = None  # after so many calls the line is cut
        self.does_last = False  # whether the last of them is done although its answer is lost

    @property
    def url(self) -> str:
        """What HF_ENDPOINT has to be."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def fail(self, route: str, *faults: Fault | int | str | None) -> None:
        """Break the next calls of a route, one after the other; None lets one pass."""
        made = {int: lambda f: Fault(status=f), str: lambda f: Fault(kind=f)}
        self.faults[route] += [made.get(type(f), lambda f: f)(f) for f in faults]  # type: ignore[no-untyped-call]

    def take(self, route: str) -> Fault | None:
        """The fault of this call."""
        with self.lock:
            if self.calls_left is not None:
                self.calls_left -= 1
                if self.calls_left <= 0:
                    return Fault(kind="lost" if self.does_last and not self.calls_left else "reset")
            return self.faults[route].pop(0) if self.faults[route] else None

    def count(self, *routes: str) -> int:
        """How many calls of these routes there were."""
        return sum(call.route in routes for call in self.log)

    def writes(self) -> list[str]:
        """The routes of all calls that change something, without faults that hit before."""
        changing = {name for name, _, _, writes in ROUTES if writes} | {"lfs_put", "lfs_whole"}
        return [call.route for call in self.log if call.route in changing]


class _Handler(BaseHTTPRequestHandler):
    """Reads the whole request, finds its route, and answers as the server and its faults say."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every answer waits 40 ms for an acknowledgement
    server: HubServer

    def _handle(self) -> None:
        body = self._body()
        split = urlsplit(self.path)
        method = "GET" if self.command == "HEAD" else self.command
        for name, verb, pattern, _ in ROUTES:
            if verb == method and (found := re.fullmatch(pattern, split.path)):
                named = found.groupdict().items()
                self._serve(name, {k: v for k, v in named if v is not None}, body)
                return
        self._send("unknown", HubError(404, f"no route {self.command} {self.path}").answer, None, 0)

    do_GET = do_HEAD = do_POST = do_PUT = _handle

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _serve(self, route: str, groups: dict[str, str], body: bytes) -> None:
        fault = self.server.take(route)
        if fault and fault.seconds:
            time.sleep(fault.seconds)
        if fault and fault.kind in ("reset", "hang"):
            self._reset(route, len(body))
        elif fault and fault.status:
            head = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            made = HubError(fault.status, fault.message).answer
            self._send(route, Answer(made.status, made.body, made.headers | head), None, len(body))
        else:
            self._send(route, self._do(route, groups, body), fault, len(body))

    def _do(self, route: str, groups: dict[str, str], body: bytes) -> Answer:
        split = urlsplit(self.path)
        headers = {key.lower(): value for key, value in self.headers.items()}
        headers[":url"] = f"{self.server.url}{split.path}"
        token = headers.get("authorization", "").removeprefix("Bearer ")
        request = Request(self.server.url, token, groups, parse_qs(split.query), headers, body)
        try:
            return self.server.answer(route, request)
        except HubError as error:
            return error.answer

    def _send(self, route: str, answer: Answer, fault: Fault | None, sent: int) -> None:
        kind, body = (fault.kind if fault else ""), answer.body
        if kind == "lost":
            self._reset(route, sent)
            return
        self._note(route, answer.status, sent)
        if kind == "flip" and body:
            body = body[:-1] + bytes([body[-1] ^ 1])
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if kind == "truncate" else body)
        if kind == "truncate":
            self.close_connection = True

    def _note(self, route: str, status: int, sent: int) -> None:
        self.server.log.append(Call(route, self.command, self.path, status, sent))

    def _reset(self, route: str, sent: int) -> None:
        self._note(route, 0, sent)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@contextmanager
def signed_in(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[HubServer]:
    """A running stand-in that the command finds by its environment, with a token that may write."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(folder / "no-login"))
    monkeypatch.setenv("HF_TOKEN", WRITER)
    with hub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        yield running


def hub() -> AbstractContextManager[HubServer]:
    """A running stand-in."""
    return serving(HubServer())
