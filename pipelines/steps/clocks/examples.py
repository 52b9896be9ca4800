"""Which clock example `index` of a seed is: face, moment, what is hidden, words, augmentation.

Nothing is drawn here, and no example depends on another: the same seed and index give the same one
whatever the number of examples, parts and workers.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from pipelines.steps.clocks.augment import Augmentation, draw_augmentation
from pipelines.steps.clocks.bodies import DIGITAL
from pipelines.steps.clocks.faces import Face, draw_face
from pipelines.steps.clocks.forms import Reading, Wording, answer, may_lose, read_of
from pipelines.steps.clocks.geometry import Concealment, Geometry, Moment, place_all

_FIRST_DAY = datetime(2015, 1, 1)
_DAYS = 6000
_DAY_S = 86_400
_INDEX_BITS = 32
_ON_DIALS = ("sleeve", "note", "glare")
_ON_SCREENS = ("off", "dashes", "note")


@dataclass(frozen=True)
class ClockRules:
    """What examples are like: pictures of `size` pixels, `per_face` of the same face.

    Of `hidden_share` of them some or all of the time cannot be seen, and of `no_seconds_share`
    further ones the seconds hand is gone. `augment` places, turns and colours them as the published
    ones were. `wording` writes a time bare, as PixMo does, or in a `sentence`.
    """

    seed: int = 0
    size: int = 400
    per_face: int = 5
    hidden_share: float = 0.1
    no_seconds_share: float = 0.05
    augment: bool = True
    wording: Wording = "time"
    jpeg_quality: int = 90


@dataclass(frozen=True)
class ClockPlan:
    """One example before it is drawn."""

    example_id: str
    index: int
    seed: int
    face: Face
    moment: Moment
    hidden: Concealment
    reading: Reading
    text: str
    watch_time: str
    augmentation: Augmentation | None

    @property
    def geometry(self) -> Geometry:
        """What the face shows."""
        return place_all(self.face, self.moment, self.hidden)


def example_seed(seed: int, index: int) -> int:
    """One number for seed and index, which both can be read from."""
    return (seed << _INDEX_BITS) | index


def plan_clock(rules: ClockRules, index: int) -> ClockPlan:
    """Example `index`; times are uniform over the seconds of a day."""
    rng = Random(f"example {rules.seed} {index}")
    number, turn = divmod(index, rules.per_face)
    face = draw_face(rules.seed, number)
    moment = _draw_moment(rng)
    hidden = _draw_concealment(face, rules, rng)
    reading = read_of(face, moment.time, hidden)
    watch_time = f"{turn % 1000:03d}_{moment.time:%Y-%m-%dT%H:%M:%S}"
    return ClockPlan(
        example_id=f"{face.face_id}/{watch_time}.{rng.randrange(10**6):06d}_{face.body.name}",
        index=index,
        seed=example_seed(rules.seed, index),
        face=face,
        moment=moment,
        hidden=hidden,
        reading=reading,
        text=answer(reading, rng, rules.wording),
        watch_time=watch_time,
        augmentation=draw_augmentation(rng) if rules.augment else None,
    )


def _draw_moment(rng: Random) -> Moment:
    time = _FIRST_DAY + timedelta(days=rng.randrange(_DAYS), seconds=rng.randrange(_DAY_S))
    elapsed = rng.randrange(12 * 3600) if rng.random() < 0.5 else 0
    return Moment(time, elapsed, rng.randrange(144) * 5, rng.random())


def _draw_concealment(face: Face, rules: ClockRules, rng: Random) -> Concealment:
    """Hands that are gone and covers: for dials of hands both, for displays covers alone."""
    chance = rng.random()
    hands = may_lose(face)
    if chance < rules.hidden_share:
        kind = rng.randrange(4)
        if kind == 0 and hands:
            gone = rng.choice((("hour",), ("minute", "second"), ("hour", "minute", "second")))
            beside = ("alarm", "gmt") if "hour" in gone else ()  # they look like an hour hand
            return Concealment(frozenset((*gone, *beside)))
        covers = _ON_SCREENS if face.body.display in DIGITAL else _ON_DIALS
        return Concealment(cover=rng.choice(covers)) if face.body.shows_time else Concealment()
    if chance < rules.hidden_share + rules.no_seconds_share and "second" in hands:
        return Concealment(frozenset(("second",)))
    return Concealment()
