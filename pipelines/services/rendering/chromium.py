"""Which Chromium draws, and with which switches: one that is there, never one that is downloaded.

The small `chromium-headless-shell` goes before the whole browser: it opens a fresh context in a
fraction of the time. The setting PIXMO_CHROMIUM names another one.
"""

import os
import shutil
from pathlib import Path

from pipelines.services.sandbox.runtimes import Runtime
from schemas.errors import MissingPart

SETTING = "PIXMO_CHROMIUM"
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
# What Debian's starting scripts run; they need a writable system, the program does not.
_PROGRAMS = Path("/usr/lib/chromium")
_HEAP_MIB = 768

# No sandbox of its own: it lives in ours, where user namespaces are refused. No vertical sync: a
# picture is not kept waiting for a screen that does not exist.
SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--remote-debugging-pipe",
    "--user-data-dir=profile",
    "--disable-gpu",
    "--enable-unsafe-swiftshader",
    "--disable-gpu-vsync",
    "--disable-frame-rate-limit",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-back-forward-cache",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--mute-audio",
    "--no-first-run",
    "--no-default-browser-check",
    "--renderer-process-limit=1",
    "--disable-features=Translate,MediaRouter,OptimizationHints,SpareRendererForSitePerProcess",
    f"--js-flags=--max-old-space-size={_HEAP_MIB}",
)


def find_chromium() -> Path:
    """The program that draws; MissingPart that says how to get one."""
    named = os.environ.get(SETTING)
    if named:
        if not (Path(named).is_file() and os.access(named, os.X_OK)):
            raise MissingPart(f"{SETTING}={named} is no program")
        return _program(Path(named))
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return _program(Path(found))
    raise MissingPart(
        "Chromium is not installed: apt-get install chromium-headless-shell (or chromium); "
        f"{SETTING} names one that lies elsewhere"
    )


def _program(found: Path) -> Path:
    behind = _PROGRAMS / found.name
    return behind if behind.is_file() else found.resolve()


def chromium_runtime(program: Path) -> Runtime:
    """What the program needs inside: processes to look at, its folder where that is not /usr."""
    outside = () if program.is_relative_to("/usr") else ((str(program.parent),) * 2,)
    return Runtime(mounts=outside, proc=True, shared_memory=True, huge_address_space=True)
