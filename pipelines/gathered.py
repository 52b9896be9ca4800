"""What stages have in common that gather judged rows about pictures: annotated here, or published.

Part N is of part N of images. Rows that are about the same thing in the same picture become one
record; the rows it stands for are rejects (`merged`), so that rows in are records and rejects.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from pipelines.by_picture import plan_by_picture, rows_of_pictures
from pipelines.stage import BaseStage, Shard, outcome_key
from pipelines.steps.judged_rows import ANNOTATED, PUBLISHED, Judged, merged, refused
from schemas.codec import key_of
from schemas.judgment import Reject
from schemas.store import Store
from schemas.tables import TABLES


@dataclass(frozen=True)
class Gathered(BaseStage):
    """Merge the rows of `annotations/<table>` and `published/<table>`; nothing is tried again."""

    name: ClassVar[str]
    table: ClassVar[str]
    record: ClassVar[type]
    version: ClassVar[str] = "1"

    max_rejects: float = 0.9

    def group_of(self, row: Judged) -> tuple[str, ...] | Reject:
        """What rows of one picture have in common that are about the same thing."""
        raise NotImplementedError

    def made_of(self, rows: list[Judged], image_url: str) -> tuple[Any, list[Judged]]:
        """The record of rows that are about the same thing, and those that it stands for."""
        raise NotImplementedError

    def settings(self) -> dict[str, Any]:
        """What is different when rows are merged in another way."""
        return {}

    def plan(self, store: Store) -> list[Shard]:
        """One shard per part of images that rows are about."""
        return plan_by_picture(store, self.table, self.feeds)

    @property
    def feeds(self) -> tuple[str, ...]:
        """The tables that rows come from, annotated ones first."""
        return f"annotations/{self.table}", f"published/{self.table}"

    def run(self, store: Store, shard: Shard, keys: frozenset[str] | None) -> Iterator[Any]:
        """Records and rejects in the order of their keys."""
        urls = store.read_map("images", shard.number, "image_id", "image_url")
        groups: dict[tuple[str, ...], list[Judged]] = defaultdict(list)
        outcomes: list[Any] = []
        for row in self._rows(store, shard):
            group = self.group_of(row)
            if isinstance(group, Reject):
                outcomes.append(refused(self.name, row, group))
            else:
                groups[row.record.image_id, *group].append(row)
        for (image_id, *_), rows in groups.items():
            record, others = self.made_of(rows, urls[image_id])
            outcomes += [record, *merged(self.name, others, key_of(record))]
        yield from sorted(outcomes, key=outcome_key)

    def _rows(self, store: Store, shard: Shard) -> Iterator[Judged]:
        for feed, origin in zip(self.feeds, (ANNOTATED, PUBLISHED), strict=True):
            for record in rows_of_pictures(store, shard, feed, TABLES[feed].record):
                yield Judged(record, origin)
