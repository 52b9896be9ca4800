"""Plotly: a figure as JSON, or Python code that makes a figure `fig`, drawn by plotly.js.

The code runs in the one-shot Python sandbox and gives the figure's JSON; the drawing is done by the
plotly.min.js of the installed package in a warm browser, which is what the package itself uses.
"""

import importlib.util
import json
from collections.abc import Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipelines.services.rendering.one_shot import OUTPUT, Tool, last_words, run_tool
from pipelines.services.rendering.page import Box, box_problem
from pipelines.services.rendering.renderer import RenderConfig, RenderedPicture
from pipelines.services.rendering.tool_page import ToolPage, short
from pipelines.services.sandbox.runtimes import inside_python, python_runtime
from schemas.errors import MissingPart
from schemas.judgment import Reject

WIDTH, HEIGHT = 700, 500
_CODE, _RUN = "figure_source.py", "run_figure.py"

_DRAW = """
window.pixmoDraw = async (figure) => {
  const layout = figure.layout || {};
  const frame = document.createElement('div');
  frame.style.cssText = `width: ${layout.width}px; height: ${layout.height}px`;
  document.body.replaceChildren(frame);
  if (window.pixmoLast) Plotly.purge(window.pixmoLast);
  window.pixmoLast = frame;
  await Plotly.newPlot(frame, figure.data || [], layout, {staticPlot: true, displayModeBar: false});
  return pixmoBox(frame);
};
"""

# What runs the code, and takes the figure that it calls `fig`, else its last one.
_RUNNER = f"""
import runpy
import plotly.basedatatypes
import plotly.io

plotly.io.show = lambda *a, **k: None
plotly.basedatatypes.BaseFigure.show = lambda *a, **k: None
names = runpy.run_path({_CODE!r}, run_name="__main__")
kind = plotly.basedatatypes.BaseFigure
figures = [value for value in names.values() if isinstance(value, kind)]
figure = names["fig"] if isinstance(names.get("fig"), kind) else (figures or [None])[-1]
if figure is None:
    raise SystemExit("the code makes no plotly figure called fig")
with open({OUTPUT!r}, "w", encoding="utf-8") as stream:
    stream.write(figure.to_json())
"""


class PlotlyFigure:
    """The renderer of Plotly; see `Renderer`. MissingPart without the package `plotly`."""

    tool = "plotly"

    def __init__(self, config: RenderConfig) -> None:
        found = importlib.util.find_spec("plotly")
        if found is None or found.origin is None:
            raise MissingPart("plotly is not installed: pip install 'pixmo[docs]'")
        script = Path(found.origin).parent / "package_data" / "plotly.min.js"
        self._config = config
        read = partial(script.read_text, encoding="utf-8")
        self._page = ToolPage(self.tool, config, read, _DRAW)

    def version(self) -> str:
        """The package's version and the browser's."""
        return f"plotly {version('plotly')}, {self._page.version()}"

    def render(
        self, source: str, files: Mapping[str, bytes] | None = None
    ) -> RenderedPicture | Reject:
        """The figure as a picture of the size its layout asks for, else of 700 x 500 pixels."""
        text = source
        if not source.lstrip().startswith("{"):
            made = self._figure_of(source, files or {})
            if isinstance(made, Reject):
                return made
            text = made
        figure = read_figure(text)
        if isinstance(figure, Reject):
            return figure
        layout = figure["layout"]
        problem = box_problem(Box(0, 0, layout["width"], layout["height"]), self._config)
        return problem or self._page.draw(figure, files or {})

    def close(self) -> None:
        """End the browser when nobody else draws with it."""
        self._page.close()

    def _figure_of(self, code: str, files: Mapping[str, bytes]) -> str | Reject:
        given = {**files, _CODE: code.encode(errors="replace"), _RUN: _RUNNER.encode()}
        runtimes = (python_runtime(),)
        done = run_tool(Tool([inside_python(), _RUN], given, runtimes, _words), self._config)
        return done if isinstance(done, Reject) else done.output.decode(errors="replace")


def read_figure(text: str) -> dict[str, Any] | Reject:
    """A figure from JSON with a width and a height, or why it is none."""
    try:
        figure = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Reject("render_failed", f"the figure is not JSON: {error}"[:300])
    if not isinstance(figure, dict) or not isinstance(figure.get("data"), list):
        return Reject("render_failed", "a figure is an object with a list `data`")
    layout = figure.get("layout")
    layout = dict(layout) if isinstance(layout, dict) else {}
    for side, default in (("width", WIDTH), ("height", HEIGHT)):
        if not isinstance(layout.get(side), int | float) or isinstance(layout[side], bool):
            layout[side] = default
    return {"data": figure["data"], "layout": layout}


def _words(log: str) -> str:
    """The end of a traceback: the line of the code and the error, without the runner's frames."""
    lines = [line for line in log.splitlines() if line.strip()]
    of_code = [at for at, line in enumerate(lines) if _CODE in line]
    return short(last_words("\n".join(lines[of_code[-1] :] if of_code else lines[-3:])))
