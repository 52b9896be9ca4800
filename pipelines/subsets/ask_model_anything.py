"""Subset ask_model_anything: questions and answers, how they are compared, chosen and published."""

from dataclasses import dataclass, field
from typing import ClassVar

import pyarrow as pa

from pipelines.decontaminate_text import DecontaminateText
from pipelines.release_plan import Exporter, Rows
from pipelines.selection import Select, evaluation_and
from pipelines.steps import answered_questions, contamination
from pipelines.steps.policy import Policy
from pipelines.subsets.judged_rows import all_keys, own_rows, with_checksums
from schemas.lineage import QuestionLineage
from schemas.store import Store
from schemas.subsets import SUBSETS

_FEED, _KEY = "ask_model_anything", "question_id"
_PUBLISHED = SUBSETS["ask_model_anything"].columns
_MADE_OF = ["image_url", _KEY, "item_ids", "origin", "guideline", "edited", "tags"]
_MADE_OF += ["model", "prompt"]


@dataclass(frozen=True)
class DecontaminateAskModelAnything(DecontaminateText):
    """Questions and answers."""

    name: ClassVar[str] = "decontaminate-ask_model_anything"
    table: ClassVar[str] = "contamination/ask_model_anything"
    feed: ClassVar[str] = _FEED
    key: ClassVar[str] = _KEY
    columns: ClassVar[tuple[str, ...]] = ("question", "answer")


@dataclass(frozen=True)
class SelectAskModelAnything(Select):
    """Questions with answers: several rows per picture."""

    name: ClassVar[str] = "select-ask_model_anything"
    table: ClassVar[str] = "selected/ask_model_anything"
    subset: ClassVar[str] = "ask_model_anything"
    feed: ClassVar[str] = _FEED
    columns: ClassVar[tuple[str, ...]] = (_KEY, "image_id", "image_url", "question", "answer")
    defaults: ClassVar[tuple[tuple[str, float], ...]] = evaluation_and(
        *answered_questions.QUESTION_LIMITS
    )
    known_tags: ClassVar[frozenset[str]] = frozenset(
        [
            *answered_questions.QUESTION_TAGS,
            *(name for name, _ in contamination.DEFAULT_LIMITS),
        ]
    )

    policy: Policy = field(default_factory=lambda: Policy(SelectAskModelAnything.defaults))


def _read(store: Store, number: int, keys: pa.Array) -> Rows:
    columns = [_KEY, "image_id", "question", "answer", *_MADE_OF]
    rows = own_rows(store, _FEED, number, keys, columns)
    published = with_checksums(store, number, rows).select(_PUBLISHED.names)
    return Rows(published, rows.select(_MADE_OF))


ASK_MODEL_ANYTHING = Exporter(
    name="ask_model_anything",
    feed=_FEED,
    lineage=QuestionLineage,
    version="1",
    sources=lambda store, number: [],
    whole=lambda store, number: all_keys(store, _FEED, number, _KEY),
    read=_read,
)
