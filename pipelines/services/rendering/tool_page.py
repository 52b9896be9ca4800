"""A kept page in which one JavaScript tool draws source after source.

The source is data for the tool: the page's policy lets no script of a source run, whatever the tool
makes of it. Randomness starts anew for every picture and the page is emptied, so that a source
gives the same picture whatever was drawn before.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from pipelines.services.rendering.browser import Browser, Chromium
from pipelines.services.rendering.page import Box, Page, PageError, open_page
from pipelines.services.rendering.page_source import NO_SCRIPTS
from pipelines.services.rendering.renderer import RenderConfig, RenderedPicture
from pipelines.services.rendering.shared_browser import borrow_browser, give_back_browser
from schemas.judgment import Reject

WIDTH, HEIGHT = 1024, 768
SAID_CHARACTERS = 800
_EMPTY = b"<!doctype html><meta charset=utf-8><body style='margin:0;background:white'></body>"
# mulberry32, a small generator of random numbers, in place of one that nobody can seed.
_SEEDED = """
window.pixmoStart = () => {
  let state = 1;
  Math.random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  document.body.replaceChildren();
  window.scrollTo(0, 0);
};
window.pixmoBox = (node) => {
  const box = node.getBoundingClientRect();
  return [box.left + scrollX, box.top + scrollY, box.width, box.height];
};
"""


class ToolPage:
    """One tool's page: `script` gives the bundle, `setting` defines `pixmoDraw(source)`.

    `pixmoDraw` puts the picture on the page and gives its box [x, y, width, height], or throws what
    the tool says of the source.
    """

    def __init__(self, name: str, config: RenderConfig, script: Callable[[], str], setting: str):
        self.config = config
        self._name, self._script, self._setting = name, script, setting
        self._browser: Browser = borrow_browser(config)
        self._closed = False

    def version(self) -> str:
        """The browser's product and version."""
        return self._browser.version()

    def draw(self, source: Any, files: Mapping[str, bytes]) -> RenderedPicture | Reject:
        """The picture of a source that JSON can say, or a Reject with the tool's own words."""
        return self._browser.draw(lambda chromium: self._draw(chromium, source, files))

    def close(self) -> None:
        """Give the browser back; the last one that does ends it."""
        if not self._closed:
            self._closed = True
            give_back_browser(self._browser)

    def _draw(
        self, chromium: Chromium, source: Any, files: Mapping[str, bytes]
    ) -> RenderedPicture | Reject:
        if self._name not in chromium.kept:
            chromium.kept[self._name] = self._open(chromium)
        chromium.source.files = files
        return self._ask(chromium.kept[self._name], json.dumps(source))

    def _ask(self, page: Page, source: str) -> RenderedPicture | Reject:
        try:
            sides = page.run(f"pixmoStart(); pixmoDraw({source})")
        except PageError as error:
            return Reject("render_failed", short(str(error)))
        if not isinstance(sides, list) or len(sides) != 4 or None in sides:
            return Reject("render_failed", "the tool drew nothing")
        return page.capture(Box(*map(float, sides)), self.config)

    def _open(self, chromium: Chromium) -> Page:
        page = open_page(chromium, WIDTH, HEIGHT, self.config.scale)
        page.load(_EMPTY, NO_SCRIPTS)
        for part in (self._script(), _SEEDED, self._setting):
            page.run(f"{part}\n;0")
        return page


def short(said: str) -> str:
    """A tool's words without the trace of calls, at most `SAID_CHARACTERS`."""
    lines = [line.rstrip() for line in said.splitlines()]
    kept = [line for line in lines if line and not line.lstrip().startswith("at ")]
    return "\n".join(kept)[:SAID_CHARACTERS]
