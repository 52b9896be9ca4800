"""The table `evaluation` in memory, ready to be asked: loaded once by each worker process.

It stays from part to part for as long as the table is the same. It grows with the evaluation set:
100,000 pictures take half a gigabyte in each worker, and 1.7 GB with crops.
"""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.stage import Shard, whole_table
from pipelines.steps.crop_index import CropIndex
from pipelines.steps.crops import standard_boxes
from pipelines.steps.evaluation_rows import PICTURE, TEXT
from pipelines.steps.hash_index import HashIndex
from pipelines.steps.phash import SIDE, blank_mask, oriented_hashes
from pipelines.steps.text_index import TextIndex, TextRules
from schemas.codec import arrow_schema
from schemas.records import EvaluationItem
from schemas.store import Store

TABLE = "evaluation"
_AT_ONCE = 4096  # pictures hashed together


@dataclass(frozen=True)
class Places:
    """Ids, benchmarks and places of evaluation items, by position."""

    ids: list[str]
    benchmarks: list[str]
    places: list[str]


@dataclass(frozen=True)
class PictureIndex:
    """Evaluation pictures: `by_sha256` maps checksums to positions; `likely` are the positions of
    those that are not blank, in whose numbering the hash indexes answer."""

    known: Places
    by_sha256: dict[str, list[int]]
    grey: NDArray[np.uint8]
    likely: NDArray[np.int64]
    near: HashIndex
    crops: CropIndex | None


@dataclass(frozen=True)
class EvaluationTexts:
    """Evaluation texts and where they stand."""

    known: Places
    index: TextIndex


@functools.lru_cache(maxsize=1)
def picture_index(store: Store, content: str, radius: int, crops: bool) -> PictureIndex:
    """The pictures of the table whose content digest is `content` (part of the cache's key)."""
    columns = ["item_id", "benchmark", "place", "image_sha256", "grey32"]
    found = _read(store, PICTURE, columns)
    grey = _bytes_of(found, "grey32", np.uint8).reshape(-1, SIDE, SIDE)
    found = found.drop_columns("grey32")
    blank = [blank_mask(grey[at : at + _AT_ONCE]) for at in range(0, len(grey), _AT_ONCE)]
    likely = np.flatnonzero(~np.concatenate([np.empty(0, bool), *blank]))
    index = CropIndex(grey[likely], _crop_hashes(store, likely)) if crops else None
    by_sha256: dict[str, list[int]] = {}
    for at, sha256 in enumerate(found.column("image_sha256").to_pylist()):
        by_sha256.setdefault(sha256, []).append(at)
    near = HashIndex(_oriented(grey[likely]), radius)
    return PictureIndex(_places(found), by_sha256, grey, likely, near, index)


def _crop_hashes(store: Store, wanted: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The crop hashes of these pictures, shape (n, crops)."""
    found = _read(store, PICTURE, ["crop_hashes"])
    hashes = _bytes_of(found, "crop_hashes", ">u8").reshape(-1, len(standard_boxes()))
    return hashes[wanted].astype(np.uint64)


@functools.lru_cache(maxsize=1)
def evaluation_texts(store: Store, content: str, rules: TextRules) -> EvaluationTexts:
    """The texts of the table whose content digest is `content`."""
    found = _read(store, TEXT, ["item_id", "benchmark", "place", "text"])
    texts = [
        [line.split(" ") for line in text.splitlines()] for text in found.column("text").to_pylist()
    ]
    return EvaluationTexts(_places(found), TextIndex(texts, rules))


def _read(store: Store, kind: str, columns: list[str]) -> pa.Table:
    schema = arrow_schema(EvaluationItem)
    tables = [pa.schema([schema.field(name) for name in columns]).empty_table()]
    for number in store.part_numbers(TABLE):
        rows = store.read(TABLE, number, ["kind", *columns])
        tables.append(rows.filter(pc.equal(rows.column("kind"), kind)).select(columns))
    return pa.concat_tables(tables)


def _bytes_of(rows: pa.Table, name: str, kind: Any) -> NDArray[Any]:
    """A column of bytes without nulls as one array, without an object for each value."""
    found = [np.empty(0, kind)]
    for chunk in rows.column(name).chunks:
        offsets = np.frombuffer(chunk.buffers()[1], np.int32)[chunk.offset :][: len(chunk) + 1]
        if len(chunk):
            octets = chunk.buffers()[2][int(offsets[0]) : int(offsets[-1])]
            found.append(np.frombuffer(octets, kind))
    return np.concatenate(found)


def _oriented(grey: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The hashes of all orientations, picture by picture, 8 of each."""
    parts = [oriented_hashes(grey[at : at + _AT_ONCE]) for at in range(0, len(grey), _AT_ONCE)]
    return np.concatenate([np.empty((0, 8), np.uint64), *parts]).ravel()


def _places(rows: pa.Table) -> Places:
    ids, benchmarks, places = (
        rows.column(name).to_pylist() for name in ("item_id", "benchmark", "place")
    )
    return Places(ids, benchmarks, places)


def against_evaluation(store: Store, feed: str) -> list[Shard]:
    """One part per part of a table, from that part and from the whole table `evaluation`."""
    whole = whole_table(TABLE, store.infos(TABLE))
    return [
        Shard(info.number, info.records, ((f"{feed}/{info.number}", info.content), *whole))
        for info in store.infos(feed)
    ]
