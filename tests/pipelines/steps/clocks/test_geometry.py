"""The time is read back from the geometry of every body, by arithmetic of its own."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.steps.clocks.bodies import DIGITAL, JUMP, Body
from pipelines.steps.clocks.body_table import BODIES
from pipelines.steps.clocks.faces import Face, dress
from pipelines.steps.clocks.forms import HOURS_24, read_of
from pipelines.steps.clocks.geometry import (
    Concealment,
    Geometry,
    Moment,
    hand_angles,
    moon_age,
    place_all,
)

OPEN = Concealment()
TIMES = st.datetimes(datetime(2015, 1, 1), datetime(2031, 1, 1)).map(
    lambda time: time.replace(microsecond=0)
)
CLOCKS = [body for body in BODIES.values() if body.shows_time]


def read_digits(body: Body, geometry: Geometry) -> tuple[int, int, int | None]:
    """Hour of the day (of twelve without AM and PM), minute and second from texts alone."""
    text = geometry.text
    hour, minute = map(int, text["time"].split(":"))
    second = int(text["second"]) if "second" in text else None
    assert body.digits
    if body.digits.hours == 12:
        assert 1 <= hour <= 12
        hour %= 12
        if "ampm" in text:
            hour += 12 if text["ampm"] == "PM" else 0
    return hour, minute, second


def read_hands(face: Face, geometry: Geometry) -> tuple[int, int, int | None]:
    """The same from the angles of hands, whose three readings must agree."""
    angle = {role: pointer.angle for role, pointer in geometry.pointer.items()}
    assert all(0 <= value < 360 for value in angle.values() if value >= 0)
    second = None
    if "second" in angle:
        second = round(angle["second"] / 6) % 60
        assert angle["second"] == pytest.approx(second * 6)
    minute = int(angle["minute"] / 6 + 1e-9)
    if face.sweeps and second is not None:
        assert (angle["minute"] / 6 - minute) * 60 == pytest.approx(second, abs=1e-6)
    if face.body.display == JUMP:
        return int(geometry.text["hour"]) % 12, minute, second
    step = 360 / face.body.dial_hours
    hour = int(angle["hour"] / step + 1e-9)
    assert (angle["hour"] / step - hour) * 360 == pytest.approx(angle["minute"], abs=1e-4)
    near = min(abs(angle[role] - 180) for role in ("hour", "minute"))
    if "ampm" in geometry.text and near >= 25:  # else a hand hides it
        hour += 12 if geometry.text["ampm"] == "PM" else 0
    return hour, minute, second


def test_there_are_more_than_fifty_bodies() -> None:
    assert len(CLOCKS) >= 50
    assert len(set(BODIES)) == len(BODIES)
    assert sum(not body.shows_time for body in BODIES.values()) >= 3
    kinds = {body.case for body in CLOCKS}
    assert {"wrist", "pocket", "wall", "station", "cuckoo", "bells", "phone", "flip"} <= kinds
    assert {body.outline for body in CLOCKS} >= {"round", "square", "tonneau", "octagon"}
    assert {body.dial_hours for body in CLOCKS} == {12, 24}


@pytest.mark.parametrize("body", CLOCKS, ids=lambda body: body.name)
@given(time=TIMES, seed=st.integers(0, 2**31))
@settings(max_examples=12, deadline=None)
def test_the_time_is_read_back(body: Body, time: datetime, seed: int) -> None:
    face = dress(body, seed, 0)
    geometry = place_all(face, Moment(time), OPEN)
    reading = read_of(face, time, OPEN)
    if body.has_hands:
        hour, minute, second = read_hands(face, geometry)
        if body.digits:
            _, _, second = read_digits(body, geometry)
            assert read_digits(body, geometry)[:2] == (time.hour, time.minute)
            hour = time.hour if hour == time.hour % 12 else -2
    else:
        assert body.display in DIGITAL
        assert not geometry.pointers
        hour, minute, second = read_digits(body, geometry)
    assert (hour, minute) == (reading.hour, reading.minute)
    assert (hour % 12, minute) == (time.hour % 12, time.minute)
    assert (second if second is not None else -1) == reading.second
    assert reading.shows_seconds == body.ticks_seconds
    if reading.time_format == HOURS_24:
        assert reading.hour == time.hour


@given(time=TIMES)
def test_hands_move_together(time: datetime) -> None:
    before, after = (hand_angles(t, 12, True) for t in (time, time + timedelta(seconds=1)))
    for role, step in (("second", 6.0), ("minute", 0.1), ("hour", 0.5 / 60)):
        assert (after[role] - before[role]) % 360 == pytest.approx(step, abs=1e-6)


def test_a_station_clock_jumps_from_minute_to_minute() -> None:
    time = datetime(2024, 5, 4, 10, 8, 59)
    assert hand_angles(time, 12, False)["minute"] == 48.0
    assert hand_angles(time + timedelta(seconds=1), 12, False)["minute"] == 54.0
    assert not dress(BODIES["station_bars"], 1, 1).sweeps


def test_known_angles() -> None:
    assert hand_angles(datetime(2024, 1, 1, 3), 12, True)["hour"] == 90.0
    assert hand_angles(datetime(2024, 1, 1, 15, 30), 12, True)["hour"] == 105.0
    assert hand_angles(datetime(2024, 1, 1, 18), 24, True)["hour"] == 270.0
    assert hand_angles(datetime(2024, 1, 1, 0, 15, 45), 12, True) == {
        "hour": pytest.approx(15.75 / 2),
        "minute": pytest.approx(94.5),
        "second": 270.0,
    }


@given(elapsed=st.integers(0, 12 * 3600 - 1))
def test_small_dials_of_a_chronograph_agree(elapsed: int) -> None:
    face = dress(BODIES["chronograph_three"], 3, 3)
    moment = Moment(datetime(2024, 1, 1, 7, 8, 9), elapsed)
    angle = {r: p.angle for r, p in place_all(face, moment, OPEN).pointer.items()}
    hours, minutes = angle["chrono_hour"] / 30, angle["chrono_minute"] / 12
    seconds = angle["chrono_second"] / 6
    assert (minutes - int(minutes + 1e-9)) * 60 == pytest.approx(seconds, abs=1e-6)
    assert (hours * 60) % 30 == pytest.approx(minutes, abs=1e-6)
    assert round(hours * 3600) == elapsed
    assert angle["second"] == 54.0


@given(time=TIMES)
def test_dates_are_those_of_the_moment(time: datetime) -> None:
    moment = Moment(time)
    dial = place_all(dress(BODIES["day_and_date"], 1, 1), moment, OPEN).text
    assert int(dial["date"]) == time.day
    assert dial["day"] == f"{time:%a}".upper()
    screen = place_all(dress(BODIES["digital_12"], 1, 1), moment, OPEN).text
    assert screen["month"] == f"{time:%a} {time.day} {time:%b}".upper()
    hands = place_all(dress(BODIES["calendar_dials"], 1, 1), moment, OPEN).pointer
    assert round(hands["date"].angle / (360 / 31)) + 1 == time.day
    assert round(hands["day"].angle / (360 / 7)) == time.weekday()


def test_the_moon_is_full_when_it_was() -> None:
    assert moon_age(datetime(2000, 1, 6, 18, 14)) == 0.0
    # Total lunar eclipses happen at full moon.
    for full in (datetime(2018, 7, 27, 20, 22), datetime(2025, 3, 14, 6, 59)):
        assert moon_age(full) == pytest.approx(0.5, abs=0.03)


@given(time=TIMES)
@settings(max_examples=20)
def test_what_is_hidden_is_gone(time: datetime) -> None:
    moment = Moment(time, alarm_minutes=400)
    for body in CLOCKS:
        face = dress(body, 5, 5)
        covered = place_all(face, moment, Concealment(cover="note"))
        assert not covered.pointers
        assert not {"time", "hour", "ampm", "second"} & covered.text.keys()
        assert read_of(face, time, Concealment(cover="note")).hour == -1
    face = dress(BODIES["alarm_bells"], 5, 5)
    left = place_all(face, moment, Concealment(frozenset(("hour", "alarm"))))
    assert set(left.pointer) == {"minute", "second"}
    dashes = place_all(dress(BODIES["digital_24"], 1, 1), moment, Concealment(cover="dashes"))
    assert dashes.text["time"] == "--:--"
