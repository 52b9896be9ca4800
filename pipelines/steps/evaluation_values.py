"""Reading what pointers of `evaluation_rows` point at: each file opened once, each group read once.

What cannot be read is a Reject in place of the value, so that one bad file ends nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.steps.evaluation_rows import PICTURE, first_line, read_errors, text_columns
from pipelines.steps.evaluation_tables import pictures_in, texts_in
from pipelines.steps.read_rows import PICTURE_SUFFIXES, read_rows
from schemas.errors import UsageError
from schemas.files import open_fs
from schemas.judgment import Reject

Value = bytes | tuple[str, ...] | Reject
_ROWS_AT_ONCE = 64  # pictures of one batch are in memory together


@dataclass(frozen=True)
class Pointer:
    """One picture or the texts of one row, as `pointer_rows` wrote them; `key` is the row's."""

    key: str
    benchmark: str
    file: str
    kind: str
    version: str = ""
    group: int = -1
    offset: int = -1
    row: int = 0
    column: str = ""
    item: int = 0

    @property
    def place(self) -> str:
        """Where it stands in the benchmark, for people."""
        name = self.file.split("://")[-1].rsplit("/", 1)[-1]
        row = f", row {self.row}" if self.row else ""
        nth = f" ({self.item + 1})" if self.item else ""
        return f"{name}{row}" + (f", {self.column}{nth}" if self.column else "")


def read_pointers(pointers: Iterable[Pointer]) -> Iterator[tuple[Pointer, Value]]:
    """The value behind each pointer, file by file: picture bytes, texts, or why there is none."""
    by_file: dict[str, list[Pointer]] = defaultdict(list)
    for pointer in pointers:
        by_file[pointer.file].append(pointer)
    for file, own in sorted(by_file.items()):
        done: set[str] = set()
        expected: tuple[type[Exception], ...] = (UsageError, *read_errors(file))
        try:
            for pointer, value in _read_file(file, own):
                done.add(pointer.key)
                yield pointer, value
            left = Reject("missing_row", f"{file} has no such row any more", retryable=True)
        except FileNotFoundError:
            left = Reject("missing_file", file, retryable=True)
        except expected as error:
            detail = f"{file}: {first_line(error)}"
            left = Reject("unreadable_file", detail, retryable=True)
        yield from ((pointer, left) for pointer in own if pointer.key not in done)


def _read_file(file: str, pointers: list[Pointer]) -> Iterator[tuple[Pointer, Value]]:
    fs, path = open_fs(file)
    suffix = "." + path.rsplit(".", 1)[-1].lower()
    if suffix in PICTURE_SUFFIXES:
        data = fs.cat_file(path)
        yield from ((pointer, data) for pointer in pointers)
    elif suffix == ".parquet":
        with fs.open(path, "rb") as handle:
            yield from _read_parquet(pq.ParquetFile(handle), pointers)
    else:
        yield from _read_lines(file, {pointer.row: pointer for pointer in pointers})


def _read_lines(file: str, wanted: dict[int, Pointer]) -> Iterator[tuple[Pointer, Value]]:
    for row in read_rows(file):
        if row.number in wanted:
            bad = Reject("bad_row", f"{file}, row {row.number}: {row.error}")
            found = bad if row.values is None else tuple(texts_in(row.values))
            yield wanted[row.number], found


def _read_parquet(
    parquet: pq.ParquetFile, pointers: list[Pointer]
) -> Iterator[tuple[Pointer, Value]]:
    texts = text_columns(parquet)
    by_group: dict[int, dict[int, list[Pointer]]] = defaultdict(lambda: defaultdict(list))
    for pointer in pointers:
        by_group[pointer.group][pointer.offset].append(pointer)
    for group, rows in sorted(by_group.items()):
        if group < parquet.num_row_groups:
            own = [pointer for found in rows.values() for pointer in found]
            columns = {p.column for p in own if p.kind == PICTURE}
            if any(p.kind != PICTURE for p in own):
                columns.update(texts)
            yield from _read_group(parquet, group, rows, sorted(columns))


def _read_group(
    parquet: pq.ParquetFile, group: int, rows: dict[int, list[Pointer]], columns: list[str]
) -> Iterator[tuple[Pointer, Value]]:
    """The wanted rows of one row group; nothing after the last of them is read."""
    start, last = 0, max(rows)
    for batch in parquet.iter_batches(_ROWS_AT_ONCE, row_groups=[group], columns=columns):
        wanted = [at for at in range(start, start + batch.num_rows) if at in rows]
        found = batch.take(pa.array([at - start for at in wanted], pa.int64())).to_pylist()
        for at, values in zip(wanted, found, strict=True):
            yield from ((pointer, _value(pointer, values)) for pointer in rows[at])
        start += batch.num_rows
        if start > last:
            return


def _value(pointer: Pointer, values: dict[str, Any]) -> Value:
    if pointer.kind != PICTURE:
        return tuple(texts_in([v for name, v in sorted(values.items())]))
    present = [data for data in pictures_in(values[pointer.column]) if data is not None]
    if pointer.item < len(present):
        return present[pointer.item]
    return Reject("missing_row", f"{pointer.place}: the picture is gone", retryable=True)
