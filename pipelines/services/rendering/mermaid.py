"""Mermaid: text in, a diagram out, drawn by the project's own bundle in a warm browser."""

from collections.abc import Mapping
from functools import partial
from textwrap import dedent

from pipelines.services.models import find_model, model_path
from pipelines.services.rendering.renderer import RenderConfig, RenderedPicture
from pipelines.services.rendering.tool_page import ToolPage
from schemas.judgment import Reject

SCRIPT = "mermaid"
MOST_CHARACTERS = 50_000

_DRAW = """
window.pixmoDraw = async (source) => {
  mermaid.initialize({
    startOnLoad: false, securityLevel: 'strict', deterministicIds: true,
    deterministicIDSeed: 'pixmo', suppressErrorRendering: true, logLevel: 5, maxTextSize: 1e9,
  });
  const {svg} = await mermaid.render('pixmo', source);
  const frame = document.createElement('div');
  frame.style.cssText = 'display: inline-block; padding: 8px';
  frame.innerHTML = svg;
  document.body.replaceChildren(frame);
  const drawn = frame.querySelector('svg'), box = drawn.viewBox.baseVal;
  // In a page a diagram takes the width it finds; here it takes the size it was laid out for.
  if (box && box.width > 0) {
    drawn.style.maxWidth = 'none';
    drawn.style.display = 'block';
    drawn.setAttribute('width', box.width);
    drawn.setAttribute('height', box.height);
  }
  return pixmoBox(frame);
};
"""


class Mermaid:
    """The renderer of Mermaid; see `Renderer`. MissingPart when its script was not fetched."""

    tool = "mermaid"

    def __init__(self, config: RenderConfig) -> None:
        path = model_path(SCRIPT)
        self._page = ToolPage(self.tool, config, partial(path.read_text, encoding="utf-8"), _DRAW)

    def version(self) -> str:
        """The bundle's version and the browser's."""
        package = find_model(SCRIPT).npm[0].requirement
        return f"{package}, {self._page.version()}"

    def render(
        self, source: str, files: Mapping[str, bytes] | None = None
    ) -> RenderedPicture | Reject:
        """The diagram as a picture with a little margin; indented text is dedented first."""
        # The tool would draw a picture that says so.
        if len(source) > MOST_CHARACTERS:
            return Reject("render_failed", f"the diagram has over {MOST_CHARACTERS} characters")
        return self._page.draw(dedent(source).strip(), files or {})

    def close(self) -> None:
        """End the browser when nobody else draws with it."""
        self._page.close()
