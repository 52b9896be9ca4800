"""Charts as inline SVG, each with a title that says what it shows and its numbers as a table.

Shape and text carry the meaning, colour only helps. Widths are in percent of the figure, so that
the same chart fits a phone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.report.markup import Html, el, number, share, table

_HEIGHT = 140
_BAR = 22
_WIDEST = 7.0  # percent of the figure


@dataclass(frozen=True)
class Bar:
    """One bar: what it is, how much, and a remark that the table shows beside it."""

    label: str
    value: float
    note: str = ""


def bars(title: str, unit: str, values: Sequence[Bar], heads: tuple[str, str] = ("", "")) -> Html:
    """Horizontal bars with their labels above them, and a table of the same."""
    most = max((bar.value for bar in values), default=0) or 1
    total = sum(bar.value for bar in values)
    rows = [_bar(at, bar, most) for at, bar in enumerate(values)]
    height = 2 * _BAR * len(values)
    drawn = el(
        "svg", el("title", title), rows, role="img", width="100%", height=height, cls="chart"
    )
    cells = [
        (bar.label, number(bar.value), share(bar.value, total), *_note(bar, heads))
        for bar in values
    ]
    names = (heads[0] or "value", unit, "share", *([heads[1]] if heads[1] else []))
    return _figure(title, drawn, table(title, names, cells, (1, 2)))


def _note(bar: Bar, heads: tuple[str, str]) -> list[str]:
    return [bar.note] if heads[1] else []


def _bar(at: int, bar: Bar, most: float) -> Html:
    top = 2 * _BAR * at
    words = el("tspan", f" {number(bar.value)}", cls="value")
    label = el("text", bar.label, words, x="0", y=top + 14)
    width = f"{100 * bar.value / most:.2f}%"
    track = el("rect", x="0", y=top + _BAR, width="100%", height="8", rx="4", cls="track")
    shown = el("rect", x="0", y=top + _BAR, width=width, height="8", rx="4", cls="bar")
    return el("g", track, shown, label)


def histogram(title: str, unit: str, values: Sequence[float], bins: int = 30) -> Html:
    """Counts in equal steps from the least to the 99.5th percentile; the rest is in the last."""
    numbers = np.asarray([v for v in values if np.isfinite(v)], dtype=np.float64)
    if not len(numbers) or numbers.min() == numbers.max():
        return _one_value(title, unit, numbers)
    edges = _edges(numbers, bins)
    counts = np.histogram(np.minimum(numbers, edges[-1]), edges)[0]
    marks = [el("title", f"{title}: {_facts(numbers, unit)}")]
    most = int(counts.max()) or 1
    step = 100 / len(counts)
    wide = min(step * 0.84, _WIDEST)
    spans = _spans(edges, bool(np.all(numbers == np.round(numbers))))
    for at, count in enumerate(counts.tolist()):
        height = (_HEIGHT - 24) * count / most
        span = f"{spans[at]} {unit}: {count}"
        marks.append(
            el(
                "rect",
                el("title", span),
                x=f"{step * (at + 0.5) - wide / 2:.2f}%",
                y=f"{_HEIGHT - 20 - height:.1f}",
                width=f"{wide:.2f}%",
                height=f"{height:.1f}",
                rx="1.5",
                cls="bar",
            )
        )
    drawn = el(
        "svg", marks, _axis(spans, unit), role="img", width="100%", height=_HEIGHT, cls="chart"
    )
    rows = [(spans[at], number(count)) for at, count in enumerate(counts.tolist())]
    note = el("p", _facts(numbers, unit), cls="facts")
    return _figure(title, [drawn, note], table(title, (unit, "count"), rows, (1,)))


def _tidy(value: float) -> float:
    return float(f"{value:.3g}")


def _edges(numbers: NDArray[Any], bins: int) -> NDArray[Any]:
    """Equal steps that end on round numbers where values are whole."""
    low, high = float(numbers.min()), float(np.percentile(numbers, 99.5))
    high = high if high > low else low + 1
    if np.all(numbers == np.round(numbers)):
        step = max(1, int(np.ceil((high - low + 1) / bins)))
        return np.arange(low, high + 1 + step, step)
    return np.linspace(low, high, bins + 1)


def _facts(numbers: NDArray[Any], unit: str) -> str:
    low, middle, high = (number(_tidy(float(v))) for v in np.percentile(numbers, (5, 50, 95)))
    mean = number(_tidy(float(numbers.mean())))
    count = number(len(numbers))
    return f"{count} values; median {middle}, mean {mean}, 5% to 95%: {low} to {high} {unit}"


def _spans(edges: NDArray[Any], whole: bool) -> list[str]:
    """What each bar stands for: one number, or the first and the last."""
    ends = edges[1:] - 1 if whole else edges[1:]
    pairs = zip(edges[:-1].tolist(), ends.tolist(), strict=True)
    return [
        number(_tidy(low)) if low == high else f"{number(_tidy(low))} – {number(_tidy(high))}"
        for low, high in pairs
    ]


def _one_value(title: str, unit: str, numbers: NDArray[Any]) -> Html:
    text = "Nothing to count yet."
    if len(numbers):
        value = number(_tidy(float(numbers[0])))
        text = f"All {number(len(numbers))} values ({unit}) are {value}."
    return el("figure", el("figcaption", title), el("p", text, cls="facts"), cls="figure")


def _axis(spans: Sequence[str], unit: str) -> list[Html]:
    line = el("line", x1="0", x2="100%", y1=_HEIGHT - 19.5, y2=_HEIGHT - 19.5, cls="axis")
    ends = [
        el("text", spans[0].split(" – ")[0], x="0", y=_HEIGHT - 4, cls="tick"),
        el("text", unit, x="50%", y=_HEIGHT - 4, cls="tick", text_anchor="middle"),
        el(
            "text",
            spans[-1].split(" – ")[-1],
            x="100%",
            y=_HEIGHT - 4,
            cls="tick",
            text_anchor="end",
        ),
    ]
    return [line, *ends]


def _figure(title: str, drawn: Html | list[Html], numbers: Html) -> Html:
    more = el("details", el("summary", f"Numbers: {title}"), numbers)
    return el("figure", el("figcaption", title), drawn, more, cls="figure")
