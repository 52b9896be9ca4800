"""Vega-Lite: data beside a specification, what is refused, and sources that run for ever."""

import json
import time
from collections.abc import Iterator

import pytest

from pipelines.services.rendering.renderer import RenderConfig, RenderedPicture, Renderer
from pipelines.services.rendering.vega_lite import VegaLite, read_spec
from pipelines.services.sandbox.limits import MIB, SandboxLimits
from schemas.judgment import Reject

BARS = {
    "data": {"url": "data/rows.csv"},
    "mark": "bar",
    "encoding": {
        "x": {"field": "name", "type": "nominal"},
        "y": {"field": "size", "type": "quantitative"},
    },
}
ROWS = {"rows.csv": b"name,size\na,1\nb,3\n"}


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    limits = SandboxLimits(wall_s=5.0, memory=1024 * MIB)
    opened = VegaLite(RenderConfig(limits=limits))
    yield opened
    opened.close()


def test_files_take_the_place_of_urls() -> None:
    spec = read_spec(json.dumps({"layer": [BARS]}), ROWS)
    assert isinstance(spec, dict)
    data = spec["layer"][0]["data"]
    assert data == {"values": "name,size\na,1\nb,3\n", "format": {"type": "csv"}}


def test_a_json_file_keeps_its_format() -> None:
    source = {"data": {"url": "d.json", "format": {"property": "rows"}, "name": "x"}}
    spec = read_spec(json.dumps(source), {"d.json": b'{"rows": []}'})
    assert isinstance(spec, dict)
    assert spec["data"]["values"] == {"rows": []}
    assert spec["data"]["format"] == {"property": "rows", "type": "json"}


@pytest.mark.parametrize(
    "url", ["https://example.org/rows.csv", "file:///etc/passwd", "/etc/passwd", "other.csv", ""]
)
def test_other_urls_are_refused(url: str) -> None:
    outcome = read_spec(json.dumps({**BARS, "data": {"url": url}}), ROWS)
    assert isinstance(outcome, Reject)
    assert outcome.detail.startswith(f"data.url {url!r} is not loaded")


@pytest.mark.parametrize("source", ["", "[]", "{", "null", "{" * 100_000, '{"a":' * 5000])
def test_what_is_no_specification(source: str) -> None:
    outcome = read_spec(source, {})
    assert isinstance(outcome, Reject)
    assert outcome.reason == "render_failed"


@pytest.mark.slow
def test_a_chart_is_drawn_the_same_each_time(renderer: Renderer) -> None:
    first = renderer.render(json.dumps(BARS), ROWS)
    assert isinstance(first, RenderedPicture)
    assert first == renderer.render(json.dumps(BARS), ROWS)


@pytest.mark.slow
def test_the_tool_says_what_is_wrong(renderer: Renderer) -> None:
    bad = {**BARS, "transform": [{"filter": "datum.size >"}]}
    outcome = renderer.render(json.dumps(bad), ROWS)
    assert isinstance(outcome, Reject)
    assert outcome.reason == "render_failed"
    assert "Unexpected end of input" in outcome.detail
    assert "    at " not in outcome.detail


@pytest.mark.slow
def test_a_wide_chart_is_too_large(renderer: Renderer) -> None:
    outcome = renderer.render(json.dumps({**BARS, "width": 100_000}), ROWS)
    assert isinstance(outcome, Reject)
    assert outcome.reason == "render_too_large"


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        {"data": {"sequence": {"start": 0, "stop": 1e9}}},
        {"transform": [{"calculate": "join(sequence(0, 1e9))", "as": "size"}]},
    ],
    ids=["data", "expression"],
)
def test_a_chart_without_end_is_ended(renderer: Renderer, change: dict[str, object]) -> None:
    began = time.monotonic()
    outcome = renderer.render(json.dumps({**BARS, **change}), ROWS)
    assert time.monotonic() - began < 20
    assert isinstance(outcome, Reject)
    assert outcome.reason in ("render_timeout", "render_memory", "render_failed")
    assert isinstance(renderer.render(json.dumps(BARS), ROWS), RenderedPicture)
