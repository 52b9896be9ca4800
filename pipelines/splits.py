"""Stage splits: which split every picture belongs to, drawn once per component and then kept.

The table is state as well as result: a redrawn part starts from what it held before. Parts mirror
those of `duplicates`.
"""

import contextlib
import dataclasses
import logging
from collections.abc import Iterator
from typing import Any, ClassVar

from pipelines.stage import BaseStage, Engine, Shard, whole_table
from pipelines.steps.splits import SplitPlan, draw_split, keep_or_draw
from schemas.records import Split
from schemas.store import Store

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class SplitStage(BaseStage):
    """Draw splits by a stable hash of each component of near-duplicates; `shares` add up to 1.

    `kept` holds the components whose split is not what the draw says today; `moved` the pictures
    that had to leave a split, now or before, and which one it was.
    """

    name: ClassVar[str] = "splits"
    table: ClassVar[str] = "splits"
    record: ClassVar[type] = Split
    version: ClassVar[str] = "2"

    shares: tuple[tuple[str, float], ...] = (("train", 1.0),)
    salt: str = ""
    max_rejects: float = 1.0
    kept: tuple[tuple[str, str], ...] = ()
    moved: tuple[tuple[str, str], ...] = ()

    def settings(self) -> dict[str, Any]:
        """Shares and salt of the draw; what was drawn before outlives both."""
        return {"shares": self.shares, "salt": self.salt}

    def plan(self, store: Store) -> list[Shard]:
        """One part per part of duplicates; each depends on all of them."""
        infos = store.infos("duplicates")
        inputs = whole_table("duplicates", infos)
        return [Shard(info.number, info.records, inputs) for info in infos]

    @contextlib.contextmanager
    def prepared(self, store: Store, engine: Engine) -> Iterator["SplitStage"]:
        """Draw for all components at once: one component can lie in many parts."""
        plan = self._plan_splits(store)
        for moved in plan.moved[:20]:
            log.warning("%s moved from %s to %s", moved.image_id, moved.before, moved.after)
        found = {row.component_id: row.split for row in plan.splits}
        kept = {c: s for c, s in found.items() if s != draw_split(c, self.shares, self.salt)}
        left = self._moved_before(store)
        left |= {m.image_id: left.get(m.image_id) or m.before for m in plan.moved}
        ever = tuple(sorted((image_id, split) for image_id, split in left.items() if split))
        yield dataclasses.replace(self, kept=tuple(sorted(kept.items())), moved=ever)

    def _moved_before(self, store: Store) -> dict[str, str]:
        found: dict[str, str] = {}
        for number in store.part_numbers("splits"):
            rows = _moves(store, number)
            found |= dict(zip(rows["image_id"], rows["moved_from"], strict=True))
        return found

    def _plan_splits(self, store: Store) -> SplitPlan:
        components: dict[str, str] = {}
        kept: dict[str, str] = {}
        for number in store.part_numbers("duplicates"):
            components.update(store.read_map("duplicates", number, "image_id", "component_id"))
        for number in store.part_numbers("splits"):
            kept.update(store.read_map("splits", number, "image_id", "split"))
        return keep_or_draw(components, kept, self.shares, self.salt)

    def run(self, store: Store, shard: Shard, keys: frozenset[str] | None) -> Iterator[Any]:
        """The splits of one part, in the order of image ids."""
        kept, moved = dict(self.kept), dict(self.moved)
        found = store.read_map("duplicates", shard.number, "image_id", "component_id")
        for image_id, component in found.items():
            split = kept.get(component) or draw_split(component, self.shares, self.salt)
            yield Split(image_id, split, component, moved.get(image_id, ""))


def moved_out_of_train(store: Store) -> int:
    """How many pictures were drawn into train and are in a stricter split now."""
    return sum(_moves(store, n)["moved_from"].count("train") for n in store.part_numbers("splits"))


def _moves(store: Store, number: int) -> dict[str, list[str]]:
    """Image ids and former splits of a part; parts of version 1 have no such column."""
    rows = store.read("splits", number, ["image_id", "moved_from"])
    if "moved_from" not in rows.column_names:
        return {"image_id": [], "moved_from": []}
    found: dict[str, list[str]] = rows.to_pydict()
    return found
