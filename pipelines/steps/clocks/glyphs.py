"""Text as outlines: glyphs of fonts that come with matplotlib, alike on every machine.

A glyph is a list of drawing calls in em units (the height of a capital is about 0.7), y down. What
the system has for fonts plays no part.
"""

import functools
import importlib.util
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fontTools.pens.basePen import BasePen
from fontTools.ttLib import TTFont

from schemas.errors import MissingPart

_FILES = {
    "sans": "DejaVuSans.ttf",
    "sans_bold": "DejaVuSans-Bold.ttf",
    "serif": "DejaVuSerif.ttf",
    "serif_bold": "DejaVuSerif-Bold.ttf",
    "italic": "DejaVuSerif-Italic.ttf",
    "mono": "DejaVuSansMono-Bold.ttf",
    "stix": "STIXGeneralBol.ttf",
    "modern": "cmb10.ttf",
    "modern_sans": "cmss10.ttf",
}
Call = tuple[str, tuple[float, ...]]


@dataclass(frozen=True)
class Glyph:
    """A character: what draws it with the pen at the origin, and how far the pen moves on."""

    calls: tuple[Call, ...]
    advance: float


@dataclass(frozen=True)
class Line:
    """A line of text around the origin: drawing calls in units of its font size."""

    calls: tuple[Call, ...]
    width: float
    height: float


class _Recorder(BasePen):
    """Keeps what a glyph draws, scaled to em units."""

    def __init__(self, glyphs: Any, em: float) -> None:
        super().__init__(glyphs)
        self.calls: list[Call] = []
        self._em = em

    def _add(self, name: str, *points: tuple[float, float]) -> None:
        flat = tuple(v for x, y in points for v in (x / self._em, -y / self._em))
        self.calls.append((name, flat))

    def _moveTo(self, pt: tuple[float, float]) -> None:
        self._add("move_to", pt)

    def _lineTo(self, pt: tuple[float, float]) -> None:
        self._add("line_to", pt)

    def _curveToOne(self, pt1: Any, pt2: Any, pt3: Any) -> None:
        self._add("curve_to", pt1, pt2, pt3)

    def _closePath(self) -> None:
        self._add("close_path")


@functools.cache
def _font(name: str) -> Any:
    found = importlib.util.find_spec("matplotlib")
    if found is None or found.origin is None:
        raise MissingPart("clocks take their fonts from matplotlib: pip install 'pixmo[clocks]'")
    logging.getLogger("fontTools").setLevel(logging.ERROR)  # it dislikes dates of these files
    folder = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf"
    return TTFont(folder / _FILES[name])


@functools.cache
def glyph(font: str, character: str) -> Glyph:
    """One character of a font; an unknown one is drawn as a question mark."""
    source = _font(font)
    glyphs, names = source.getGlyphSet(), source.getBestCmap()
    name = names.get(ord(character), names[ord("?")])
    pen = _Recorder(glyphs, source["head"].unitsPerEm)
    glyphs[name].draw(pen)
    return Glyph(tuple(pen.calls), glyphs[name].width / source["head"].unitsPerEm)


@functools.lru_cache(maxsize=4096)
def line(font: str, text: str, spacing: float = 0.0) -> Line:
    """A line of text, centred on its ink in both directions; `spacing` is in em."""
    calls: list[Call] = []
    pen = 0.0
    for character in text:
        one = glyph(font, character)
        calls += [(name, _moved(values, pen, 0.0)) for name, values in one.calls]
        pen += one.advance + spacing
    xs = [v for _, values in calls for v in values[::2]]
    ys = [v for _, values in calls for v in values[1::2]]
    if not xs:
        return Line((), 0.0, 0.0)
    left, top, width, height = min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)
    across, down = -(left + width / 2), -(top + height / 2)
    centred = tuple((name, _moved(values, across, down)) for name, values in calls)
    return Line(centred, width, height)


def _moved(values: tuple[float, ...], x: float, y: float) -> tuple[float, ...]:
    return tuple(v + (x, y)[at % 2] for at, v in enumerate(values))
