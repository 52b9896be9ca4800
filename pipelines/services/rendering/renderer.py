"""What draws a document: source text in, a picture out, with the limits that hold on the way.

The source was written by a language model, so it is treated as hostile whatever tool runs it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pipelines.services.sandbox.limits import SandboxLimits
from schemas.judgment import Reject


@dataclass(frozen=True)
class RenderedPicture:
    """A PNG file with its sides in pixels, and what the tool said on the way."""

    png: bytes
    width: int
    height: int
    said: str = ""


@dataclass(frozen=True)
class RenderConfig:
    """Limits of one rendering; `max_side` is in pixels, `scale` device pixels per CSS pixel.

    `run_untrusted_code_without_sandbox` does what it says, on the user's own risk.
    """

    limits: SandboxLimits = field(default_factory=SandboxLimits)
    max_side: int = 4096
    scale: float = 1.0
    run_untrusted_code_without_sandbox: bool = False


class Renderer(Protocol):
    """One tool, perhaps with a warm process behind it; `close` ends that."""

    @property
    def tool(self) -> str:
        """The tool's name: matplotlib, plotly, vega-lite, latex, html, mermaid or graphviz."""
        ...

    def version(self) -> str:
        """The version of what draws, for lineage."""
        ...

    def render(
        self, source: str, files: Mapping[str, bytes] | None = None
    ) -> RenderedPicture | Reject:
        """The picture, or a Reject: `render_failed` (the tool's own words), `render_timeout`,
        `render_memory`, `render_too_large`. `files` lie beside the source, by name."""
        ...

    def close(self) -> None:
        """End what runs in the background; safe to call twice."""
        ...
