"""The metadata of a clock and the words about it: what is visible, the time as text, questions.

The columns follow the published rows of PixMo-Clocks: `time_format` says `With AM/PM` or `Without
AM/PM`, an hour without AM and PM is 0 to 11, what cannot be seen is -1, and the text of a time is
bare (`8:15:30`, `7:57 AM`). A 24-hour clock is a class of our own.
"""

from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Literal

from pipelines.steps.clocks.bodies import HANDS
from pipelines.steps.clocks.faces import Face
from pipelines.steps.clocks.geometry import Concealment, window_is_covered

WITH_AMPM, WITHOUT_AMPM = "With AM/PM", "Without AM/PM"
HOURS_24, NOT_SHOWN = "24 hour", "The time is not shown"
TIME_FORMATS = (WITH_AMPM, WITHOUT_AMPM, HOURS_24, NOT_SHOWN)
HIDDEN = -1
Wording = Literal["time", "sentence"]

QUESTIONS = (
    "What time is being shown?",
    "What time is it on this clock?",
    "Which time can be read here?",
    "Read the clock.",
    "What does the dial say?",
)
_TIME = ("The time shown is {}", "The clock reads {}", "It is {}", "The time is {}")
_NOTHING = (
    "The time is not visible in the picture.",
    "No time can be read from this picture.",
    "The picture does not show what time it is.",
)
_NO_HOUR = (
    "The hour is not visible; it is {} past the hour.",
    "The minute hand is at {}, but no hour can be seen.",
)
_NO_MINUTE = (
    "The hour shown is {}; the minutes are not visible.",
    "It is some time after {}: the minutes cannot be seen.",
)


@dataclass(frozen=True)
class Reading:
    """What can be read: -1 for what cannot; hours are 0 to 23, or 0 to 11 without AM and PM."""

    hour: int
    minute: int
    second: int
    time_format: str

    @property
    def shows_seconds(self) -> bool:
        """Whether seconds can be read."""
        return self.second != HIDDEN


_NO_READING = Reading(HIDDEN, HIDDEN, HIDDEN, NOT_SHOWN)


def read_of(face: Face, time: datetime, hidden: Concealment) -> Reading:
    """What can be read from a face at a time."""
    body, gone = face.body, hidden.gone
    if hidden.cover or not body.shows_time or {"hour", "minute"} <= gone:
        return _NO_READING
    kind = time_format_of(face)
    if "ampm" in body.extra and window_is_covered(face, time, gone):
        kind = WITHOUT_AMPM
    hour = time.hour % 12 if kind == WITHOUT_AMPM else time.hour
    seconds = body.ticks_seconds and "second" not in gone
    return Reading(
        HIDDEN if "hour" in gone else hour,
        HIDDEN if "minute" in gone else time.minute,
        time.second if seconds else HIDDEN,
        kind,
    )


def time_format_of(face: Face) -> str:
    """The class of a face that shows the time, with no hand over its window of AM and PM."""
    body = face.body
    if "ampm" in body.extra or (body.digits and body.digits.ampm):
        return WITH_AMPM
    hours = body.digits.hours if body.digits else body.dial_hours
    return HOURS_24 if hours == 24 else WITHOUT_AMPM


def time_text(reading: Reading) -> str:
    """A whole reading as the published texts write it: `8:15:30`, `7:57 AM`, and `07:57` of 24."""
    kind = reading.time_format
    hour = f"{reading.hour:02d}" if kind == HOURS_24 else str(reading.hour % 12 or 12)
    text = f"{hour}:{reading.minute:02d}"
    text += f":{reading.second:02d}" if reading.shows_seconds else ""
    return f"{text} {'AM' if reading.hour < 12 else 'PM'}" if kind == WITH_AMPM else text


def answer(reading: Reading, rng: Random, wording: Wording = "time") -> str:
    """The text of a row: the time, bare or in a sentence, or what cannot be seen of it.

    A sentence ends with the time and without a full stop, as graders of clocks expect.
    """
    if reading.time_format == NOT_SHOWN:
        return rng.choice(_NOTHING)
    if reading.hour == HIDDEN:
        return rng.choice(_NO_HOUR).format(_count(reading.minute, "minute"))
    if reading.minute == HIDDEN:
        hour = reading.hour if reading.time_format == HOURS_24 else reading.hour % 12 or 12
        return rng.choice(_NO_MINUTE).format(hour)
    text = time_text(reading)
    return text if wording == "time" else rng.choice(_TIME).format(text)


def question(rng: Random) -> str:
    """One of the ways to ask for the time."""
    return rng.choice(QUESTIONS)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def may_lose(face: Face) -> tuple[str, ...]:
    """The hands that a face can be without and still be a clock with something to read."""
    if face.body.display != HANDS or face.body.digits:
        return ()
    return ("hour", "minute", "second") if face.body.seconds else ("hour", "minute")
