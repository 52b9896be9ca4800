"""The files of a release: which configs and splits there are, and their rows in pieces."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import UsageError
from schemas.store import Store
from schemas.subsets import SUBSET_OF_CONFIG

_PIECE = 2000


@dataclass(frozen=True)
class ReleaseFile:
    """One Parquet file of a release; `lineage` is its path there, empty when it has none."""

    config: str
    split: str
    path: str
    lineage: str
    rows: int
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Piece:
    """Rows `start` to `stop` of a file."""

    file: ReleaseFile
    start: int
    stop: int


def release_files(store: Store) -> dict[str, list[ReleaseFile]]:
    """The files of each config that the release has, train first.

    Raises UsageError for a file that cannot be read.
    """
    found: dict[str, list[ReleaseFile]] = {}
    for config in SUBSET_OF_CONFIG:
        paths = sorted(store.fs.glob(store.path("release", config, "*.parquet")))
        files = [_file(store, config, path) for path in paths]
        if files:
            found[config] = sorted(files, key=lambda file: _rank(file.split))
    return found


def _rank(split: str) -> tuple[int, str]:
    order = ("train", "validation", "test")
    return (order.index(split) if split in order else len(order), split)


def _file(store: Store, config: str, path: str) -> ReleaseFile:
    name = path.rsplit("/", 1)[1]
    lineage = store.path("release", "lineage", config, name)
    try:
        with store.fs.open(path, "rb") as handle:
            parquet = pq.ParquetFile(handle)
            rows, columns = parquet.metadata.num_rows, tuple(parquet.schema_arrow.names)
    except pa.ArrowInvalid as error:
        raise UsageError(f"{path}: not a Parquet file: {error}; export again") from error
    known = store.fs.exists(lineage)
    return ReleaseFile(config, name.split("-")[0], path, lineage if known else "", rows, columns)


def pieces(files: Sequence[ReleaseFile]) -> list[Piece]:
    """All rows of the files, in order, in pieces of one size."""
    return [
        Piece(file, start, min(start + _PIECE, file.rows))
        for file in files
        for start in range(0, file.rows, _PIECE)
    ]


def read_rows(fs: Any, path: str, columns: Sequence[str], start: int, stop: int) -> pa.Table:
    """Some columns of rows `start` to `stop`, reading no row group that has none of them."""
    with fs.open(path, "rb") as handle:
        parquet = pq.ParquetFile(handle)
        at, first = 0, 0
        groups: list[int] = []
        for group in range(parquet.num_row_groups):
            rows = parquet.metadata.row_group(group).num_rows
            if at < stop and at + rows > start:
                first = first if groups else at
                groups.append(group)
            at += rows
        found = parquet.read_row_groups(groups, columns=list(columns))
    return found.slice(start - first, stop - start)


def batches_of(fs: Any, path: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Some columns of a whole file, in batches that are small enough for pictures."""
    with fs.open(path, "rb") as handle:
        parquet = pq.ParquetFile(handle)
        for group in range(parquet.num_row_groups):
            yield from parquet.iter_batches(100, row_groups=[group], columns=list(columns))
