"""Sources that no one here wrote, from the galleries of Vega-Lite, Mermaid and Plotly."""

import html
import json
import re
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from pipelines.services.rendering.renderer import RenderConfig, RenderedPicture
from pipelines.services.rendering.tools import open_renderer
from schemas.judgment import Reject

pytestmark = pytest.mark.slow


def coloured(picture: RenderedPicture | Reject) -> bool:
    """Whether a picture has more than a few colours; a blank one has one."""
    assert isinstance(picture, RenderedPicture), picture
    image = Image.open(BytesIO(picture.png)).convert("RGB")
    assert image.size == (picture.width, picture.height)
    return image.getcolors(8) is None


def mermaid_sources(folder: Path) -> Iterator[tuple[str, str]]:
    """Every diagram of the documentation and of the demonstration pages, with its place."""
    pages = sorted(folder.glob("*.md"))
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for number, found in enumerate(re.findall(r"```mermaid\n(.*?)```", text, re.DOTALL)):
            yield f"{page.name} {number}", found
    for page in sorted(folder.glob("demos/*.html")):
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r'<pre class="mermaid"[^>]*>(.*?)</pre\s*>', text, re.DOTALL)
        for number, found in enumerate(blocks):
            yield f"{page.name} {number}", html.unescape(found)


def test_mermaid(test_data: Path, chromium: str, model_folder: Callable[[str], Path]) -> None:
    model_folder("mermaid")
    sources = dict(mermaid_sources(test_data / "charts" / "mermaid"))
    assert len(sources) > 200
    renderer = open_renderer("mermaid", RenderConfig())
    drawn = {place: renderer.render(source) for place, source in sources.items()}
    renderer.close()
    refused = {place: one for place, one in drawn.items() if isinstance(one, Reject)}
    # One block of this page has an end tag that only a browser reads as one.
    assert set(refused) <= {"er.html 2"}, refused
    assert all(coloured(one) for place, one in drawn.items() if place not in refused)


def test_vega_lite(test_data: Path) -> None:
    folder = test_data / "charts" / "vega-lite"
    files = {path.name: path.read_bytes() for path in (folder / "data").iterdir()}
    renderer = open_renderer("vega-lite", RenderConfig())
    specs = sorted(folder.glob("*.vl.json"))
    assert len(specs) > 20
    drawn = 0
    for path in specs:
        source = path.read_text(encoding="utf-8")
        urls = re.findall(r'"url":\s*"data/([^"]+)"', source)
        outcome = renderer.render(source, files)
        if set(urls) <= set(files):
            assert coloured(outcome), path.name
            drawn += 1
        else:  # the gallery's page names data that do not lie beside it
            assert isinstance(outcome, Reject)
            assert outcome.detail.startswith("data.url ")
    renderer.close()
    assert drawn > 15


def test_plotly(test_data: Path, chromium: str) -> None:
    source = (test_data / "charts" / "plotly" / "basic_bar.json").read_text(encoding="utf-8")
    renderer = open_renderer("plotly", RenderConfig())
    picture = renderer.render(source)
    renderer.close()
    assert coloured(picture)
    assert json.loads(source)["data"][0]["type"] == "bar"
    assert isinstance(picture, RenderedPicture)
    assert (picture.width, picture.height) == (700, 500)
