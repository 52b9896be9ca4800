"""One warm browser per process and configuration, shared by the renderers that draw with it."""

import threading

from pipelines.services.rendering.browser import Browser
from pipelines.services.rendering.renderer import RenderConfig

_lock = threading.Lock()
_lent: dict[RenderConfig, Browser] = {}
_borrowers: dict[RenderConfig, int] = {}


def borrow_browser(config: RenderConfig) -> Browser:
    """The browser for a configuration; give it back once. MissingPart without Chromium."""
    with _lock:
        if config not in _lent:
            _lent[config] = Browser(config)
        _borrowers[config] = _borrowers.get(config, 0) + 1
        return _lent[config]


def give_back_browser(browser: Browser) -> None:
    """End the browser when nobody else has it."""
    with _lock:
        config = browser.config
        _borrowers[config] -= 1
        if not _borrowers[config]:
            del _lent[config], _borrowers[config]
            browser.end()
