"""The published augmentation: its ranges, its placing, and one way to apply it against another."""

import dataclasses
import math
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from pipelines.steps.clocks.augment import (
    CROP_PX,
    Augmentation,
    Extent,
    Jitter,
    augment_picture,
    colour_matrix,
    draw_augmentation,
    matrix_for,
    placing,
    recoloured,
    recoloured_white,
    turned_extent,
)
from schemas.errors import UsageError

DRAWN = [draw_augmentation(Random(seed)) for seed in range(4000)]


def clock(width: int = 200, height: int = 160, shade: int = CROP_PX) -> Image.Image:
    """A red box with a blue corner on white, above a black shade."""
    picture = Image.new("RGB", (width + 80, height + 60 + shade), "white")
    pen = ImageDraw.Draw(picture)
    pen.rectangle((40, 30, 40 + width - 1, 30 + height - 1), fill=(200, 40, 40))
    pen.rectangle((40, 30, 40 + width // 4, 30 + height // 4), fill=(30, 60, 220))
    if shade:
        pen.rectangle((0, height + 60, width + 80, height + 60 + shade), fill="black")
    return picture


def test_a_tenth_is_upright_and_the_others_turn_as_published() -> None:
    turns = np.array([one.rotation for one in DRAWN])
    assert (turns == 0).mean() == pytest.approx(0.10, abs=0.02)
    # Four tenths and a fifth of a half within 25 degrees, two fifths of it within 80.
    within = 0.1 + 0.4 + 0.5 * (0.2 + 0.4 * 25 / 80 + 0.4 * 25 / 180)
    assert (np.abs(turns) <= 25).mean() == pytest.approx(within, abs=0.03)
    within = 0.1 + 0.4 + 0.5 * (0.6 + 0.4 * 80 / 180)
    assert (np.abs(turns) <= 80).mean() == pytest.approx(within, abs=0.03)
    assert 150 < np.abs(turns).max() <= 180


def test_scales_and_colours_stay_in_their_ranges() -> None:
    scales = np.array([one.scale for one in DRAWN])
    assert scales.min() >= 0.3
    assert 1.9 < scales.max() <= 2.0
    assert (scales > 1).mean() == pytest.approx(0.5 / 1.7, abs=0.03)
    for name, low, high in (
        *(("hue", -0.05, 0.05), ("brightness", 0.85, 1.2)),
        *(("saturation", 0.8, 1.2), ("contrast", 0.8, 1.2)),
    ):
        values = [getattr(one.jitter, name) for one in DRAWN]
        assert low <= min(values) < max(values) <= high
    assert all(0 <= one.x <= 1 and 0 <= one.y <= 1 for one in DRAWN)


SIDES = st.floats(20, 200)
SHARES = st.floats(0, 1)


@given(
    sides=st.tuples(SIDES, SIDES),
    rotation=st.floats(-180, 180),
    scale=st.floats(0.3, 2),
    place=st.tuples(SHARES, SHARES),
)
def test_a_clock_stays_in_the_picture(
    sides: tuple[float, float], rotation: float, scale: float, place: tuple[float, float]
) -> None:
    extent = Extent(*sides)
    one = Augmentation(rotation, scale, *place)
    where = placing(one, extent, 400, 400)
    width, height = (side * where.scale for side in turned_extent(extent, rotation))
    assert width - 1e-6 <= where.centre_x <= 400 - width + 1e-6
    assert height - 1e-6 <= where.centre_y <= 400 - height + 1e-6
    assert where.scale <= scale * 0.62 + 1e-9


def test_round_clocks_take_no_more_room_when_turned() -> None:
    assert turned_extent(Extent(50, 50, round=True), 45) == (50, 50)
    assert turned_extent(Extent(50, 50), 45) == pytest.approx((50 * math.sqrt(2),) * 2)


def test_the_shade_is_cut_off_and_the_rest_is_white() -> None:
    found = np.asarray(augment_picture(clock(), Augmentation(0, 1, 0, 0), 400)).astype(int)
    assert found.shape == (400, 400, 3)
    assert (found.max(axis=2) < 60).sum() == 0
    assert (found[300:] == 255).all()
    assert found[2, 2].tolist() == [30, 60, 220]
    rows, columns = np.nonzero(found.min(axis=2) < 250)
    assert (rows.min(), columns.min()) == (0, 0)
    assert columns.max() + 1 == pytest.approx(0.62 * 400, abs=2)
    assert rows.max() + 1 == pytest.approx(0.62 * 400 * 160 / 200, abs=2)


def test_nothing_left_is_an_error() -> None:
    with pytest.raises(UsageError, match="nothing but white"):
        augment_picture(Image.new("RGB", (300, 300), "white"), Augmentation(), 400)
    with pytest.raises(UsageError, match="nothing but white"):
        augment_picture(clock(shade=0).crop((0, 0, 100, 90)), Augmentation(), 400)


@given(rotation=st.sampled_from((0.0, 90.0, -90.0, 180.0)))
@settings(deadline=None)
def test_rotations_are_clockwise(rotation: float) -> None:
    one = Augmentation(rotation, 1, 0.5, 0.5)
    found = np.asarray(augment_picture(clock(), one, 400)).astype(int)
    blue = found[:, :, 2] > 180
    blue &= found[:, :, 0] < 100
    rows, columns = np.nonzero(blue)
    corner = {0.0: (-1, -1), 90.0: (1, -1), -90.0: (-1, 1), 180.0: (1, 1)}[rotation]
    assert np.sign([columns.mean() - 200, rows.mean() - 200]).tolist() == list(corner)


def test_colours_change_as_each_setting_says() -> None:
    matrix = colour_matrix(Jitter(), 100)
    assert np.allclose(matrix, np.eye(3, 4), atol=1e-9)
    brighter = colour_matrix(Jitter(brightness=1.2), 100) @ (100, 50, 25, 1)
    assert brighter == pytest.approx([120, 60, 30])
    grey = colour_matrix(Jitter(saturation=0), 100) @ (200, 40, 40, 1)
    assert np.ptp(grey) < 0.5
    assert grey.mean() == pytest.approx(0.299 * 200 + 0.701 * 40, abs=0.5)
    flat = colour_matrix(Jitter(contrast=0), 128) @ (200, 40, 90, 1)
    assert flat == pytest.approx([128, 128, 128])
    turned = colour_matrix(Jitter(hue=0.05), 100) @ (180, 60, 60, 1)
    weights = (0.299, 0.587, 0.114)
    assert np.dot(turned, weights) == pytest.approx(np.dot((180, 60, 60), weights), abs=0.1)
    assert abs(turned[1] - turned[2]) > 10
    assert (colour_matrix(Jitter(hue=0.3), 9) @ (77, 77, 77, 1)) == pytest.approx([77] * 3, abs=0.1)


def test_white_around_a_picture_counts_and_changes_alike() -> None:
    jitter = Jitter(0.03, 0.9, 1.1, 0.85)
    whole = Image.new("RGB", (160, 160), "white")
    whole.paste((40, 80, 160), (0, 0, 80, 80))
    part = whole.crop((0, 0, 80, 80))
    matrix = matrix_for(part, jitter, 160 * 160 - 80 * 80)
    assert np.allclose(matrix, matrix_for(whole, jitter))
    assert recoloured(whole, matrix).getpixel((159, 159)) == recoloured_white(matrix)
    assert recoloured_white(matrix_for(whole, Jitter(brightness=1.2))) == (255, 255, 255)


def test_the_stage_places_as_the_plain_function_does() -> None:
    """Drawing through the affine gives what drawing first and turning then does."""
    pytest.importorskip("cairocffi", exc_type=ImportError)
    from pipelines.steps.clocks.examples import ClockRules, plan_clock
    from pipelines.steps.clocks.placement import case_of, pixels_per_unit
    from pipelines.steps.clocks.render import draw_picture

    plan = next(
        plan
        for plan in (plan_clock(ClockRules(seed=7), index) for index in range(0, 500, 5))
        if plan.face.body.case == "wall" and plan.face.body.outline == "round"
    )
    one = Augmentation(33.0, 0.9, 0.2, 0.7)
    upright = draw_picture(dataclasses.replace(plan, augmentation=None), 400)
    stage = draw_picture(dataclasses.replace(plan, augmentation=one), 400)
    extent = case_of(plan.face).extent(plan.face, pixels_per_unit(plan.face, 400))
    box = Image.eval(upright, lambda value: 255 - value).getbbox()
    assert box
    assert box[2] - box[0] == pytest.approx(2 * extent.half_width, rel=0.05)
    where = placing(one, extent, 400, 400)
    turned = upright.rotate(-33.0, Image.Resampling.BILINEAR, fillcolor="white")
    small = turned.resize((round(400 * where.scale),) * 2, Image.Resampling.BILINEAR)
    again = Image.new("RGB", (400, 400), "white")
    half = small.width / 2
    again.paste(small, (round(where.centre_x - half), round(where.centre_y - half)))
    difference = np.abs(np.asarray(again).astype(int) - np.asarray(stage).astype(int))
    assert difference.mean() < 3
