"""What a face shows at a moment, as a value: the angle of every hand and the text of every window.

Drawing starts from this and so does the metadata, and tests read the time back from it. Angles are
degrees clockwise from twelve o'clock; lengths are dial units (the dial's half height is 1).
"""

import functools
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipelines.steps.clocks.bodies import HANDS, JUMP, Digits, Subdial
from pipelines.steps.clocks.faces import Face

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_NEW_MOON = datetime(2000, 1, 6, 18, 14)  # UTC; from then on by the mean synodic month
_MONTH_DAYS = 29.530588853
AMPM_ANGLE, AMPM_HALF = 180.0, 25.0  # the window of AM and PM, and how far a hand must be off
GAUGE_SWEEP = 270.0  # degrees from the lowest to the highest number of a gauge


@dataclass(frozen=True)
class Moment:
    """What happens on a clock: a time, an alarm, and for how long a chronograph has run."""

    time: datetime
    elapsed_s: int = 0
    alarm_minutes: int = 0
    reading: float = 0.0


@dataclass(frozen=True)
class Concealment:
    """What cannot be seen: hands that are gone (`gone`), or the whole display (`cover`).

    A cover is empty, or how the time is hidden: `sleeve`, `note`, `glare`, `off` or `dashes`.
    """

    gone: frozenset[str] = frozenset()
    cover: str = ""


@dataclass(frozen=True)
class Pointer:
    """A hand: what it tells, its angle, the axis it turns about, and its length."""

    role: str
    angle: float
    x: float
    y: float
    length: float


@dataclass(frozen=True)
class Window:
    """Text that changes: `hour`, `time`, `second`, `ampm`, `date`, `day` or `month`."""

    role: str
    text: str


@dataclass(frozen=True)
class Geometry:
    """All that moves on a face; `moon` is the share of the synodic month that has passed."""

    pointers: tuple[Pointer, ...]
    windows: tuple[Window, ...]
    moon: float
    cover: str = ""

    @functools.cached_property
    def pointer(self) -> dict[str, Pointer]:
        """Hands by what they tell."""
        return {pointer.role: pointer for pointer in self.pointers}

    @functools.cached_property
    def text(self) -> dict[str, str]:
        """Texts by what they tell."""
        return {window.role: window.text for window in self.windows}


def place_all(face: Face, moment: Moment, hidden: Concealment) -> Geometry:
    """What a face shows at a moment, without what is hidden."""
    pointers = tuple(p for p in _pointers(face, moment) if p.role not in hidden.gone)
    windows = _windows(face, moment, hidden)
    if hidden.cover:
        pointers = ()
    return Geometry(pointers, windows, moon_age(moment.time), hidden.cover)


def moon_age(time: datetime) -> float:
    """The share of the mean synodic month since new moon, 0 to 1; half is full moon."""
    return ((time - _NEW_MOON) / timedelta(days=_MONTH_DAYS)) % 1.0


def hand_angles(time: datetime, dial_hours: int, sweeps: bool) -> dict[str, float]:
    """The angles of hour, minute and second hand; a minute hand that does not sweep jumps."""
    seconds = time.second
    minutes = time.minute + (seconds / 60 if sweeps else 0)
    hours = time.hour % dial_hours + minutes / 60
    return {"hour": hours * 360 / dial_hours, "minute": minutes * 6.0, "second": seconds * 6.0}


def window_is_covered(face: Face, time: datetime, gone: frozenset[str]) -> bool:
    """Whether the hour or minute hand lies over the window that tells AM from PM."""
    angles = hand_angles(time, face.body.dial_hours, face.sweeps)
    there = (angles[role] for role in ("hour", "minute") if role not in gone)
    return any(abs(angle - AMPM_ANGLE) < AMPM_HALF for angle in there)


def _small_angles(moment: Moment) -> dict[str, float]:
    """The angles of hands on small dials, and of further hands."""
    time, elapsed = moment.time, moment.elapsed_s
    return {
        "chrono_second": elapsed % 60 * 6.0,
        "chrono_minute": elapsed / 60 % 30 * 12.0,
        "chrono_hour": elapsed / 3600 % 12 * 30.0,
        "gmt": ((time.hour + time.minute / 60 + 7) % 24) * 15.0,
        "alarm": moment.alarm_minutes / 720 * 360 % 360,
        "day": time.weekday() * 360 / 7,
        "date": (time.day - 1) * 360 / 31,
        "gauge": (moment.reading - 0.5) * GAUGE_SWEEP,
    }


def _pointers(face: Face, moment: Moment) -> list[Pointer]:
    body = face.body
    angles = hand_angles(moment.time, body.dial_hours, face.sweeps) | _small_angles(moment)
    small = {dial.role: dial for dial in body.subdials}
    reach = face.outline.reach * face.long_hands
    found = []
    for role, length in _central(face).items():
        if role not in small:
            found.append(Pointer(role, angles[role], 0.0, 0.0, length * reach))
    found += [_small_pointer(dial, angles[dial.role]) for dial in body.subdials]
    return found


def _small_pointer(dial: Subdial, angle: float) -> Pointer:
    return Pointer(dial.role, angle, dial.x, dial.y, dial.radius * 0.82)


def _central(face: Face) -> dict[str, float]:
    """The hands about the middle of the dial, undermost first, and their lengths."""
    body = face.body
    if body.display not in (HANDS, JUMP):
        return {} if body.shows_time else {"gauge": 0.72}
    found = {"alarm": 0.42} if "alarm" in body.extra else {}
    if "gmt" in body.extra:
        found["gmt"] = 0.78
    if body.display == HANDS:
        found["hour"] = 0.54
    found["minute"] = 0.82
    if "chronograph" in body.extra:
        found["chrono_second"] = 0.88
    if body.seconds == "centre":
        found["second"] = 0.88
    return found


def _windows(face: Face, moment: Moment, hidden: Concealment) -> tuple[Window, ...]:
    body, time, found = face.body, moment.time, []
    if body.date:
        found.append(Window("date", str(time.day)))
    if body.date == "day":
        found.append(Window("day", WEEKDAYS[time.weekday()]))
    if body.display == JUMP and not hidden.cover:
        found.append(Window("hour", str(time.hour % 12 or 12)))
    if "ampm" in body.extra and not hidden.cover:
        found.append(Window("ampm", half_of_day(time)))
    if body.digits and hidden.cover in ("", "dashes"):
        found += _digits(body.digits, time, hidden.cover == "dashes")
    return tuple(found)


def half_of_day(time: datetime) -> str:
    """AM or PM."""
    return "AM" if time.hour < 12 else "PM"


def _digits(digits: Digits, time: datetime, dashes: bool) -> list[Window]:
    hour = str(time.hour % 12 or 12) if digits.hours == 12 else f"{time.hour:02d}"
    found = [Window("time", "--:--" if dashes else f"{hour}:{time.minute:02d}")]
    if digits.seconds:
        found.append(Window("second", "--" if dashes else f"{time.second:02d}"))
    if digits.ampm and not dashes:
        found.append(Window("ampm", half_of_day(time)))
    if digits.date:
        day = f"{WEEKDAYS[time.weekday()]} {time.day} {MONTHS[time.month - 1]}"
        found.append(Window("month", day))
    return found
