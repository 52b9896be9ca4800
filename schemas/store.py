"""The store: all tables of one project in one folder, local or on an object store.

    <store>/<table>/part-00003.parquet            records
    <store>/rejects/<table>/part-00003.parquet    what became no record, and why
    <store>/<table>/_stage.json                   a summary that can be rebuilt from the parts

A part's footer says what made it (fingerprint), what is in it (content digest) and how its inputs
were accounted for. Its rejects part is written first and carries the same commit id: a part whose
rejects do not match is not done.
"""

import dataclasses
import functools
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.codec import from_batches
from schemas.files import open_fs, readable, write_text

FOOTER_KEY = b"pixmo"
_PART = re.compile(r"part-(\d{5,})\.parquet$")


@dataclasses.dataclass(frozen=True)
class PartInfo:
    """The footer of a part: `rows_in == records + sum(reasons)`."""

    table: str
    number: int
    fingerprint: str
    content: str
    commit: str
    rows_in: int
    records: int
    reasons: dict[str, int]
    retryable: int
    seconds: float
    code_version: str
    config: dict[str, Any]
    inputs: dict[str, str]

    @property
    def rejects(self) -> int:
        """Rows that became no record."""
        return sum(self.reasons.values())


def _parse_footer(text: bytes) -> PartInfo | None:
    """None for a footer that is absent or that this version did not write: the part is redone."""
    try:
        return PartInfo(**json.loads(text))
    except (ValueError, TypeError):
        return None


def sum_reasons(infos: Iterable[PartInfo]) -> Counter[str]:
    """Rejects by reason over several parts."""
    total: Counter[str] = Counter()
    for info in infos:
        total.update(info.reasons)
    return total


class Store:
    """Paths, listings and reads; writing is done by `schemas.part_writer`. Pickles by its URL."""

    def __init__(self, url: str) -> None:
        self.url = str(url).rstrip("/")

    def __reduce__(self) -> tuple[type["Store"], tuple[str]]:
        return Store, (self.url,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Store) and other.url == self.url

    def __hash__(self) -> int:
        return hash(self.url)

    @functools.cached_property
    def _opened(self) -> tuple[Any, str]:
        return open_fs(self.url)

    @property
    def fs(self) -> Any:
        """The fsspec file system that holds the store."""
        return self._opened[0]

    def path(self, *names: str) -> str:
        """A path inside the store."""
        return "/".join([self._opened[1].rstrip("/"), *names])

    def part_path(self, table: str, number: int) -> str:
        """Where a part lies."""
        return self.path(table, f"part-{number:05d}.parquet")

    def part_numbers(self, table: str) -> list[int]:
        """The numbers of the parts of a table, in order; empty when there is none."""
        folder = self.path(table)
        self.fs.invalidate_cache(folder)
        if not self.fs.exists(folder):
            return []
        found = (_PART.search(name) for name in self.fs.ls(folder, detail=False))
        return sorted(int(match[1]) for match in found if match)

    def info(self, table: str, number: int) -> PartInfo | None:
        """The footer of a part; None when it is absent or its rejects do not belong to it."""
        info = self._footer(table, number)
        rejects = self._footer(f"rejects/{table}", number) if info else None
        return info if info and rejects and rejects.commit == info.commit else None

    def infos(self, table: str) -> list[PartInfo]:
        """The footers of all committed parts of a table."""
        found = (self.info(table, number) for number in self.part_numbers(table))
        return [info for info in found if info]

    def _footer(self, table: str, number: int) -> PartInfo | None:
        path = self.part_path(table, number)
        try:
            with readable(self.fs, path) as source:
                metadata = pq.read_metadata(source).metadata or {}
        except (FileNotFoundError, pa.ArrowInvalid, UnicodeDecodeError):
            return None
        except OSError as error:
            if error.errno is not None:
                raise
            return None  # what pyarrow raises for a damaged footer has no errno
        return _parse_footer(metadata.get(FOOTER_KEY, b""))

    def batches(
        self, table: str, number: int, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The rows of a part as Arrow batches of at most 100 rows, fewer where rows are large."""
        wanted = list(columns) if columns else None
        with readable(self.fs, self.part_path(table, number)) as source:
            parquet = pq.ParquetFile(source)
            # Group by group: a batch would otherwise span groups that are small for a reason.
            for group in range(parquet.num_row_groups):
                yield from parquet.iter_batches(100, row_groups=[group], columns=wanted)

    def read(self, table: str, number: int, columns: Sequence[str] | None = None) -> pa.Table:
        """A whole part, or some of its columns, as an Arrow table."""
        with readable(self.fs, self.part_path(table, number)) as source:
            return pq.ParquetFile(source).read(columns=list(columns) if columns else None)

    def read_map(self, table: str, number: int, key: str, value: str) -> dict[Any, Any]:
        """Two columns of a part as a mapping, in the order of its rows."""
        found = self.read(table, number, [key, value])
        keys, values = (found.column(name).to_pylist() for name in (key, value))
        return dict(zip(keys, values, strict=True))

    def records(self, table: str, number: int, record: type) -> Iterator[Any]:
        """The records of a part, one at a time."""
        return from_batches(self.batches(table, number), record)

    def tables(self) -> list[str]:
        """The names of the tables that have parts, without rejects."""
        self.fs.invalidate_cache()
        found = self.fs.glob(self.path("**", "part-*.parquet"))
        root = len(self.path("")) if found else 0
        names = {name[root:].rsplit("/", 1)[0] for name in found}
        return sorted(name for name in names if not name.startswith(("rejects/", "release")))

    def write_summary(self, table: str, summary: dict[str, Any]) -> None:
        """Write `_stage.json` unless it says so already: for people, never read back as truth."""
        text = json.dumps(summary, indent=2, sort_keys=True) + "\n"
        path = self.path(table, "_stage.json")
        if not self.fs.exists(path) or self.fs.cat_file(path) != text.encode():
            write_text(self.fs, path, text)
