"""Planned examples: the same for the same seed and index, uniform in time, named as published."""

import re
from collections import Counter
from datetime import datetime

import pytest

from pipelines.steps.clocks.body_table import BODIES
from pipelines.steps.clocks.examples import ClockRules, example_seed, plan_clock
from pipelines.steps.clocks.faces import draw_face, dress
from pipelines.steps.clocks.forms import NOT_SHOWN, read_of
from pipelines.steps.clocks.outlines import OUTLINES, edge_points, place
from pipelines.steps.clocks.palettes import contrast

PLANS = [plan_clock(ClockRules(seed=11), index) for index in range(4000)]


def test_the_same_seed_and_index_give_the_same_example() -> None:
    assert plan_clock(ClockRules(seed=11), 1234) == PLANS[1234]
    assert plan_clock(ClockRules(seed=12), 1234) != PLANS[1234]
    assert draw_face(11, 7) == PLANS[35].face


def test_ids_are_written_as_published() -> None:
    for plan in PLANS[:200]:
        name, body = plan.face.face_id, plan.face.body.name
        assert re.fullmatch(r"[0-9A-Za-z]{10}", name)
        assert re.fullmatch(r"\d{3}_\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", plan.watch_time)
        assert len(plan.watch_time) == 23
        assert re.fullmatch(rf"{name}/{plan.watch_time}\.\d{{6}}_{body}", plan.example_id)
        assert datetime.fromisoformat(plan.watch_time[4:]) == plan.moment.time
    assert len({plan.example_id for plan in PLANS}) == len(PLANS)
    assert len({plan.face.face_id for plan in PLANS}) == len(PLANS) / 5


def test_seeds_name_seed_and_index() -> None:
    seeds = [example_seed(seed, index) for seed in (0, 1, 2**31 - 1) for index in (0, 5, 2**32 - 1)]
    assert len(set(seeds)) == 9
    assert max(seeds) < 2**63
    assert (PLANS[3].seed >> 32, PLANS[3].seed % 2**32) == (11, 3)


def test_examples_of_a_face_stand_together() -> None:
    for plan in PLANS[:100]:
        assert plan.face == PLANS[plan.index // 5 * 5].face
    one = ClockRules(seed=11, per_face=1)
    assert len({plan_clock(one, index).face.face_id for index in range(20)}) == 20


def test_all_bodies_and_times_come() -> None:
    assert {plan.face.body.name for plan in PLANS} == set(BODIES)
    hours = Counter(plan.moment.time.hour for plan in PLANS)
    assert set(hours) == set(range(24))
    assert max(hours.values()) < 1.5 * min(hours.values())
    for of in ("minute", "second"):
        assert len({getattr(plan.moment.time, of) for plan in PLANS}) == 60


def test_shares_of_what_is_hidden_are_as_set() -> None:
    clocks = [plan for plan in PLANS if plan.face.body.shows_time]
    hidden = sum(plan.reading.hour < 0 or plan.reading.minute < 0 for plan in clocks)
    assert hidden / len(clocks) == pytest.approx(0.1, abs=0.02)
    covers = Counter(plan.hidden.cover for plan in clocks if plan.hidden.cover)
    assert set(covers) == {"sleeve", "note", "glare", "off", "dashes"}
    lost = Counter(tuple(sorted(plan.hidden.gone)) for plan in clocks if plan.hidden.gone)
    assert {("second",), ("minute", "second")} <= set(lost)
    open_ = [plan_clock(ClockRules(hidden_share=0, no_seconds_share=0), k) for k in range(300)]
    assert not any(plan.hidden.cover or plan.hidden.gone for plan in open_)


def test_metadata_are_what_can_be_read() -> None:
    for plan in PLANS[:500]:
        assert plan.reading == read_of(plan.face, plan.moment.time, plan.hidden)
        assert bool(re.search(r"\d", plan.text)) == (plan.reading.time_format != NOT_SHOWN)
        shown = plan.geometry
        if plan.reading.shows_seconds:
            assert "second" in shown.pointer or "second" in shown.text
        if plan.reading.hour >= 0:
            assert {"hour", "time"} & (shown.pointer.keys() | shown.text.keys())


def test_without_augmentation_nothing_is_placed() -> None:
    assert plan_clock(ClockRules(augment=False), 5).augmentation is None
    straight, placed = (plan_clock(ClockRules(augment=a), 5) for a in (False, True))
    assert (straight.text, straight.face) == (placed.text, placed.face)


def test_thousands_of_faces_differ() -> None:
    faces = [draw_face(3, number) for number in range(3000)]
    looks = {(f.body.name, f.palette, f.hands, f.font, f.texture, f.strap, f.brand) for f in faces}
    assert len(looks) > 2990


@pytest.mark.parametrize("name", BODIES)
def test_what_is_written_stands_out(name: str) -> None:
    for number in range(40):
        palette = dress(BODIES[name], 1, number).palette
        assert contrast(palette.ink, palette.dial) > 4.5, palette


def test_outlines_are_closed_and_symmetric() -> None:
    for outline in OUTLINES.values():
        for angle in (0, 30, 75, 90):
            assert outline.radius(angle) == pytest.approx(outline.radius(-angle))
            assert outline.reach <= outline.radius(angle) + 1e-9
        assert all(abs(x) <= 1.1 and abs(y) <= 1.1 for x, y in edge_points(outline))
    assert OUTLINES["round"].radius(33) == pytest.approx(1)
    assert place(90, 2) == pytest.approx((2, 0))
    assert place(180, 2) == pytest.approx((0, 2))
