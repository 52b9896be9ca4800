"""The shapes of hands, as a table: polygons along the hand, and rings or discs on it.

Along a hand, 0 is the axis and 1 its tip; across, 1 is half of its nominal width.
"""

import math
from dataclasses import dataclass

from pipelines.steps.clocks.canvas import Canvas
from pipelines.steps.clocks.faces import Face
from pipelines.steps.clocks.geometry import Pointer
from pipelines.steps.clocks.palettes import Colour, contrast, darker, lighter, mix

Side = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Shape:
    """A hand's right side from tail to tip as (across, along); the left mirrors it.

    `discs` and `rings` are (along, radius as a share of the length); `slim` scales the width.
    """

    side: Side
    discs: tuple[tuple[float, float], ...] = ()
    rings: tuple[tuple[float, float], ...] = ()
    slim: float = 1.0


SHAPES = {
    "baton": Shape(((1, -0.12), (1, 1))),
    "pencil": Shape(((0.8, -0.12), (1, 0.85), (0, 1))),
    "sword": Shape(((0.5, -0.1), (0.6, 0.1), (1.3, 0.75), (0, 1))),
    "dauphine": Shape(((0, -0.14), (1.5, 0.08), (0, 1))),
    "alpha": Shape(((0.5, -0.1), (0.5, 0.08), (1.4, 0.22), (0, 1))),
    "leaf": Shape(((0.4, -0.12), (0.5, 0.1), (1.3, 0.4), (1.1, 0.65), (0, 1))),
    "breguet": Shape(((0.4, -0.12), (0.45, 0.62), (0.3, 0.86), (0, 1)), rings=((0.72, 0.065),)),
    "spade": Shape(
        ((0.4, -0.12), (0.45, 0.66), (1.9, 0.74), (1.2, 0.84), (0.3, 0.88), (0, 1)),
        slim=1.0,
    ),
    "arrow": Shape(((0.55, -0.12), (0.6, 0.68), (1.9, 0.7), (0, 1))),
    "mercedes": Shape(
        ((0.55, -0.12), (0.6, 0.86), (0, 1)), discs=((0.66, 0.12),), rings=((0.66, 0.12),)
    ),
    "syringe": Shape(((0.9, -0.1), (1, 0.72), (0.25, 0.76), (0.25, 1))),
    "paddle": Shape(((1.15, -0.22), (0.8, 1)), slim=1.25),
    "needle": Shape(((0.9, -0.25), (0.5, 1))),
    "rim": Shape(((1.8, 0.72), (0, 1))),
}
_SECONDS = {
    "needle": Shape(((0.5, -0.2), (0.35, 1))),
    "counterweight": Shape(((1.6, -0.25), (1.6, -0.12), (0.45, -0.1), (0.35, 1))),
    "lollipop": Shape(((0.5, -0.22), (0.35, 1)), discs=((0.72, 0.05),)),
    "arrow_tip": Shape(((0.5, -0.22), (0.4, 0.8), (2.2, 0.82), (0, 1))),
    "ringed": Shape(((0.5, -0.12), (0.35, 1)), rings=((-0.2, 0.06),)),
    "paddle": Shape(((0.8, -0.3), (0.6, 0.75)), discs=((0.8, 0.1),)),
}
_WIDTHS = {"hour": 0.05, "minute": 0.036, "gmt": 0.02, "alarm": 0.016, "gauge": 0.04}
_THIN = 0.018
_MIN_CONTRAST = 3.0  # of a hand and the dial that it lies on


def draw_hand(canvas: Canvas, face: Face, pointer: Pointer) -> None:
    """One hand at its angle about its axis."""
    context = canvas.context
    context.save()
    context.translate(pointer.x, pointer.y)
    context.rotate(math.radians(pointer.angle))
    width = _width_of(face, pointer)
    _draw_shape(canvas, _shape_of(face, pointer), pointer.length, width, colour_of(face, pointer))
    context.restore()


def draw_cap(canvas: Canvas, face: Face) -> None:
    """What covers the axis of the hands in the middle."""
    last = "second" if face.body.seconds == "centre" else "minute"
    colour = _readable(face, face.palette.accent if last == "second" else face.palette.hand)
    canvas.disc(0, 0, 0.052, mix(colour, (0.0, 0.0, 0.0), 0.25))
    canvas.disc(0, 0, 0.028, lighter(colour, 0.2))


def colour_of(face: Face, pointer: Pointer) -> Colour:
    """The colour of a hand: the time's own, an accent for what is quick or beside the time."""
    plain = pointer.role in ("hour", "minute", "day", "date")
    return _readable(face, face.palette.hand if plain else face.palette.accent)


def _readable(face: Face, colour: Colour) -> Colour:
    """The colour, or that of the numerals where it would not stand out from the dial."""
    return colour if contrast(colour, face.palette.dial) >= _MIN_CONTRAST else face.palette.ink


def _shape_of(face: Face, pointer: Pointer) -> Shape:
    if pointer.role in ("second", "chrono_second"):
        central = pointer.x == 0 and pointer.y == 0
        return _SECONDS[face.second_hand if central else "needle"]
    if pointer.role == "gmt":
        return SHAPES["arrow"]
    if pointer.x or pointer.y or pointer.role == "alarm":
        return SHAPES["needle"]
    return SHAPES[face.hands]


def _width_of(face: Face, pointer: Pointer) -> float:
    if pointer.x or pointer.y:
        return max(0.012, pointer.length * 0.09)
    return _WIDTHS.get(pointer.role, _THIN) * face.hand_width


def _draw_shape(canvas: Canvas, shape: Shape, length: float, width: float, colour: Colour) -> None:
    """The shape pointing up from the origin, with an edge that sets it off."""
    width *= shape.slim
    for along, radius in shape.rings:
        canvas.ring(0, -along * length, radius * length, max(width * 0.45, 0.014), colour)
    right = [(across * width, -along * length) for across, along in shape.side]
    points = right + [(-x, y) for x, y in reversed(right) if x]
    canvas.trace(points)
    context = canvas.context
    context.set_source_rgb(*colour)
    context.fill_preserve()
    canvas.stroke(darker(colour, 0.5) if sum(colour) > 1 else lighter(colour, 0.35), 0.007)
    for along, radius in shape.discs:
        canvas.disc(0, -along * length, radius * length, colour)
