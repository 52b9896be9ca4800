"""Mermaid and Plotly in their kept pages: pictures, the tools' words, and hostile sources."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.services.rendering.mermaid import Mermaid
from pipelines.services.rendering.plotly_figure import PlotlyFigure, read_figure
from pipelines.services.rendering.renderer import RenderConfig, RenderedPicture, Renderer
from pipelines.services.rendering.tools import TOOLS
from pipelines.services.sandbox.limits import SandboxLimits
from schemas.errors import MissingPart
from schemas.judgment import Reject

CONFIG = RenderConfig(limits=SandboxLimits(wall_s=15.0))
PIE = 'pie title Pets\n "Dogs" : 386\n "Cats" : 85'
BAR = json.dumps({"data": [{"type": "bar", "x": ["a", "b"], "y": [1, 2]}]})


@pytest.fixture(scope="module")
def mermaid(chromium: str, model_folder: Callable[[str], Path]) -> Iterator[Renderer]:
    model_folder("mermaid")
    opened = Mermaid(CONFIG)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def plotly(chromium: str) -> Iterator[Renderer]:
    opened = PlotlyFigure(CONFIG)
    yield opened
    opened.close()


def failed(outcome: RenderedPicture | Reject) -> str:
    assert isinstance(outcome, Reject), outcome
    assert outcome.reason == "render_failed"
    assert len(outcome.detail) <= 1500
    return outcome.detail


def test_each_tool_has_a_line() -> None:
    assert {"html", "mermaid", "plotly", "vega-lite"} <= set(TOOLS)


def test_a_missing_script_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIXMO_CACHE", str(tmp_path))
    with pytest.raises(MissingPart, match="pixmo models fetch mermaid"):
        Mermaid(CONFIG)


def test_a_missing_browser_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXMO_CHROMIUM", "/nowhere/chromium")
    with pytest.raises(MissingPart, match="PIXMO_CHROMIUM"):
        TOOLS["html"](RenderConfig(max_side=77))
    monkeypatch.delenv("PIXMO_CHROMIUM")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingPart, match="apt-get install chromium"):
        TOOLS["html"](RenderConfig(max_side=77))


@pytest.mark.slow
def test_mermaid_draws_the_same_whatever_came_before(mermaid: Renderer) -> None:
    commits = "gitGraph\n commit\n commit\n branch b\n commit"
    first, pie = mermaid.render(commits), mermaid.render(PIE)
    assert isinstance(first, RenderedPicture)
    failed(mermaid.render("flowchart TD\n A[[ --> \n x"))
    mermaid.render("%%{init: {'theme': 'dark', 'fontSize': 40}}%%\n" + PIE)
    assert mermaid.render(commits) == first
    assert mermaid.render(PIE) == pie
    assert mermaid.render(f"\n\n    {PIE}\n") == pie


@pytest.mark.slow
def test_mermaid_says_where_the_fault_is(mermaid: Renderer) -> None:
    assert "Parse error on line" in failed(mermaid.render("flowchart TD\n A[[ --> \n x"))
    failed(mermaid.render("what is this"))
    failed(mermaid.render(""))
    assert "50000 characters" in failed(mermaid.render("pie" + " " * 200_000))


@pytest.mark.slow
@pytest.mark.parametrize(
    "source",
    [
        "flowchart TD\n A[\"<img src=x onerror='window.hit = 1'>\"] --> B",
        'flowchart TD\n A["<script>window.hit = 1</script>"] --> B',
        'flowchart TD\n A --> B\n click A href "javascript:window.hit = 1"',
        "%%{init: {'securityLevel': 'loose', 'htmlLabels': true}}%%\nflowchart TD\n"
        " A[\"<iframe srcdoc='<script>parent.hit = 1</script>'></iframe>\"] --> B",
        "%%{init: {'themeCSS': '@import url(file:///etc/passwd); * {display: none}'}}%%\n" + PIE,
        "%%{init: {'__proto__': {'hit': 1}}}%%\n" + PIE,
    ],
)
def test_mermaid_source_stays_data(mermaid: Renderer, source: str) -> None:
    """What a source smuggles in does not run, and the next picture is as before."""
    before = mermaid.render(PIE)
    assert isinstance(mermaid.render(source), RenderedPicture | Reject)
    assert mermaid.render(PIE) == before
    browser = mermaid._page._browser  # type: ignore[attr-defined]
    seen = browser.draw(
        lambda chromium: Reject(str(chromium.kept["mermaid"].run("String(window.hit)")))
    )
    assert seen == Reject("undefined")


@pytest.mark.slow
def test_plotly_draws_json_and_code(plotly: Renderer) -> None:
    first = plotly.render(BAR)
    assert isinstance(first, RenderedPicture)
    assert (first.width, first.height) == (700, 500)
    code = (
        "import plotly.graph_objects as go\n"
        "fig = go.Figure(go.Bar(x=['a', 'b'], y=[1, 2]))\n"
        "fig.update_layout(width=400, height=300)\nfig.show()\n"
    )
    made = plotly.render(code)
    assert isinstance(made, RenderedPicture), made
    assert (made.width, made.height) == (400, 300)
    assert plotly.render(BAR) == first


@pytest.mark.slow
def test_plotly_draws_in_three_dimensions(plotly: Renderer) -> None:
    source = {"data": [{"type": "surface", "z": [[1, 2, 3], [2, 3, 1], [3, 1, 2]]}]}
    picture = plotly.render(json.dumps(source))
    assert isinstance(picture, RenderedPicture), picture
    assert len(picture.png) > 10_000


@pytest.mark.slow
def test_plotly_says_what_is_wrong(plotly: Renderer) -> None:
    detail = failed(plotly.render("import plotly\nfig = nonsense\n"))
    assert "NameError: name 'nonsense' is not defined" in detail
    assert "line 2" in detail
    assert "/scratch" not in detail
    assert "makes no plotly figure" in failed(plotly.render("x = 1"))
    assert "topojson" in failed(plotly.render('{"data": [{"type": "choropleth"}]}'))


@pytest.mark.slow
def test_plotly_code_that_hangs_is_ended(chromium: str) -> None:
    renderer = PlotlyFigure(RenderConfig(limits=SandboxLimits(wall_s=2.0, cpu_s=2.0)))
    began = time.monotonic()
    outcome = renderer.render("while True: pass")
    renderer.close()
    assert time.monotonic() - began < 20
    assert isinstance(outcome, Reject)
    assert outcome.reason == "render_timeout"


@pytest.mark.parametrize("source", ['{"data": [', "[]", '{"data": 3}', '{"a": 1}', "{" * 100_000])
def test_a_figure_that_is_none(source: str) -> None:
    outcome = read_figure(source)
    assert isinstance(outcome, Reject)


def test_a_figure_has_a_size() -> None:
    figure = read_figure('{"data": [], "layout": {"width": "wide", "height": 300}}')
    assert figure == {"data": [], "layout": {"width": 700, "height": 300}}


@pytest.mark.slow
@pytest.mark.parametrize("size", [1e5, 1e308, -5, 0])
def test_a_figure_of_an_impossible_size(plotly: Renderer, size: float) -> None:
    outcome = plotly.render(json.dumps({"data": [], "layout": {"width": size}}))
    assert isinstance(outcome, Reject)
    assert outcome.reason in ("render_too_large", "render_failed")
