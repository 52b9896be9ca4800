"""Stage ask-model-anything: questions and the answers that people stand by, one row per pair."""

from dataclasses import dataclass
from typing import Any, ClassVar

from pipelines.gathered import Gathered
from pipelines.steps.answered_questions import asked_question, question_group
from pipelines.steps.judged_rows import Judged
from schemas.judgment import Reject
from schemas.subset_records import AskedQuestion


@dataclass(frozen=True)
class AskModelAnything(Gathered):
    """One row per picture, question and answer."""

    name: ClassVar[str] = "ask-model-anything"
    table: ClassVar[str] = "ask_model_anything"
    record: ClassVar[type] = AskedQuestion

    def group_of(self, row: Judged) -> tuple[str, ...] | Reject:
        """The same question with the same answer."""
        return question_group(row)

    def made_of(self, rows: list[Judged], image_url: str) -> tuple[Any, list[Judged]]:
        """The row that stands for them."""
        return asked_question(rows, image_url)
