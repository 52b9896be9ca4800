"""Subset point_explanations: answers that cite points, how they are compared, chosen, published.

Words are compared as an answer reads, without the signs and numbers of its citations.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import pyarrow as pa

from pipelines.decontaminate_text import DecontaminateText
from pipelines.release_plan import Exporter, Rows
from pipelines.selection import Select, evaluation_and
from pipelines.steps import answered_questions, contamination
from pipelines.steps.cited_answers import filled
from pipelines.steps.policy import Policy
from pipelines.subsets.judged_rows import all_keys, own_rows, with_checksums
from schemas.lineage import QuestionLineage
from schemas.store import Store
from schemas.subsets import SUBSETS

_FEED, _KEY = "point_explanations", "question_id"
_PUBLISHED = SUBSETS["point_explanations"].columns
_TEXTS = ["image_url", "question", "response", "parsed_response"]
_MADE_OF = ["image_url", _KEY, "item_ids", "origin", "guideline", "edited", "tags"]
_MADE_OF += ["model", "prompt"]


@dataclass(frozen=True)
class DecontaminatePointExplanations(DecontaminateText):
    """Questions, and answers as they read."""

    name: ClassVar[str] = "decontaminate-point_explanations"
    table: ClassVar[str] = "contamination/point_explanations"
    feed: ClassVar[str] = _FEED
    key: ClassVar[str] = _KEY
    columns: ClassVar[tuple[str, ...]] = ("question", "parsed_response", "cited")

    def _texts(self, row: dict[str, Any]) -> list[str]:
        words = [one["inline_text"] for one in row["cited"]]
        return [row["question"], filled(row["parsed_response"], words)]


@dataclass(frozen=True)
class SelectPointExplanations(Select):
    """Questions with answers that cite points."""

    name: ClassVar[str] = "select-point_explanations"
    table: ClassVar[str] = "selected/point_explanations"
    subset: ClassVar[str] = "point_explanations"
    feed: ClassVar[str] = _FEED
    columns: ClassVar[tuple[str, ...]] = (_KEY, "image_id", "image_url", "question", "response")
    defaults: ClassVar[tuple[tuple[str, float], ...]] = evaluation_and(
        *answered_questions.EXPLANATION_LIMITS
    )
    known_tags: ClassVar[frozenset[str]] = frozenset(
        [
            *answered_questions.EXPLANATION_TAGS,
            *(name for name, _ in contamination.DEFAULT_LIMITS),
        ]
    )

    policy: Policy = field(default_factory=lambda: Policy(SelectPointExplanations.defaults))


def _read(store: Store, number: int, keys: pa.Array) -> Rows:
    columns = [_KEY, "image_id", *_TEXTS, "cited", *_MADE_OF]
    rows = own_rows(store, _FEED, number, keys, columns)
    cited = rows["cited"].to_pylist()
    for name in ("inline_text", "alt_text"):
        texts = [[one[name] for one in own] for own in cited]
        rows = rows.append_column(name, pa.array(texts, pa.list_(pa.string())))
    places = [[[[p["x"], p["y"]] for p in one["points"]] for one in own] for own in cited]
    rows = rows.append_column("points", pa.array(places, _PUBLISHED.field("points").type))
    published = with_checksums(store, number, rows).select(_PUBLISHED.names)
    return Rows(published, rows.select(_MADE_OF))


POINT_EXPLANATIONS = Exporter(
    name="point_explanations",
    feed=_FEED,
    lineage=QuestionLineage,
    version="1",
    sources=lambda store, number: [],
    whole=lambda store, number: all_keys(store, _FEED, number, _KEY),
    read=_read,
)
