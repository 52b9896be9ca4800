"""Renders a second of each renderer, in the sandbox, over calling the tool directly.

Direct is the tool's usual way: a page of one browser kept open and driven by playwright for HTML,
Mermaid and Plotly, vl-convert in this process for Vega-Lite, one subprocess a picture for the
others. Both sides work on one core, on the same sources, in turns, the same browser behind both.

Run: `python -m benchmarks.render [--tools html mermaid] [--rounds 5] [--seconds 3]`; exit status
1 when the median of the ratios of a tool is below the goal.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

from pipelines.services.models import model_path
from pipelines.services.rendering.chromium import find_chromium
from pipelines.services.rendering.renderer import RenderConfig
from pipelines.services.rendering.tools import open_renderer
from schemas.judgment import Reject

GOAL = 0.8
Draw = Callable[[], object]

_ROWS = "".join(f"<tr><td>{n}</td><td>value {n * n}</td></tr>" for n in range(30))
_STEPS = ("Order", "Check", "Pay", "Pack", "Ship", "Deliver", "Return", "Refund", "Close")
_EDGES = "".join(f'{a} -> {b} [label="then {b}"];' for a, b in pairwise(_STEPS))
_GRAPH = f"digraph {{ node [shape=box, style=filled]; {_EDGES} Check -> Close; Pay -> Refund }}"
SOURCES = {
    "html": f"<body style='font-family:sans-serif'><h1>Totals</h1><table border=1>{_ROWS}</table>",
    "mermaid": "flowchart TD\n A[Christmas] -->|Get money| B(Go shopping)\n B --> C{Let me think}\n"
    " C -->|One| D[Laptop]\n C -->|Two| E[iPhone]",
    "plotly": '{"data": [{"type": "bar", "x": ["giraffes", "monkeys"], "y": [20, 14]}],'
    ' "layout": {"title": {"text": "Animals"}, "width": 700, "height": 500}}',
    "vega-lite": '{"mark": "bar", "data": {"values": [{"a": "A", "b": 28}, {"a": "B", "b": 55}]},'
    ' "encoding": {"x": {"field": "a", "type": "nominal"},'
    ' "y": {"field": "b", "type": "quantitative"}}}',
    "matplotlib": "import matplotlib\nmatplotlib.use('Agg')\nimport matplotlib.pyplot as plt\n"
    "plt.bar(['a', 'b'], [1, 2])\nplt.title('Totals')\nplt.savefig('direct.png')\n",
    "graphviz": _GRAPH,
    "latex": "\\documentclass{article}\\usepackage{booktabs}\\pagestyle{empty}\\begin{document}"
    "\\begin{tabular}{lr}\\toprule a & 1 \\\\ b & 2 \\\\\\bottomrule\\end{tabular}\\end{document}",
}
_MERMAID = """async (source) => {
  const {svg} = await mermaid.render('direct', source);
  document.body.innerHTML = '<div id=d style="display:inline-block">' + svg + '</div>';
}"""
_PLOTLY = """async (figure) => {
  document.body.innerHTML = '<div id=d style="width:700px;height:500px"></div>';
  await Plotly.newPlot('d', figure.data, figure.layout, {staticPlot: true});
}"""


@contextmanager
def _page() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=str(find_chromium()), args=["--no-sandbox"]
        )
        yield browser.new_page(viewport={"width": 1024, "height": 768})
        browser.close()


@contextmanager
def _html() -> Iterator[Draw]:
    with _page() as page:

        def draw() -> None:
            page.set_content(SOURCES["html"])
            page.screenshot(full_page=True)

        yield draw


@contextmanager
def _in_page(script: Path, start: str, function: str, source: object) -> Iterator[Draw]:
    with _page() as page:
        page.set_content("<body></body>")
        page.add_script_tag(path=str(script))
        page.evaluate(start)

        def draw() -> None:
            page.evaluate(function, source)
            page.locator("#d").screenshot()

        yield draw


def _mermaid() -> Any:
    start = "mermaid.initialize({startOnLoad: false})"
    return _in_page(model_path("mermaid"), start, _MERMAID, SOURCES["mermaid"])


def _plotly() -> Any:
    import json

    found = find_spec("plotly")
    assert found is not None
    assert found.origin is not None
    script = Path(found.origin).parent / "package_data" / "plotly.min.js"
    return _in_page(script, "0", _PLOTLY, json.loads(SOURCES["plotly"]))


@contextmanager
def _vega_lite() -> Iterator[Draw]:
    import vl_convert

    yield lambda: vl_convert.vegalite_to_png(SOURCES["vega-lite"])


@contextmanager
def _commands(tool: str, name: str, *commands: list[str]) -> Iterator[Draw]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_text(SOURCES[tool], encoding="utf-8")

        def draw() -> None:
            for command in commands:
                subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)

        yield draw


DIRECT: dict[str, Callable[[], Any]] = {
    "html": _html,
    "mermaid": _mermaid,
    "plotly": _plotly,
    "vega-lite": _vega_lite,
    "matplotlib": lambda: _commands("matplotlib", "s.py", [sys.executable, "s.py"]),
    "graphviz": lambda: _commands("graphviz", "s.gv", ["dot", "-Tpng", "-o", "s.png", "s.gv"]),
    "latex": lambda: _commands(
        "latex",
        "s.tex",
        ["pdflatex", "-interaction=nonstopmode", "s.tex"],
        ["pdftoppm", "-png", "-r", "150", "s.pdf", "s"],
    ),
}


@contextmanager
def _ours(tool: str) -> Iterator[Draw]:
    renderer = open_renderer(tool, RenderConfig())

    def draw() -> None:
        outcome = renderer.render(SOURCES[tool])
        assert not isinstance(outcome, Reject), outcome

    yield draw
    renderer.close()


def rate(draw: Draw, seconds: float) -> float:
    """Pictures a second."""
    began, count = time.perf_counter(), 0
    while (took := time.perf_counter() - began) < seconds:
        draw()
        count += 1
    return count / took


def compare(tool: str, rounds: int, seconds: float) -> float:
    """Both sides warm, then in turns; the median of the ratios."""
    rates = []
    with _ours(tool) as ours, DIRECT[tool]() as direct:
        for draw in (ours, direct) * 2:
            draw()
        for number in range(rounds):
            sides = (ours, direct) if number % 2 else (direct, ours)
            measured = {side: rate(side, seconds) for side in sides}
            rates.append((measured[ours], measured[direct]))
    ratios = sorted(mine / theirs for mine, theirs in rates)
    median = statistics.median(ratios)
    mine, theirs = (statistics.median(side) for side in zip(*rates, strict=True))
    print(
        f"{tool:11} {mine:7.2f}/s ours, {theirs:7.2f}/s direct: "
        f"{median:.2f} (goal {GOAL}; {ratios[0]:.2f} to {ratios[-1]:.2f})",
        flush=True,
    )
    return median


def main() -> int:
    """Print both rates and their ratio for each tool; 1 when one is below the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", nargs="+", choices=list(DIRECT), default=list(DIRECT))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one side in one round")
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    ratios = [compare(tool, options.rounds, options.seconds) for tool in options.tools]
    return 0 if min(ratios) >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
