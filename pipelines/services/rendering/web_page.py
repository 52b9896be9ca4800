"""HTML: a whole page, cropped to what it shows.

A document without scripts is drawn in a page that is kept, where no script can run and so no state
survives; one that wants scripts gets a browser context of its own, which is thrown away.
"""

import re
from collections.abc import Mapping

from pipelines.services.rendering.browser import Browser, Chromium
from pipelines.services.rendering.page import Box, Page, PageError, open_page
from pipelines.services.rendering.page_source import NO_SCRIPTS
from pipelines.services.rendering.renderer import RenderConfig, RenderedPicture
from pipelines.services.rendering.shared_browser import borrow_browser, give_back_browser
from schemas.judgment import Reject

WIDTH, HEIGHT = 1024, 768
_KEPT = "html"
# Anything that may be a script; what this misses is stopped by the policy of the kept page.
_SCRIPTED = re.compile(rb"<script|javascript:|\bon[a-z]+\s*=|srcdoc", re.IGNORECASE)

# The smallest box round all that is seen and a margin, in CSS pixels.
_CONTENT = """
(() => {
  const box = [Infinity, Infinity, -Infinity, -Infinity], margin = 16;
  const take = (r) => {
    if (r.width <= 0 || r.height <= 0) return;
    box[0] = Math.min(box[0], r.left); box[1] = Math.min(box[1], r.top);
    box[2] = Math.max(box[2], r.right); box[3] = Math.max(box[3], r.bottom);
  };
  const solid = /^(img|svg|canvas|video|input|button|select|textarea|hr|iframe|meter|progress)$/i;
  const sides = ['Top', 'Right', 'Bottom', 'Left'];
  const seen = (style) => style.backgroundImage !== 'none' || style.boxShadow !== 'none'
    || !/^rgba\\(.*, 0\\)$|transparent/.test(style.backgroundColor)
    || sides.some((side) => parseFloat(style[`border${side}Width`]) > 0);
  const walk = document.createTreeWalker(document.body || document.documentElement, 5);
  const range = document.createRange();
  for (let node = walk.nextNode(), n = 0; node && n < 200000; node = walk.nextNode(), n++) {
    if (node.nodeType === 3) {
      if (node.data.trim() === '') continue;
      range.selectNodeContents(node);
      for (const rect of range.getClientRects()) take(rect);
    } else if (solid.test(node.localName) || seen(getComputedStyle(node))) {
      take(node.getBoundingClientRect());
    }
  }
  const x = window.scrollX, y = window.scrollY;
  const left = Math.max(0, Math.floor(box[0] + x - margin));
  const top = Math.max(0, Math.floor(box[1] + y - margin));
  return [left, top, Math.ceil(box[2] + x + margin) - left, Math.ceil(box[3] + y + margin) - top];
})()
"""


class WebPage:
    """The renderer of HTML; see `Renderer`."""

    tool = "html"

    def __init__(self, config: RenderConfig) -> None:
        self._config = config
        self._browser: Browser = borrow_browser(config)
        self._closed = False

    def version(self) -> str:
        """The browser's product and version."""
        return self._browser.version()

    def render(
        self, source: str, files: Mapping[str, bytes] | None = None
    ) -> RenderedPicture | Reject:
        """The page as a picture; scripts run, the network does not exist."""
        document = source.encode("utf-8", errors="replace")
        return self._browser.draw(lambda chromium: self._draw(chromium, document, files or {}))

    def close(self) -> None:
        """Give the browser back; the last renderer that does ends it."""
        if not self._closed:
            self._closed = True
            give_back_browser(self._browser)

    def _draw(
        self, chromium: Chromium, document: bytes, files: Mapping[str, bytes]
    ) -> RenderedPicture | Reject:
        chromium.source.files = files
        if not _SCRIPTED.search(document):
            if _KEPT not in chromium.kept:
                chromium.kept[_KEPT] = self._open(chromium)
            return self._shoot(chromium.kept[_KEPT], document, NO_SCRIPTS)
        page = self._open(chromium)
        outcome = self._shoot(page, document, "")
        page.close()
        return outcome

    def _open(self, chromium: Chromium) -> Page:
        return open_page(chromium, WIDTH, HEIGHT, self._config.scale)

    def _shoot(self, page: Page, document: bytes, policy: str) -> RenderedPicture | Reject:
        page.load(document, policy)
        try:
            sides = page.measure(_CONTENT)
        except PageError as error:
            return Reject("render_failed", f"the page cannot be measured: {error}"[:300])
        if not isinstance(sides, list) or len(sides) != 4 or None in sides:
            return Reject("render_failed", "the page shows nothing")
        return page.capture(Box(*map(float, sides)), self._config)
