"""Subset cap_qa: questions that a text LLM wrote from captions, chosen and published.

All questions of a picture share its fate and its split.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import pyarrow as pa

from pipelines.decontaminate_text import DecontaminateText
from pipelines.release_plan import Exporter, Rows, column_of, look_up
from pipelines.selection import Select, evaluation_and
from pipelines.steps import cap_qa_checks, contamination
from pipelines.steps.policy import Policy
from schemas.lineage import CapQaLineage
from schemas.store import Store
from schemas.subsets import SUBSETS

_MADE_OF = ["image_url", "qa_id", "style", "tags", "model", "write_prompt", "verify_prompt"]


@dataclass(frozen=True)
class DecontaminateCapQa(DecontaminateText):
    """Questions and answers, all turns of them."""

    name: ClassVar[str] = "decontaminate-cap_qa"
    table: ClassVar[str] = "contamination/cap_qa"
    feed: ClassVar[str] = "cap_qa"
    key: ClassVar[str] = "qa_id"
    columns: ClassVar[tuple[str, ...]] = ("messages",)


@dataclass(frozen=True)
class SelectCapQa(Select):
    """Questions: several rows per picture."""

    name: ClassVar[str] = "select-cap_qa"
    table: ClassVar[str] = "selected/cap_qa"
    subset: ClassVar[str] = "cap_qa"
    feed: ClassVar[str] = "cap_qa"
    columns: ClassVar[tuple[str, ...]] = ("qa_id", "image_id", "image_url", "question", "answer")
    defaults: ClassVar[tuple[tuple[str, float], ...]] = evaluation_and(
        *cap_qa_checks.DEFAULT_LIMITS
    )
    known_tags: ClassVar[frozenset[str]] = frozenset(
        [tag.name for tag in cap_qa_checks.check_answers([], "")]
        + [name for name, _ in contamination.DEFAULT_LIMITS]
    )

    policy: Policy = field(default_factory=lambda: Policy(SelectCapQa.defaults))


def _captions(store: Store, number: int) -> list[tuple[str, int]]:
    """The part of captions that a part was written from."""
    return [("captions", number)]


def _whole(store: Store, number: int) -> set[str]:
    """Questions of a part whose captions are there."""
    if store.info("cap_qa", number) is None:
        return set()
    captioned = set(column_of(store, "captions", number, "image_id"))
    pictures = store.read_map("cap_qa", number, "qa_id", "image_id")
    return {key for key, image_id in pictures.items() if image_id in captioned}


def _read(store: Store, number: int, keys: pa.Array) -> Rows:
    """Some questions, and what wrote them."""
    published = SUBSETS["cap_qa"].columns.names
    found = store.read("cap_qa", number, list(dict.fromkeys([*published, *_MADE_OF])))
    rows = look_up(found, keys, "qa_id")
    return Rows(rows.select(published), rows.select(_MADE_OF))


CAP_QA = Exporter(
    name="cap_qa",
    feed="cap_qa",
    lineage=CapQaLineage,
    version="1",
    sources=_captions,
    whole=_whole,
    read=_read,
)
