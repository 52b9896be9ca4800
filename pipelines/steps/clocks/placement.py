"""Where a clock lies in its picture, and how many pixels what is read from it has there."""

import math

from pipelines.steps.clocks.augment import Jitter, Placing, placing
from pipelines.steps.clocks.bodies import DIGITAL
from pipelines.steps.clocks.cases import case_of
from pipelines.steps.clocks.digits import SCREENS
from pipelines.steps.clocks.examples import ClockPlan
from pipelines.steps.clocks.faces import Face
from schemas.judgment import Tag

TOO_SMALL = "too_small_v1"
_MARGIN = 1.03  # room around a case, as a factor
_UNCHANGED = Jitter()
_DIGIT_PIXELS = 8.0  # seven segments and the gaps between them take so many rows
_TIME_SHARE, _SECONDS_SHARE = 0.45, 0.25  # of the height of a screen that digits take


def jitter_of(plan: ClockPlan) -> Jitter:
    """The change of colours; none without augmentation."""
    return plan.augmentation.jitter if plan.augmentation else _UNCHANGED


def where_of(plan: ClockPlan, size: int) -> Placing:
    """Where the clock goes: in the middle and upright without augmentation."""
    case, unit = case_of(plan.face), pixels_per_unit(plan.face, size)
    if plan.augmentation is None:
        return Placing(size / 2, size / 2, 0.0, 1.0)
    return placing(plan.augmentation, case.extent(plan.face, unit), size, size)


def pixels_per_unit(face: Face, size: int) -> float:
    """The scale of a face's layer, which its case fills."""
    case = case_of(face)
    return size / 2 / max(case.half_width, case.half_height) / _MARGIN


def dial_transform(face: Face, size: int, where: Placing) -> tuple[float, float, float]:
    """Where the dial's centre is in the result, and how many pixels a dial unit has there."""
    unit = pixels_per_unit(face, size) * where.scale
    turn, lift = math.radians(where.rotation), case_of(face).lift * unit
    return where.centre_x - lift * math.sin(turn), where.centre_y + lift * math.cos(turn), unit


def check_size(plan: ClockPlan, size: int) -> Tag:
    """How near the finest of what a row states is to being too small to be told: 1 is too small.

    For hands it is seconds (or minutes) per pixel at the tip; for digits 8 over their height in
    pixels. 0 where nothing can be read anyway.
    """
    _, _, unit = dial_transform(plan.face, size, where_of(plan, size))
    return Tag(TOO_SMALL, round(max(_hands(plan, unit), _digits(plan, unit)), 4))


def _hands(plan: ClockPlan, unit: float) -> float:
    """Steps of the dial per pixel, for the quickest hand that is read."""
    pointers, reading = plan.geometry.pointer, plan.reading
    role = "second" if reading.shows_seconds and "second" in pointers else "minute"
    if reading.minute < 0 or role not in pointers:
        return 0.0
    return 60 / (math.tau * pointers[role].length * unit)


def _digits(plan: ClockPlan, unit: float) -> float:
    body, reading = plan.face.body, plan.reading
    if body.display not in DIGITAL or reading.hour < 0:
        return 0.0
    share = _SECONDS_SHARE if reading.shows_seconds else _TIME_SHARE
    return _DIGIT_PIXELS / (SCREENS[body.case].box[3] * share * unit)
