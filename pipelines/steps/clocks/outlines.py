"""The shapes of dials as functions of the angle: where a mark, a numeral or an edge lies.

Lengths are dial units: the dial's half height is 1. Angles are degrees clockwise from twelve
o'clock, and y points down, as everywhere in this package.
"""

import functools
import math
from dataclasses import dataclass

Point = tuple[float, float]
_STEPS = 96


@dataclass(frozen=True)
class Outline:
    """A superellipse with half width `width`, half height 1 and an exponent; 2 is a circle.

    `corners` above 0 makes it a regular polygon instead.
    """

    width: float = 1.0
    exponent: float = 2.0
    corners: int = 0

    @property
    def reach(self) -> float:
        """The radius of the largest circle inside: how long a hand may be."""
        return min(self.width, 1.0) * (math.cos(math.pi / self.corners) if self.corners else 1.0)

    def radius(self, angle: float) -> float:
        """The distance of the edge from the centre at an angle."""
        turned = math.radians(angle)
        if self.corners:
            half = math.pi / self.corners
            return math.cos(half) / math.cos((turned + half) % (2 * half) - half)
        across = abs(math.sin(turned)) / self.width
        along = abs(math.cos(turned))
        return float((across**self.exponent + along**self.exponent) ** (-1 / self.exponent))

    def at(self, angle: float, share: float = 1.0) -> Point:
        """The point at a share of the way from the centre to the edge."""
        return place(angle, self.radius(angle) * share)


OUTLINES = {
    "round": Outline(),
    "square": Outline(0.97, 9.0),
    "cushion": Outline(1.0, 3.6),
    "tonneau": Outline(0.78, 2.8),
    "rectangle": Outline(0.72, 12.0),
    "oval": Outline(0.8, 2.1),
    "octagon": Outline(corners=8),
    "dodecagon": Outline(corners=12),
}


def place(angle: float, distance: float) -> Point:
    """The point at an angle and a distance from the centre."""
    turned = math.radians(angle)
    return distance * math.sin(turned), -distance * math.cos(turned)


@functools.cache
def edge_points(outline: Outline) -> tuple[Point, ...]:
    """The edge as a closed line, once around from twelve o'clock."""
    if outline.corners:
        step = 360 / outline.corners
        return tuple(outline.at((k + 0.5) * step) for k in range(outline.corners))
    return tuple(outline.at(k * 360 / _STEPS) for k in range(_STEPS))
