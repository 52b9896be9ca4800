"""From annotations of one question to the rows of ask_model_anything and point_explanations.

Rows of one picture are about the same thing when question and answer are, in whatever case. Two
different answers to one question stay: both are somebody's.
"""

from collections.abc import Sequence
from typing import Final

from pipelines.steps import answer_checks, point_units
from pipelines.steps.answer_checks import check_answer
from pipelines.steps.cited_answers import CitedAnswer, ParsedAnswer, marked, parsed_of_cited
from pipelines.steps.judged_rows import Judged, ranked
from pipelines.steps.phrases import folded, normal_phrase
from pipelines.steps.published_rows import OTHER_BYTES, OTHER_RESPONSE
from schemas.annotations import PointExplanation
from schemas.ids import content_id
from schemas.subset_records import AskedQuestion, ExplainedQuestion

QUESTION_TAGS: Final = (OTHER_BYTES, *answer_checks.TAGS)
EXPLANATION_TAGS: Final = (*point_units.TAGS, OTHER_BYTES, OTHER_RESPONSE, *answer_checks.TAGS)
QUESTION_LIMITS: Final[tuple[tuple[str, float], ...]] = (
    (OTHER_BYTES, 1.0),
    *answer_checks.DEFAULT_LIMITS,
)
EXPLANATION_LIMITS: Final[tuple[tuple[str, float], ...]] = (
    (point_units.PIXELS, 1.0),
    (point_units.SWAPPED_AXES, 1.0),
    (point_units.SWAPPED_SIDES, 1.0),
    (point_units.CLIPPED, 2.0),
    (OTHER_BYTES, 1.0),
    *answer_checks.DEFAULT_LIMITS,
)


def question_group(row: Judged) -> tuple[str, ...]:
    """Question and answer, in no case."""
    return folded(row.record.question), folded(row.record.answer)


def asked_question(rows: Sequence[Judged], image_url: str) -> tuple[AskedQuestion, list[Judged]]:
    """The row that stands for the same question and answer, and those that it stands for."""
    first, *others = ranked(rows)
    record = first.record
    made = AskedQuestion(
        question_id=content_id("question", record.image_id, *question_group(first)),
        image_id=record.image_id,
        image_url=image_url,
        question=record.question,
        answer=record.answer,
        edited=record.edited,
        tags=(*record.tags, *check_answer(record.answer)),
        item_ids=tuple(row.item_id for row in (first, *others)),
        origin=first.origin,
        guideline=record.work.guideline,
        model=record.turns[-1].model if record.turns else "",
        prompt=record.turns[-1].prompt if record.turns else "",
    )
    return made, others


def parsed_explanation(record: PointExplanation) -> ParsedAnswer:
    """The answer with placeholders, labels normalised; ValueError for a bad citation."""
    labels = tuple(normal_phrase(label) for label in record.labels)
    return parsed_of_cited(CitedAnswer(record.answer, record.points, labels))


def explanation_group(row: Judged) -> tuple[str, ...]:
    """Question and answer as they read; ValueError for a bad citation."""
    parsed = parsed_explanation(row.record)
    marked(parsed)  # what cannot be written is found here, where it can be refused
    return folded(row.record.question), folded(parsed.plain)


def explained_question(
    rows: Sequence[Judged], image_url: str
) -> tuple[ExplainedQuestion, list[Judged]]:
    """The row that stands for the same question and answer, and those that it stands for."""
    first, *others = ranked(rows)
    record = first.record
    parsed = parsed_explanation(record)
    made = ExplainedQuestion(
        question_id=content_id("explanation", record.image_id, *explanation_group(first)),
        image_id=record.image_id,
        image_url=image_url,
        question=record.question,
        response=marked(parsed),
        parsed_response=parsed.text,
        cited=parsed.cited,
        edited=record.edited,
        tags=(*record.tags, *check_answer(parsed.plain)),
        item_ids=tuple(row.item_id for row in (first, *others)),
        origin=first.origin,
        guideline=record.work.guideline,
        model=record.turns[-1].model if record.turns else "",
        prompt=record.turns[-1].prompt if record.turns else "",
    )
    return made, others
