"""Stage point-explanations: questions whose answers cite points, written out and with placeholders.

The order of points in a citation is that in which it names them.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from pipelines.gathered import Gathered
from pipelines.steps.answered_questions import explained_question, explanation_group
from pipelines.steps.judged_rows import Judged
from schemas.judgment import Reject
from schemas.subset_records import ExplainedQuestion


@dataclass(frozen=True)
class PointExplanations(Gathered):
    """One row per picture, question and answer."""

    name: ClassVar[str] = "point-explanations"
    table: ClassVar[str] = "point_explanations"
    record: ClassVar[type] = ExplainedQuestion

    def group_of(self, row: Judged) -> tuple[str, ...] | Reject:
        """The same question with an answer that reads the same."""
        try:
            return explanation_group(row)
        except ValueError as error:
            return Reject("bad_citation", str(error))

    def made_of(self, rows: list[Judged], image_url: str) -> tuple[Any, list[Judged]]:
        """The row that stands for them."""
        return explained_question(rows, image_url)
