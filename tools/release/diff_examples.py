"""Reads the few rows that `pixmo diff` shows, by their places in the files of a side."""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from schemas.ids import canonical_json
from tools.release.contents import DataFile
from tools.release.diff_side import Side
from tools.release.row_matching import Places

SHOWN = 160  # characters of a value
URL = "image_url"
Column = tuple[str, bool]  # its name, and whether it is in the lineage


@dataclass(frozen=True)
class Example:
    """A row that was `added`, `removed`, `changed` or `moved`.

    `key` are the columns that name it; `changes` holds old and new values by column, cut to where
    they differ. A split is empty on the side that lacks the row.
    """

    kind: str
    key: dict[str, str]
    old_split: str = ""
    new_split: str = ""
    changes: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Files:
    """The compared files of a config on one side; a place counts rows over all of them."""

    side: Side
    files: tuple[DataFile, ...]

    def splits(self, places: Places) -> list[str]:
        """The split of each row."""
        return [self.files[number].split for number in self._numbers(places).tolist()]

    def _numbers(self, places: Places) -> Places:
        """Which file each row is in."""
        ends = np.cumsum([file.rows for file in self.files], dtype=np.int64)
        return np.searchsorted(ends, places, side="right").astype(np.int64)

    def read(self, places: Places, columns: Sequence[Column]) -> list[dict[str, Any]]:
        """Rows by their places, in that order; a column that a file lacks is left out."""
        rows: list[dict[str, Any]] = [{} for _ in places]
        numbers = self._numbers(places)
        starts = np.cumsum([0, *(file.rows for file in self.files)])
        for number in np.unique(numbers).tolist():
            mine = np.flatnonzero(numbers == number)
            wanted = list(zip((places[mine] - starts[number]).tolist(), mine.tolist(), strict=True))
            for lineage in (False, True):
                names = [name for name, of_lineage in columns if of_lineage == lineage]
                if names:
                    path = self.side.path(self.files[number], lineage)
                    _fill(self.side.fs, path, names, wanted, rows)
        return rows


@dataclass(frozen=True)
class Chosen:
    """Some rows of a side."""

    files: Files
    places: Places

    @property
    def splits(self) -> list[str]:
        """The split of each."""
        return self.files.splits(self.places)

    def read(self, columns: Sequence[Column]) -> list[dict[str, Any]]:
        """Their values."""
        return self.files.read(self.places, columns)


def _fill(
    fs: Any, path: str, names: list[str], wanted: list[tuple[int, int]], rows: list[dict[str, Any]]
) -> None:
    """Add columns of a file to rows, each row group read once; `wanted` is place and number."""
    if not fs.exists(path):
        return
    with fs.open(path, "rb") as handle:
        parquet = pq.ParquetFile(handle)
        sizes = [parquet.metadata.row_group(n).num_rows for n in range(parquet.num_row_groups)]
        ends = np.cumsum(sizes)
        kinds = {part.name: part.type for part in parquet.schema_arrow}
        readable = [name for name in names if name in kinds and is_readable(kinds[name])]
        if not readable:
            return
        inside: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for place, n in wanted:
            group = int(np.searchsorted(ends, place, side="right"))
            inside[group].append((place - int(ends[group] - sizes[group]), n))
        for group, pairs in inside.items():
            table = parquet.read_row_group(group, columns=readable)
            found = table.take(pa.array([place for place, _ in pairs])).to_pylist()
            for (_, n), values in zip(pairs, found, strict=True):
                rows[n] |= values


def is_readable(kind: pa.DataType) -> bool:
    """Whether values of a type can be shown: pictures and sound cannot."""
    if pa.types.is_struct(kind):
        return all(is_readable(part.type) for part in kind)
    return not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def single_examples(
    kind: str, files: Files, places: Places, key: Sequence[Column]
) -> list[Example]:
    """Rows that only one side has."""
    rows = files.read(places, _names(key))
    old = kind == "removed"
    return [
        Example(kind, _shown(row), split if old else "", "" if old else split)
        for row, split in zip(rows, files.splits(places), strict=True)
    ]


def pair_examples(
    kind: str,
    sides: tuple[Chosen, Chosen],
    key: Sequence[Column],
    differing: Mapping[str, NDArray[np.bool_]],
) -> list[Example]:
    """Rows that both sides have; `differing` says by column which of them differ there."""
    columns: list[Column] = [(name, False) for name in differing]
    keys = sides[0].read(_names(key))
    old, new = (side.read(columns) for side in sides)
    before, after = (side.splits for side in sides)
    found = []
    for n, row in enumerate(keys):
        names = [name for name, mask in differing.items() if mask[n]]
        changes = {name: cut_pair(_text(old[n], name), _text(new[n], name)) for name in names}
        found.append(Example(kind, _shown(row), before[n], after[n], changes))
    return found


def _names(key: Sequence[Column]) -> list[Column]:
    """The key, and the URL before it, in the data or else in the lineage."""
    return list(dict.fromkeys([(URL, True), (URL, False), *key]))


def _shown(row: dict[str, Any]) -> dict[str, str]:
    return {name: cut_pair(_text(row, name), "")[0] for name in row if row[name] is not None}


def _text(row: dict[str, Any], name: str) -> str:
    """A value as people read it: text as it is, the rest as JSON."""
    if name not in row:
        return "(bytes)"
    value = row[name]
    if value is None:
        return ""
    return value if isinstance(value, str) else canonical_json(value)


def cut_pair(old: str, new: str) -> tuple[str, str]:
    """Two texts cut to the same stretch, which begins a little before they differ."""
    start = 0
    if max(len(old), len(new)) > SHOWN:
        start = max(0, len(os.path.commonprefix([old, new])) - SHOWN // 4)
    return _cut(old, start), _cut(new, start)


def _cut(text: str, start: int) -> str:
    before, after = "…" if start else "", "…" if len(text) > start + SHOWN else ""
    return f"{before}{text[start : start + SHOWN]}{after}"
