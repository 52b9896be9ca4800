"""Warm renderers for an event loop: each in a thread of its own, opened when it is first needed.

The choice worth knowing: a renderer is opened, used and ended in one and the same thread, since
what drives a browser may belong to the thread that started it. The loop only ever waits, and turns
are waited for in those threads, so a pool serves any loop.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType

from pipelines.services.rendering.renderer import RenderConfig, RenderedPicture, Renderer
from schemas.judgment import Reject

Open = Callable[[str, RenderConfig], Renderer]
Drawn = tuple[RenderedPicture | Reject, str]


class _Lane:
    """One renderer and its thread; `waiting` counts what is submitted and not yet done."""

    def __init__(self, tool: str, config: RenderConfig, open_: Open) -> None:
        self._thread = ThreadPoolExecutor(1, f"render-{tool}")
        self.ready: Future[Renderer] = self._thread.submit(open_, tool, config)
        self.waiting = 0

    def submit(
        self, turn: threading.Semaphore, source: str, files: Mapping[str, bytes]
    ) -> "Future[Drawn]":
        """Draw in the lane's thread when it is its turn; the version of what drew comes with it."""

        def draw() -> Drawn:
            renderer = self.ready.result()
            with turn:
                return renderer.render(source, files), renderer.version()

        return self._thread.submit(draw)

    def close(self) -> None:
        """End the renderer in its own thread, then the thread; a failed one has nothing to end."""
        if not self.ready.exception():
            self._thread.submit(self.ready.result().close)
        self._thread.shutdown()


class RenderPool:
    """At most `lanes` renderers of each tool, and `at_once` renderings at a time over all tools."""

    def __init__(self, config: RenderConfig, open_: Open, lanes: int, at_once: int) -> None:
        self._config = config
        self._open = open_
        self._most = max(1, lanes)
        self._turn = threading.BoundedSemaphore(max(1, at_once))
        self._lock = threading.Lock()
        self._lanes: dict[str, list[_Lane]] = {}

    def start(self, tools: Iterable[str]) -> None:
        """Open one renderer of each tool; MissingPart when a part of one is not there."""
        lanes = [self._lane(tool) for tool in tools]
        wait([lane.ready for lane in lanes])
        for lane in lanes:
            lane.ready.result()
            self._done(lane)

    async def render(self, tool: str, source: str, files: Mapping[str, bytes]) -> Drawn:
        """The picture, or why there is none, and the version of the tool; MissingPart as start."""
        lane = self._lane(tool)
        try:
            return await asyncio.wrap_future(lane.submit(self._turn, source, files))
        finally:
            self._done(lane)

    def _lane(self, tool: str) -> _Lane:
        """The lane of a tool with the least to do; another one while all have and may be more."""
        with self._lock:
            lanes = self._lanes.setdefault(tool, [])
            lane = min(lanes, key=lambda each: each.waiting, default=None)
            if lane is None or (lane.waiting and len(lanes) < self._most):
                lane = _Lane(tool, self._config, self._open)
                lanes.append(lane)
            lane.waiting += 1
            return lane

    def _done(self, lane: _Lane) -> None:
        with self._lock:
            lane.waiting -= 1

    def __enter__(self) -> "RenderPool":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all renderers."""
        for lane in [lane for lanes in self._lanes.values() for lane in lanes]:
            lane.close()
        self._lanes.clear()
