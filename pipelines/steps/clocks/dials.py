"""The dial of a face without what moves: ground, texture, marks, numerals, small dials, windows."""

import math

from pipelines.steps.clocks.canvas import Canvas, linear, radial
from pipelines.steps.clocks.faces import Face
from pipelines.steps.clocks.geometry import GAUGE_SWEEP, WEEKDAYS
from pipelines.steps.clocks.outlines import place
from pipelines.steps.clocks.palettes import darker, lighter, luminance, mix

ROMAN = ("XII", "I", "II", "III", "IIII", "V", "VI", "VII", "VIII", "IX", "X", "XI")
DATE_WINDOWS = {"3": (0.66, 0.0), "4": (0.47, 0.47), "6": (0.0, 0.62), "day": (0.6, 0.0)}
AMPM_WINDOW = (0.0, 0.36)
JUMP_WINDOW = (0.0, -0.45)
MOON_WINDOW = (0.0, 0.46, 0.24)
LCD_WINDOW = (-0.8, 1.28, 1.6, 0.5)
# Which hours of a dial of twelve have numerals, by the name of the set.
_SHOWN = {
    "arabic": range(12),
    "arabic24": range(12),
    "roman": range(12),
    "minutes": range(12),
    "pilot": range(1, 12),
    "even": range(0, 12, 2),
    "quarters": (0, 3, 6, 9),
    "roman_quarters": (0, 3, 6, 9),
    "twelve": (0,),
    "hours24": range(24),
    "hours24_even": range(0, 24, 2),
    "none": (),
}


def draw_dial(canvas: Canvas, face: Face) -> None:
    """All of the dial that stays."""
    _draw_ground(canvas, face)
    if not face.body.shows_time:
        _draw_gauge(canvas, face)
        return
    _draw_marks(canvas, face)
    _draw_numerals(canvas, face)
    _draw_brand(canvas, face)
    for dial in face.body.subdials:
        _draw_subdial(canvas, face, (dial.role, dial.x, dial.y, dial.radius))
    _draw_windows(canvas, face)


def _draw_ground(canvas: Canvas, face: Face) -> None:
    ground = face.palette.dial
    paint = {
        "sunray": linear(
            *((-1, -1), (1, 1)),
            ((0, darker(ground, 0.12)), (0.45, lighter(ground, 0.14)), (1, darker(ground, 0.16))),
        ),
        "vignette": radial((0, 0), 1.25, ((0.3, ground), (1, darker(ground, 0.35)))),
        "fume": radial((0, 0), 1.1, ((0, lighter(ground, 0.12)), (1, darker(ground, 0.45)))),
    }.get(face.texture, ground)
    if luminance(ground) > 0.4 and face.texture == "fume":
        paint = radial((0, 0), 1.1, ((0, lighter(ground, 0.2)), (1, darker(ground, 0.14))))
    canvas.outline(face.outline, paint)
    canvas.context.save()
    canvas.trace([face.outline.at(k * 3.75) for k in range(96)])
    canvas.context.clip()
    if face.texture == "rings":
        for step in range(1, 9):
            canvas.ring(0, 0, step * 0.055, 0.008, mix(ground, face.palette.ink, 0.1))
    elif face.texture == "checks":
        _draw_checks(canvas, face)
    canvas.context.restore()


def _draw_checks(canvas: Canvas, face: Face) -> None:
    for k in range(-9, 10):
        canvas.context.rectangle(k * 0.11 - 0.006, -1, 0.012, 2)
        canvas.context.rectangle(-1, k * 0.11 - 0.006, 2, 0.012)
    canvas.fill(face.palette.ink, 0.07)


def _bar(canvas: Canvas, face: Face, angle: float, ends: tuple[float, float], width: float) -> None:
    """A mark along the radius, from a share of the way to the edge to another."""
    inner, outer = (face.outline.at(angle, share) for share in ends)
    canvas.line((inner, outer), width, face.palette.ink)


def _draw_marks(canvas: Canvas, face: Face) -> None:
    hours = face.body.dial_hours
    canvas.context.set_line_cap(0)
    if face.marks in ("railroad", "bars", "station", "plots", "hours24") and face.marks != "none":
        _draw_minutes(canvas, face)
    named = _SHOWN[face.numerals] if face.marks == "plots" else ()
    for hour in range(hours):
        if hour not in named:
            _draw_hour_mark(canvas, face, hour * 360 / hours, hour)
    canvas.context.set_line_cap(1)


def _draw_minutes(canvas: Canvas, face: Face) -> None:
    width = 0.022 if face.marks == "station" else 0.009
    for minute in range(60):
        if minute % 5 or face.marks == "railroad":
            _bar(canvas, face, minute * 6, (0.91 if width > 0.01 else 0.93, 0.975), width)
    if face.marks == "railroad":
        for share in (0.93, 0.975):
            canvas.trace([face.outline.at(k * 3.75, share) for k in range(96)])
            canvas.stroke(face.palette.ink, 0.007)


def _draw_hour_mark(canvas: Canvas, face: Face, angle: float, hour: int) -> None:
    strong, ink = hour % 3 == 0, face.palette.ink
    kind = face.marks
    if kind == "bars":
        _bar(canvas, face, angle, (0.84, 0.975), 0.045 if strong else 0.028)
    elif kind == "station":
        _bar(canvas, face, angle, (0.72, 0.975), 0.075)
    elif kind == "railroad":
        _bar(canvas, face, angle, (0.93, 0.975), 0.035)
    elif kind == "hours24":
        _bar(canvas, face, angle, (0.88, 0.975), 0.035 if strong else 0.018)
    elif kind == "dots":
        x, y = face.outline.at(angle, 0.93)
        canvas.disc(x, y, 0.032 if strong else 0.02, ink)
    elif kind == "diamonds":
        _draw_diamond(canvas, face, angle, 0.06 if strong else 0.035)
    elif kind == "plots":
        _draw_plot(canvas, face, angle, hour)


def _draw_diamond(canvas: Canvas, face: Face, angle: float, size: float) -> None:
    x, y = face.outline.at(angle, 0.9)
    corners = [
        place(angle + turn, size * (1 if turn % 180 == 0 else 0.6)) for turn in (0, 90, 180, 270)
    ]
    canvas.polygon([(x + dx, y + dy) for dx, dy in corners], face.palette.ink)


def _draw_plot(canvas: Canvas, face: Face, angle: float, hour: int) -> None:
    """The large round or long plots of a diver's watch; the one at twelve is a triangle."""
    ink = face.palette.ink
    if hour == 0:
        tip, left, right = (
            face.outline.at(0, 0.68),
            face.outline.at(-6.5, 0.87),
            face.outline.at(6.5, 0.87),
        )
        canvas.polygon((tip, left, right), ink)
    elif hour % 3 == 0:
        _bar(canvas, face, angle, (0.7, 0.86), 0.08)
    else:
        x, y = face.outline.at(angle, 0.8)
        canvas.disc(x, y, 0.062, ink)


def _taken(face: Face) -> list[tuple[float, float, float]]:
    """Circles of the dial that something else stands in: x, y, radius."""
    body = face.body
    found = [(d.x, d.y, d.radius * 1.02) for d in body.subdials]
    if body.date:
        found.append((*DATE_WINDOWS[body.date], 0.13))
    if body.date == "day":
        found.append((0.4, 0.0, 0.13))
    if "moon" in body.extra:
        found.append(MOON_WINDOW)
    return found


def _free(face: Face, x: float, y: float, room: float) -> bool:
    return all(math.hypot(x - tx, y - ty) > radius + room for tx, ty, radius in _taken(face))


def _draw_numerals(canvas: Canvas, face: Face) -> None:
    count = face.body.dial_hours if face.numerals.startswith("hours24") else 12
    size, share = _numeral_place(face)
    for hour in _SHOWN[face.numerals]:
        angle = hour * 360 / count
        x, y = face.outline.at(angle, share)
        if not _free(face, x, y, size * 0.32):
            continue
        flip = 180 if 90 < angle % 360 < 270 and face.numerals.startswith("roman") is False else 0
        turn = 0.0 if face.upright else angle + flip
        canvas.text(_numeral(face, hour), (x, y), size, face.palette.ink, face.font, turn)
    if face.numerals == "arabic24":
        _draw_inner_hours(canvas, face)
    if face.numerals == "pilot":
        tip, left, right = (place(a, r) for a, r in ((0, 0.66), (-7, 0.86), (7, 0.86)))
        canvas.polygon((tip, left, right), face.palette.ink)


def _numeral_place(face: Face) -> tuple[float, float]:
    """The em of the numerals, and their share of the way to the edge."""
    size = {"roman": 0.2, "roman_quarters": 0.26, "hours24": 0.135, "hours24_even": 0.18}
    em = size.get(face.numerals, 0.27 if face.numerals in ("quarters", "twelve", "pilot") else 0.23)
    em *= face.numeral_size * min(1.0, face.outline.reach + 0.08)
    inner = 0.82 if face.marks in ("none", "hours24") else 0.79
    if face.marks in ("bars", "plots", "station"):
        inner = 0.7
    return em, inner - (0.04 if face.numerals in ("roman", "roman_quarters") else 0.0)


def _numeral(face: Face, hour: int) -> str:
    if face.numerals.startswith("roman"):
        return ROMAN[hour]
    if face.numerals == "minutes":
        return f"{hour * 5:02d}" if hour else "60"
    if face.numerals.startswith("hours24"):
        return str(hour or 24)
    return str(hour or 12)


def _draw_inner_hours(canvas: Canvas, face: Face) -> None:
    """The ring of 13 to 24 of a field watch."""
    faded = mix(face.palette.ink, face.palette.dial, 0.25)
    for hour in range(12):
        at = face.outline.at(hour * 30, 0.5 if face.marks == "bars" else 0.56)
        canvas.text(str(hour + 12 if hour else 24), at, 0.09, faded, "sans")


def _draw_brand(canvas: Canvas, face: Face) -> None:
    """A made-up name, where there is room for it."""
    body = face.body
    if body.display == "jump" or body.case in ("station", "cuckoo", "tower", "sunburst"):
        return
    for y in (-0.34, 0.36, -0.2):
        if _free(face, 0, y, 0.14) and not ("ampm" in body.extra and y > 0):
            canvas.text(face.brand, (0, y), 0.105 * face.outline.reach, face.palette.ink, face.font)
            return


def _draw_subdial(canvas: Canvas, face: Face, dial: tuple[str, float, float, float]) -> None:
    role, x, y, radius = dial
    ground, ink = face.palette.dial, face.palette.ink
    canvas.disc(x, y, radius, mix(ground, ink, 0.1))
    canvas.ring(x, y, radius, 0.012, mix(ground, ink, 0.55))
    labels = _subdial_labels(role)
    steps = {"second": 12, "chrono_minute": 6, "chrono_hour": 12, "hour": 12, "day": 7}.get(
        role, 31
    )
    canvas.context.set_line_cap(0)
    for step in range(steps):
        (ax, ay), (bx, by) = (place(step * 360 / steps, radius * share) for share in (0.86, 0.97))
        canvas.line(((x + ax, y + ay), (x + bx, y + by)), 0.012, ink)
    canvas.context.set_line_cap(1)
    for label, angle in labels:
        dx, dy = place(angle, radius * 0.65)
        canvas.text(label, (x + dx, y + dy), min(0.085, radius * 0.33), ink, "sans")


def _subdial_labels(role: str) -> list[tuple[str, float]]:
    """What stands on a small dial, and at which angle."""
    if role == "second":
        return [("60", 0), ("15", 90), ("30", 180), ("45", 270)]
    if role == "chrono_minute":
        return [("30", 0), ("10", 120), ("20", 240)]
    if role == "chrono_hour":
        return [("12", 0), ("3", 90), ("6", 180), ("9", 270)]
    if role == "hour":
        return [(str(hour), hour * 30.0) for hour in range(1, 13)]
    if role == "day":
        return [(name[0], k * 360 / 7) for k, name in enumerate(WEEKDAYS)]
    return [(str(day), (day - 1) * 360 / 31) for day in (1, 8, 16, 24)]


def _draw_windows(canvas: Canvas, face: Face) -> None:
    """The frames of windows; their text moves."""
    body = face.body
    if body.date:
        x, y = DATE_WINDOWS[body.date]
        _draw_frame(canvas, face, (x - 0.1, y - 0.085, 0.2, 0.17))
    if body.date == "day":
        _draw_frame(canvas, face, (0.25, -0.085, 0.25, 0.17))
    if "ampm" in body.extra:
        x, y = AMPM_WINDOW
        _draw_frame(canvas, face, (x - 0.14, y - 0.085, 0.28, 0.17))
    if body.display == "jump":
        x, y = JUMP_WINDOW
        _draw_frame(canvas, face, (x - 0.19, y - 0.16, 0.38, 0.32))
    if body.digits and body.has_hands:
        canvas.box(LCD_WINDOW, 0.04, (0.72, 0.77, 0.66))
        canvas.rounded(LCD_WINDOW, 0.04)
        canvas.stroke((0.1, 0.1, 0.1), 0.02)


def _draw_frame(canvas: Canvas, face: Face, box: tuple[float, float, float, float]) -> None:
    canvas.box(box, 0.02, (0.98, 0.98, 0.96))
    canvas.rounded(box, 0.02)
    canvas.stroke(mix(face.palette.ink, (0.5, 0.5, 0.5), 0.3), 0.012)


def _draw_gauge(canvas: Canvas, face: Face) -> None:
    """A scale of three quarters of a turn, with numbers and a unit."""
    low, high, unit = face.body.scale
    ink = face.palette.ink
    canvas.context.set_line_cap(0)
    for step in range(51):
        angle = (step / 50 - 0.5) * GAUGE_SWEEP
        _bar(
            canvas,
            face,
            angle,
            (0.84 if step % 5 == 0 else 0.89, 0.95),
            0.03 if step % 5 == 0 else 0.012,
        )
    canvas.context.set_line_cap(1)
    for step in range(11):
        value = low + (high - low) * step / 10
        at = place((step / 10 - 0.5) * GAUGE_SWEEP, 0.68)
        canvas.text(f"{value:g}", at, 0.14 if high >= 100 else 0.17, ink, face.font)
    canvas.text(unit, (0, 0.6), 0.22, ink, "sans")
    canvas.text(face.brand, (0, -0.32), 0.1, ink, face.font)
