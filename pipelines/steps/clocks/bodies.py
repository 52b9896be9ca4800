"""What a watch or clock body is: its case, dial, displays, and what its faces may choose from.

Lengths are dial units: the dial's half height is 1. The bodies themselves stand in `body_table`.
"""

from dataclasses import dataclass

HANDS, SEGMENTS, MATRIX, FONT, FLIP, JUMP, GAUGE = (
    *("hands", "segments", "matrix", "font", "flip", "jump", "gauge"),
)
DIGITAL = (SEGMENTS, MATRIX, FONT, FLIP)
Names = tuple[str, ...]


@dataclass(frozen=True)
class Subdial:
    """A small dial: what its hand tells, where its centre is, and its radius, in dial units."""

    role: str
    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Digits:
    """How a display writes the time: 12 or 24 hours, AM and PM, seconds, a date beside it."""

    hours: int = 24
    ampm: bool = False
    seconds: bool = False
    date: bool = False


@dataclass(frozen=True)
class Body:
    """A kind of watch or clock; `numerals`, `marks` and `hands` are what a face chooses from.

    `dial_hours` are the hours of one turn of the hour hand. `seconds` is `centre`, `small` (a
    subdial) or empty. `date` is the place of a window: `3`, `4`, `6`, or `day` for weekday and
    date. `extra` names what else is on the dial: `gmt`, `alarm`, `moon`, `ampm`, `chronograph`.
    `scene` is a group of colours; a gauge's `scale` holds its lowest and highest number and unit.
    """

    name: str
    case: str = "wrist"
    outline: str = "round"
    display: str = HANDS
    dial_hours: int = 12
    numerals: Names = ("arabic",)
    marks: Names = ("bars",)
    hands: Names = ("baton", "sword", "dauphine", "pencil")
    seconds: str = "centre"
    subdials: tuple[Subdial, ...] = ()
    digits: Digits | None = None
    bezel: str = "plain"
    date: str = ""
    extra: Names = ()
    scene: str = "watch"
    scale: tuple[int, int, str] = (0, 0, "")

    @property
    def has_hands(self) -> bool:
        """Whether hands tell the time, perhaps beside digits."""
        return self.display in (HANDS, JUMP)

    @property
    def shows_time(self) -> bool:
        """False for dials that are no clocks."""
        return self.display != GAUGE

    @property
    def ticks_seconds(self) -> bool:
        """Whether seconds are on it at all."""
        return bool(self.seconds) or bool(self.digits and self.digits.seconds)
