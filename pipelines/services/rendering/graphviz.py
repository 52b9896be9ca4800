"""Graphviz: DOT text to a picture, by `dot`, which takes the layout that the source names.

The size of a graph is known only after its layout, so graphs that name no size of their own are
scaled to one pixel over the limit: too large is then seen before the picture takes memory.
"""

import functools
import re
import subprocess
from collections.abc import Mapping

from pipelines.services.rendering.one_shot import (
    Tool,
    as_picture,
    first_png,
    require_tool,
    run_tool,
)
from pipelines.services.rendering.renderer import RenderConfig, RenderedPicture
from pipelines.services.sandbox.runtimes import Runtime
from pipelines.services.sandbox.single_run import STDOUT
from schemas.judgment import Reject

_SOURCE = "source.gv"
_DPI = 96.0
# A setting on the command line would go before the graph's own.
_OWN_SIZE = re.compile(r"\bsize\b")
# With SERVER_NAME set, Graphviz reads pictures from this one folder only.
_RUNTIME = Runtime(environment=(("SERVER_NAME", "sandbox"), ("GV_FILE_PATH", ".")))


class GraphvizRenderer:
    """Renders DOT; one process per picture."""

    tool = "graphviz"

    def __init__(self, config: RenderConfig) -> None:
        require_tool("dot", "graphviz", config)
        self._config = config

    def version(self) -> str:
        """For example `graphviz 2.43.0`."""
        return _version()

    def render(
        self, source: str, files: Mapping[str, bytes] | None = None
    ) -> RenderedPicture | Reject:
        """The first graph of the source, at 96 dots per inch times `scale`."""
        dpi = _DPI * self._config.scale
        command = ["dot", "-Tpng", f"-Gdpi={dpi:g}", _SOURCE]
        if not _OWN_SIZE.search(source):
            side = (self._config.max_side + 1) / dpi
            command.insert(2, f"-Gsize={side:.4f},{side:.4f}")
        given = {**(files or {}), _SOURCE: source.encode(errors="replace")}
        done = run_tool(Tool(command, given, (_RUNTIME,), output=STDOUT), self._config)
        if isinstance(done, Reject):
            return _explained(done)
        return as_picture(first_png(done.output), done.log, self._config)

    def close(self) -> None:
        """Nothing runs between two pictures."""


def _explained(reject: Reject) -> Reject:
    if "cairo surface" in reject.detail or "too large" in reject.detail:
        return Reject("render_too_large", reject.detail)
    return reject


@functools.cache
def _version() -> str:
    done = subprocess.run(["dot", "-V"], capture_output=True, text=True, check=True, timeout=60)
    found = re.search(r"version ([0-9.]+)", done.stderr)
    return f"graphviz {found[1] if found else 'unknown'}"
