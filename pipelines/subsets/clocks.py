"""Subset clocks: drawn clocks, and which of them are published.

PixMo-Clocks is metadata alone; embedding adds the pictures. A clock on which a second or a minute
is less than a pixel is left out, since nobody could read what its row states.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import pyarrow as pa

from pipelines.release_plan import Exporter, Pictures, Rows, column_of, look_up
from pipelines.selection_own import SelectOwn
from pipelines.steps.policy import Policy
from schemas.lineage import ClockLineage
from schemas.store import Store
from schemas.subsets import SUBSETS

TOO_SMALL = ("too_small_v1", 1.0)
_MADE_OF = ["example_id", "seed", "tags"]


@dataclass(frozen=True)
class SelectClocks(SelectOwn):
    """Clocks: every example is a picture of its own."""

    name: ClassVar[str] = "select-clocks"
    table: ClassVar[str] = "selected/clocks"
    subset: ClassVar[str] = "clocks"
    feed: ClassVar[str] = "clocks"
    columns: ClassVar[tuple[str, ...]] = ("example_id", "watchface_name", "text")
    picture: ClassVar[str] = "example_id"
    defaults: ClassVar[tuple[tuple[str, float], ...]] = (TOO_SMALL,)
    known_tags: ClassVar[frozenset[str]] = frozenset([TOO_SMALL[0]])

    policy: Policy = field(default_factory=lambda: Policy(SelectClocks.defaults))


def _sources(store: Store, number: int) -> list[tuple[str, int]]:
    """A clock is made from nothing but its seed."""
    return []


def _whole(store: Store, number: int) -> set[str]:
    return set(column_of(store, "clocks", number, "example_id"))


def _read(store: Store, number: int, keys: pa.Array) -> Rows:
    """The metadata of some clocks, and what they were drawn from."""
    published = SUBSETS["clocks"].columns.names
    columns = list(dict.fromkeys([*published, *_MADE_OF]))
    rows = look_up(store.read("clocks", number, columns), keys, "example_id")
    return Rows(rows.select(published), rows.select(_MADE_OF))


CLOCKS = Exporter(
    name="clocks",
    feed="clocks",
    lineage=ClockLineage,
    version="1",
    sources=_sources,
    whole=_whole,
    read=_read,
    pictures=Pictures("clocks", "example_id", drawn=False),
)
