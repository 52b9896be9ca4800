"""An evaluation set as rows that point into its files: one per picture, one for a row's texts.

The files stay where they are, and their licences with them: the store holds no byte of a benchmark
but hashes, 32x32 grey pictures and words.
"""

import contextlib
import itertools
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.steps.evaluation_tables import (
    holds_text,
    is_list,
    looks_like_picture,
    may_hold_pictures,
    pictures_in,
)
from pipelines.steps.read_rows import PICTURE_SUFFIXES, InputRow, read_rows
from schemas.errors import UsageError
from schemas.files import open_fs

PICTURE, TEXT = "picture", "text"
_LINES = (".csv", ".jsonl")
_HUB = re.compile(r"hf://datasets/([^/@]+/[^/@]+)(?:@[^/]+)?(?:/(.*))?$")
_SPLIT = re.compile(r"(?:^|[/_.-])(train|validation|valid|val|dev|test)(?=$|[/_.-])", re.IGNORECASE)
_CONVERTED = "@refs%2Fconvert%2Fparquet"  # where the Hub keeps what it made of other formats
_FIRST_ROWS = 16  # whose values tell pictures from other binary columns


def pointer_rows(url: str) -> Iterator[InputRow]:
    """Pointers to all pictures and texts of a benchmark; `_Reader` says what is in one.

    UsageError when there is nothing there, or nothing of use, or a file cannot be read.
    """
    fs, path = open_fs(url)
    return _numbered(url, evaluation_files(url), benchmark_name(str(fs.unstrip_protocol(path))))


def benchmark_name(url: str) -> str:
    """The name that people know a benchmark by: the dataset's, or that of its file or folder."""
    if hub := _HUB.match(url.rstrip("/")):
        return hub[1]
    path = PurePosixPath(url.split("://")[-1])
    stem = path.stem if path.suffix else path.name
    plain = re.sub(r"-\d{5}-of-\d{5}$", "", stem)
    only_split = _SPLIT.fullmatch(plain) or plain == "data"
    return benchmark_name(str(path.parent)) if only_split and path.parent.name else plain


def evaluation_files(url: str) -> list[str]:
    """The files of a benchmark, as URLs in order: tables, lists and pictures below a folder.

    Of several splits, `train` is left out. UsageError when there is none.
    """
    fs, path = open_fs(url)
    _check_exists(fs, path, url)
    names = sorted(fs.find(path)) if fs.isdir(path) else [path]
    known = [name for name in names if _suffix(name) in (".parquet", *_LINES, *PICTURE_SUFFIXES)]
    if not known and _HUB.match(url.rstrip("/")) and "@" not in url:
        with contextlib.suppress(UsageError):
            return evaluation_files(url.rstrip("/") + _CONVERTED)
    if not known:
        raise UsageError(f"{url}: no picture and no text in it (Parquet, CSV, JSONL or pictures)")
    root = len(path.rstrip("/"))
    kept = [name for name in known if not _is_train(name[root:])] if len(names) > 1 else known
    return [str(fs.unstrip_protocol(name)) for name in kept or known]


def _check_exists(fs: Any, path: str, url: str) -> None:
    """UsageError unless a path is there; it says what a remote file system says about it."""
    try:
        fs.info(path)
    except FileNotFoundError as error:
        private = ", or it is private and HF_TOKEN names nobody who may read it"
        hub = "dataset or file on the Hub" + private
        raise UsageError(
            f"{url}: no such {hub if _HUB.match(url) else 'file or folder'}"
        ) from error
    except read_errors(url) as error:
        raise UsageError(f"{url}: cannot be reached: {first_line(error)}") from error


def read_errors(url: str) -> tuple[type[Exception], ...]:
    """What listing and reading can raise; the client of the Hub has errors of its own."""
    if not url.startswith("hf://"):
        return OSError, ValueError, pa.ArrowException
    from huggingface_hub.errors import HfHubHTTPError

    return OSError, ValueError, pa.ArrowException, *HfHubHTTPError.__bases__


def first_line(error: Exception) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _is_train(name: str) -> bool:
    found = _SPLIT.findall(name)
    return bool(found) and found[-1].lower() == "train"


def _numbered(url: str, files: list[str], benchmark: str) -> Iterator[InputRow]:
    count = 0
    for row in itertools.chain.from_iterable(_file_rows(file) for file in files):
        count += 1
        yield InputRow(count, {"benchmark": benchmark, **row})
    if not count:
        raise UsageError(f"{url}: no picture and no text in it; only embedded pictures count")


def _file_rows(file: str) -> Iterator[dict[str, Any]]:
    fs, path = open_fs(file)
    where = {"file": file, "version": _version(fs.info(path))}
    if _suffix(file) in PICTURE_SUFFIXES:
        yield {**where, "kind": PICTURE}
    elif _suffix(file) in _LINES:
        yield from ({**where, "kind": TEXT, "row": row.number} for row in read_rows(file))
    else:
        with fs.open(path, "rb") as handle:
            yield from ({**where, **row} for row in _parquet_rows(handle, file))


def _version(info: dict[str, Any]) -> str:
    """Size and, where the file system has one, the tag of the content; not the time of copying."""
    tags = [str(info[key]) for key in ("etag", "ETag", "blob_id") if info.get(key)]
    return "-".join([str(info.get("size")), *tags])


def _parquet_rows(handle: Any, file: str) -> Iterator[dict[str, Any]]:
    """Pointers into one Parquet file, row group by row group."""
    start = 0
    try:
        parquet = pq.ParquetFile(handle)
        columns, texts = picture_columns(parquet), text_columns(parquet)
        for group in range(parquet.num_row_groups):
            counts = {name: _picture_counts(parquet, group, name) for name in columns}
            for at in range(parquet.metadata.row_group(group).num_rows):
                place = {"group": group, "offset": at, "row": start + at + 1}
                for name, count in counts.items():
                    for item in range(count[at]):
                        yield {**place, "kind": PICTURE, "column": name, "item": item}
                if texts:
                    yield {**place, "kind": TEXT}
            start += parquet.metadata.row_group(group).num_rows
    except read_errors(file) as error:
        raise UsageError(
            f"{file}, after row {start}: not a readable Parquet file ({first_line(error)})"
        ) from error


def picture_columns(parquet: pq.ParquetFile) -> list[str]:
    """The columns that hold picture files, told by the first values that there are."""
    able = [field.name for field in parquet.schema_arrow if may_hold_pictures(field.type)]
    if not able or not parquet.num_row_groups:
        return []
    first = next(parquet.iter_batches(_FIRST_ROWS, row_groups=[0], columns=able), None)
    if first is None:
        return []
    return [name for name in able if _is_picture_column(first.column(name))]


def _is_picture_column(values: pa.Array) -> bool:
    found = [data for value in values.to_pylist() for data in pictures_in(value) if data]
    return any(looks_like_picture(data) for data in found) or not found


def text_columns(parquet: pq.ParquetFile) -> list[str]:
    """The columns that hold text."""
    return [field.name for field in parquet.schema_arrow if holds_text(field.type)]


def _picture_counts(parquet: pq.ParquetFile, group: int, name: str) -> list[int]:
    """How many pictures each row of a group has in a column, read only where it is not plain."""
    rows = parquet.metadata.row_group(group).num_rows
    if not is_list(parquet.schema_arrow.field(name).type):
        nulls = _null_count(parquet, group, name)
        if nulls in (0, rows):
            return [int(nulls == 0)] * rows
    batches = parquet.iter_batches(100, row_groups=[group], columns=[name])
    return [
        sum(data is not None for data in pictures_in(value))
        for batch in batches
        for value in batch.column(0).to_pylist()
    ]


def _null_count(parquet: pq.ParquetFile, group: int, name: str) -> int | None:
    """Nulls among the files of a column, where the footer counts them."""
    found = parquet.metadata.row_group(group)
    for number in range(found.num_columns):
        column = found.column(number)
        if column.path_in_schema in (name, f"{name}.bytes") and column.statistics:
            return int(column.statistics.null_count)
    return None
