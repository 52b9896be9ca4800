"""Subset count: which counts are published, how often each, and in which unit.

Validation and test hold what people have checked, and at most so many rows of each count; the rules
are those that the table was made with (`steps/count_rules.py`), read from its footers. Which of too
many rows stay is told by a stable hash of their ids, so it depends on neither order nor machine.
PixMo-Count has points in pixels, and none in validation and test.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.release_plan import Exporter, Rows
from pipelines.selection import Select, evaluation_and
from pipelines.stage import Shard
from pipelines.steps import contamination, counting
from pipelines.steps.count_rules import TRAIN, CountConfig
from pipelines.steps.policy import Policy
from pipelines.subsets.judged_rows import all_keys, own_rows, with_checksums
from schemas.ids import content_id
from schemas.judgment import Reject
from schemas.lineage import CountLineage
from schemas.store import PartInfo, Store
from schemas.subsets import SUBSETS

_REAL = pa.float64()
_UNFIT = "!"  # stands before a reason where otherwise a near-duplicate is named
_MADE_OF = ["item_ids", "predicted_count", "checked", "tags", "detector"]


@dataclass(frozen=True)
class SelectCount(Select):
    """Counts: one row per picture."""

    name: ClassVar[str] = "select-count"
    table: ClassVar[str] = "selected/count"
    subset: ClassVar[str] = "count"
    feed: ClassVar[str] = "count"
    columns: ClassVar[tuple[str, ...]] = ("image_id", "image_url", "label", "count", "checked")
    defaults: ClassVar[tuple[tuple[str, float], ...]] = evaluation_and(*counting.DEFAULT_LIMITS)
    known_tags: ClassVar[frozenset[str]] = frozenset(
        [*counting.TAGS, *(name for name, _ in contamination.DEFAULT_LIMITS)]
    )

    policy: Policy = field(default_factory=lambda: Policy(SelectCount.defaults))

    def plan(self, store: Store) -> list[Shard]:
        """As for every subset; `extra` also tells which rows the rules refuse, and why."""
        shards = super().plan(store)
        lost = {entry.partition("=")[0] for shard in shards for entry in shard.extra}
        refused = self._surplus(store, [shard.number for shard in shards], lost)
        planned = []
        for shard in shards:
            for row in _rows(store, shard.number):
                if reject := row.unfit:
                    refused[shard.number][row.image_id] = reject
            told = sorted(refused[shard.number].items())
            extra = tuple(f"{key}={_UNFIT}{one.reason}: {one.detail}" for key, one in told)
            planned.append(dataclasses.replace(shard, extra=shard.extra + extra))
        return planned

    def _usable_pictures(self, store: Store, number: int) -> set[str]:
        """What the rules refuse stands for no near-duplicate either."""
        unfit = {row.image_id for row in _rows(store, number) if row.unfit}
        return super()._usable_pictures(store, number) - unfit

    def _surplus(
        self, store: Store, numbers: list[int], lost: set[str]
    ) -> dict[int, dict[str, Reject]]:
        """By part the rows beyond `per_count` of one count in one split of those held out."""
        alike: dict[tuple[str, int], list[tuple[str, int, _Row]]] = defaultdict(list)
        for number in numbers:
            usable = self._usable_pictures(store, number) - lost
            for row in _rows(store, number):
                if row.split != TRAIN and row.image_id in usable:
                    place = content_id("seat", row.image_id)
                    alike[row.split, row.count].append((place, number, row))
        found: dict[int, dict[str, Reject]] = defaultdict(dict)
        for (split, count), rows in alike.items():
            for rank, (_, number, row) in enumerate(sorted(rows, key=itemgetter(0))):
                if rank >= row.rules.per_count:
                    said = f"{split} has {row.rules.per_count} others of count {count}"
                    found[number][row.image_id] = Reject("surplus_of_count", said)
        return found

    def _reject(self, row: dict[str, Any], winner: str | None) -> Reject | None:
        if winner is None or not winner.startswith(_UNFIT):
            return super()._reject(row, winner)
        reason, _, detail = winner.removeprefix(_UNFIT).partition(": ")
        return super()._reject(row, None) or Reject(reason, detail)


@dataclass(frozen=True)
class _Row:
    """A row of the table with its split and the rules that its part was made with."""

    image_id: str
    count: int
    checked: bool
    split: str
    rules: CountConfig

    @property
    def unfit(self) -> Reject | None:
        """Why it cannot be published in its split."""
        return self.rules.refuse(self.split, self.count, self.checked)


def _rows(store: Store, number: int) -> Iterator[_Row]:
    """The rows of a part; none where splits are not drawn yet, which the run complains about."""
    info = store.info("count", number)
    if info is None or store.info("splits", number) is None:
        return
    rules = rules_of(info)
    splits = store.read_map("splits", number, "image_id", "split")
    for row in store.read("count", number, ["image_id", "count", "checked"]).to_pylist():
        if row["image_id"] in splits:
            yield _Row(**row, split=splits[row["image_id"]], rules=rules)


def rules_of(info: PartInfo) -> CountConfig:
    """The rules that a part of the table was made with."""
    names = [one.name for one in dataclasses.fields(CountConfig)]
    return CountConfig(**{name: info.config[name] for name in names if name in info.config})


def in_pixels(
    points: pa.ListArray, sizes: tuple[pa.Array, pa.Array], shown: pa.BooleanArray
) -> pa.StructArray:
    """Lists of points in percent as a list of x and one of y in float32 pixels of their pictures.

    Null where not `shown`, since PixMo-Count has no points of evaluation splits.
    `sizes` are widths and heights of the upright pictures in pixels, one each per list.
    """
    hidden = pc.invert(shown)
    lists = pc.if_else(hidden, pa.scalar([], points.type), points)
    owners, flat = pc.list_parent_indices(lists), lists.flatten()
    fields = [
        pc.divide(pc.multiply(pc.struct_field(flat, name), size.take(owners).cast(_REAL)), 100.0)
        for name, size in zip(("x", "y"), sizes, strict=True)
    ]
    ends = pa.array(np.cumsum([0, *pc.list_value_length(lists).to_pylist()]), pa.int32())
    both = [pa.ListArray.from_arrays(ends, one.cast(pa.float32())) for one in fields]
    return pa.StructArray.from_arrays(both, ["x", "y"], mask=hidden)


def _read(store: Store, number: int, keys: pa.Array) -> Rows:
    """Counts of some pictures, with their points in train, and what they were made of."""
    columns = ["image_id", "image_url", "label", "count", "points", "width", "height", *_MADE_OF]
    rows = own_rows(store, "count", number, keys, columns).combine_chunks()
    chosen = own_rows(store, "selected/count", number, keys, ["row_id", "split"]).combine_chunks()
    found = {name: rows[name].combine_chunks() for name in ("points", "width", "height")}
    shown = pc.equal(chosen["split"].combine_chunks(), TRAIN)
    points = in_pixels(found["points"], (found["width"], found["height"]), shown)
    at = rows.column_names.index("points")
    published = with_checksums(store, number, rows.set_column(at, "points", points))
    names = SUBSETS["count"].columns.names
    return Rows(published.select(names), rows.select(["image_url", *_MADE_OF]))


COUNT = Exporter(
    name="count",
    feed="count",
    lineage=CountLineage,
    version="1",
    sources=lambda store, number: [],
    whole=lambda store, number: all_keys(store, "count", number, "image_id"),
    read=_read,
)
