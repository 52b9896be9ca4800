"""Warm renderers: opened, used and ended in their own threads, bounded, never blocking the loop."""

import asyncio
import threading
import time

import pytest

from pipelines.services.render_pool import RenderPool
from pipelines.services.rendering.renderer import RenderConfig, RenderedPicture
from schemas.errors import MissingPart
from schemas.judgment import Reject
from tests.toy_documents import ToyRenderer

CONFIG = RenderConfig()


class Opener:
    """Opens toys and remembers them; counts how many draw at a time."""

    def __init__(self, pause_s: float = 0.0) -> None:
        self.made: list[ToyRenderer] = []
        self.pause_s = pause_s
        self.most = self._now = 0
        self._lock = threading.Lock()

    def __call__(self, tool: str, config: RenderConfig) -> ToyRenderer:
        toy = ToyRenderer(config, tool, self.pause_s)
        draw = toy.render

        def counted(*given: object) -> RenderedPicture | Reject:
            with self._lock:
                self._now += 1
                self.most = max(self.most, self._now)
            try:
                return draw(*given)  # type: ignore[arg-type]
            finally:
                with self._lock:
                    self._now -= 1

        toy.render = counted  # type: ignore[method-assign,assignment]
        self.made.append(toy)
        return toy


async def draw_all(pool: RenderPool, tools: list[str]) -> list[RenderedPicture | Reject]:
    drawn = await asyncio.gather(*[pool.render(tool, f"source {tool}", {}) for tool in tools])
    return [picture for picture, _ in drawn]


def test_pictures_come_with_the_version_of_what_drew_them() -> None:
    opener = Opener()
    with RenderPool(CONFIG, opener, 1, 1) as pool:
        pool.start(["html"])
        picture, version = asyncio.run(pool.render("html", "a page", {"data.csv": b"1"}))
    assert isinstance(picture, RenderedPicture)
    assert version == "toy html 1"
    assert opener.made[0].seen == [("a page", {"data.csv": b"1"})]
    assert opener.made[0].closed == 1


def test_no_more_renderers_and_renderings_than_allowed() -> None:
    opener = Opener(0.02)
    with RenderPool(CONFIG, opener, 2, 3) as pool:
        found = asyncio.run(draw_all(pool, ["html", "latex", "mermaid"] * 4))
    assert len(found) == 12
    assert opener.most == 3
    assert sorted(one.tool for one in opener.made) == ["html"] * 2 + ["latex"] * 2 + ["mermaid"] * 2
    assert all(one.closed == 1 for one in opener.made)


def test_a_second_renderer_is_opened_only_while_the_first_is_busy() -> None:
    opener = Opener()
    with RenderPool(CONFIG, opener, 4, 4) as pool:
        for _ in range(5):
            asyncio.run(draw_all(pool, ["html"]))
    assert len(opener.made) == 1, "one loop after the other is served by the same renderer"


def test_the_loop_is_never_blocked() -> None:
    opener = Opener(0.3)

    async def beat() -> float:
        """The longest pause between two beats while something is drawn."""
        work = asyncio.create_task(draw_all(pool, ["html"]))
        longest, last = 0.0, time.monotonic()
        while not work.done():
            await asyncio.sleep(0.005)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        return longest

    with RenderPool(CONFIG, opener, 1, 1) as pool:
        pool.start(["html"])
        assert asyncio.run(beat()) < 0.25


def test_a_missing_part_is_raised_at_the_start_and_the_others_are_ended() -> None:
    opener = Opener()

    def open_(tool: str, config: RenderConfig) -> ToyRenderer:
        if tool == "latex":
            raise MissingPart("no latex")
        return opener(tool, config)

    with RenderPool(CONFIG, open_, 1, 1) as pool, pytest.raises(MissingPart, match="no latex"):
        pool.start(["html", "latex"])
    assert [one.closed for one in opener.made] == [1]


def test_a_crash_of_a_renderer_is_a_crash() -> None:
    def open_(tool: str, config: RenderConfig) -> ToyRenderer:
        toy = ToyRenderer(config, tool)
        toy.seen = None  # type: ignore[assignment]
        return toy

    with RenderPool(CONFIG, open_, 1, 1) as pool, pytest.raises(AttributeError):
        asyncio.run(pool.render("html", "x", {}))
