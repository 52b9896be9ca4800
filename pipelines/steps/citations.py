"""Answers that cite points: `the [left cup](1) and [two spoons](2,3)`.

The choice worth knowing: numbers count points from 1, in the order in which they were placed. A
bracket that is not followed by numbers in parentheses is ordinary text. A citation has one
spelling, so that `parse` and `format_cited` lose nothing, either way round; `[a](1, 2)` and
`[a](01)` are none, and `misspelled` finds them.
"""

import re
from dataclasses import dataclass

_CITATION = re.compile(r"\[([^\[\]]+)\]\(([1-9][0-9]{0,3}(?:,[1-9][0-9]{0,3})*)\)")
_NEARLY = re.compile(r"\[[^\[\]]*\]\s*\([\s0-9,;.#-]*\)")


@dataclass(frozen=True)
class Citation:
    """`plain[start:end]` speaks of these points, by their numbers from 1."""

    start: int
    end: int
    points: tuple[int, ...]


def parse(text: str) -> tuple[str, tuple[Citation, ...]]:
    """The text as it reads without its citations' signs, and the citations in order."""
    pieces: list[str] = []
    found: list[Citation] = []
    at = length = 0
    for match in _CITATION.finditer(text):
        before, inline = text[at : match.start()], match[1]
        start = length + len(before)
        length = start + len(inline)
        found.append(Citation(start, length, tuple(int(n) for n in match[2].split(","))))
        pieces += [before, inline]
        at = match.end()
    return "".join([*pieces, text[at:]]), tuple(found)


def format_cited(plain: str, citations: tuple[Citation, ...]) -> str:
    """The text that `parse` takes apart into these; ValueError when there is none."""
    pieces: list[str] = []
    at = 0
    for one in citations:
        if not at <= one.start < one.end <= len(plain) or not one.points:
            raise ValueError(f"no place for {one}")
        numbers = ",".join(map(str, one.points))
        pieces += [plain[at : one.start], f"[{plain[one.start : one.end]}]({numbers})"]
        at = one.end
    text = "".join([*pieces, plain[at:]])
    if parse(text) != (plain, citations):
        raise ValueError("brackets of the text and of citations would run into each other")
    return text


def misspelled(text: str) -> tuple[str, ...]:
    """What looks like a citation and is none: spaces, leading zeros, no text, no number."""
    return tuple(m[0] for m in _NEARLY.finditer(text) if not _CITATION.fullmatch(m[0]))


def unknown_points(citations: tuple[Citation, ...], count: int) -> tuple[int, ...]:
    """Cited numbers that none of `count` points has, each once, ascending."""
    cited = {number for one in citations for number in one.points}
    return tuple(sorted(number for number in cited if not 1 <= number <= count))


def uncited_points(citations: tuple[Citation, ...], count: int) -> tuple[int, ...]:
    """Points that no citation names, ascending."""
    cited = {number for one in citations for number in one.points}
    return tuple(number for number in range(1, count + 1) if number not in cited)
