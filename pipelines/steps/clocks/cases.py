"""What a dial is set into: cases, straps, frames, towers, boxes; one function per kind of case."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from pipelines.steps.clocks.augment import Extent
from pipelines.steps.clocks.canvas import Canvas, linear, metal, wood
from pipelines.steps.clocks.faces import Face
from pipelines.steps.clocks.outlines import place
from pipelines.steps.clocks.palettes import Colour, darker, lighter, luminance, mix

Draw = Callable[[Canvas, Face], None]


@dataclass(frozen=True)
class Case:
    """How a case is drawn behind the dial, and what it fills around the dial's centre, in units.

    `lift` is how far the middle of it all lies above the dial's centre.
    """

    draw: Draw
    half_width: float
    half_height: float
    round: bool = False
    lift: float = 0.0

    def extent(self, face: Face, pixels: float) -> Extent:
        """The same in pixels, at so many per unit."""
        turns = self.round and face.body.outline == "round"
        return Extent(self.half_width * pixels, self.half_height * pixels, turns)


def case_of(face: Face) -> Case:
    """The case of a face."""
    return CASES[face.body.case]


def _rim(canvas: Canvas, face: Face, scale: float) -> None:
    """A case of the dial's own shape, with an edge of light."""
    canvas.outline(face.outline, darker(face.palette.case, 0.55), scale + 0.015)
    canvas.outline(face.outline, metal(face.palette.case), scale)
    canvas.outline(face.outline, metal(darker(face.palette.case, 0.12), -1.2), scale - 0.05)


def _draw_strap(canvas: Canvas, face: Face, length: float) -> None:
    half, colour = 0.6 * face.outline.width, face.palette.strap
    across: list[tuple[float, Colour]]
    across = [(0, darker(colour, 0.35)), (0.2, colour), (0.6, lighter(colour, 0.12))]
    across += [(1, darker(colour, 0.4))]
    if face.strap == "links":
        colour = face.palette.case
        across = [(0, darker(colour, 0.3)), (0.3, lighter(colour, 0.4)), (1, darker(colour, 0.35))]
    canvas.box((-half, -length, 2 * half, 2 * length), 0.08, linear((-half, 0), (half, 0), across))
    _draw_strap_detail(canvas, face, half, length)


def _draw_strap_detail(canvas: Canvas, face: Face, half: float, length: float) -> None:
    dark = darker(face.palette.strap, 0.45)
    if face.strap == "links":
        for step in range(int(length / 0.16) + 1):
            for side in (-1, 1):
                y = side * (0.9 + step * 0.16)
                canvas.line(((-half, y), (half, y)), 0.018, darker(face.palette.case, 0.5))
        for x in (-half / 3, half / 3):
            canvas.line(((x, -length), (x, length)), 0.014, darker(face.palette.case, 0.4))
    elif face.strap == "leather":
        canvas.context.set_dash([0.07, 0.05])
        for x in (-half * 0.86, half * 0.86):
            canvas.line(((x, -length), (x, length)), 0.016, lighter(face.palette.strap, 0.45))
        canvas.context.set_dash([])
    elif face.strap == "woven":
        for x in (-half * 0.33, half * 0.33):
            canvas.line(((x, -length), (x, length)), half * 0.3, lighter(face.palette.strap, 0.3))
    else:
        for step in range(5):
            y = 1.2 + step * 0.09
            canvas.line(((-half * 0.7, y), (half * 0.7, y)), 0.02, dark)


def _draw_wrist(canvas: Canvas, face: Face) -> None:
    _draw_strap(canvas, face, 1.62)
    wide, case = face.outline.width, face.palette.case
    for side in (-1, 1):
        for end in (-1, 1):
            lug = (side * 0.62 * wide - 0.09, end * 1.12 - 0.17, 0.18, 0.34)
            canvas.box(lug, 0.07, metal(darker(case, 0.1)))
    canvas.box((wide * 1.1, -0.09, 0.16, 0.18), 0.04, metal(darker(case, 0.15)))
    if "chronograph" in face.body.extra:
        for y in (-0.52, 0.4):
            canvas.box((wide * 0.98, y, 0.18, 0.13), 0.04, metal(case))
    _draw_bezel(canvas, face)


def _draw_bezel(canvas: Canvas, face: Face) -> None:
    kind = face.body.bezel
    if kind == "plain":
        _rim(canvas, face, 1.13)
        return
    _rim(canvas, face, 1.24)
    dark = (
        darker(face.palette.dial, 0.3) if luminance(face.palette.dial) < 0.3 else (0.1, 0.11, 0.13)
    )
    canvas.disc(0, 0, 1.2, dark)
    ink = (0.94, 0.94, 0.92)
    if kind == "tachymeter":
        for k, value in enumerate((60, 70, 80, 90, 100, 120, 150, 200, 300, 400)):
            angle = 360 * 60 / value - 4
            canvas.text(str(value), place(angle, 1.1), 0.09, ink, "sans_bold", angle)
            canvas.disc(*place(360 * 60 / value + 9 - k * 0.2, 1.1), 0.014, ink)
        return
    count, every = (24, 2) if kind == "hours24" else (12, 2)
    for step in range(count):
        angle = step * 360 / count
        if step == 0 and kind == "diver":
            canvas.polygon((place(0, 1.03), place(-4.5, 1.18), place(4.5, 1.18)), ink)
        elif step % every == 0:
            label = str(step) if kind == "hours24" else str(step * 5)
            canvas.text(label or "24", place(angle, 1.105), 0.13, ink, "sans_bold", angle)
        else:
            canvas.line((place(angle, 1.05), place(angle, 1.16)), 0.03, ink)


def _draw_pocket(canvas: Canvas, face: Face) -> None:
    case = face.palette.case
    canvas.ring(0, -1.52, 0.2, 0.06, darker(case, 0.2))
    canvas.box((-0.1, -1.4, 0.2, 0.3), 0.05, metal(case))
    for k in range(4):
        canvas.box((-0.13, -1.36 + k * 0.04, 0.26, 0.02), 0.01, darker(case, 0.3))
    _rim(canvas, face, 1.15)


def _draw_fob(canvas: Canvas, face: Face) -> None:
    case = face.palette.case
    canvas.box((-0.55, -1.95, 1.1, 0.2), 0.1, metal(case))
    for x in (-0.12, 0.12):
        canvas.line(((x, -1.8), (x * 0.6, -1.1)), 0.06, darker(case, 0.15))
    _rim(canvas, face, 1.14)


def _draw_wall(canvas: Canvas, face: Face) -> None:
    case = face.palette.case
    brown = case[0] > case[2] * 1.6
    canvas.outline(face.outline, darker(case, 0.5), 1.17)
    canvas.outline(face.outline, wood(case) if brown else metal(case, 1.6), 1.155)
    canvas.outline(face.outline, darker(case, 0.3), 1.03)


def _draw_sunburst(canvas: Canvas, face: Face) -> None:
    case = face.palette.case
    for k in range(24):
        angle = k * 15
        tip = place(angle, 1.75 if k % 2 else 1.5)
        sides = (place(angle - 3.5, 1.05), place(angle + 3.5, 1.05))
        canvas.polygon((tip, *sides), case if k % 2 else darker(case, 0.25))
    _rim(canvas, face, 1.12)


def _draw_station(canvas: Canvas, face: Face) -> None:
    case = face.palette.case
    canvas.box((-0.12, -1.5, 0.24, 0.5), 0.02, darker(case, 0.25))
    canvas.box((-0.45, -1.55, 0.9, 0.12), 0.03, darker(case, 0.35))
    canvas.disc(0, 0, 1.15, metal(case, 1.6))
    canvas.disc(0, 0, 1.06, darker(case, 0.35))


def _draw_tower(canvas: Canvas, face: Face) -> None:
    stone = face.palette.case
    canvas.context.rectangle(-1.4, -1.4, 2.8, 2.8)
    canvas.fill(stone)
    for row in range(10):
        y = -1.4 + row * 0.28
        canvas.line(((-1.4, y), (1.4, y)), 0.014, darker(stone, 0.25))
        for column in range(6):
            x = -1.4 + column * 0.56 + (0.28 if row % 2 else 0)
            canvas.line(((x, y), (x, y + 0.28)), 0.014, darker(stone, 0.25))
    canvas.disc(0, 0, 1.16, darker(stone, 0.4))
    canvas.disc(0, 0, 1.1, (0.78, 0.65, 0.3))


def _draw_cuckoo(canvas: Canvas, face: Face) -> None:
    brown, dark = (0.42, 0.25, 0.13), (0.24, 0.14, 0.07)
    for x in (-0.45, 0.45):
        canvas.line(((x, 1.3), (x, 2.0)), 0.02, (0.6, 0.55, 0.4))
        canvas.context.save()
        canvas.context.translate(x, 2.1)
        canvas.context.scale(0.6, 1.2)
        canvas.disc(0, 0, 0.16, dark)
        canvas.context.restore()
    canvas.box((-1.35, -1.15, 2.7, 2.55), 0.05, wood(brown))
    canvas.polygon(
        ((0, -2.25), (1.75, -0.95), (1.5, -0.72), (0, -1.85), (-1.5, -0.72), (-1.75, -0.95)), dark
    )
    canvas.polygon(((0, -1.85), (1.3, -0.9), (-1.3, -0.9)), wood(lighter(brown, 0.1)))
    canvas.box((-0.2, -1.62, 0.4, 0.46), 0.18, (0.1, 0.06, 0.03))
    canvas.disc(0, -1.36, 0.09, (0.85, 0.75, 0.2))
    for side in (-1, 1):
        for k in range(5):
            canvas.disc(side * (1.25 - 0.04 * k), -0.5 + k * 0.42, 0.13, (0.24, 0.36, 0.16))
    canvas.disc(0, 0, 1.1, dark)
    canvas.disc(0, 0, 1.04, (0.55, 0.36, 0.2))


def _draw_mantel(canvas: Canvas, face: Face) -> None:
    brown = mix(face.palette.strap, (0.4, 0.22, 0.1), 0.7)
    context = canvas.context
    context.move_to(-2.1, 1.3)
    context.curve_to(-1.5, 1.2, -1.45, -1.3, 0, -1.3)
    context.curve_to(1.45, -1.3, 1.5, 1.2, 2.1, 1.3)
    context.close_path()
    canvas.fill(wood(brown))
    canvas.box((-2.15, 1.2, 4.3, 0.22), 0.04, darker(brown, 0.35))
    _rim(canvas, face, 1.1)


def _draw_longcase(canvas: Canvas, face: Face) -> None:
    brown = mix(face.palette.strap, (0.35, 0.18, 0.08), 0.75)
    canvas.box((-1.25, -1.5, 2.5, 3.6), 0.06, wood(brown))
    canvas.polygon([place(angle, 1.45) for angle in range(-75, 76, 5)], darker(brown, 0.2))
    canvas.box((-1.4, 1.2, 2.8, 0.14), 0.03, darker(brown, 0.4))
    canvas.box((-0.7, 1.45, 1.4, 0.65), 0.03, darker(brown, 0.5))
    canvas.line(((0, 1.45), (0.18, 1.9)), 0.03, (0.8, 0.66, 0.3))
    canvas.disc(0.19, 1.92, 0.14, metal((0.85, 0.7, 0.3)))
    canvas.box((-1.08, -1.08, 2.16, 2.16), 0.04, metal((0.82, 0.68, 0.36)))


def _draw_bells(canvas: Canvas, face: Face) -> None:
    case = face.palette.case
    for side in (-1, 1):
        canvas.line(((side * 0.6, 0.85), (side * 0.85, 1.4)), 0.13, darker(case, 0.35))
        canvas.context.save()
        canvas.context.translate(side * 0.62, -1.12)
        canvas.context.rotate(side * 0.5)
        canvas.context.arc(0, 0, 0.38, math.pi, 0)
        canvas.fill(metal(case, 0.5))
        canvas.context.arc(0, 0, 0.38, math.pi, 0)
        canvas.context.close_path()
        canvas.stroke(darker(case, 0.5), 0.015)
        canvas.line(((0, 0), (0, 0.2)), 0.06, darker(case, 0.4))
        canvas.context.restore()
    canvas.line(((-0.28, -1.5), (0, -1.62), (0.28, -1.5)), 0.06, darker(case, 0.3))
    canvas.box((-0.05, -1.45, 0.1, 0.3), 0.03, darker(case, 0.45))
    _rim(canvas, face, 1.16)


def _draw_desk(canvas: Canvas, face: Face) -> None:
    case = face.palette.case
    canvas.box((-1.3, -1.3, 2.6, 2.6), 0.4, darker(case, 0.45))
    canvas.box((-1.27, -1.28, 2.54, 2.54), 0.38, metal(case, 1.8))
    for x in (-0.9, 0.7):
        canvas.box((x, 1.26, 0.2, 0.12), 0.03, darker(case, 0.5))
    canvas.outline(face.outline, darker(case, 0.35), 1.05)


def _draw_smart_round(canvas: Canvas, face: Face) -> None:
    _draw_strap(canvas, face, 1.62)
    canvas.box((1.1, -0.3, 0.16, 0.2), 0.05, metal(darker(face.palette.case, 0.2)))
    canvas.disc(0, 0, 1.2, metal(face.palette.case))
    canvas.disc(0, 0, 1.1, (0.03, 0.03, 0.04))


def _draw_smart_square(canvas: Canvas, face: Face) -> None:
    _draw_strap(canvas, face, 1.62)
    canvas.box((1.1, -0.35, 0.16, 0.3), 0.06, metal(darker(face.palette.case, 0.2)))
    canvas.box((-1.18, -1.22, 2.36, 2.44), 0.5, metal(face.palette.case))
    canvas.box((-1.08, -1.12, 2.16, 2.24), 0.42, (0.03, 0.03, 0.04))


def _draw_digital(canvas: Canvas, face: Face) -> None:
    case = face.palette.case
    _draw_strap(canvas, face, 1.62)
    for x in (-1.24, 1.12):
        for y in (-0.5, 0.35):
            canvas.box((x, y, 0.12, 0.2), 0.03, darker(case, 0.4))
    canvas.box((-1.17, -1.05, 2.34, 2.1), 0.3, metal(case))
    canvas.box((-1.02, -0.88, 2.04, 1.76), 0.16, darker(case, 0.5))
    canvas.text(face.brand.upper(), (0, -0.7), 0.15, lighter(case, 0.75), "sans_bold")


def _draw_dual(canvas: Canvas, face: Face) -> None:
    """A dial above a window of digits, in one case."""
    case = face.palette.case
    canvas.box((-0.6, -1.75, 1.2, 4.3), 0.08, face.palette.strap)
    canvas.box((1.15, -0.1, 0.14, 0.2), 0.04, darker(case, 0.4))
    canvas.box((-1.2, -1.22, 2.4, 3.2), 0.4, metal(case, 1.8))
    canvas.box((-1.12, -1.14, 2.24, 3.04), 0.34, darker(case, 0.3))


def _draw_bedside(canvas: Canvas, face: Face) -> None:
    case = face.palette.case
    canvas.box((-2.0, -0.95, 4.0, 1.9), 0.16, darker(case, 0.4))
    canvas.box(
        (-1.97, -0.93, 3.94, 1.8),
        0.15,
        linear((0, -1), (0, 1), ((0, lighter(case, 0.18)), (1, case))),
    )
    for x in (-0.9, -0.3, 0.3, 0.9):
        canvas.box((x - 0.2, -0.98, 0.4, 0.07), 0.03, darker(case, 0.3))


def _draw_panel(canvas: Canvas, face: Face) -> None:
    case = face.palette.case
    canvas.box((-2.2, -0.85, 4.4, 1.7), 0.06, darker(case, 0.3))
    canvas.box((-2.17, -0.82, 4.34, 1.64), 0.05, metal(mix(case, (0.3, 0.3, 0.32), 0.4), 2.2))
    for x in (-1.95, 1.95):
        canvas.disc(x, 0, 0.13, darker(case, 0.45))
        canvas.disc(x, 0, 0.1, metal(case))


def _draw_flip(canvas: Canvas, face: Face) -> None:
    case = face.palette.case
    canvas.box((-2.0, -1.05, 4.0, 2.1), 0.35, darker(case, 0.3))
    canvas.box(
        (-1.96, -1.02, 3.92, 2.0),
        0.33,
        linear((0, -1), (0, 1), ((0, lighter(case, 0.25)), (1, darker(case, 0.1)))),
    )
    canvas.box((-1.75, -0.8, 3.5, 1.55), 0.1, (0.06, 0.06, 0.07))


def _draw_phone(canvas: Canvas, face: Face) -> None:
    canvas.box((-1.12, -1.75, 2.24, 3.7), 0.26, metal(face.palette.case, 1.8))
    canvas.box((-1.08, -1.71, 2.16, 3.62), 0.23, (0.02, 0.02, 0.03))
    ground = face.palette.dial
    paint = linear((-1, -1.7), (1, 1.8), ((0, mix(ground, face.palette.strap, 0.25)), (1, ground)))
    canvas.box((-1.02, -1.65, 2.04, 3.5), 0.19, paint)
    canvas.disc(0, -1.52, 0.05, (0.02, 0.02, 0.03))


def shine(canvas: Canvas, face: Face) -> None:
    """The reflection of a window on the glass."""
    if face.gloss:
        rim = [face.outline.at(angle, 0.99) for angle in range(-80, 41, 10)]
        inner = [place(angle, 0.62 * face.outline.reach) for angle in (10, -20, -50)]
        canvas.polygon([*rim, *inner], (1.0, 1.0, 1.0), face.gloss)


CASES = {
    "wrist": Case(_draw_wrist, 1.3, 1.62),
    "pocket": Case(_draw_pocket, 1.2, 1.5, lift=0.26),
    "fob": Case(_draw_fob, 1.2, 1.6, lift=0.4),
    "wall": Case(_draw_wall, 1.2, 1.2, round=True),
    "sunburst": Case(_draw_sunburst, 1.76, 1.76, round=True),
    "station": Case(_draw_station, 1.18, 1.4, lift=0.2),
    "tower": Case(_draw_tower, 1.4, 1.4),
    "cuckoo": Case(_draw_cuckoo, 1.76, 2.3, lift=0.0),
    "mantel": Case(_draw_mantel, 2.16, 1.4, lift=-0.05),
    "longcase": Case(_draw_longcase, 1.42, 1.85, lift=-0.28),
    "bells": Case(_draw_bells, 1.2, 1.6, lift=0.1),
    "desk": Case(_draw_desk, 1.32, 1.36),
    "smart_round": Case(_draw_smart_round, 1.3, 1.62),
    "smart_square": Case(_draw_smart_square, 1.3, 1.62),
    "digital": Case(_draw_digital, 1.28, 1.62),
    "dual": Case(_draw_dual, 1.3, 2.15, lift=-0.4),
    "bedside": Case(_draw_bedside, 2.02, 1.0),
    "panel": Case(_draw_panel, 2.22, 0.87),
    "flip": Case(_draw_flip, 2.02, 1.07),
    "phone": Case(_draw_phone, 1.14, 1.87, lift=-0.1),
}
