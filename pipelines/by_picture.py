"""Stages that gather rows about one picture from anywhere: part N of theirs is of part N of images.

What people judged lies in parts of its own, by when it came in. A table of a subset mirrors the
parts of images instead, as splits and duplicates do, so that selection and export go part by part.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow.compute as pc

from pipelines.stage import Shard
from schemas.codec import from_batches, key_field
from schemas.ids import content_id
from schemas.store import Store
from schemas.tables import TABLES


def picture_places(store: Store) -> dict[str, int]:
    """Which part of images each picture lies in."""
    places: dict[str, int] = {}
    for number in store.part_numbers("images"):
        for image_id in store.read("images", number, ["image_id"])[0].to_pylist():
            places[image_id] = number
    return places


def plan_by_picture(
    store: Store, table: str, feeds: Sequence[str], per_picture: bool = False
) -> list[Shard]:
    """One shard per part of images that rows of the feeds are about, or were when it was last done.

    Feeds are tables with a column `image_id`; a row about a picture that is not in images is in no
    shard, so feeds reject such rows themselves. Rows in: the rows of the feeds, or `per_picture`
    the pictures that they are about.
    """
    places = picture_places(store)
    keys: dict[int, set[str]] = defaultdict(set)
    inputs: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for feed in feeds:
        for info in store.infos(feed):
            for key, image_id in _keys(store, feed, info.number):
                if (place := places.get(image_id)) is not None:
                    keys[place].add(image_id if per_picture else f"{feed}/{key}")
                    inputs[place].add((f"{feed}/{info.number}", info.content))
    return [
        Shard(n, len(keys[n]), tuple(sorted(inputs[n])), (content_id(*sorted(keys[n])),))
        for n in sorted({*keys, *store.part_numbers(table)})
    ]


def _keys(store: Store, feed: str, number: int) -> Iterator[tuple[str, str]]:
    key = key_field(TABLES[feed].record)
    rows = store.read(feed, number, [key, "image_id"])
    yield from zip(rows[key].to_pylist(), rows["image_id"].to_pylist(), strict=True)


def rows_of_pictures(store: Store, shard: Shard, feed: str, record: type) -> Iterator[Any]:
    """The records of a feed about the pictures of a shard, feed part by feed part."""
    mine = store.read("images", shard.number, ["image_id"])[0].combine_chunks()
    for name, _ in shard.inputs:
        table, _, number = name.rpartition("/")
        if table == feed:
            batches = store.batches(feed, int(number))
            # Most rows are about pictures of other parts: they are passed over in Arrow.
            own = (b.filter(pc.is_in(b["image_id"], value_set=mine)) for b in batches)
            yield from from_batches(own, record)
