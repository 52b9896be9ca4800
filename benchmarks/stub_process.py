"""The stub of a text LLM in a process of its own, and how fast bare posts get answers from it."""

import asyncio
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from pipelines.steps.concurrently import map_bounded


@contextmanager
def stub(delay_s: float) -> Iterator[str]:
    """A stub that answers after `delay_s` seconds; yields its base URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = Path(__file__).with_name("stub_llm.py")
    process = subprocess.Popen([sys.executable, str(script), str(port), "--delay-s", str(delay_s)])
    try:
        _wait_for(f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait()


def bare_rate(base_url: str, requests: int, concurrency: int) -> float:
    """Requests a second of a client that does nothing but post and read."""
    return asyncio.run(_bare_rate(base_url, requests, concurrency))


async def _bare_rate(base_url: str, requests: int, concurrency: int) -> float:
    body = {"model": "m", "response_format": {"json_schema": {"name": "text"}}}

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency)) as session:

        async def post(_: int) -> None:
            async with session.post(f"{base_url}/chat/completions", json=body) as reply:
                await reply.read()

        # Connections are opened once a run, not once a request.
        await map_bounded(post, range(concurrency), concurrency)
        began = time.perf_counter()
        await map_bounded(post, range(requests), 2 * concurrency)
        return requests / (time.perf_counter() - began)


def _wait_for(url: str) -> None:
    for _ in range(100):
        try:
            urllib.request.urlopen(url).close()
            return
        except urllib.error.URLError:
            time.sleep(0.1)
    raise SystemExit("the stub did not start")
