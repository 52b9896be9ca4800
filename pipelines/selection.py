"""Stages select-<subset>: which rows go into the release, and into which split.

The policy and the choice of one picture per cluster of duplicates are applied here and only here,
so that changing a threshold recomputes nothing else. Parts mirror those of the subset's own table,
which mirror those of images. A subset is one small class in
`pipelines/subsets/`.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.stage import BaseStage, Shard, reject_row
from pipelines.steps import contamination
from pipelines.steps.policy import Policy, with_defaults
from pipelines.steps.rule_counts import join_rules
from schemas.errors import UsageError
from schemas.ids import canonical_json
from schemas.judgment import Reject, Tag
from schemas.records import Selected
from schemas.store import PartInfo, Store

Limits = tuple[tuple[str, float | None], ...]


def evaluation_and(*limits: tuple[str, float]) -> tuple[tuple[str, float], ...]:
    """The default limits of a subset: every subset is held against the evaluation sets."""
    return (*limits, *contamination.DEFAULT_LIMITS)


@dataclass(frozen=True)
class Select(BaseStage):
    """Keep rows that the policy passes, of one picture per cluster of near-duplicates.

    `feed` is the table whose rows are chosen from, `columns` what a reject tells of its row, the
    key first; `known_tags` are all that a policy may name, `defaults` the limits without one;
    `picture` is the column of the picture's id.
    """

    name: ClassVar[str]
    table: ClassVar[str]
    record: ClassVar[type] = Selected
    version: ClassVar[str] = "2"
    subset: ClassVar[str]
    feed: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]
    known_tags: ClassVar[frozenset[str]]
    picture: ClassVar[str] = "image_id"
    defaults: ClassVar[tuple[tuple[str, float], ...]]

    policy: Policy = field(default_factory=Policy)
    max_rejects: float = 0.9

    @classmethod
    def under(cls, limits: Limits) -> "Select":
        """The stage with its default limits, changed by those given; None takes one away."""
        return cls(with_defaults(dict(cls.defaults), limits))

    def settings(self) -> dict[str, Any]:
        """The policy."""
        return asdict(self.policy)

    def plan(self, store: Store) -> list[Shard]:
        """One part per part of the feed; `extra` names what loses to which picture."""
        losers = self._losers(store)
        shards = []
        for info in store.infos(self.feed):
            found = [info, *self._beside(store, info.number)]
            inputs = tuple((f"{one.table}/{one.number}", one.content) for one in found)
            ids = store.read(self.feed, info.number, [self.picture])[0].to_pylist()
            extra = tuple(f"{i}={losers[i]}" for i in dict.fromkeys(ids) if i in losers)
            shards.append(Shard(info.number, info.records, inputs, extra))
        return shards

    def _beside(self, store: Store, number: int) -> list[PartInfo]:
        """The splits and the evidence against rows of a part, as far as they are there."""
        found = (store.info(table, number) for table in ("splits", *self._evidence))
        return [info for info in found if info]

    @property
    def _evidence(self) -> tuple[str, str]:
        return "contamination/images", f"contamination/{self.subset}"

    def _losers(self, store: Store) -> dict[str, str]:
        """Pictures whose usable rows a near-duplicate's stand for, and that near-duplicate."""
        usable = {
            image_id
            for info in store.infos(self.feed)
            for image_id in self._usable_pictures(store, info.number)
        }
        stars: dict[str, list[tuple[bool, int, str]]] = defaultdict(list)
        columns = ["image_id", "representative_id", "distance"]
        for info in store.infos("duplicates"):
            found = store.read("duplicates", info.number, columns)
            for image_id, best, distance in zip(*(c.to_pylist() for c in found), strict=True):
                if image_id in usable:
                    stars[best].append((image_id != best, distance, image_id))
        return {
            image_id: min(members)[2]
            for members in stars.values()
            for _, _, image_id in members
            if image_id != min(members)[2]
        }

    def _usable_pictures(self, store: Store, number: int) -> set[str]:
        """Pictures of a part of the feed with a row that the policy passes."""
        key = self.columns[0]
        rows = store.read(self.feed, number, list(dict.fromkeys([key, self.picture, "tags"])))
        more = self._evidence_tags(store, number)
        suspects = _near_a_limit(rows["tags"], self.policy)
        found = zip(rows[key].to_pylist(), rows[self.picture].to_pylist(), strict=True)
        usable = set()
        for at, (row_id, image_id) in enumerate(found):
            tags = more.of(row_id, image_id)
            if at in suspects:
                tags = [*_tags(rows["tags"][at].as_py()), *tags]
            if not self.policy.broken_by(tags):
                usable.add(image_id)
        return usable

    def _evidence_tags(self, store: Store, number: int) -> "_Evidence":
        return _Evidence(*(_tags_by_id(store, table, number) for table in self._evidence))

    def run(self, store: Store, shard: Shard, keys: frozenset[str] | None) -> Iterator[Any]:
        """Selected rows and rejects in the order of their keys."""
        winners = dict(entry.split("=", 1) for entry in shard.extra)
        splits = self._splits(store, shard)
        more = self._evidence_tags(store, shard.number)
        key = self.columns[0]
        columns = list(dict.fromkeys([*self.columns, self.picture, "tags"]))
        for row in store.read(self.feed, shard.number, columns).to_pylist():
            row_id, image_id = row[key], row[self.picture]
            row["tags"] += [asdict(tag) for tag in more.of(row_id, image_id)]
            reject = self._reject(row, winners.get(image_id))
            if reject:
                yield reject_row(self.name, row_id, reject, canonical_json(row))
            elif image_id not in splits:
                raise UsageError(f"picture {image_id} has no split: run `pixmo dedupe` first")
            else:
                yield Selected(row_id, image_id, splits[image_id])

    def _splits(self, store: Store, shard: Shard) -> dict[str, str]:
        """The split of each picture of a part."""
        if store.info("splits", shard.number) is None:
            raise UsageError(
                "pictures of selected rows have no splits: run dedupe and splits first"
            )
        return store.read_map("splits", shard.number, "image_id", "split")

    def _reject(self, row: dict[str, Any], winner: str | None) -> Reject | None:
        if rules := self.policy.all_broken_by(_tags(row["tags"])):
            return Reject("policy", join_rules(rules))
        return Reject("duplicate", f"near-duplicate of {winner}") if winner else None


@dataclass(frozen=True)
class _Evidence:
    """The tags of a part's pictures by image id and of its rows by row id; most have none."""

    by_picture: dict[str, list[Tag]]
    by_row: dict[str, list[Tag]]

    def of(self, row_id: str, image_id: str) -> list[Tag]:
        return [*self.by_picture.get(image_id, []), *self.by_row.get(row_id, [])]


def _tags_by_id(store: Store, table: str, number: int) -> dict[str, list[Tag]]:
    if store.info(table, number) is None:
        return {}
    found = store.read_map(table, number, "row_id", "tags")
    return {row_id: _tags(tags) for row_id, tags in found.items() if tags}


def _near_a_limit(tags: pa.ChunkedArray, policy: Policy) -> set[int]:
    """Positions of rows with some score at some limit; all others break no rule.

    Judging in Arrow spares a million rows their tags as Python objects.
    """
    lists = tags.combine_chunks()
    flat = lists.flatten()
    reached = pa.array([False] * len(flat), pa.bool_())
    for name, limit in policy.limits:
        named = pc.equal(pc.struct_field(flat, "name"), name)
        over = pc.greater_equal(pc.struct_field(flat, "score"), float(limit))
        reached = pc.or_(reached, pc.and_(named, over))
    return set(pc.filter(pc.list_parent_indices(lists), reached).to_pylist())


def _tags(rows: list[dict[str, Any]]) -> list[Tag]:
    return [Tag(**row) for row in rows]
