"""Metadata and words: formats, hours with and without AM and PM, what is not visible, templates."""

import re
from datetime import datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.steps.clocks.body_table import BODIES
from pipelines.steps.clocks.faces import Face, dress
from pipelines.steps.clocks.forms import (
    HOURS_24,
    NOT_SHOWN,
    QUESTIONS,
    TIME_FORMATS,
    WITH_AMPM,
    WITHOUT_AMPM,
    Reading,
    answer,
    may_lose,
    question,
    read_of,
    time_format_of,
    time_text,
)
from pipelines.steps.clocks.geometry import Concealment

OPEN = Concealment()


def face(name: str) -> Face:
    return dress(BODIES[name], 1, 1)


@pytest.mark.parametrize(
    ("name", "time", "text"),
    [
        # As the published rows write them.
        ("quarters_arabic", (8, 15, 30), "8:15:30"),
        ("dress_bars", (12, 9, 34), "12:09"),
        ("quarters_arabic", (14, 50, 10), "2:50:10"),
        ("digital_12", (7, 57, 39), "7:57:39 AM"),
        ("digital_12", (23, 57, 4), "11:57:04 PM"),
        ("quarters_arabic", (0, 10, 0), "12:10:00"),
        # Midnight and noon.
        ("bedside_12", (0, 5, 0), "12:05 AM"),
        ("bedside_12", (12, 5, 0), "12:05 PM"),
        ("digital_plain_12", (12, 5, 0), "12:05"),
        # Clocks of 24 hours, a class of our own.
        ("bedside_24", (0, 5, 0), "00:05"),
        ("dial_24_hours", (19, 5, 7), "19:05:07"),
    ],
)
def test_times_as_text(name: str, time: tuple[int, int, int], text: str) -> None:
    reading = read_of(face(name), datetime(2024, 1, 1, *time), OPEN)
    assert time_text(reading) == text
    assert answer(reading, Random(1)) == text
    sentence = answer(reading, Random(1), "sentence")
    assert sentence.endswith(text)
    assert len(sentence) > len(text)


@pytest.mark.parametrize("name", BODIES)
def test_formats_follow_from_what_a_body_shows(name: str) -> None:
    body = BODIES[name]
    reading = read_of(face(name), datetime(2024, 1, 1, 17, 8, 9), OPEN)
    assert reading.time_format in TIME_FORMATS
    if not body.shows_time:
        assert reading == Reading(-1, -1, -1, NOT_SHOWN)
        return
    assert reading.time_format == time_format_of(face(name))
    expected = {WITH_AMPM: 17, HOURS_24: 17, WITHOUT_AMPM: 5}[reading.time_format]
    assert (reading.hour, reading.minute) == (expected, 8)
    assert reading.second == (9 if reading.shows_seconds else -1)


def test_a_hand_over_the_window_hides_the_half_of_the_day() -> None:
    watch = face("am_pm_window")
    for hour, minute, kind in ((17, 8, WITH_AMPM), (17, 31, WITHOUT_AMPM), (18, 8, WITHOUT_AMPM)):
        reading = read_of(watch, datetime(2024, 1, 1, hour, minute, 9), OPEN)
        assert (reading.time_format, reading.hour) == (kind, hour - 12 * (kind == WITHOUT_AMPM))
    gone = Concealment(frozenset(("minute", "second")))
    assert read_of(watch, datetime(2024, 1, 1, 17, 31, 9), gone).time_format == WITHOUT_AMPM
    assert read_of(watch, datetime(2024, 1, 1, 15, 31, 9), gone).time_format == WITH_AMPM


def test_every_format_has_bodies() -> None:
    found = {time_format_of(face(name)) for name, body in BODIES.items() if body.shows_time}
    assert found == {WITH_AMPM, WITHOUT_AMPM, HOURS_24}


def test_a_missing_hand_hides_what_it_tells() -> None:
    watch, time = face("quarters_arabic"), datetime(2024, 1, 1, 15, 25, 40)
    kinds = {
        ("hour",): (-1, 25, 40),
        ("minute", "second"): (3, -1, -1),
        ("second",): (3, 25, -1),
        ("hour", "minute", "second"): (-1, -1, -1),
    }
    for gone, expected in kinds.items():
        reading = read_of(watch, time, Concealment(frozenset(gone)))
        assert (reading.hour, reading.minute, reading.second) == expected
        assert (reading.time_format == NOT_SHOWN) == (expected == (-1, -1, -1))


def test_words_for_what_is_not_visible() -> None:
    for seed in range(20):
        rng = Random(seed)
        nothing = answer(Reading(-1, -1, -1, NOT_SHOWN), rng)
        assert re.search(r"not visible|No time|does not show", nothing)
        no_hour = answer(Reading(-1, 25, 40, WITHOUT_AMPM), rng)
        assert "25 minutes" in no_hour
        assert re.search(r"hour is not visible|no hour", no_hour)
        no_minute = answer(Reading(0, -1, -1, WITHOUT_AMPM), rng)
        assert re.search(r"\b12\b", no_minute)
        assert re.search(r"not visible|cannot be seen", no_minute)
        assert re.search(r"\b19\b", answer(Reading(19, -1, -1, HOURS_24), rng))


def test_no_text_without_a_time_looks_like_one() -> None:
    """Graders take digits around a colon for a time, so these texts must have none."""
    for seed in range(40):
        for reading in (Reading(-1, -1, -1, NOT_SHOWN), Reading(-1, 7, -1, WITHOUT_AMPM)):
            assert not re.search(r"\d\s*:\s*\d", answer(reading, Random(seed)))


def test_templates_are_drawn_by_seed() -> None:
    reading = Reading(3, 4, -1, WITHOUT_AMPM)
    sentences = {answer(reading, Random(seed), "sentence") for seed in range(60)}
    assert len(sentences) >= 4
    assert {answer(reading, Random(seed)) for seed in range(60)} == {"3:04"}
    assert {question(Random(seed)) for seed in range(99)} == set(QUESTIONS)


@given(hour=st.integers(0, 23), minute=st.integers(0, 59), second=st.integers(0, 59))
def test_texts_can_be_parsed_back(hour: int, minute: int, second: int) -> None:
    for kind, shown in ((WITH_AMPM, hour), (WITHOUT_AMPM, hour % 12), (HOURS_24, hour)):
        text = time_text(Reading(shown, minute, second, kind))
        pattern = "%I:%M:%S %p" if kind == WITH_AMPM else "%H:%M:%S"
        parsed = datetime.strptime(text, pattern)
        value = parsed.hour % 12 if kind == WITHOUT_AMPM else parsed.hour
        assert (value, parsed.minute, parsed.second) == (shown, minute, second)


def test_only_hands_can_be_lost() -> None:
    assert may_lose(face("quarters_arabic")) == ("hour", "minute", "second")
    assert may_lose(face("dress_bars")) == ("hour", "minute")
    for name in ("digital_24", "jumping_hour", "hands_and_digits", "thermometer"):
        assert may_lose(face(name)) == ()
