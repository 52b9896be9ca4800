"""What lies in a release folder: its configs, their splits, columns and files.

Only Parquet footers are read. Split and order come from the file names, as `datasets` reads them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.subsets import SUBSET_OF_CONFIG, Subset

RELEASE = "release"
LINEAGE = "lineage"
_SPLIT = re.compile(r"(.+)-\d{5}-of-\d{5}\.parquet")
_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class DataFile:
    """One Parquet file with rows, by its path in the release."""

    path: str
    split: str
    rows: int


@dataclass(frozen=True)
class ConfigContents:
    """One config: the subset it is of, the schema of its files, the files by split and name."""

    name: str
    subset: Subset
    schema: pa.Schema
    files: tuple[DataFile, ...]

    @property
    def rows(self) -> dict[str, int]:
        """Rows by split: train, validation, test, then others."""
        return {
            split: sum(file.rows for file in self.files if file.split == split)
            for split in sort_splits(file.split for file in self.files)
        }

    @property
    def total(self) -> int:
        """Rows of all splits."""
        return sum(file.rows for file in self.files)

    @property
    def images(self) -> str:
        """`embed` when the pictures are in the files, else `url`."""
        return "embed" if "image" in self.schema.names else "url"


def sort_splits(names: Iterable[str]) -> list[str]:
    """Each split once, in the order in which people expect them."""
    return sorted(set(names), key=lambda n: (_SPLITS.index(n) if n in _SPLITS else 9, n))


def split_of(name: str) -> str:
    """The split that a file name begins with; `train` for a name that says nothing."""
    match = _SPLIT.fullmatch(name)
    return match[1] if match else "train"


def read_contents(fs: Any, release: str) -> tuple[ConfigContents, ...]:
    """The configs of a release folder that have files, in the order of schemas.subsets."""
    found = (_read_config(fs, release, name) for name in SUBSET_OF_CONFIG)
    return tuple(config for config in found if config)


def _read_config(fs: Any, release: str, name: str) -> ConfigContents | None:
    files, schema = [], None
    for path in sorted(fs.glob(f"{release}/{name}/*.parquet")):
        with fs.open(path, "rb") as handle:
            parquet = pq.ParquetFile(handle)
            own = path.rsplit("/", 1)[1]
            files.append(DataFile(f"{name}/{own}", split_of(own), parquet.metadata.num_rows))
            schema = schema or parquet.schema_arrow
    if schema is None:
        return None
    order = {split: n for n, split in enumerate(sort_splits(file.split for file in files))}
    files.sort(key=lambda file: (order[file.split], file.path))
    return ConfigContents(name, SUBSET_OF_CONFIG[name], schema, tuple(files))
