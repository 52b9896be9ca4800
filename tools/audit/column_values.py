"""Columns of large tables as arrays: texts as 64-bit numbers, parts read in large runs.

The choice worth knowing: rows are joined on the first 64 bits of their ids, which are digests; of a
million rows two different ids agree by chance in one store of 30 million.
"""

import contextlib
import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from schemas.arrow_bytes import views_of
from schemas.files import readable

Numbers = NDArray[np.uint64]
RUN_BYTES = 32 * 2**20  # uncompressed; a single row group may be larger
_HEX = re.compile(rb"[0-9a-f]*")
_DIGITS = (32, 64)


@contextlib.contextmanager
def open_parquet(fs: Any, path: str) -> Iterator[pq.ParquetFile]:
    """A Parquet file on any file system; a local one is read without a detour through Python."""
    with readable(fs, path) as source, pq.ParquetFile(source) as parquet:
        yield parquet


def read_runs(
    parquet: pq.ParquetFile, columns: Sequence[str] | None = None, limit: int = RUN_BYTES
) -> Iterator[pa.RecordBatch]:
    """The rows in order, neighbouring small row groups at once, each as one batch.

    Damaged data raise what `findings.UNREADABLE` names.
    """
    wanted = list(columns) if columns is not None else None
    for groups in _runs(parquet.metadata, limit):
        table = parquet.read_row_groups(groups, columns=wanted, use_threads=False)
        yield from table.combine_chunks().to_batches()


def _runs(metadata: pq.FileMetaData, limit: int) -> Iterator[list[int]]:
    run: list[int] = []
    held = 0
    for group in range(metadata.num_row_groups):
        size = metadata.row_group(group).total_byte_size
        if run and held + size > limit:
            yield run
            run, held = [], 0
        run.append(group)
        held += size
    if run:
        yield run


def numbers_of(texts: pa.Array) -> Numbers:
    """Each text as a number: the first 64 bits of a hex digest, else of the text's SHA-256."""
    for digits in _DIGITS:
        data = _fixed_width(texts, digits)
        if data is not None and _HEX.fullmatch(data):
            words = np.frombuffer(bytes.fromhex(data.decode()), ">u8")
            return words[:: digits // 16].astype(np.uint64)
    codes = texts.fill_null("").dictionary_encode()
    values = [_number(view) for view in views_of(codes.dictionary)]
    found: Numbers = np.array(values, np.uint64)[codes.indices.to_numpy(zero_copy_only=False)]
    return found


def number_of(text: str | None) -> int:
    """The number of one text, as in `numbers_of`."""
    return _number((text or "").encode())


def _number(data: bytes | memoryview) -> int:
    if len(data) in _DIGITS and _HEX.fullmatch(data):
        return int(bytes(data[:16]), 16)
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big")


def _fixed_width(texts: pa.Array, width: int) -> bytes | None:
    """All characters of an array whose texts have this many bytes each; None when they have not."""
    if texts.null_count or not len(texts) or not pa.types.is_string(texts.type):
        return None
    ends = value_ends(texts)
    if (np.diff(ends) != width).any():
        return None
    return bytes(memoryview(texts.buffers()[2])[int(ends[0]) : int(ends[-1])])


def value_ends(array: pa.Array) -> NDArray[np.int64]:
    """Offsets of a string, binary or list array: value n is from `ends[n]` to `ends[n + 1]`."""
    if not len(array):
        return np.zeros(1, np.int64)
    found = np.frombuffer(array.buffers()[1], np.int32)
    return found[array.offset : array.offset + len(array) + 1].astype(np.int64)


def lengths_of(lists: pa.Array) -> NDArray[np.int64]:
    """How many items each list has, 0 for null."""
    return np.diff(value_ends(lists)) if not lists.null_count else _null_lengths(lists)


def _null_lengths(lists: pa.Array) -> NDArray[np.int64]:
    found = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    return np.asarray(found, np.int64)


def joined(arrays: Sequence[Any], kind: Any) -> Any:
    """Arrays one behind the other; an empty one of this kind for none."""
    return np.concatenate(arrays) if arrays else np.empty(0, kind)
