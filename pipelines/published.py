"""Stages published-<subset>: rows of the Parquet files that PixMo publishes, one to one.

`sources/published/<subset>` holds the rows as they were given; part N becomes part N of
`published/<subset>`, in the records that annotations have. This is the only place where points of
another unit become percent. A row about a picture that is not in the store is refused until it is.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources import PUBLISHED, Import, KeyOf
from pipelines.stage import BaseStage, Shard, reject_row
from pipelines.steps.published_rows import Held, annotation_of
from pipelines.steps.read_rows import row_json
from schemas.errors import UsageError
from schemas.ids import content_id, image_id_of
from schemas.judgment import Reject
from schemas.records import Source
from schemas.store import Store
from schemas.tables import TABLES

# A file without one of these is another file; point explanations need one of the last two.
_COLUMNS: dict[str, tuple[str, ...]] = {
    "points": ("image_url", "points", "label", "collection_method"),
    "ask_model_anything": ("image_url", "question", "answer"),
    "point_explanations": ("image_url", "question"),
}
_ANSWERS = ("parsed_response", "response")


def published_key(subset: str, row: dict[str, Any]) -> str | Reject:
    """The id of a row, a digest of all of it; UsageError where a column is not there at all."""
    missing = [name for name in _COLUMNS[subset] if name not in row]
    if subset == "point_explanations" and not any(name in row for name in _ANSWERS):
        missing.append(" or ".join(_ANSWERS))
    if missing:
        raise UsageError(f"no column {', '.join(missing)}: this is not PixMo's {subset}")
    url = row["image_url"]
    if not isinstance(url, str) or not url.strip():
        return Reject("missing_url", "image_url is empty")
    return content_id("published", subset, row_json(row))


def published_import(subset: str, url: str, rows_per_part: int) -> Import:
    """How a file of a published subset, or a folder of them, comes into the store."""
    key_of: KeyOf = partial(published_key, subset)
    return Import(url, f"{PUBLISHED}{subset}", key_of, rows_per_part)


@dataclass(frozen=True)
class Published(BaseStage):
    """Turn published rows into annotations; rejects are no failure unless a share is set."""

    name: ClassVar[str]
    table: ClassVar[str]
    record: ClassVar[type]
    version: ClassVar[str] = "1"
    subset: ClassVar[str]

    max_rejects: float = 1.0

    def __init_subclass__(cls, subset: str) -> None:
        """A subset's name, table and record follow from the subset."""
        cls.subset, cls.name, cls.table = subset, f"published-{subset}", f"published/{subset}"
        cls.record = TABLES[cls.table].record

    @property
    def feed(self) -> str:
        """The table that feeds it."""
        return f"{PUBLISHED}{self.subset}"

    def settings(self) -> dict[str, Any]:
        """Nothing that could be set changes the result."""
        return {}

    def plan(self, store: Store) -> list[Shard]:
        """One part per part of the rows; `extra` is what is known of their pictures now."""
        infos = store.infos(self.feed)
        wanted = {info.number: _pictures_of(store, self.feed, info.number) for info in infos}
        held = _held(store, {image_id for ids in wanted.values() for image_id in ids})
        return [
            Shard(
                info.number,
                info.records,
                ((f"{self.feed}/{info.number}", info.content),),
                tuple(_as_text(held[one]) for one in wanted[info.number] if one in held),
            )
            for info in infos
        ]

    def run(self, store: Store, shard: Shard, keys: frozenset[str] | None) -> Iterator[Any]:
        """Records and rejects in the order of their keys."""
        held = {one.image_id: one for one in map(_of_text, shard.extra)}
        for source in store.records(self.feed, shard.number, Source):
            if keys is None or source.key in keys:
                outcome = self._one(source, held)
                if isinstance(outcome, Reject):
                    yield reject_row(self.name, source.key, outcome, source.row)
                else:
                    yield outcome

    def _one(self, source: Source, held: dict[str, Held]) -> Any | Reject:
        row = json.loads(source.row)
        picture = held.get(image_id_of(row["image_url"].strip()))
        if picture is None:
            return Reject("unknown_image", "the picture is not in the table images", retryable=True)
        return annotation_of(self.subset, source.key, row, picture)


def _pictures_of(store: Store, feed: str, number: int) -> list[str]:
    """The ids of the pictures that rows of a part are about, each once."""
    rows = store.read(feed, number, ["row"])["row"].to_pylist()
    return list(dict.fromkeys(image_id_of(json.loads(row)["image_url"].strip()) for row in rows))


def _held(store: Store, wanted: set[str]) -> dict[str, Held]:
    """What the store has of these pictures."""
    found: dict[str, Held] = {}
    ids = pa.array(sorted(wanted), pa.string())
    columns = ["image_id", "width", "height", "image_sha256"]
    for number in store.part_numbers("images") if wanted else ():
        table = store.read("images", number, columns)
        own = table.filter(pc.is_in(table["image_id"], value_set=ids))
        found |= {row[0]: Held(*row) for row in zip(*(c.to_pylist() for c in own), strict=True)}
    return found


def _as_text(held: Held) -> str:
    return f"{held.image_id}={held.width}x{held.height} {held.sha256}"


def _of_text(text: str) -> Held:
    image_id, _, facts = text.partition("=")
    sides, _, sha256 = facts.partition(" ")
    width, height = sides.split("x")
    return Held(image_id, int(width), int(height), sha256)


class PublishedPoints(Published, subset="points"):
    """PixMo-Points."""


class PublishedExplanations(Published, subset="point_explanations"):
    """PixMo-Point-Explanations."""


class PublishedQuestions(Published, subset="ask_model_anything"):
    """PixMo-AskModelAnything."""


_STAGES: tuple[type[Published], ...] = (PublishedPoints, PublishedExplanations, PublishedQuestions)
PUBLISHED_STAGES = {stage.subset: stage for stage in _STAGES}
