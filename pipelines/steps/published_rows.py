"""Rows of the Parquet files that PixMo publishes, as the annotations that they once were.

The columns are those of `schemas.subsets`; which of them hold null, and values outside of 0 to 100,
is known from the public loaders and not from the dataset cards. A row says nothing of who made it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Final

from pipelines.steps.cited_answers import (
    PLACEHOLDER,
    ParsedAnswer,
    cited_of_parsed,
    parse_marked,
)
from pipelines.steps.json_values import finite, texts_or_none
from pipelines.steps.point_units import Place, as_percent, places_of
from schemas.annotations import (
    Point,
    PointAnnotation,
    PointExplanation,
    QuestionAnnotation,
    Work,
)
from schemas.judgment import Reject, Tag
from schemas.subset_records import CitedPoints

OTHER_BYTES, COUNT_MISMATCH = "other_bytes_v1", "count_mismatch_v1"
OTHER_RESPONSE = "other_response_v1"
METHODS: Final = ("pointing", "counting")
MOST_CHARACTERS: Final = 20_000
MOST_POINTS: Final = 1000
_ROUNDING = 0.06  # percent: a response is written with one decimal
PUBLISHED_WORK: Final = Work("published", "", "", "", 0.0, "")
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Held:
    """What the store has of a picture: its id, its sides in pixels, its checksum."""

    image_id: str
    width: int
    height: int
    sha256: str


def annotation_of(subset: str, item_id: str, row: Row, held: Held) -> Any | Reject:
    """The record of a row of a published subset, or why it is none; KeyError for another subset."""
    if _longest(row) > MOST_CHARACTERS:
        return Reject("text_too_long", f"a text has more than {MOST_CHARACTERS} characters")
    return _READERS[subset](item_id, row, held)


def _longest(row: Row) -> int:
    return max((len(value) for value in row.values() if isinstance(value, str)), default=0)


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    return value.strip() if isinstance(value, str) else ""


def _other_bytes(row: Row, held: Held) -> tuple[Tag, ...]:
    """The picture behind the URL may have changed since people looked at it."""
    given = _text(row, "image_sha256").lower()
    return (Tag(OTHER_BYTES, 1.0),) if given and given != held.sha256 else ()


def _points(item_id: str, row: Row, held: Held) -> PointAnnotation | Reject:
    if not _text(row, "label"):
        return Reject("empty_label", "the label is empty")
    method = _text(row, "collection_method")
    if method not in METHODS:
        return Reject("not_a_choice", "collection_method is neither pointing nor counting")
    places = places_of(row.get("points"))
    if isinstance(places, Reject):
        return places
    mismatch = _count_mismatch(row.get("count"), len(places))
    if isinstance(mismatch, Reject):
        return mismatch
    found = _within(places, held)
    if isinstance(found, Reject):
        return found
    points, tags = found
    tags = (*_other_bytes(row, held), *tags, *mismatch)
    return PointAnnotation(
        item_id, held.image_id, _text(row, "label"), points, method, PUBLISHED_WORK, tags
    )


def _within(
    places: Sequence[Place], held: Held
) -> tuple[tuple[Point, ...], tuple[Tag, ...]] | Reject:
    if len(places) > MOST_POINTS:
        return Reject("too_many_points", f"{len(places)} points, more than {MOST_POINTS}")
    return as_percent(places, held.width, held.height)


def _count_mismatch(count: Any, points: int) -> tuple[Tag, ...] | Reject:
    """By how many the count differs from the points; a row without a count says nothing."""
    if count is None:
        return ()
    number = finite(count)
    if number is None or number < 0 or not number.is_integer():
        return Reject("no_count", "the count is no whole number from 0 on")
    return (Tag(COUNT_MISMATCH, abs(number - points)),) if number != points else ()


def _question(item_id: str, row: Row, held: Held) -> QuestionAnnotation | Reject:
    question, answer = _text(row, "question"), _text(row, "answer")
    if not question or not answer:
        return Reject("empty_text", f"the {'answer' if question else 'question'} is empty")
    tags = _other_bytes(row, held)
    return QuestionAnnotation(
        item_id, held.image_id, question, answer, False, (), PUBLISHED_WORK, tags
    )


def _explanation(item_id: str, row: Row, held: Held) -> PointExplanation | Reject:
    if not _text(row, "question"):
        return Reject("empty_text", "the question is empty")
    try:
        parsed = _parsed(row)
        if isinstance(parsed, Reject):
            return parsed
        placed = _placed(parsed, held)
        if isinstance(placed, Reject):
            return placed
        answer, tags = placed
        tags = (*_other_bytes(row, held), *tags, *_other_response(row, parsed))
        cited = cited_of_parsed(answer)
    except ValueError as error:
        return Reject("bad_citation", str(error))
    return PointExplanation(
        item_id=item_id,
        image_id=held.image_id,
        question=_text(row, "question"),
        answer=cited.text,
        edited=False,
        points=cited.points,
        labels=cited.labels,
        turns=(),
        work=PUBLISHED_WORK,
        tags=tags,
    )


def _parsed(row: Row) -> ParsedAnswer | Reject:
    """The parsed answer, else what the response says; ValueError when lists do not fit together.

    Points are as published here: in whatever unit.
    """
    text = _text(row, "parsed_response")
    if not text:
        found = parse_marked(_text(row, "response"))
        if not found.cited:
            return Reject("no_parsed_answer", "no parsed_response, and no points in the response")
        return found
    if PLACEHOLDER not in text:
        return Reject("no_points", f"the parsed response has no {PLACEHOLDER}")
    inline, alt = texts_or_none(row.get("inline_text")), texts_or_none(row.get("alt_text"))
    groups = row.get("points")
    if inline is None or alt is None or not isinstance(groups, list):
        raise ValueError("inline_text, alt_text and points are not all lists")
    if not len(inline) == len(alt) == len(groups):
        said = f"{len(inline)} inline_text, {len(alt)} alt_text and {len(groups)} lists of points"
        raise ValueError(said)
    cited = []
    for words, phrase, group in zip(inline, alt, groups, strict=True):
        places = places_of(group)
        if isinstance(places, Reject):
            return places
        cited.append(CitedPoints(words, phrase, tuple(Point(x, y) for x, y in places)))
    return ParsedAnswer(text, tuple(cited))


def _placed(parsed: ParsedAnswer, held: Held) -> tuple[ParsedAnswer, tuple[Tag, ...]] | Reject:
    """The same answer with all points in percent, read in one way."""
    found = _within([(p.x, p.y) for one in parsed.cited for p in one.points], held)
    if isinstance(found, Reject):
        return found
    points, tags = found
    ends = accumulate((len(one.points) for one in parsed.cited), initial=0)
    cited = tuple(
        CitedPoints(one.inline_text, one.alt_text, points[start:end])
        for one, (start, end) in zip(parsed.cited, pairwise(ends), strict=True)
    )
    return ParsedAnswer(parsed.text, cited), tags


def _other_response(row: Row, parsed: ParsedAnswer) -> tuple[Tag, ...]:
    """Where the response has points of its own and they are not those of the parsed one."""
    text = _text(row, "response")
    if not text or PLACEHOLDER in text:
        return ()
    said = parse_marked(text)
    if not said.cited or (said.plain == parsed.plain and _same_points(said, parsed)):
        return ()
    return (Tag(OTHER_RESPONSE, 1.0),)


def _same_points(one: ParsedAnswer, other: ParsedAnswer) -> bool:
    pairs = [[(p.x, p.y) for c in answer.cited for p in c.points] for answer in (one, other)]
    return len(pairs[0]) == len(pairs[1]) and all(
        abs(a - b) <= _ROUNDING
        for first, second in zip(*pairs, strict=True)
        for a, b in zip(first, second, strict=True)
    )


_READERS: dict[str, Callable[[str, Row, Held], Any | Reject]] = {
    "points": _points,
    "point_explanations": _explanation,
    "ask_model_anything": _question,
}
