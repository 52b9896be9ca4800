"""Pictures and sound out of the store by key, and copies of them as files in a folder.

Only the row groups that hold wanted rows are read.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipelines.services.cores import usable_cores
from schemas.files import open_fs, readable, whole_file
from schemas.judgment import Reject
from schemas.store import Store


def wanted_rows(
    store: Store, table: str, columns: Sequence[str], wanted: Collection[str]
) -> Iterator[list[tuple[Any, ...]]]:
    """Rows of a table whose first column is in `wanted`, a list per row group.

    A group holds at most 100 rows, and 64 MiB of pictures or sound.
    """
    left = set(wanted)
    for number in store.part_numbers(table):
        if not left:
            return
        with readable(store.fs, store.part_path(table, number)) as source:
            parquet = pq.ParquetFile(source)
            for group in range(parquet.num_row_groups):
                keys = parquet.read_row_group(group, [columns[0]]).column(0).to_pylist()
                here = left.intersection(keys)
                if here:
                    left -= here
                    yield _rows(parquet, group, columns, here)


def _rows(
    parquet: pq.ParquetFile, group: int, columns: Sequence[str], wanted: Collection[str]
) -> list[tuple[Any, ...]]:
    found = parquet.read_row_group(group, list(columns))
    lists = [found.column(name).to_pylist() for name in columns]
    return [row for row in zip(*lists, strict=True) if row[0] in wanted]


def copy_missing(
    rows: Iterator[list[tuple[Any, ...]]],
    missing: Collection[str],
    write: Callable[[tuple[str, bytes]], Reject | None],
    done: Callable[[int], None],
    absent: Reject,
) -> dict[str, Reject]:
    """Let `write` make a copy of each (key, bytes); why a key has none, `absent` if it is no row.

    `done` is told how many more are finished. Decoders let go of the interpreter, so threads help.
    """
    refused = dict.fromkeys(missing, absent)
    with ThreadPoolExecutor(ceil(usable_cores())) as pool:
        for group in rows:
            for (key, _), reject in zip(group, pool.map(write, group), strict=True):
                del refused[key]
                if reject:
                    refused[key] = reject
            done(len(group))
    done(sum(reject is absent for reject in refused.values()))
    return refused


def write_bytes(folder: Path, name: str, data: bytes) -> None:
    """Write a file whole or not at all."""
    fs, path = open_fs(str(folder / name))
    with whole_file(fs, path) as temporary:
        Path(temporary).write_bytes(data)
