"""A thin layer over cairo: filled shapes, lines and text in dial units, y down.

cairo is used through cairocffi, which needs the library `libcairo2` and no compiler.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import cairocffi as cairo

from pipelines.steps.clocks.glyphs import line
from pipelines.steps.clocks.outlines import Outline, Point, edge_points
from pipelines.steps.clocks.palettes import Colour, darker, lighter

ROUND = math.tau


class Canvas:
    """Draws on a cairo context; every method leaves the path empty."""

    def __init__(self, context: Any) -> None:
        self.context = context

    def fill(self, paint: Any, alpha: float = 1.0) -> None:
        """Fill the path with a colour or a pattern."""
        self._source(paint, alpha)
        self.context.fill()

    def stroke(self, paint: Any, width: float, alpha: float = 1.0) -> None:
        """Draw the path's line; ends are round."""
        self._source(paint, alpha)
        self.context.set_line_width(width)
        self.context.stroke()

    def _source(self, paint: Any, alpha: float) -> None:
        if isinstance(paint, tuple):
            self.context.set_source_rgba(*paint, alpha)
        else:
            self.context.set_source(paint)

    def disc(self, x: float, y: float, radius: float, paint: Any, alpha: float = 1.0) -> None:
        """A filled circle."""
        self.context.arc(x, y, radius, 0, ROUND)
        self.fill(paint, alpha)

    def ring(self, x: float, y: float, radius: float, width: float, paint: Any) -> None:
        """A circle's line."""
        self.context.new_sub_path()
        self.context.arc(x, y, radius, 0, ROUND)
        self.stroke(paint, width)

    def polygon(self, points: Iterable[Point], paint: Any, alpha: float = 1.0) -> None:
        """A filled polygon."""
        self.trace(points)
        self.fill(paint, alpha)

    def trace(self, points: Iterable[Point], scale: float = 1.0) -> None:
        """A closed line as the path."""
        context = self.context
        for at, (x, y) in enumerate(points):
            (context.line_to if at else context.move_to)(x * scale, y * scale)
        context.close_path()

    def outline(self, outline: Outline, paint: Any, scale: float = 1.0) -> None:
        """A filled dial shape."""
        self.trace(edge_points(outline), scale)
        self.fill(paint)

    def box(self, box: Sequence[float], corner: float, paint: Any, alpha: float = 1.0) -> None:
        """A filled rectangle (left, top, width, height) with round corners."""
        self.rounded(box, corner)
        self.fill(paint, alpha)

    def rounded(self, box: Sequence[float], corner: float) -> None:
        """A rectangle with round corners as the path."""
        left, top, width, height = box
        corner = min(corner, width / 2, height / 2)
        if corner <= 0:
            self.context.rectangle(left, top, width, height)
            return
        context = self.context
        context.new_sub_path()
        for step, (x, y) in enumerate(
            (
                (left + width - corner, top + corner),
                (left + width - corner, top + height - corner),
                (left + corner, top + height - corner),
                (left + corner, top + corner),
            )
        ):
            context.arc(x, y, corner, (step - 1) * math.pi / 2, step * math.pi / 2)
        context.close_path()

    def line(self, points: Sequence[Point], width: float, paint: Any, alpha: float = 1.0) -> None:
        """An open line."""
        for at, (x, y) in enumerate(points):
            (self.context.line_to if at else self.context.move_to)(x, y)
        self.stroke(paint, width, alpha)

    def text(
        self, text: str, at: Point, size: float, paint: Any, font: str = "sans", turn: float = 0.0
    ) -> None:
        """Text centred on its ink at a point; `size` is the em in units, `turn` in degrees."""
        found, context = line(font, text), self.context
        context.save()
        context.translate(*at)
        context.rotate(math.radians(turn))
        context.scale(size, size)
        for name, values in found.calls:
            getattr(context, name)(*values)
        context.restore()
        self.fill(paint)

    def fitted(
        self, text: str, at: Point, room: tuple[float, float], paint: Any, font: str = "sans"
    ) -> None:
        """Text as large as fits into a width and a height."""
        found = line(font, text)
        if found.width and found.height:
            self.text(text, at, min(room[0] / found.width, room[1] / found.height), paint, font)


def linear(start: Point, end: Point, stops: Sequence[tuple[float, Colour]]) -> Any:
    """A gradient along a line; stops are places (0 to 1) and colours."""
    pattern = cairo.LinearGradient(*start, *end)
    for place, value in stops:
        pattern.add_color_stop_rgb(place, *value)
    return pattern


def radial(at: Point, radius: float, stops: Sequence[tuple[float, Sequence[float]]]) -> Any:
    """A gradient from a centre outwards; colours may have an alpha."""
    pattern = cairo.RadialGradient(*at, 0, *at, radius)
    for place, value in stops:
        pattern.add_color_stop_rgba(place, *value, *([1.0] if len(value) == 3 else []))
    return pattern


def metal(value: Colour, reach: float = 1.2) -> Any:
    """Polished metal: light from the upper left."""
    return linear(
        (-reach, -reach),
        (reach, reach),
        (
            *((0.0, lighter(value, 0.55)), (0.3, value), (0.5, lighter(value, 0.3))),
            *((0.75, darker(value, 0.25)), (1.0, darker(value, 0.45))),
        ),
    )


def wood(value: Colour, reach: float = 1.4) -> Any:
    """Grain across."""
    stops = [(k / 8, darker(value, 0.12 if k % 2 else 0.0)) for k in range(9)]
    return linear((-reach, -reach * 0.2), (reach, reach * 0.2), stops)
