"""Answers that cite points, in three spellings.

- cited, as annotators write them: `the [left cup](1)`, with numbered points and a phrase for each
- parsed, as PixMo publishes them: `the <|POINT|>`, with what each placeholder reads as, what it is
  and its points; a placeholder stands in place of the words, as the public loader fills it
- marked, as models read them: `the <point x="1.5" y="2.0" alt="cup">left cup</point>`, or
  `<points x1="1.5" y1="2.0" x2=... alt="cups">cups</points>` for several, percent, one decimal

Cited and parsed hold the same and turn into each other without a loss. Marked is written with one
decimal as models are, so it comes back exactly where points have one; `&`, `<`, `>` and `"` stand
in a tag as in XML. The order of points is that of the citation.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.steps.citations import Citation, format_cited, parse
from schemas.annotations import Point
from schemas.subset_records import CitedPoints

PLACEHOLDER = "<|POINT|>"
_NUMBER = r'"(-?[0-9]{1,6}(?:\.[0-9]{1,20})?)"'
_INNER = r'alt="([^"<>]*)">([^<>]*)'
_ONE = rf"<point x={_NUMBER} y={_NUMBER} {_INNER}</point>"
_SEVERAL = rf"<points ((?:[xy][1-9][0-9]{{0,3}}={_NUMBER} )+){_INNER}</points>"
_TAG = re.compile(f"{_ONE}|{_SEVERAL}")
_SIDE = re.compile(rf"([xy])([0-9]+)={_NUMBER}")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
_SIGNS = {escape: sign for sign, escape in _ESCAPES.items()}


@dataclass(frozen=True)
class ParsedAnswer:
    """A text with a placeholder for each of `cited`, in order."""

    text: str
    cited: tuple[CitedPoints, ...]

    @property
    def plain(self) -> str:
        """What it reads as."""
        return filled(self.text, [one.inline_text for one in self.cited])


@dataclass(frozen=True)
class CitedAnswer:
    """A text with citations, the points that they number from 1, and a phrase for each point."""

    text: str
    points: tuple[Point, ...]
    labels: tuple[str, ...]


def filled(text: str, pieces: Sequence[str]) -> str:
    """The text with these in place of its placeholders; ValueError when the numbers differ."""
    between = text.split(PLACEHOLDER)
    if len(between) != len(pieces) + 1:
        said = f"{len(between) - 1} placeholders {PLACEHOLDER} for {len(pieces)} lists of points"
        raise ValueError(said)
    return between[0] + "".join(
        piece + after for piece, after in zip(pieces, between[1:], strict=True)
    )


def parsed_of_cited(answer: CitedAnswer) -> ParsedAnswer:
    """Placeholders for citations; `alt_text` is the phrases of the points, or else the words.

    ValueError for a number without a point, and for a text that has a placeholder of its own.
    """
    if PLACEHOLDER in answer.text:
        raise ValueError(f"the text has a {PLACEHOLDER} of its own")
    plain, citations = parse(answer.text)
    pieces, at = [], 0
    for one in citations:
        pieces += [plain[at : one.start], PLACEHOLDER]
        at = one.end
    cited = tuple(_cited_points(answer, plain, one) for one in citations)
    return ParsedAnswer("".join([*pieces, plain[at:]]), cited)


def _cited_points(answer: CitedAnswer, plain: str, citation: Citation) -> CitedPoints:
    inline, most = plain[citation.start : citation.end], len(answer.points)
    if max(citation.points) > most:
        raise ValueError(f"it cites point {max(citation.points)}, and there are {most}")
    chosen = [number - 1 for number in citation.points]
    phrases = dict.fromkeys(answer.labels[at] for at in chosen if answer.labels[at])
    return CitedPoints(
        inline, ", ".join(phrases) or inline, tuple(answer.points[n] for n in chosen)
    )


def cited_of_parsed(answer: ParsedAnswer) -> CitedAnswer:
    """Citations for placeholders, with points of their own for each.

    ValueError when numbers differ, when nothing is cited or read at a place, and for brackets that
    would run into those of citations.
    """
    citations, points, labels = [], list[Point](), list[str]()
    plain, at = "", 0
    for before, one in zip(_between(answer), answer.cited, strict=False):
        numbers = range(len(points) + 1, len(points) + len(one.points) + 1)
        start = len(plain) + len(before)
        plain += before + one.inline_text
        citations.append(Citation(start, len(plain), tuple(numbers)))
        points += one.points
        labels += [one.alt_text] * len(one.points)
        at += 1
    plain += _between(answer)[at]
    return CitedAnswer(format_cited(plain, tuple(citations)), tuple(points), tuple(labels))


def _between(answer: ParsedAnswer) -> list[str]:
    """The text around placeholders; ValueError when there are more or fewer than citations."""
    filled(answer.text, [""] * len(answer.cited))
    return answer.text.split(PLACEHOLDER)


def marked(answer: ParsedAnswer) -> str:
    """The text with tags; ValueError where one would hold no point, or the text has tags itself."""
    text = filled(answer.text, [_tag(one) for one in answer.cited])
    if len(list(_TAG.finditer(text))) != len(answer.cited):
        raise ValueError("the text has a tag of its own")
    return text


def _tag(cited: CitedPoints) -> str:
    inner = f'alt="{_escaped(cited.alt_text)}">{_escaped(cited.inline_text)}'
    if not cited.points:
        raise ValueError(f"{cited.inline_text!r} cites no point")
    if len(cited.points) == 1:
        (point,) = cited.points
        return f'<point x="{point.x:.1f}" y="{point.y:.1f}" {inner}</point>'
    places = (
        f'x{n}="{point.x:.1f}" y{n}="{point.y:.1f}"' for n, point in enumerate(cited.points, 1)
    )
    return f"<points {' '.join(places)} {inner}</points>"


def parse_marked(text: str) -> ParsedAnswer:
    """The text with placeholders for tags; what only looks like a tag stays as it is.

    ValueError for a text that has a placeholder of its own.
    """
    if PLACEHOLDER in text:
        raise ValueError(f"the text has a {PLACEHOLDER} of its own")
    pieces, cited, at = [], [], 0
    for match in _TAG.finditer(text):
        if (one := _of_match(match)) is not None:
            pieces += [text[at : match.start()], PLACEHOLDER]
            cited.append(one)
            at = match.end()
    return ParsedAnswer("".join([*pieces, text[at:]]), tuple(cited))


def _of_match(match: re.Match[str]) -> CitedPoints | None:
    """The citation of a tag; None where its points are not numbered from 1, x before y."""
    if match[1] is not None:
        points: tuple[Point, ...] = (Point(float(match[1]), float(match[2])),)
        alt, inline = match[3], match[4]
    else:
        sides = _SIDE.findall(match[5])
        wanted = [(axis, str(n)) for n in range(1, len(sides) // 2 + 1) for axis in "xy"]
        if [(axis, number) for axis, number, _ in sides] != wanted:
            return None
        values = [float(value) for *_, value in sides]
        points = tuple(map(Point, values[::2], values[1::2]))
        alt, inline = match[7], match[8]
    return CitedPoints(_unescaped(inline), _unescaped(alt), points)


def _escaped(text: str) -> str:
    return re.sub('[&<>"]', lambda match: _ESCAPES[match[0]], text)


def _unescaped(text: str) -> str:
    return re.sub("&(?:amp|lt|gt|quot);", lambda match: _SIGNS[match[0]], text)
