"""One side of `pixmo diff`: finds the configs of a release, with or without a manifest.

A side is a release folder, a store that holds one, any folder of Parquet files as the Hub has them,
or one Parquet file. Rows are read column by column into digests and never kept.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import MissingPart, UsageError
from schemas.files import open_fs
from schemas.manifest import MANIFEST, ReleaseManifest, read_manifest
from schemas.subsets import SUBSET_OF_CONFIG
from tools.release.column_digests import Digests, digest_column
from tools.release.contents import LINEAGE, RELEASE, DataFile, split_of

BATCH_ROWS = 4096
UNNAMED = "default"
_SPLITS = ("train", "validation", "valid", "val", "dev", "test")
_PLAIN_FOLDERS = ("", "data", *_SPLITS)


@dataclass(frozen=True)
class SideConfig:
    """The files of one config, their columns, and those of the lineage if every file has one."""

    files: tuple[DataFile, ...]
    schema: pa.Schema
    lineage: pa.Schema | None

    @property
    def rows(self) -> int:
        """Rows over all files."""
        return sum(file.rows for file in self.files)


@dataclass(frozen=True)
class Side:
    """A release as it was found: `root` is its path on the file system."""

    url: str
    fs: Any
    root: str
    manifest: ReleaseManifest | None
    configs: dict[str, SideConfig]

    def path(self, file: DataFile, lineage: bool = False) -> str:
        """Where a file lies, or its lineage."""
        names = [self.root, LINEAGE, file.path] if lineage else [self.root, file.path]
        return "/".join(name for name in names if name)


def open_side(url: str) -> Side:
    """Find the configs at a URL; UsageError when there is no release, or a file is damaged."""
    fs, root = _folder(url)
    manifest = read_manifest(fs, root) if fs.exists(f"{root}/{MANIFEST}") else None
    paths = [root] if root.endswith(".parquet") and fs.isfile(root) else _parquet(fs, root)
    if not paths:
        raise UsageError(f"{url}: there is no Parquet file here, so it is no release")
    if paths == [root]:
        root = root.rsplit("/", 1)[0] if "/" in root else ""
    grouped: dict[str, list[DataFile]] = defaultdict(list)
    schemas: dict[str, pa.Schema] = {}
    for path in paths:
        own = path[len(root) :].lstrip("/")
        name = _config_name(own)
        rows, schema = _footer(fs, path)
        grouped[name].append(DataFile(own, _split_name(own), rows))
        schemas.setdefault(name, schema)
    side = Side(url, fs, root, manifest, {})
    for name, files in grouped.items():
        lineage = _lineage_schema(side, files)
        side.configs[_by_columns(name, schemas[name])] = SideConfig(
            tuple(files), schemas[name], lineage
        )
    return side


def _folder(url: str) -> tuple[Any, str]:
    if not url.strip():
        raise UsageError("the name of a release is empty")
    try:
        fs, root = open_fs(url)
    except ImportError as error:
        raise MissingPart(f"{url}: {error} (see the extras gcp and s3 of pixmo)") from error
    except ValueError as error:
        raise UsageError(f"{url}: {error}") from error
    root = root.rstrip("/")
    fs.invalidate_cache()
    if not fs.exists(root):
        raise UsageError(f"{url}: there is no such folder")
    if fs.exists(f"{root}/sources") or fs.exists(f"{root}/rejects"):  # a store
        if not fs.exists(f"{root}/{RELEASE}"):
            raise UsageError(f"{url}: this store holds no release; `pixmo export all` writes one")
        return fs, f"{root}/{RELEASE}"
    return fs, root


def _parquet(fs: Any, root: str) -> list[str]:
    found = []
    for path in sorted(fs.find(root)):
        names = path[len(root) :].strip("/").split("/")
        hidden = any(name.startswith((".", "_")) for name in names)
        if path.endswith(".parquet") and names[0] != LINEAGE and not hidden:
            found.append(path)
    return found


def _config_name(path: str) -> str:
    first = path.split("/")[0] if "/" in path else ""
    return UNNAMED if first in _PLAIN_FOLDERS else first


def _split_name(path: str) -> str:
    """From the file's name, else from its folder, else train."""
    *folders, name = path.split("/")
    stem = name.removesuffix(".parquet")
    known = [word for word in (stem, *reversed(folders)) if word in _SPLITS]
    return known[0] if known else split_of(name)


def _by_columns(name: str, schema: pa.Schema) -> str:
    """Files without a config are of the one subset that has just their columns, if there is one."""
    if name != UNNAMED:
        return name
    own = set(schema.names) - {"image"}
    same = [c for c, s in SUBSET_OF_CONFIG.items() if set(s.columns.names) - {"image"} == own]
    return same[0] if len(same) == 1 else name


def _footer(fs: Any, path: str) -> tuple[int, pa.Schema]:
    try:
        with fs.open(path, "rb") as handle:
            parquet = pq.ParquetFile(handle)
            return parquet.metadata.num_rows, parquet.schema_arrow
    except (pa.ArrowException, OSError) as error:
        raise damaged(path, error) from error


def damaged(path: str, error: Exception) -> UsageError:
    """The error for a Parquet file that cannot be read."""
    what = " ".join(str(error).split())[:200]
    return UsageError(
        f"{path}: not a Parquet file that can be read ({what}); export or fetch again"
    )


def _lineage_schema(side: Side, files: list[DataFile]) -> pa.Schema | None:
    """The columns of the lineage when there is one for every row of every file."""
    schema = None
    for file in files:
        path = side.path(file, lineage=True)
        if not side.fs.exists(path):
            return None
        rows, schema = _footer(side.fs, path)
        if rows != file.rows:
            return None
    return schema


def read_digests(side: Side, files: list[DataFile], column: str, lineage: bool) -> Digests:
    """uint64 [rows of the files]: the digest of a column, over all files in their order."""
    chunks: list[Digests] = [np.empty(0, np.uint64)]
    for file in files:
        path = side.path(file, lineage)
        try:
            chunks += [digest_column(array) for array in _arrays(side.fs, path, column)]
        except (pa.ArrowException, OSError) as error:
            raise damaged(path, error) from error
    return np.concatenate(chunks)


def _arrays(fs: Any, path: str, column: str) -> Iterator[pa.Array]:
    """A column in pieces; rows of a file that lacks it are nulls."""
    with fs.open(path, "rb") as handle:
        parquet = pq.ParquetFile(handle)
        if column not in parquet.schema_arrow.names:
            yield pa.nulls(parquet.metadata.num_rows, pa.string())
            return
        # Group by group: a batch would otherwise span groups that are small for a reason.
        for group in range(parquet.num_row_groups):
            for batch in parquet.iter_batches(BATCH_ROWS, row_groups=[group], columns=[column]):
                yield batch.column(0)
