"""Pictures and sound out of the store by key, reading only the row groups that hold wanted rows."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import pyarrow.parquet as pq

from schemas.files import readable
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
