"""Subset points: phrases with their points, how they are chosen and published.

A phrase is no text that an evaluation set could be recognised by, so words are not compared.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import pyarrow as pa

from pipelines.release_plan import Exporter, Rows
from pipelines.selection import Select, evaluation_and
from pipelines.steps import contamination, point_sets
from pipelines.steps.policy import Policy
from pipelines.subsets.judged_rows import all_keys, own_rows, with_checksums
from schemas.lineage import PointsLineage
from schemas.store import Store
from schemas.subsets import SUBSETS

_FEED, _KEY = "points", "point_set_id"
_PUBLISHED = SUBSETS["points"].columns
_MADE_OF = ["image_url", _KEY, "item_ids", "origin", "guideline", "tags"]


@dataclass(frozen=True)
class SelectPoints(Select):
    """Phrases with points: many rows per picture."""

    name: ClassVar[str] = "select-points"
    table: ClassVar[str] = "selected/points"
    subset: ClassVar[str] = "points"
    feed: ClassVar[str] = _FEED
    columns: ClassVar[tuple[str, ...]] = (_KEY, "image_id", "image_url", "label", "count")
    defaults: ClassVar[tuple[tuple[str, float], ...]] = evaluation_and(*point_sets.DEFAULT_LIMITS)
    known_tags: ClassVar[frozenset[str]] = frozenset(
        [*point_sets.TAGS, *(name for name, _ in contamination.DEFAULT_LIMITS)]
    )

    policy: Policy = field(default_factory=lambda: Policy(SelectPoints.defaults))


def _read(store: Store, number: int, keys: pa.Array) -> Rows:
    own = [name for name in _PUBLISHED.names if name != "image_sha256"]
    rows = own_rows(store, _FEED, number, keys, [_KEY, "image_id", *own, *_MADE_OF])
    published = with_checksums(store, number, rows).select(_PUBLISHED.names).cast(_PUBLISHED)
    return Rows(published, rows.select(_MADE_OF))


POINTS = Exporter(
    name="points",
    feed=_FEED,
    lineage=PointsLineage,
    version="1",
    sources=lambda store, number: [],
    whole=lambda store, number: all_keys(store, _FEED, number, _KEY),
    read=_read,
)
