"""The time is read back from pixels, so that what is drawn is what the metadata say."""

import dataclasses
import io
import math
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

pytest.importorskip("cairocffi", reason="cairocffi is not installed", exc_type=ImportError)

import cairocffi as cairo

from pipelines.steps.clocks.augment import Augmentation, Placing
from pipelines.steps.clocks.body_table import BODIES
from pipelines.steps.clocks.canvas import Canvas
from pipelines.steps.clocks.digits import DOTS, SEVEN, _segments
from pipelines.steps.clocks.examples import ClockPlan, ClockRules, plan_clock
from pipelines.steps.clocks.faces import Face, dress
from pipelines.steps.clocks.forms import read_of
from pipelines.steps.clocks.geometry import Concealment, Moment, place_all
from pipelines.steps.clocks.hands import SHAPES
from pipelines.steps.clocks.palettes import Palette
from pipelines.steps.clocks.placement import check_size, dial_transform, where_of
from pipelines.steps.clocks.render import draw_clock, draw_picture, render

SIZE = 400
PLAIN = Palette((1, 1, 1), (0.8, 0.8, 0.8), (0, 0, 0), (1, 0, 0), (0.5, 0.8, 1), (0.5, 0.8, 1))
TIMES = st.datetimes(datetime(2015, 1, 1), datetime(2031, 1, 1)).map(
    lambda time: time.replace(microsecond=0)
)


def plain(name: str, **changes: object) -> Face:
    """A face whose hands are the only dark or red things on it."""
    settings = {"palette": PLAIN, "brand": "", "texture": "flat", "gloss": 0.0, "upright": True}
    settings |= {"hands": "baton", "second_hand": "needle", "hand_width": 0.7, "long_hands": 1.0}
    return dataclasses.replace(dress(BODIES[name], 1, 1), **(settings | changes))  # type: ignore[arg-type]


def dial_angles(
    mask: NDArray[np.bool_], face: Face, where: Placing, ring: tuple[float, float]
) -> NDArray[np.float64]:
    """The angles on the dial, in degrees, of the pixels of a mask between two radii."""
    x, y, unit = dial_transform(face, SIZE, where)
    rows, columns = np.nonzero(mask)
    dx, dy = (columns + 0.5 - x) / unit, (rows + 0.5 - y) / unit
    inside = (np.hypot(dx, dy) > ring[0]) & (np.hypot(dx, dy) < ring[1])
    angles = np.degrees(np.arctan2(dx[inside], -dy[inside])) - where.rotation
    return np.asarray(angles % 360)


def middle(angles: NDArray[np.float64]) -> float:
    """The mean direction."""
    turned = np.radians(angles)
    return math.degrees(math.atan2(np.sin(turned).sum(), np.cos(turned).sum())) % 360


def away(angles: NDArray[np.float64], other: float, degrees: float) -> NDArray[np.float64]:
    """Angles at least so far from another one."""
    return angles[np.abs((angles - other + 180) % 360 - 180) > degrees]


def read_pixels(picture: Image.Image, face: Face, where: Placing) -> tuple[int, int, int]:
    """Hour, minute and second from dark and red pixels of a plain face."""
    pixels = np.asarray(picture).astype(int)
    dark = pixels.max(axis=2) < 110
    red = (pixels[:, :, 0] > 150) & (pixels[:, :, 1:].max(axis=2) < 110)
    second = round(middle(dial_angles(red, face, where, (0.6, 0.85))) / 6) % 60
    minute_angle = middle(dial_angles(dark, face, where, (0.6, 0.78)))
    minute = round(minute_angle / 6 - second / 60) % 60
    hours = dial_angles(dark, face, where, (0.25, 0.5))
    apart = away(hours, minute_angle, 12)
    hour_angle = middle(apart) if len(apart) > 12 else minute_angle
    hour = round(hour_angle / 30 - minute / 60 - second / 3600) % 12
    return hour, minute, second


@given(time=TIMES, rotation=st.floats(-180, 180), upright=st.booleans())
@settings(max_examples=40, deadline=None)
def test_hands_are_where_the_time_puts_them(time: datetime, rotation: float, upright: bool) -> None:
    face = plain("wall_minimal", body=dataclasses.replace(BODIES["wall_minimal"], seconds="centre"))
    where = Placing(200, 200, 0.0 if upright else rotation, 0.9)
    picture = draw_clock(face, place_all(face, Moment(time), Concealment()), SIZE, where)
    reading = read_of(face, time, Concealment())
    angle = abs((time.minute + time.second / 60) * 6 - time.second * 6) % 360
    if min(angle, 360 - angle) < 4:
        return  # the red hand lies on the black one
    assert read_pixels(picture, face, where) == (reading.hour, reading.minute, reading.second)


@pytest.mark.parametrize("index", range(0, 60, 7))
def test_augmented_clocks_can_be_read_by_their_placement(index: int) -> None:
    face = plain("wall_minimal", body=dataclasses.replace(BODIES["wall_minimal"], seconds="centre"))
    plan = plan_clock(ClockRules(seed=2), index)
    assert plan.augmentation
    one = Augmentation(plan.augmentation.rotation, 1.2, plan.augmentation.x, plan.augmentation.y)
    time = datetime(2024, 1, 1, index % 12, index, (index * 13 + 25) % 60)
    plan = changed(plan, face, time, one)
    where = where_of(plan, SIZE)
    found = read_pixels(draw_picture(plan, SIZE), face, where)
    assert found == (time.hour % 12, time.minute, time.second)


def changed(plan: ClockPlan, face: Face, time: datetime, one: Augmentation | None) -> ClockPlan:
    """The plan with another face, time and placing, and nothing hidden."""
    reading = read_of(face, time, Concealment())
    facts = {"face": face, "moment": Moment(time), "hidden": Concealment(), "reading": reading}
    return dataclasses.replace(plan, **facts, augmentation=one)


def test_segments_are_those_of_the_digits() -> None:
    lit = {"0": 6, "1": 2, "2": 5, "3": 5, "4": 4, "5": 5, "6": 6, "7": 3, "8": 7, "9": 6}
    assert {digit: len(SEVEN[digit]) for digit in lit} == lit
    surface = cairo.ImageSurface(cairo.FORMAT_RGB24, 1330, 220)
    canvas = Canvas(cairo.Context(surface))
    _segments(canvas, "0123456789", (10, 10, 1310, 200), (1.0, 1.0, 1.0), ghost=0)
    pixels = np.frombuffer(surface.get_data(), np.uint8).reshape(220, -1, 4)[:, :, 1] > 128
    unit = min(1310 / (13.2 - 0.32), 100)
    left = 10 + (1310 - (13.2 - 0.32) * unit) / 2
    top = 10 + (200 - 2 * unit) / 2
    spots = {"a": (0.5, 0.1), "b": (0.9, 0.5), "c": (0.9, 1.5), "d": (0.5, 1.9)}
    spots |= {"e": (0.1, 1.5), "f": (0.1, 0.5), "g": (0.5, 1.0)}
    for digit in range(10):
        x = left + digit * 1.32 * unit
        found = {n for n, (a, b) in spots.items() if pixels[int(top + b * unit), int(x + a * unit)]}
        assert found == set(SEVEN[str(digit)])


def test_dots_fit_their_grid_and_differ() -> None:
    assert all(len(rows) == 7 and max(rows) < 32 for rows in DOTS.values())
    assert len(set(DOTS.values())) == len(DOTS)


@pytest.mark.parametrize("name", BODIES)
def test_every_body_is_drawn_and_its_time_is_seen(name: str) -> None:
    """Another time, or a cover, gives another picture; nothing is drawn beyond the clock's box."""
    face = dress(BODIES[name], 4, 4)
    where = Placing(200, 200, 20.0, 0.6)
    pictures = []
    for minute, cover in ((8, ""), (37, ""), (8, "note")):
        moment = Moment(datetime(2024, 3, 3, 10, minute, 36), reading=minute / 60)
        shown = place_all(face, moment, Concealment(cover=cover))
        pictures.append(np.asarray(draw_clock(face, shown, SIZE, where)).astype(int))
    first, later, covered = pictures
    assert np.abs(first - later).max() > 60
    assert np.abs(first - covered).max() > 60
    assert first[0].min() == first[-1].min() == 255
    assert first.shape == (SIZE, SIZE, 3)
    assert (first.min(axis=2) < 250).mean() > 0.05


def test_hand_shapes_are_inside_their_length() -> None:
    for shape in SHAPES.values():
        assert max(along for _, along in shape.side) == 1
        assert all(across >= 0 for across, _ in shape.side)


def test_files_are_jpegs_and_always_the_same() -> None:
    plan = plan_clock(ClockRules(seed=9), 3)
    data = render(plan, 200)
    assert data == render(plan, 200)
    picture = Image.open(io.BytesIO(data))
    assert (picture.format, picture.size, picture.mode) == ("JPEG", (200, 200), "RGB")
    straight = dataclasses.replace(plan, augmentation=None)
    assert Image.open(io.BytesIO(render(straight, 200))).getpixel((0, 0)) == (255, 255, 255)


def test_small_clocks_are_told() -> None:
    face = plain("small_seconds")
    plan = plan_clock(ClockRules(seed=2), 0)
    time = datetime(2024, 1, 1, 3, 4, 5)
    large = check_size(changed(plan, face, time, None), SIZE)
    small = check_size(changed(plan, face, time, Augmentation(scale=0.3)), SIZE)
    assert large.name == "too_small_v1"
    assert large.score < 0.5 < 1.0 < small.score
    covered = dataclasses.replace(
        changed(plan, face, time, None),
        hidden=Concealment(cover="note"),
        reading=read_of(face, time, Concealment(cover="note")),
    )
    assert check_size(covered, SIZE).score == 0.0
    digits = changed(plan, dress(BODIES["platform_board"], 1, 1), time, Augmentation(scale=0.3))
    assert check_size(digits, SIZE).score > check_size(digits, 4 * SIZE).score > 0
