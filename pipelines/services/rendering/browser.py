"""A warm Chromium inside the sandbox: pages are drawn in it one after another, each within a limit.

What goes wrong in a page ends as a Reject and costs the whole browser, because a page that runs for
ever cannot be trusted to stop; the next picture starts a new one. After some hundred pictures it is
replaced anyway. It ends with this process.
"""

import dataclasses
import math
import threading
from collections.abc import Callable, Mapping
from typing import Any

from pipelines.services.rendering.cdp import BrowserGone, CdpError, CdpPipe, OutOfTime
from pipelines.services.rendering.chromium import SWITCHES, chromium_runtime, find_chromium
from pipelines.services.rendering.page_source import PageSource
from pipelines.services.rendering.renderer import RenderConfig, RenderedPicture
from pipelines.services.sandbox.long_lived import SandboxedProcess, open_in_sandbox
from pipelines.services.sandbox.problem import require_sandbox
from schemas.errors import MissingPart
from schemas.judgment import Reject

PICTURES_PER_BROWSER = 200
START_S = 30.0
# Threads count as processes, and Chromium starts with about a hundred.
_THREADS = 512


class Chromium:
    """One running browser: its pipe, what its pages may load, and the pages that are kept."""

    def __init__(self, process: SandboxedProcess) -> None:
        self.process = process
        self.pipe = CdpPipe(process.to, process.out)
        self.source = PageSource()
        self.kept: dict[str, Any] = {}
        self.pipe.handlers.update(
            {
                "Fetch.requestPaused": self.source.serve,
                "Page.javascriptDialogOpening": _dismiss,
                "Inspector.targetCrashed": _crashed,
            }
        )
        self.pipe.begin(START_S)
        version = self.pipe.call("Browser.getVersion")
        self.version = str(version.get("product", "")).replace("HeadlessChrome", "Chrome")
        self.pipe.call("Browser.setDownloadBehavior", behavior="deny")


Work = Callable[[Chromium], RenderedPicture | Reject]


class Browser:
    """Draws with one Chromium at a time; safe to share between renderers and threads."""

    def __init__(self, config: RenderConfig) -> None:
        self.config = config
        self._program = find_chromium()
        if not config.run_untrusted_code_without_sandbox:
            require_sandbox()
        self._lock = threading.Lock()
        self._running: Chromium | None = None
        self._drawn = 0

    def version(self) -> str:
        """The browser's product and version, e.g. `Chrome/156.0.8078.108`."""
        with self._lock:
            return self._warm().version

    def draw(self, work: Work) -> RenderedPicture | Reject:
        """Do a piece of work with the browser within the wall clock limit of the config."""
        with self._lock:
            chromium = self._warm()
            chromium.pipe.begin(self.config.limits.wall_s)
            outcome = self._attempt(work, chromium)
            self._drawn += 1
            if self._drawn >= PICTURES_PER_BROWSER:
                self._end()
            return outcome

    def _attempt(self, work: Work, chromium: Chromium) -> RenderedPicture | Reject:
        """The work's outcome; whatever stops it half-way costs the browser."""
        whole = False
        try:
            outcome = work(chromium)
            whole = True
        except OutOfTime:
            seconds = self.config.limits.wall_s
            return Reject("render_timeout", f"not drawn within {seconds:g} s")
        except BrowserGone as error:
            return self._lost(chromium, str(error))
        except CdpError as error:
            return Reject("render_failed", f"the browser: {error}")
        finally:
            if not whole:
                self._end()
        return outcome

    def end(self) -> None:
        """End the browser; the next picture would start another."""
        with self._lock:
            self._end()

    def _lost(self, chromium: Chromium, said: str) -> Reject:
        if chromium.process.over_memory() or said == _OUT_OF_MEMORY:
            return Reject("render_memory", "the page needed more memory than it may use")
        return Reject("render_failed", said)

    def _warm(self) -> Chromium:
        if self._running is None or self._running.process.poll() is not None:
            self._end()
            self._running = self._start()
        return self._running

    def _start(self) -> Chromium:
        limits = self.config.limits
        process = open_in_sandbox(
            [str(self._program), *SWITCHES, "about:blank"],
            [chromium_runtime(self._program)],
            dataclasses.replace(limits, cpu_s=math.inf, processes=max(limits.processes, _THREADS)),
            pipes=(3, 4),
            sandboxed=not self.config.run_untrusted_code_without_sandbox,
        )
        try:
            return Chromium(process)
        except (OutOfTime, BrowserGone, CdpError) as error:
            process.kill()
            last = " ".join(process.log().split())[-300:]
            raise MissingPart(f"{self._program} does not start in the sandbox: {last}") from error

    def _end(self) -> None:
        if self._running is not None:
            self._running.process.kill()
        self._running, self._drawn = None, 0


_OUT_OF_MEMORY = "the page used up its memory and crashed"


def _dismiss(pipe: CdpPipe, session: str, _event: Mapping[str, Any]) -> None:
    pipe.send("Page.handleJavaScriptDialog", session, accept=False)


def _crashed(_pipe: CdpPipe, _session: str, _event: Mapping[str, Any]) -> None:
    raise BrowserGone(_OUT_OF_MEMORY)
