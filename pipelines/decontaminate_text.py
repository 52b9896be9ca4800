"""Stages decontaminate-<subset>: which rows share words with an evaluation text.

One class per subset, which names the table that feeds it and the columns that hold its words.
Parts mirror those of that table; the tag of a row is the length of its longest run in common.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from pipelines.evaluation_index import TABLE, Places, against_evaluation, evaluation_texts
from pipelines.stage import BaseStage, Shard
from pipelines.steps.contamination import TEXT_TAG, judged
from pipelines.steps.evaluation_tables import texts_in
from pipelines.steps.ngrams import words_in
from pipelines.steps.text_index import Overlap, TextRules
from schemas.records import Contamination, EvaluationMatch
from schemas.store import Store

_DETAIL = 200  # characters of evidence


@dataclass(frozen=True)
class DecontaminateText(BaseStage):
    """Compare the words of every row with all evaluation texts."""

    name: ClassVar[str]
    table: ClassVar[str]
    record: ClassVar[type] = Contamination
    version: ClassVar[str] = "1"
    feed: ClassVar[str]
    key: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]

    rules: TextRules = field(default_factory=TextRules)
    max_rejects: float = 1.0

    def settings(self) -> dict[str, Any]:
        """What counts as an overlap."""
        return asdict(self.rules)

    def plan(self, store: Store) -> list[Shard]:
        """One part per part of the subset's table, from it and from all evaluation texts."""
        return against_evaluation(store, self.feed)

    def run(self, store: Store, shard: Shard, keys: frozenset[str] | None) -> Iterator[Any]:
        """One row per row of the subset, in the order of their keys."""
        known = evaluation_texts(store, dict(shard.inputs)[TABLE], self.rules)
        rows = store.read(self.feed, shard.number, [self.key, *self.columns]).to_pylist()
        texts = [[words_in(text) for text in self._texts(row)] for row in rows]
        found: dict[int, list[Overlap]] = {}
        for overlap in known.index.overlaps(texts):
            found.setdefault(overlap.row, []).append(overlap)
        for at, row in enumerate(rows):
            yield self._judged(row[self.key], known.known, found.get(at, []))

    def _texts(self, row: dict[str, Any]) -> list[str]:
        return list(texts_in([row[name] for name in self.columns]))

    def _judged(self, row_id: str, known: Places, overlaps: list[Overlap]) -> Contamination:
        ordered = sorted(overlaps, key=lambda found: (-len(found.words), found.item))
        score = max((self._words(overlap) for overlap in overlaps), default=0)
        return judged(row_id, [_match(known, o) for o in ordered], TEXT_TAG, float(score))

    def _words(self, overlap: Overlap) -> int:
        """Words in common; a short text that is there as a whole counts like an n-gram."""
        return self.rules.ngram if overlap.whole else len(overlap.words)


def _match(known: Places, overlap: Overlap) -> EvaluationMatch:
    item = overlap.item
    words = " ".join(overlap.words)
    detail = words if len(words) <= _DETAIL else words[: _DETAIL - 1] + "…"
    where = (known.ids[item], known.benchmarks[item], known.places[item])
    return EvaluationMatch(*where, "text", 0, 0, 0.0, detail)
