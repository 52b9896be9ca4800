"""One page of a browser: a document goes in, its drawn part comes out as PNG.

Measuring runs in a world of its own, where a document's scripts cannot reach it.
"""

import base64
import json
from dataclasses import dataclass
from typing import Any

from pipelines.services.rendering.browser import Chromium
from pipelines.services.rendering.one_shot import as_picture, too_large
from pipelines.services.rendering.page_source import DOCUMENT
from pipelines.services.rendering.renderer import RenderConfig, RenderedPicture
from schemas.judgment import Reject

_WORLD = "pixmo"
_WINDOWS = {
    "autoAttach": True,
    "waitForDebuggerOnStart": True,
    "flatten": True,
    "filter": [{"type": "page"}],
}


class PageError(Exception):
    """A script that we ran in the page threw; the message is the tool's."""


@dataclass(frozen=True)
class Box:
    """A part of a page in CSS pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Page:
    """A tab; `context` is empty for one that shares a context with others."""

    chromium: Chromium
    session: str
    target: str
    frame: str
    context: str = ""

    def load(self, document: bytes, policy: str) -> None:
        """Show a document and wait until it and what lies beside it has loaded."""
        pipe, source = self.chromium.pipe, self.chromium.source
        source.document, source.policy = document, policy
        pipe.forget_events()
        pipe.call("Page.navigate", self.session, url=DOCUMENT)
        pipe.wait_for("Page.loadEventFired", self.session)

    def measure(self, expression: str) -> Any:
        """The value of an expression in a world of our own; PageError when it throws."""
        world = self.chromium.pipe.call(
            "Page.createIsolatedWorld", self.session, frameId=self.frame, worldName=_WORLD
        )
        return self._evaluate(expression, contextId=world["executionContextId"])

    def run(self, expression: str) -> Any:
        """The value of an expression among the page's own scripts; promises are waited for."""
        return self._evaluate(expression)

    def _evaluate(self, expression: str, **where: Any) -> Any:
        answer = self.chromium.pipe.call(
            "Runtime.evaluate",
            self.session,
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            **where,
        )
        if "exceptionDetails" in answer:
            raise PageError(_said(answer["exceptionDetails"]))
        return answer.get("result", {}).get("value")

    def capture(self, box: Box, config: RenderConfig, said: str = "") -> RenderedPicture | Reject:
        """A part of the page as PNG; a Reject when it is empty or larger than `max_side`."""
        problem = box_problem(box, config)
        if problem:
            return problem
        answer = self.chromium.pipe.call(
            "Page.captureScreenshot",
            self.session,
            format="png",
            captureBeyondViewport=True,
            optimizeForSpeed=True,
            clip={"x": box.x, "y": box.y, "width": box.width, "height": box.height, "scale": 1},
        )
        png = base64.b64decode(answer.get("data", ""))
        if len(png) > config.limits.output:
            return Reject("render_too_large", f"the PNG has {len(png)} bytes")
        return as_picture(png, said, config)

    def close(self) -> None:
        """Away with the page, and with all that it stored."""
        pipe = self.chromium.pipe
        if self.context:
            pipe.call("Target.disposeBrowserContext", browserContextId=self.context)
        else:
            pipe.call("Target.closeTarget", targetId=self.target)


def open_page(chromium: Chromium, width: int, height: int, scale: float) -> Page:
    """A page in a fresh context, all its requests stopped; `scale` device pixels per CSS pixel."""
    pipe = chromium.pipe
    context = pipe.call("Target.createBrowserContext")["browserContextId"]
    made = pipe.call("Target.createTarget", url="about:blank", browserContextId=context)
    target = made["targetId"]
    session = pipe.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    screen = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}
    calm = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    asked = [
        pipe.send("Fetch.enable", session, patterns=[{"urlPattern": "*"}]),
        # Windows that a page opens wait for ever, and go away with the context.
        pipe.send("Target.setAutoAttach", session, **_WINDOWS),
        pipe.send("Emulation.setDeviceMetricsOverride", session, **screen),
        pipe.send("Emulation.setEmulatedMedia", session, features=calm),
        pipe.send("Page.enable", session),
    ]
    # A page that navigates before it has heard all this loses its events.
    pipe.answer(asked[-1])
    return Page(chromium, session, target, target, context)


def box_problem(box: Box, config: RenderConfig) -> Reject | None:
    """Why a part of a page is not drawn, or None."""
    width, height = box.width * config.scale, box.height * config.scale
    if not (width >= 1 and height >= 1):
        return Reject("render_failed", "the page shows nothing")
    if max(width, height) > config.max_side:
        return Reject("render_too_large", too_large(width, height, config))
    return None


def _said(details: dict[str, Any]) -> str:
    thrown = details.get("exception", {})
    words = thrown.get("description") or thrown.get("value") or details.get("text", "")
    return words if isinstance(words, str) else json.dumps(words)
