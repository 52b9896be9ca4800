"""Colours of faces: combinations that can be read, by scene; red, green and blue are 0 to 1."""

from dataclasses import dataclass
from random import Random

Colour = tuple[float, float, float]


def colour(text: str) -> Colour:
    """`1f4e79` as a colour."""
    red, green, blue = (int(text[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return red, green, blue


@dataclass(frozen=True)
class Palette:
    """The colours of one face: `ink` writes on `dial`, `hand` and `accent` stand out from it."""

    dial: Colour
    ink: Colour
    hand: Colour
    accent: Colour
    case: Colour
    strap: Colour


_DARK_INK = ("141414", "1a2238", "2b2118", "303030")
_LIGHT_INK = ("f5f5f0", "ffffff", "e9dfc3", "d9e4ea")
# Dials, and whether what stands on them is dark.
_DIALS: dict[str, tuple[tuple[str, bool], ...]] = {
    "watch": (
        *(("f7f6f1", True), ("ece3cd", True), ("c9d5df", True), ("d8c49a", True)),
        *(("f0d9d5", True), ("b9cfae", True), ("dcdcdc", True), ("f3e6a8", True)),
        *(("15171b", False), ("16294d", False), ("123a2c", False), ("4a1420", False)),
        *(("3a2a1e", False), ("3c4148", False), ("20504f", False), ("3b2450", False)),
    ),
    "classic": (("fbf8ee", True), ("efe4c8", True), ("ffffff", True), ("e6d2a0", True)),
    "wall": (
        *(("ffffff", True), ("f4efe2", True), ("e3ecf0", True), ("f6e3b5", True)),
        *(("22252a", False), ("27496d", False), ("7a2f2f", False), ("2f5d45", False)),
    ),
    "station": (("ffffff", True), ("f4f6f7", True), ("173a7a", False)),
    "tower": (("f4efdd", True), ("1d2c4f", False), ("20201f", False), ("e8e4da", True)),
    "lcd": (("b7c2a5", True), ("c5cdb8", True), ("a9b5b0", True), ("2a3326", False)),
    "led": (("0c0a0a", False), ("121016", False), ("0a1110", False)),
    "matrix": (("0d0f0c", False), ("11100a", False), ("0c0d12", False)),
    "flip": (("1c1d1f", False), ("26221f", False), ("efece4", True)),
    "screen": (
        *(("000000", False), ("0b1020", False), ("101613", False), ("1d0f22", False)),
        *(("f2f4f7", True), ("fdf1e0", True)),
    ),
}
_GLOW = ("ff3b30", "ff5a1f", "41f07a", "53d6ff", "ffb52e", "f5f7ff", "7dff4d")
_GLOWING = {"led", "matrix"}
_ACCENTS_ON_LIGHT = ("c4161c", "d9541e", "1458a8", "0d7a4f", "141414", "8a1c5b")
_ACCENTS_ON_DARK = ("ff4d3d", "ff9a1f", "ffe14a", "6fd3ff", "7df0a0", "ffffff")
_METALS = ("c9ccd0", "e2c98f", "d9a58a", "5a5e63", "2a2b2e", "dfe1e3", "b08d57")
_CASES = {
    "wall": ("2b2b2b", "8b5a2b", "c9ccd0", "ffffff", "b23a2e", "30506e", "d7b25f", "5c3a21"),
    "station": ("2b2d31", "4a4f57", "1e3358", "8d9299"),
    "tower": ("b7aa93", "8d8a86", "a6785a", "6f6a63"),
    "flip": ("d8452f", "e8e4da", "2b2b2b", "3d7f8c", "e0a526"),
    "led": ("26262a", "4d3422", "dedede", "1b1b1d"),
    "matrix": ("202227", "34383f", "101113"),
    "lcd": ("2a2b2e", "707479", "1c2f57", "b8bcc1", "7a2030", "3c4a32"),
    "screen": ("1b1c1f", "c9ccd0", "d9b48c", "30343b"),
}
_STRAPS = (
    *("5b3320", "2a1a12", "1b1b1d", "8c5a2e", "22355c", "3f4a35", "9a9da1", "c2a878"),
    *("b03a2e", "d8d8d6", "6b2b3a", "e07b2a"),
)


def draw_palette(scene: str, rng: Random) -> Palette:
    """Colours of a scene."""
    name, is_light = rng.choice(_DIALS[scene])
    ink = colour(rng.choice(_GLOW if scene in _GLOWING else _DARK_INK if is_light else _LIGHT_INK))
    hand = ink if rng.random() < 0.75 else colour("24344f" if is_light else "e4e7ea")
    accent = colour(rng.choice(_ACCENTS_ON_LIGHT if is_light else _ACCENTS_ON_DARK))
    case = colour(rng.choice(_CASES.get(scene, _METALS)))
    return Palette(colour(name), ink, hand, accent, case, colour(rng.choice(_STRAPS)))


def luminance(value: Colour) -> float:
    """Relative luminance from 0 to 1, as WCAG 2 defines it."""
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in value)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Colour, other: Colour) -> float:
    """The contrast of two colours from 1 to 21, as WCAG 2 defines it."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`one` with a share (0 to 1) of `other`."""
    red, green, blue = (a + (b - a) * share for a, b in zip(one, other, strict=True))
    return red, green, blue


def lighter(value: Colour, share: float) -> Colour:
    """Towards white."""
    return mix(value, (1.0, 1.0, 1.0), share)


def darker(value: Colour, share: float) -> Colour:
    """Towards black."""
    return mix(value, (0.0, 0.0, 0.0), share)
