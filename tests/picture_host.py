"""A web host for tests that changes its mind: pages, headers and robots.txt may be set at any time.

It answers GET and HEAD on a real socket, notes what it was asked, and counts the bytes of pictures
that it sent.
"""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.loopback_server import LoopbackServer, serving


@dataclass(frozen=True)
class Page:
    """The answer at one path; `head` is the status of a HEAD where it is another, `delay_s` how
    long the host thinks first."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    head: int = 0
    delay_s: float = 0.0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        host: PictureHost = self.server  # type: ignore[assignment]
        name = self.headers["Host"].partition(":")[0]
        host.asked.append((self.command, name, self.path))
        host.ranges.append(self.headers.get("Range", ""))
        page = host.page(name, self.path)
        time.sleep(page.delay_s)
        status = page.head if self.command == "HEAD" and page.head else page.status
        self.send_response(status)
        for header, value in page.headers.items():
            self.send_header(header, value)
        self.send_header("Content-Length", str(len(page.body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(page.body)
            host.sent += len(page.body) if self.path != "/robots.txt" else 0

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


class PictureHost(LoopbackServer):
    """`pages` by path, `headers` for all answers, `robots` by host name ("" for every other)."""

    def __init__(self, pages: Mapping[str, Page]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages = dict(pages)
        self.headers: dict[str, str] = {}
        self.robots: dict[str, str] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.ranges: list[str] = []
        self.sent = 0

    @property
    def pictures_asked(self) -> list[tuple[str, str]]:
        """Method and path of what was asked apart from robots.txt."""
        return [(method, path) for method, _, path in self.asked if path != "/robots.txt"]

    def forget(self) -> None:
        """Begin to note and count anew."""
        self.asked, self.ranges, self.sent = [], [], 0

    def page(self, name: str, path: str) -> Page:
        """The answer to a request."""
        if path == "/robots.txt":
            rules = self.robots.get(name, self.robots.get("", ""))
            return Page(rules.encode()) if rules else Page(status=404)
        page = self.pages.get(path, Page(status=404))
        headers = {**self.headers, **page.headers}
        return Page(page.body, page.status, headers, page.head, page.delay_s)


def hosting(pages: Mapping[str, Page]) -> AbstractContextManager[PictureHost]:
    """The host while the block lasts."""
    return serving(PictureHost(pages))
