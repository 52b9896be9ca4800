"""Looking at the headers alone: the fetcher's manners, and no picture."""

import asyncio
import time
from typing import Any

import pytest

from pipelines.services.fetch import Fetched, HttpFetcher
from schemas.judgment import Reject
from tests.pipelines.services.local_servers import (
    HOST,
    Answer,
    Server,
    by_path,
    config_for,
    fixed,
    in_turn,
    no_lookup,
    response,
    serving,
)

LONG = response(b"", 200, length=10**9)  # a body that never comes


def look(
    answer: Answer, *paths: str, robots: bytes | None = None, **changes: Any
) -> tuple[list[Fetched | Reject], Server]:
    """What comes of looking at paths one after the other, and the server with what it was asked."""

    async def run() -> tuple[list[Fetched | Reject], Server]:
        async with (
            serving(answer, robots) as server,
            HttpFetcher(config_for(server, **changes), lookup=no_lookup) as fetcher,
        ):
            return [await fetcher.look(f"http://{HOST}{path}") for path in paths], server

    return asyncio.run(run())


def methods(server: Server) -> list[str]:
    return [head.split(" ")[0] for head in server.heads if "/robots.txt" not in head]


def reasons(got: list[Fetched | Reject]) -> list[str]:
    return [result.reason if isinstance(result, Reject) else "" for result in got]


async def _no_head(server: Server, path: str, writer: asyncio.StreamWriter) -> None:
    head = server.heads[-1].startswith("HEAD")
    writer.write(response(b"", 405 if path == "/405" else 501) if head else LONG)


async def _tagged_get(server: Server, path: str, writer: asyncio.StreamWriter) -> None:
    head = server.heads[-1].startswith("HEAD")
    one_byte = response(b"x", 206, ("X-Robots-Tag: noai", "Content-Range: bytes 0-0/99"))
    writer.write(response(b"", 405) if head else one_byte)


def test_a_head_is_all_that_is_asked() -> None:
    got, server = look(fixed(response(b"", 200, ("X-Robots-Tag: all",), 10**9)), "/a", "/b")
    assert reasons(got) == ["", ""]
    assert methods(server) == ["HEAD", "HEAD"]
    assert isinstance(got[0], Fetched)
    assert (got[0].body, got[0].opt_out) == (b"", '{"x-robots-tag":["all"]}')


@pytest.mark.parametrize("path", ["/405", "/501"])
def test_a_server_without_head_is_asked_for_one_byte_that_nobody_reads(path: str) -> None:
    began = time.monotonic()
    got, server = look(_no_head, path, path, path)
    assert reasons(got) == ["", "", ""]
    assert methods(server) == ["HEAD", "GET", "GET", "GET"], "it is told by its first answer"
    assert "Range: bytes=0-0" in server.heads[-1]
    assert time.monotonic() - began < 0.9, "nobody waits for the body"


def test_a_partial_answer_decides_too() -> None:
    got, _ = look(_tagged_get, "/a")
    assert got == [Reject("opt_out", "x-robots-tag: noai", False)]


def test_opt_out_on_a_redirect_and_behind_it() -> None:
    table = {
        "/a": response(b"", 302, ("Location: /b",)),
        "/b": response(b"", 200, ("tdm-reservation: 1",)),
        "/c": response(b"", 301, ("Location: /d", "X-Robots-Tag: noml")),
    }
    got, server = look(by_path(table), "/a", "/c", "/gone")
    assert reasons(got) == ["opt_out", "opt_out", "http_404"]
    assert server.pages == ["/a", "/b", "/c", "/gone"]


def test_robots_are_asked_before_a_head_is_sent() -> None:
    rules = response(b"User-agent: *\nDisallow: /private\n")
    got, server = look(fixed(response(b"", 200)), "/private/a", "/b", robots=rules)
    assert reasons(got) == ["robots_disallow", ""]
    assert server.pages == ["/b"]


def test_busy_servers_are_asked_again_and_slow_ones_given_up() -> None:
    got, server = look(in_turn(response(b"", 503), response(b"", 429), response(b"", 200)), "/a")
    assert reasons(got) == [""]
    assert methods(server) == ["HEAD"] * 3

    async def never(_server: Server, _path: str, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    got, _ = look(never, "/a", read_s=0.1, retries=1)
    assert reasons(got) == ["timeout"]


def test_fetch_still_takes_nothing_but_200() -> None:
    """A 206 is an answer to a range, which only a look asks for."""

    async def run() -> Fetched | Reject:
        async with (
            serving(fixed(response(b"x", 206))) as server,
            HttpFetcher(config_for(server), lookup=no_lookup) as fetcher,
        ):
            return await fetcher.fetch(f"http://{HOST}/a")

    assert reasons([asyncio.run(run())]) == ["http_206"]


def test_a_redirect_that_is_refused_is_not_followed() -> None:
    async def run() -> tuple[Fetched | Reject, list[str]]:
        async with (
            serving(fixed(response(b"", 302, ("Location: /denied",)))) as server,
            HttpFetcher(
                config_for(server),
                lookup=no_lookup,
                refuses=lambda url: "url" if url.endswith("/denied") else "",
            ) as fetcher,
        ):
            return await fetcher.fetch(f"http://{HOST}/a"), server.pages

    assert asyncio.run(run()) == (Reject("denied", "url"), ["/a"])
