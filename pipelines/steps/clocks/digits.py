"""Displays: the time in seven segments, in dots, in type, and on cards that flip."""

from dataclasses import dataclass

from pipelines.steps.clocks.bodies import FLIP, FONT, MATRIX, SEGMENTS
from pipelines.steps.clocks.canvas import Canvas
from pipelines.steps.clocks.dials import LCD_WINDOW
from pipelines.steps.clocks.faces import Face
from pipelines.steps.clocks.geometry import Geometry
from pipelines.steps.clocks.palettes import mix

Box = tuple[float, float, float, float]

# Segments a to g as (left, top, width, height) of a digit one unit wide and two units high.
_T = 0.22
_SEGMENTS: dict[str, Box] = {
    "a": (_T / 2, 0, 1 - _T, _T),
    "b": (1 - _T, _T / 2, _T, 1 - _T / 2),
    "c": (1 - _T, 1, _T, 1 - _T / 2),
    "d": (_T / 2, 2 - _T, 1 - _T, _T),
    "e": (0, 1, _T, 1 - _T / 2),
    "f": (0, _T / 2, _T, 1 - _T / 2),
    "g": (_T / 2, 1 - _T / 2, 1 - _T, _T),
}
SEVEN = {
    "0": "abcdef",
    "1": "bc",
    "2": "abged",
    "3": "abgcd",
    "4": "fgbc",
    "5": "afgcd",
    "6": "afgedc",
    "7": "abc",
    "8": "abcdefg",
    "9": "abcdfg",
    "-": "g",
    " ": "",
}
# Five dots across and seven down: a row of five bits each.
DOTS = {
    "0": (14, 17, 19, 21, 25, 17, 14),
    "1": (4, 12, 4, 4, 4, 4, 14),
    "2": (14, 17, 1, 2, 4, 8, 31),
    "3": (31, 2, 4, 2, 1, 17, 14),
    "4": (2, 6, 10, 18, 31, 2, 2),
    "5": (31, 16, 30, 1, 1, 17, 14),
    "6": (6, 8, 16, 30, 17, 17, 14),
    "7": (31, 1, 2, 4, 8, 8, 8),
    "8": (14, 17, 17, 14, 17, 17, 14),
    "9": (14, 17, 17, 15, 1, 2, 12),
    "-": (0, 0, 0, 31, 0, 0, 0),
    " ": (0, 0, 0, 0, 0, 0, 0),
    ":": (0, 4, 4, 0, 4, 4, 0),
    "A": (14, 17, 17, 31, 17, 17, 17),
    "P": (30, 17, 17, 30, 16, 16, 16),
    "M": (17, 27, 21, 21, 17, 17, 17),
}


@dataclass(frozen=True)
class Screen:
    """Where a display lies in its case, and how much wider than high it is."""

    box: Box
    corner: float


SCREENS = {
    "digital": Screen((-0.92, -0.55, 1.84, 1.2), 0.06),
    "bedside": Screen((-1.75, -0.68, 3.5, 1.3), 0.06),
    "panel": Screen((-1.7, -0.58, 3.4, 1.16), 0.04),
    "flip": Screen((-1.7, -0.75, 3.4, 1.45), 0.06),
    "smart_round": Screen((-0.78, -0.55, 1.56, 1.1), 0.0),
    "smart_square": Screen((-0.86, -0.75, 1.72, 1.5), 0.0),
    "phone": Screen((-0.86, -1.3, 1.72, 0.95), 0.0),
}


def draw_screen(canvas: Canvas, face: Face) -> None:
    """The display without what it shows."""
    screen, ground = SCREENS[face.body.case], face.palette.dial
    if face.body.case == "smart_round":
        canvas.disc(0, 0, 1.04, ground)
    elif face.body.case == "smart_square":
        canvas.box((-1.02, -1.06, 2.04, 2.12), 0.38, ground)
    elif face.body.case == "flip":
        canvas.box(screen.box, screen.corner, mix(ground, (0, 0, 0), 0.6))
    elif face.body.case != "phone":
        canvas.box(screen.box, screen.corner, ground)


def draw_digits(canvas: Canvas, face: Face, geometry: Geometry) -> None:
    """All text of a display, or of the small one on a dial of hands."""
    if face.body.has_hands:
        left, top, width, height = LCD_WINDOW
        text = f"{geometry.text['time']}:{geometry.text['second']}"
        _segments(canvas, text, (left + 0.04, top + 0.05, width - 0.08, height - 0.1), _LCD_INK, 0)
        return
    box = SCREENS[face.body.case].box
    write = {SEGMENTS: _in_segments, MATRIX: _in_dots, FONT: _in_type, FLIP: _on_cards}
    write[face.body.display](canvas, face, geometry, box)


_LCD_INK = (0.1, 0.12, 0.1)


def _inner(box: Box, margin: float, top: float, bottom: float) -> Box:
    """A box within a box: margins as shares of its width, and of its height above and below."""
    left, upper, width, height = box
    return (
        left + width * margin,
        upper + height * top,
        width * (1 - 2 * margin),
        height * (1 - top - bottom),
    )


def _in_segments(canvas: Canvas, face: Face, geometry: Geometry, box: Box) -> None:
    ink = face.palette.ink
    has_date, ampm = "month" in geometry.text, geometry.text.get("ampm")
    text = geometry.text["time"].rjust(5)
    seconds = geometry.text.get("second", "")
    room = _inner(box, 0.05, 0.3 if has_date else 0.13, 0.13)
    if seconds:
        left, top, width, height = room
        _segments(canvas, text, (left, top, width * 0.74, height), ink)
        small = (left + width * 0.78, top + height * 0.45, width * 0.22, height * 0.55)
        _segments(canvas, seconds, small, ink)
        if ampm:
            at = (left + width * 0.89, top + height * 0.2)
            canvas.fitted(ampm, at, (width * 0.17, height * 0.28), ink, "sans_bold")
    elif face.body.digits and face.body.digits.ampm:
        left, top, width, height = room
        _segments(canvas, text, (left + width * 0.14, top, width * 0.86, height), ink)
        if ampm:
            at = (left + width * 0.055, top + height * (0.15 if ampm == "AM" else 0.85))
            canvas.fitted(ampm, at, (width * 0.11, height * 0.2), ink, "sans_bold")
    else:
        _segments(canvas, text, room, ink)
    if has_date:
        left, top, width, height = box
        at = (left + width / 2, top + height * 0.15)
        canvas.fitted(geometry.text["month"], at, (width * 0.8, height * 0.13), ink, "mono")


def _segments(
    canvas: Canvas, text: str, room: Box, ink: tuple[float, float, float], ghost: float = 0.05
) -> None:
    """Digits and colons side by side, as large as fits, in the middle of the room."""
    widths = [0.55 if character == ":" else 1.32 for character in text]
    left, top, width, height = room
    unit = min(width / (sum(widths) - 0.32), height / 2)
    x = left + (width - (sum(widths) - 0.32) * unit) / 2
    y = top + (height - 2 * unit) / 2
    context = canvas.context
    for lit in (False, True):
        if not lit and not ghost:
            continue
        at = x
        for character, advance in zip(text, widths, strict=True):
            _trace_character(context, character, (at, y), unit, lit)
            at += advance * unit
        canvas.fill(ink, 1.0 if lit else ghost)


def _trace_character(
    context: object, character: str, at: tuple[float, float], unit: float, lit: bool
) -> None:
    """The lit or unlit segments of a character as the path."""
    rectangle = context.rectangle  # type: ignore[attr-defined]
    x, y = at
    if character == ":":
        for height in (0.55, 1.25) if lit else ():
            rectangle(x, y + height * unit, 0.23 * unit, 0.23 * unit)
        return
    for name, (left, top, width, height) in _SEGMENTS.items():
        if (name in SEVEN[character]) == lit:
            gap = 0.02
            rectangle(
                x + (left + gap) * unit,
                y + (top + gap) * unit,
                (width - 2 * gap) * unit,
                (height - 2 * gap) * unit,
            )


def _in_dots(canvas: Canvas, face: Face, geometry: Geometry, box: Box) -> None:
    text = geometry.text["time"].rjust(5)
    text += f":{geometry.text['second']}" if "second" in geometry.text else ""
    digits = face.body.digits
    text += f" {geometry.text.get('ampm', '  ')}" if digits and digits.ampm else ""
    has_date = "month" in geometry.text
    room = _inner(box, 0.04, 0.1, 0.32 if has_date else 0.1)
    _dots(canvas, text, room, face.palette.ink)
    if has_date:
        left, top, width, height = box
        at = (left + width / 2, top + height * 0.83)
        canvas.fitted(
            geometry.text["month"], at, (width * 0.85, height * 0.15), face.palette.ink, "mono"
        )


def _dots(canvas: Canvas, text: str, room: Box, ink: tuple[float, float, float]) -> None:
    """Text as dots, lit and faintly unlit, in the middle of the room."""
    columns = len(text) * 6 - 1
    left, top, width, height = room
    step = min(width / columns, height / 7)
    x, y = left + (width - columns * step) / 2, top + (height - 7 * step) / 2
    context, side = canvas.context, step * 0.78
    for lit in (False, True):
        for at, character in enumerate(text):
            for row, bits in enumerate(DOTS[character]):
                for column in range(5):
                    if bool(bits >> (4 - column) & 1) == lit:
                        context.rectangle(x + (at * 6 + column) * step, y + row * step, side, side)
        canvas.fill(ink, 1.0 if lit else 0.08)


def _in_type(canvas: Canvas, face: Face, geometry: Geometry, box: Box) -> None:
    """Type as on a watch with a screen: the time, its seconds or AM and PM, a date."""
    ink, accent = face.palette.ink, face.palette.accent
    left, top, width, height = box
    texts = geometry.text
    text, middle = texts["time"], left + width / 2
    extra = texts.get("second") or texts.get("ampm", "")
    size = min(width / 2.9, height * 0.62)
    canvas.text(text, (middle, top + height * 0.42), size, ink, face.font)
    if extra:
        paint = accent if "second" in texts else ink
        canvas.text(extra, (middle, top + height * 0.83), size * 0.5, paint, face.font)
    if "month" in texts:
        y = top + height * (0.0 if extra else 0.86)
        canvas.fitted(texts["month"], (middle, y), (width * 0.75, height * 0.12), ink, "sans")


def _on_cards(canvas: Canvas, face: Face, geometry: Geometry, box: Box) -> None:
    """Two cards that are split in the middle, AM or PM small on the first one."""
    left, top, width, height = box
    hour, _, minute = geometry.text["time"].partition(":")
    half = width * 0.47
    size = min(height * 0.95, half * 0.6)  # two digits are 1.4 em wide
    for text, x in ((hour, left + width * 0.015), (minute, left + width * 0.515)):
        card = (x, top + height * 0.05, half, height * 0.9)
        canvas.box(card, 0.1, face.palette.dial)
        canvas.text(text, (x + half / 2, top + height / 2), size, face.palette.ink, "sans_bold")
        canvas.box((x, top + height * 0.49, half, height * 0.02), 0, (0.03, 0.03, 0.03))
    if "ampm" in geometry.text:
        at = (left + width * 0.05, top + height * 0.16)
        canvas.fitted(geometry.text["ampm"], at, (0.2, 0.11), face.palette.ink, "sans_bold")
