"""What renderers share that start one sandboxed process per picture: outcomes, tools' words."""

import re
import shutil
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pipelines.services.rendering.png_size import png_size
from pipelines.services.rendering.renderer import RenderConfig, RenderedPicture
from pipelines.services.sandbox.limits import SandboxLimits
from pipelines.services.sandbox.problem import require_sandbox
from pipelines.services.sandbox.runtimes import Runtime
from pipelines.services.sandbox.single_run import SandboxDone, run_in_sandbox
from schemas.errors import MissingPart
from schemas.judgment import Reject

OUTPUT = "pixmo-picture.png"
# Exit statuses by which our own scripts inside say what went wrong.
TOO_LARGE_STATUS = 90
MEMORY_STATUS = 91
_MOST_LINES = 15
_MOST_CHARACTERS = 1500
_FOLDERS = re.compile(r"(?<![\w:/])/(?:[\w.+~-]+/)+(?=[\w.+~-])")


@dataclass(frozen=True)
class Tool:
    """One run of a tool: its command, the files beside it, the runtimes that it sees.

    `words` picks what to tell of a log of failure (None: its end); `output` may be `STDOUT`;
    `limits` stand in for the config's.
    """

    command: Sequence[str]
    files: Mapping[str, bytes]
    runtimes: tuple[Runtime, ...] = ()
    words: Callable[[str], str] | None = None
    output: str = OUTPUT
    limits: SandboxLimits | None = None


def run_tool(tool: Tool, config: RenderConfig) -> SandboxDone | Reject:
    """Run it with the config's limits; a Reject for whatever gave no file.

    `render_failed` has the tool's last words, without folders of this machine.
    """
    sandboxed = not config.run_untrusted_code_without_sandbox
    limits = tool.limits or config.limits
    done = run_in_sandbox(tool.command, tool.files, tool.output, tool.runtimes, limits, sandboxed)
    if isinstance(done, Reject):
        return done
    if done.status == TOO_LARGE_STATUS:
        return Reject("render_too_large", last_words(done.log, 1))
    if done.status == MEMORY_STATUS:
        return Reject("render_memory", last_words(done.log, 1))
    if done.status != 0:
        words = (tool.words or last_words)(done.log)
        return Reject("render_failed", words or f"exit status {done.status}")
    if not done.output:
        return Reject("render_failed", last_words(done.log) or "it wrote no picture")
    return done


def as_picture(png: bytes, said: str, config: RenderConfig) -> RenderedPicture | Reject:
    """The picture, unless it is none or has a side over `max_side` pixels."""
    try:
        width, height = png_size(png)
    except ValueError as error:
        return Reject("render_failed", str(error))
    if not 0 < width <= config.max_side or not 0 < height <= config.max_side:
        return Reject("render_too_large", too_large(width, height, config))
    return RenderedPicture(png, width, height, last_words(said))


def too_large(width: float, height: float, config: RenderConfig) -> str:
    """The words for a picture that is over the limit."""
    return f"{width:.0f}x{height:.0f} pixels, more than {config.max_side} on a side"


def last_words(log: str, most: int = _MOST_LINES) -> str:
    """The end of what a tool said, with file names in place of paths."""
    lines = [line.rstrip() for line in log.splitlines() if line.strip()]
    return _FOLDERS.sub("", "\n".join(lines[-most:]))[-_MOST_CHARACTERS:]


def first_png(data: bytes) -> bytes:
    """The first of PNG files that lie one after the other, b"" when it is not whole."""
    at = 8
    while at + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        at += 12 + length
        if kind == b"IEND":
            return data[:at] if at <= len(data) else b""
    return b""


def require_tool(program: str, package: str, config: RenderConfig) -> None:
    """MissingPart when a program is not installed, or the sandbox is wanted and cannot be had."""
    if shutil.which(program) is None:
        raise MissingPart(f"{program} is not installed: apt-get install {package}")
    if not config.run_untrusted_code_without_sandbox:
        require_sandbox()
