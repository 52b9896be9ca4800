"""Which models and prompts made the rows of a release, from the lineage beside them."""

import re
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.steps.prompts import prompt_sha256
from schemas.manifest import ModelUse
from tools.release.contents import LINEAGE, ConfigContents

PROMPT = re.compile(r"(^|_)prompts?$")


def models_used(fs: Any, release: str, configs: Iterable[ConfigContents]) -> tuple[ModelUse, ...]:
    """Every model that a row's lineage names, with its role."""
    found = set()
    for config in configs:
        for column, role in config.subset.models.items():
            names = lineage_values(fs, release, config, column)
            found |= {ModelUse(config.subset.name, name, role) for name in names}
    return tuple(sorted(found, key=lambda use: (use.subset, use.role, use.name)))


def prompts_used(fs: Any, release: str, configs: Iterable[ConfigContents]) -> dict[str, str]:
    """SHA-256 of the file of every prompt that a row's lineage names."""
    names: set[str] = set()
    for config in configs:
        for column in lineage_columns(fs, release, config):
            if PROMPT.search(column):
                names |= lineage_values(fs, release, config, column)
    return {name: prompt_sha256(name) for name in sorted(names)}


def _lineage_paths(fs: Any, release: str, config: ConfigContents) -> list[str]:
    paths = [f"{release}/{LINEAGE}/{file.path}" for file in config.files]
    return [path for path in paths if fs.exists(path)]


def lineage_columns(fs: Any, release: str, config: ConfigContents) -> list[str]:
    """The names of the columns of a config's lineage; empty without lineage."""
    for path in _lineage_paths(fs, release, config):
        with fs.open(path, "rb") as handle:
            return list(pq.ParquetFile(handle).schema_arrow.names)
    return []


def lineage_column(fs: Any, release: str, config: ConfigContents, column: str) -> pa.ChunkedArray:
    """One column of a config's lineage over all files; of no rows where there is no such column."""
    chunks: list[pa.Array] = []
    for path in _lineage_paths(fs, release, config):
        with fs.open(path, "rb") as handle:
            parquet = pq.ParquetFile(handle)
            if column in parquet.schema_arrow.names:
                chunks += parquet.read(columns=[column]).column(0).chunks
    return pa.chunked_array(chunks) if chunks else pa.chunked_array([], pa.string())


def lineage_values(fs: Any, release: str, config: ConfigContents, column: str) -> set[str]:
    """The distinct texts of a lineage column, or in its lists, less the empty one."""
    found = lineage_column(fs, release, config, column)
    if pa.types.is_list(found.type):
        found = pc.list_flatten(found)
    values = pc.unique(found).to_pylist()
    return {str(value) for value in values if value}
