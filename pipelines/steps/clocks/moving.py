"""What moves on a face: hands, windows, the moon, digits, and what hides all of them."""

import math
from random import Random

from pipelines.steps.clocks.bodies import DIGITAL
from pipelines.steps.clocks.canvas import Canvas, linear, radial
from pipelines.steps.clocks.cases import shine
from pipelines.steps.clocks.dials import AMPM_WINDOW, DATE_WINDOWS, JUMP_WINDOW, MOON_WINDOW
from pipelines.steps.clocks.digits import SCREENS, draw_digits
from pipelines.steps.clocks.faces import Face
from pipelines.steps.clocks.geometry import Geometry
from pipelines.steps.clocks.hands import draw_cap, draw_hand
from pipelines.steps.clocks.palettes import darker, lighter

_WINDOW_INK = (0.1, 0.1, 0.1)
_MOON = (0.96, 0.9, 0.66)
_NIGHT = (0.07, 0.1, 0.28)


def draw_moving(canvas: Canvas, face: Face, geometry: Geometry) -> None:
    """Everything that depends on the moment."""
    _draw_windows(canvas, face, geometry)
    if "moon" in face.body.extra:
        _draw_moon(canvas, geometry.moon)
    if "time" in geometry.text:
        draw_digits(canvas, face, geometry)
    _draw_hands(canvas, face, geometry)
    shine(canvas, face)
    if geometry.cover:
        draw_cover(canvas, face, geometry.cover)


def _draw_hands(canvas: Canvas, face: Face, geometry: Geometry) -> None:
    """Small dials first, then the middle, in the order of the geometry."""
    central = [p for p in geometry.pointers if p.x == 0 and p.y == 0]
    for pointer in geometry.pointers:
        if pointer not in central:
            draw_hand(canvas, face, pointer)
            canvas.disc(pointer.x, pointer.y, 0.02, face.palette.ink)
    for pointer in central:
        draw_hand(canvas, face, pointer)
    if central and face.body.display != "jump":
        draw_cap(canvas, face)


def _draw_windows(canvas: Canvas, face: Face, geometry: Geometry) -> None:
    texts = geometry.text
    if "date" in texts:
        canvas.text(texts["date"], DATE_WINDOWS[face.body.date], 0.15, _WINDOW_INK, "sans_bold")
    if "day" in texts:
        canvas.text(texts["day"], (0.375, 0), 0.1, _WINDOW_INK, "sans_bold")
    if "ampm" in texts and not face.body.digits:
        canvas.text(texts["ampm"], AMPM_WINDOW, 0.13, _WINDOW_INK, "sans_bold")
    if "hour" in texts:
        canvas.text(texts["hour"], JUMP_WINDOW, 0.3, _WINDOW_INK, "sans_bold")


def _draw_moon(canvas: Canvas, age: float) -> None:
    """A moon that crosses a window behind two hills, as watches show it."""
    x, y, radius = MOON_WINDOW
    context = canvas.context
    context.save()
    context.arc(x, y, radius, math.pi, 0)
    context.line_to(x + radius, y + radius * 0.35)
    context.line_to(x - radius, y + radius * 0.35)
    context.close_path()
    context.clip()
    context.rectangle(x - radius, y - radius, 2 * radius, 2 * radius)
    canvas.fill(_NIGHT)
    for dx, dy in ((-0.6, -0.3), (0.1, -0.75), (0.55, -0.35), (-0.2, -0.15), (0.75, 0.0)):
        canvas.disc(x + dx * radius, y + dy * radius, 0.012, (0.9, 0.9, 0.8))
    canvas.disc(x + (age * 2 - 1) * radius * 1.3, y - radius * 0.1, radius * 0.42, _MOON)
    for side in (-1, 1):
        canvas.disc(x + side * radius * 0.72, y + radius * 0.35, radius * 0.42, (0.75, 0.65, 0.4))
    context.restore()


def draw_cover(canvas: Canvas, face: Face, cover: str) -> None:
    """What hides the time: a sleeve, a note or glare; a display that is off shows nothing."""
    rng, context = Random(f"{face.face_id} {cover}"), canvas.context
    left, top, width, height = _shown_box(face)
    context.save()
    context.translate(left + width / 2, top + height / 2)
    context.scale(width / 2, height / 2)
    if cover == "sleeve":
        _draw_sleeve(canvas, rng)
    elif cover == "note":
        _draw_note(canvas, rng)
    elif cover == "glare":
        _draw_glare(canvas)
    context.restore()


def _shown_box(face: Face) -> tuple[float, float, float, float]:
    """What the time is read from: the display, or the dial, and the window of digits below it."""
    if face.body.display in DIGITAL:
        return SCREENS[face.body.case].box
    width = face.outline.width
    return -width, -1.0, 2 * width, 3.0 if face.body.digits else 2.0


def _draw_sleeve(canvas: Canvas, rng: Random) -> None:
    """Cloth over the whole clock from one side."""
    colour = rng.choice(((0.2, 0.26, 0.4), (0.5, 0.16, 0.18), (0.28, 0.3, 0.3), (0.75, 0.72, 0.66)))
    context = canvas.context
    context.move_to(-1.5, -1.25)
    context.curve_to(-0.5, -1.45, 0.5, -1.4, 1.45, -1.2)
    context.line_to(1.5, 1.25)
    context.curve_to(0.5, 1.45, -0.5, 1.35, -1.45, 1.2)
    context.close_path()
    shade = ((0, darker(colour, 0.35)), (0.5, lighter(colour, 0.12)), (1, darker(colour, 0.3)))
    canvas.fill(linear((0, -1.3), (0, 1.3), shade))
    for k in range(7):
        x = -1.25 + k * 0.4
        canvas.line(((x, -1.2), (x + 0.15, 0), (x - 0.05, 1.2)), 0.02, darker(colour, 0.3))


def _draw_note(canvas: Canvas, rng: Random) -> None:
    """A paper note stuck over the dial."""
    colour = rng.choice(
        ((0.98, 0.92, 0.5), (0.99, 0.75, 0.78), (0.75, 0.9, 0.98), (0.97, 0.97, 0.95))
    )
    context = canvas.context
    context.save()
    context.rotate(rng.uniform(-0.15, 0.15))
    canvas.box((-1.12, -1.12, 2.24, 2.24), 0.02, darker(colour, 0.3))
    canvas.box((-1.14, -1.15, 2.24, 2.24), 0.02, colour)
    text = rng.choice(("OUT OF ORDER", "BACK SOON", "IN REPAIR", "DO NOT USE", "SOLD"))
    canvas.fitted(text, (0, 0), (1.8, 0.4), (0.15, 0.15, 0.2), "sans_bold")
    context.restore()


def _draw_glare(canvas: Canvas) -> None:
    """A reflection so bright that the dial is gone."""
    paint = radial((0, 0), 1.15, ((0, (1, 1, 1, 1)), (0.93, (1, 1, 1, 1)), (1, (1, 1, 1, 0.0))))
    canvas.disc(0, 0, 1.15, paint)
