"""Subset docs: rendered documents, in a config for each of charts, tables, diagrams and other.

A row is a document with all of its questions; explanations are not published.
"""

import functools
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.decontaminate_text import DecontaminateText
from pipelines.documents.making import UNSUPPORTED
from pipelines.release_plan import Exporter, Pictures, Rows, column_of, look_up
from pipelines.selection import evaluation_and
from pipelines.selection_own import SelectOwn
from pipelines.steps import contamination, picture_checks
from pipelines.steps.policy import Policy
from schemas.lineage import DocLineage
from schemas.store import Store
from schemas.subsets import SUBSETS

_MADE_OF = ["persona", "kind", "topic", "data", "code", "tool", "tool_version", "tags", "model"]
_MADE_OF += [f"{step}_prompt" for step in ("topic", "data", "code", "repair", "question")]


@dataclass(frozen=True)
class DecontaminateDocs(DecontaminateText):
    """Questions and answers; explanations are not published, so they are not compared."""

    name: ClassVar[str] = "decontaminate-docs"
    table: ClassVar[str] = "contamination/docs"
    feed: ClassVar[str] = "docs"
    key: ClassVar[str] = "image_id"
    columns: ClassVar[tuple[str, ...]] = ("questions",)

    def _texts(self, row: dict[str, Any]) -> list[str]:
        return [text for one in row["questions"] for text in (one["question"], one["answer"])]


@dataclass(frozen=True)
class SelectDocs(SelectOwn):
    """Documents: one row per picture."""

    name: ClassVar[str] = "select-docs"
    table: ClassVar[str] = "selected/docs"
    subset: ClassVar[str] = "docs"
    feed: ClassVar[str] = "docs"
    columns: ClassVar[tuple[str, ...]] = ("image_id", "tool", "kind", "topic")
    defaults: ClassVar[tuple[tuple[str, float], ...]] = evaluation_and(
        *picture_checks.DEFAULT_LIMITS
    )
    known_tags: ClassVar[frozenset[str]] = frozenset(
        [*(name for name, _ in picture_checks.DEFAULT_LIMITS), UNSUPPORTED]
        + [name for name, _ in contamination.DEFAULT_LIMITS]
    )

    policy: Policy = field(default_factory=lambda: Policy(SelectDocs.defaults))


def _read(store: Store, number: int, keys: pa.Array) -> Rows:
    """Some documents without their pictures, and what they were made from."""
    found = store.read("docs", number, ["image_id", "questions", *_MADE_OF])
    rows = look_up(found, keys, "image_id")
    asked = rows["questions"].combine_chunks()
    lists = [_lists(asked, name) for name in ("question", "answer")]
    both = pa.StructArray.from_arrays(lists, ["question", "answer"])
    published = pa.table({"image_id": rows["image_id"], "questions": both})
    return Rows(published, rows.select(_MADE_OF))


def _lists(asked: pa.ListArray, name: str) -> pa.ListArray:
    """One field of all questions, in lists as the questions are."""
    return pa.ListArray.from_arrays(_offsets(asked), pc.struct_field(asked.flatten(), name))


def _offsets(asked: pa.ListArray) -> pa.Array:
    """Where each list starts in what `flatten` gives, whatever the array was cut from."""
    lengths = pc.fill_null(pc.list_value_length(asked), 0)
    ends = pc.cumulative_sum(lengths)
    return pa.concat_arrays([pa.array([0], pa.int32()), ends.cast(pa.int32())])


def _belongs(store: Store, number: int, config: str) -> pa.Array:
    """The keys of a part's documents of one config."""
    rows = store.read("docs", number, ["image_id", "config"])
    return rows.filter(pc.equal(rows["config"], config))["image_id"].combine_chunks()


DOCS = tuple(
    Exporter(
        name="docs",
        feed="docs",
        lineage=DocLineage,
        version="1",
        sources=lambda store, number: [],
        whole=lambda store, number: set(column_of(store, "docs", number, "image_id")),
        read=_read,
        pictures=Pictures("docs", "image_id", drawn=False),
        own_config=config,
        belongs=functools.partial(_belongs, config=config),
    )
    for config in SUBSETS["docs"].config_names
)
