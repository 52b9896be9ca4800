"""Faces: a body dressed by a seed. The same seed and number give the same face everywhere."""

from dataclasses import dataclass
from random import Random

from pipelines.steps.clocks.bodies import Body
from pipelines.steps.clocks.body_table import BODIES
from pipelines.steps.clocks.outlines import OUTLINES, Outline
from pipelines.steps.clocks.palettes import Palette, draw_palette
from schemas.ids import content_id

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_LENGTH = 10  # as long as the published ones
_FONTS = ("sans", "sans_bold", "serif", "serif_bold", "stix", "modern", "modern_sans", "mono")
_ROMAN_FONTS = ("serif", "serif_bold", "stix", "modern")
_TEXTURES = ("flat", "flat", "sunray", "vignette", "rings", "checks", "fume")
_SECOND_HANDS = ("needle", "counterweight", "lollipop", "arrow_tip", "ringed")
_STRAPS = ("leather", "rubber", "links", "woven")
_STARTS = ("Al", "Bel", "Cor", "Dru", "El", "Fen", "Gra", "Hal", "Ith", "Jor", "Kel", "Lum")
_MIDDLES = ("a", "e", "o", "ia", "ei", "u", "or", "an")
_ENDS = ("dane", "lix", "mont", "ris", "tova", "vex", "quil", "nard", "zen", "bry")


@dataclass(frozen=True)
class Face:
    """One variant of a body: its colours, hands, numerals, fonts and finish.

    `sweeps` says that the minute hand moves with the seconds, `upright` that numerals do not turn
    with the dial, `long_hands` scales hands, `gloss` is the strength of the reflection.
    """

    face_id: str
    number: int
    body: Body
    palette: Palette
    numerals: str
    marks: str
    hands: str
    second_hand: str
    font: str
    texture: str
    strap: str
    brand: str
    sweeps: bool
    upright: bool
    long_hands: float
    hand_width: float
    gloss: float
    numeral_size: float

    @property
    def outline(self) -> Outline:
        """The edge of the dial."""
        return OUTLINES[self.body.outline]


def draw_face(seed: int, number: int) -> Face:
    """Face `number` of a seed, of any body."""
    rng = Random(f"face {seed} {number}")
    return dress(rng.choice(tuple(BODIES.values())), seed, number)


def dress(body: Body, seed: int, number: int) -> Face:
    """Face `number` of a seed, of this body."""
    rng = Random(f"variant {seed} {number} {body.name}")
    numerals = rng.choice(body.numerals)
    return Face(
        face_id=_face_id(seed, number),
        number=number,
        body=body,
        palette=draw_palette(body.scene, rng),
        numerals=numerals,
        marks=rng.choice(body.marks),
        hands=rng.choice(body.hands),
        second_hand="paddle" if body.case == "station" else rng.choice(_SECOND_HANDS),
        font=rng.choice(_ROMAN_FONTS if numerals.startswith("roman") else _FONTS),
        texture=rng.choice(_TEXTURES),
        strap=rng.choice(_STRAPS),
        brand=rng.choice(_STARTS) + rng.choice(_MIDDLES) + rng.choice(_ENDS),
        sweeps=body.case != "station",
        upright=rng.random() < (0.15 if numerals.startswith("roman") else 0.85),
        long_hands=rng.uniform(0.92, 1.05),
        hand_width=rng.uniform(0.85, 1.25),
        gloss=rng.choice((0.0, 0.0, 0.12, 0.2)),
        numeral_size=rng.uniform(0.85, 1.1),
    )


def _face_id(seed: int, number: int) -> str:
    value = int(content_id("watchface", str(seed), str(number)), 16)
    digits = []
    for _ in range(_ID_LENGTH):
        value, digit = divmod(value, len(_LETTERS))
        digits.append(_LETTERS[digit])
    return "".join(digits)
