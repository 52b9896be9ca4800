"""The table of renderers: each tool's name and the function that opens it.

`open_renderer` raises MissingPart, with what to install, when a part of the tool or the sandbox is
not there.
"""

from collections.abc import Callable

from pipelines.services.rendering.graphviz import GraphvizRenderer
from pipelines.services.rendering.latex import LatexRenderer
from pipelines.services.rendering.matplotlib_code import MatplotlibRenderer
from pipelines.services.rendering.mermaid import Mermaid
from pipelines.services.rendering.plotly_figure import PlotlyFigure
from pipelines.services.rendering.renderer import RenderConfig, Renderer
from pipelines.services.rendering.vega_lite import VegaLite
from pipelines.services.rendering.web_page import WebPage
from schemas.errors import UsageError

TOOLS: dict[str, Callable[[RenderConfig], Renderer]] = {
    "mermaid": Mermaid,
    "plotly": PlotlyFigure,
    "vega-lite": VegaLite,
    "html": WebPage,
    "matplotlib": MatplotlibRenderer,
    "graphviz": GraphvizRenderer,
    "latex": LatexRenderer,
}


def open_renderer(tool: str, config: RenderConfig) -> Renderer:
    """A renderer for a tool by name; UsageError for a name that is none."""
    if tool not in TOOLS:
        raise UsageError(f"no renderer is called {tool!r}; there are: {', '.join(TOOLS)}")
    return TOOLS[tool](config)
