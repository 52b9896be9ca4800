"""A sidecar in this process on a free port, and a client that shows the campaign's secret."""

import asyncio
import base64
import contextlib
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from annotation.campaign import Campaign, StudioConfig, save_campaign
from annotation.home import Home
from annotation.sidecar.drafting import open_drafting
from annotation.sidecar.server import make_app
from pipelines.services.llm_config import LlmConfig
from pipelines.services.loop_thread import loop_thread

SECRET = "a secret of this test"


@dataclass(frozen=True)
class Reply:
    """A status and a JSON body."""

    status: int
    body: Any


@dataclass(frozen=True)
class Client:
    """Talks to one sidecar; `secret` is shown as Label Studio does, by basic authentication."""

    port: int
    secret: str = SECRET

    def call(self, path: str, body: Any = None, **headers: str) -> Reply:
        """POST a body (GET without one); bytes are sent as they are."""
        login = base64.b64encode(f"pixmo:{self.secret}".encode()).decode()
        shown = {"Authorization": f"Basic {login}"} | headers
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET" if data is None else "POST", path, data, shown)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        return Reply(answer.status, json.loads(text) if text.startswith((b"{", b"[")) else text)

    def draft(self, payload: Any) -> str | None:
        """What comes into the answer box; None when it is left alone."""
        reply = self.call("/predict", payload)
        assert reply.status == 200, reply
        [prediction] = reply.body["results"]
        if prediction["result"] is None:
            return None
        [region] = prediction["result"]
        assert (region["from_name"], region["to_name"]) == ("answer", "img")
        [text] = region["value"]["text"]
        return str(text)


def make_home(folder: Path, port: int = 0, **llm: Any) -> tuple[Home, Campaign]:
    """A campaign's folder without Label Studio; `llm` are settings of the text model."""
    home = Home(folder / "home")
    home.make()
    config = LlmConfig(**{"model": "toy", "backoff_s": 0.01, **llm})
    campaign = Campaign(str(folder / "store"), StudioConfig(sidecar_port=port), config)
    save_campaign(home, campaign)
    return home, campaign


@contextlib.contextmanager
def serving(home: Home, campaign: Campaign, turn_s: float = 60.0) -> Iterator[Client]:
    """The server while the block lasts, as `python -m annotation.sidecar` has it."""

    async def start() -> tuple[contextlib.AsyncExitStack, int]:
        stack = contextlib.AsyncExitStack()
        drafts = await stack.enter_async_context(open_drafting(home, campaign, turn_s))
        runner = web.AppRunner(make_app(home, SECRET, drafts), access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return stack, int(runner.addresses[0][1])

    with loop_thread("sidecar") as loop:
        stack, port = asyncio.run_coroutine_threadsafe(start(), loop).result()
        try:
            yield Client(port)
        finally:
            asyncio.run_coroutine_threadsafe(stack.aclose(), loop).result()


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of lines."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
