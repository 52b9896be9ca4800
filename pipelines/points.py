"""Stage points: phrases with a point per instance, from people's work here and from published rows.

Points come out in percent, by x and then by y, each once; a phrase that is not in the picture keeps
its row with no points. See `pipelines.steps.point_sets` for who stands for whom.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from pipelines.gathered import Gathered
from pipelines.steps.judged_rows import Judged
from pipelines.steps.point_sets import PointRules, phrase_group, point_set
from schemas.judgment import Reject
from schemas.subset_records import PointSet


@dataclass(frozen=True)
class PointsStage(Gathered):
    """One row per picture, phrase and way of collecting."""

    name: ClassVar[str] = "points"
    table: ClassVar[str] = "points"
    record: ClassVar[type] = PointSet

    rules: PointRules = field(default_factory=PointRules)

    def settings(self) -> dict[str, Any]:
        """The distances."""
        return asdict(self.rules)

    def group_of(self, row: Judged) -> tuple[str, ...] | Reject:
        """Rows of one phrase, however it is spelled; a phrase of signs alone is none."""
        phrase, method = phrase_group(row)
        return (phrase, method) if phrase else Reject("empty_label", "the label is empty")

    def made_of(self, rows: list[Judged], image_url: str) -> tuple[Any, list[Judged]]:
        """The annotator who agrees best with the others, and the others."""
        return point_set(rows, image_url, self.rules)
