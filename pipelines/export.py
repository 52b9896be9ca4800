"""Export of a subset: `release/<config>/` as PixMo publishes it, and its lineage beside it.

Shards are files of whole rows with names that `datasets` recognises; each is written whole or not
at all, and skipped when its footer carries the fingerprint of what it would hold. Rows stay Arrow
columns all the way, and the bytes of a picture are copied once.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.release_plan import (
    ExportConfig,
    Exporter,
    ReleaseShard,
    Rows,
    check_sources,
    look_up,
    plan_release,
    select_rows,
)
from pipelines.run_stage import expected_error
from pipelines.stage import CODE_VERSION, Engine
from pipelines.steps.jpeg_segments import Bytes
from pipelines.steps.read_ahead import read_ahead
from pipelines.steps.strip_metadata import strip_metadata
from pipelines.subsets.registry import EXPORTS
from schemas.arrow_bytes import join_binaries, views_of
from schemas.codec import arrow_schema
from schemas.errors import StageError
from schemas.files import whole_file
from schemas.judgment import Reject
from schemas.manifest import CARD, CROISSANT, MANIFEST
from schemas.release import release_schema
from schemas.store import FOOTER_KEY, Store
from schemas.subsets import IMAGE_TYPE

IMAGE_ROWS_PER_GROUP = 100  # what dataset viewers can show at once
TEXT_ROWS_PER_GROUP = 2_000
GROUP_BYTES = 128 * 2**20  # of pictures; a writer holds a few groups, a reader one
_CHECKSUM = ["image_id", "image_sha256"]


def export_subset(
    store: Store, exporter: Exporter, config: ExportConfig, engine: Engine
) -> list[ReleaseShard]:
    """Write the files that are missing or outdated, then remove those of no use any more.

    Returns the shards that were written; UsageError as `check_sources` has it.
    """
    check_sources(store, exporter)
    shards = plan_release(store, exporter, config)
    missing = [shard for shard in shards if not _is_done(store, exporter.config, shard)]
    if missing:
        try:
            engine.map("Export", _WriteShard(store, exporter.config), missing)
        except RuntimeError as error:
            raise expected_error(error) or error from error
    _drop_stale(store, exporter.config, {shard.name for shard in shards})
    return missing


def drop_empty_release(store: Store) -> None:
    """Remove what describes a release when no file of any subset is left of it."""
    if not store.fs.glob(store.path("release", "*", "*.parquet")):
        for name in (CARD, CROISSANT, MANIFEST):
            with contextlib.suppress(FileNotFoundError):
                store.fs.rm(store.path("release", name))


def _folders(store: Store, config: str) -> tuple[str, str]:
    return store.path("release", config), store.path("release", "lineage", config)


def _is_done(store: Store, config: str, shard: ReleaseShard) -> bool:
    return all(
        _fingerprint(store, f"{folder}/{shard.name}") == shard.fingerprint
        for folder in _folders(store, config)
    )


def _fingerprint(store: Store, path: str) -> str:
    try:
        with store.fs.open(path, "rb") as handle:
            metadata = pq.read_metadata(handle).metadata or {}
    except (FileNotFoundError, pa.ArrowInvalid):
        return ""
    return str(json.loads(metadata.get(FOOTER_KEY, b"{}")).get("fingerprint", ""))


def _drop_stale(store: Store, config: str, wanted: set[str]) -> None:
    for folder in _folders(store, config):
        store.fs.invalidate_cache(folder)
        if store.fs.exists(folder):
            for path in store.fs.ls(folder, detail=False):
                if path.rsplit("/", 1)[1] not in wanted:
                    store.fs.rm(path)
            if not wanted:
                with contextlib.suppress(OSError):
                    store.fs.rmdir(folder)


@dataclass(frozen=True)
class _WriteShard:
    """Writes one file of the release and its lineage, lineage first."""

    store: Store
    config: str

    def __call__(self, shard: ReleaseShard) -> None:
        exporter, fs = EXPORTS[self.config], self.store.fs
        release, lineage = _folders(self.store, exporter.config)
        with (
            whole_file(fs, f"{release}/{shard.name}") as release_path,
            whole_file(fs, f"{lineage}/{shard.name}") as lineage_path,
        ):
            _write(_rows(self.store, exporter, shard), exporter, shard, release_path, lineage_path)


def _write(
    rows: Iterator[Rows],
    exporter: Exporter,
    shard: ReleaseShard,
    release_path: str,
    lineage_path: str,
) -> None:
    """Both files of a shard; StageError when the store has other rows than were planned."""
    limit = IMAGE_ROWS_PER_GROUP if shard.embed else TEXT_ROWS_PER_GROUP
    schema = release_schema(exporter.subset.columns, shard.embed)
    written = 0
    with (
        _open(release_path, schema, shard) as release,
        _open(lineage_path, arrow_schema(exporter.lineage), shard) as lineage,
    ):
        # Three threads: one reads and cuts, one writes the lineage, this one writes the rows.
        groups = read_ahead(_groups(rows, limit))
        for columns in read_ahead(_with_lineage_written(groups, lineage)):
            release.write_table(columns.select(schema.names).cast(schema))
            written += len(columns)
    if written != shard.rows:
        raise StageError(
            f"{shard.name}: {written} rows instead of {shard.rows}: the store has changed since "
            f"the export began, so run the same command again"
        )


def _with_lineage_written(groups: Iterator[Rows], writer: pq.ParquetWriter) -> Iterator[pa.Table]:
    """The columns of each group; its lineage is written on the way, in groups for text."""
    kept: list[pa.Table] = []
    for group in groups:
        kept.append(group.lineage)
        if sum(map(len, kept)) >= TEXT_ROWS_PER_GROUP:
            writer.write_table(pa.concat_tables(kept))
            kept = []
        yield group.columns
    if kept:
        writer.write_table(pa.concat_tables(kept))


@contextlib.contextmanager
def _open(path: str, schema: pa.Schema, shard: ReleaseShard) -> Iterator[pq.ParquetWriter]:
    """A writer whose file carries the fingerprint; pictures are compressed already.

    Texts of a release hardly ever repeat, so a dictionary of them would only cost time.
    """
    pictures = [name for name in schema.names if schema.field(name).type == IMAGE_TYPE]
    codecs = {name: "none" if name in pictures else "zstd" for name in schema.names}
    with pq.ParquetWriter(
        path,
        schema,
        compression=codecs,
        use_dictionary=False,
        write_page_index=True,
        write_statistics=[name for name in schema.names if name not in pictures],
    ) as writer:
        yield writer
        footer = json.dumps({"fingerprint": shard.fingerprint})
        writer.add_key_value_metadata({FOOTER_KEY.decode(): footer})


def _groups(chunks: Iterator[Rows], limit: int) -> Iterator[Rows]:
    """Rows in groups of `limit`, fewer where their pictures are large."""
    held: list[Rows] = []
    rows = size = 0
    for chunk in chunks:
        start = 0
        for at, weight in enumerate(_weights(chunk.columns), 1):
            rows, size = rows + 1, size + weight
            if rows == limit or size >= GROUP_BYTES:
                yield _joined([*held, _slice(chunk, start, at)])
                held, rows, size, start = [], 0, 0, at
        held.append(_slice(chunk, start, len(chunk.columns)))
    if rows:
        yield _joined(held)


def _weights(columns: pa.Table) -> list[int]:
    """The bytes of each row's picture."""
    if "image" not in columns.column_names:
        return [0] * len(columns)
    sizes = pc.binary_length(pc.struct_field(columns["image"], "bytes"))
    found: list[int] = pc.fill_null(sizes, 0).to_pylist()
    return found


def _slice(rows: Rows, start: int, stop: int) -> Rows:
    length = stop - start
    return Rows(rows.columns.slice(start, length), rows.lineage.slice(start, length))


def _joined(rows: list[Rows]) -> Rows:
    columns, lineage = ([getattr(r, name) for r in rows] for name in ("columns", "lineage"))
    return Rows(pa.concat_tables(columns), pa.concat_tables(lineage))


def _rows(store: Store, exporter: Exporter, shard: ReleaseShard) -> Iterator[Rows]:
    """Release rows with their lineage, in chunks as their pictures lie in the store."""
    for part, start, stop in shard.slices:
        chosen = select_rows(store, exporter, part, shard.split).slice(start, stop - start)
        ids = chosen["image_id"]
        own = exporter.read(store, part, chosen["row_id"].combine_chunks())
        made_by = own.lineage.append_column("image_id", ids)
        made_by = made_by.append_column("component_id", _components(store, exporter, part, ids))
        for pictures in read_ahead(_pictures(store, exporter, part, shard.embed)):
            start, stop = _within(ids, pictures["image_id"].combine_chunks())
            if start < stop:
                mine = _slice(Rows(own.columns, made_by), start, stop)
                yield _with_pictures(mine, pictures, exporter, shard.embed)


def _components(
    store: Store, exporter: Exporter, part: int, ids: pa.ChunkedArray
) -> pa.ChunkedArray:
    """What the splits of pictures were drawn by: a picture of our own making stands alone."""
    if not exporter.pictures.drawn:
        return ids
    drawn = store.read("splits", part, ["image_id", "component_id"])
    return look_up(drawn, ids, "image_id")["component_id"]


def _within(ids: pa.ChunkedArray, pictures: pa.Array) -> tuple[int, int]:
    """Which of the ids a chunk of pictures has; both are sorted, so they lie side by side."""
    at = pc.indices_nonzero(pc.is_in(ids, value_set=pictures))
    return (at[0].as_py(), at[-1].as_py() + 1) if len(at) else (0, 0)


def _pictures(store: Store, exporter: Exporter, part: int, embed: bool) -> Iterator[pa.Table]:
    """The pictures of a part: with their bytes in chunks that fit in memory, or all without."""
    where, columns = exporter.pictures, [exporter.pictures.key, "image_sha256"]
    if not embed:
        yield store.read(where.table, part, columns).rename_columns(_CHECKSUM)
        return
    for batch in store.batches(where.table, part, [*columns, "format", "bytes"]):
        yield pa.Table.from_batches([batch]).rename_columns([*_CHECKSUM, "format", "bytes"])


def _with_pictures(rows: Rows, pictures: pa.Table, exporter: Exporter, embed: bool) -> Rows:
    """The rows with what their pictures add, lineage in the order of its record."""
    ids = rows.lineage["image_id"]
    checksums = look_up(pictures.select(_CHECKSUM), ids, "image_id")["image_sha256"]
    columns, methods = rows.columns, ["url"] * len(ids)
    if embed:
        at = pc.index_in(ids, value_set=pictures["image_id"].combine_chunks())
        image, methods = _stripped(pictures, at.to_pylist())
        columns = columns.append_column("image", image)
    lineage = rows.lineage.append_column("image_sha256", checksums)
    lineage = lineage.append_column("image_bytes", pa.array(methods))
    lineage = lineage.append_column("code_version", pa.repeat(CODE_VERSION, len(ids)))
    schema = arrow_schema(exporter.lineage)
    return Rows(columns, lineage.select(schema.names).cast(schema))


def _stripped(pictures: pa.Table, positions: list[int]) -> tuple[pa.Array, list[str]]:
    """The column `image` without metadata for some rows of `pictures`, and how each was made.

    A picture that cannot be stripped is null, and the method says why.
    """
    views = list(views_of(pictures["bytes"].combine_chunks()))
    formats, ids = (pictures[name].to_pylist() for name in ("format", "image_id"))
    files: list[tuple[Bytes, ...]] = []
    names: list[str | None] = []
    methods = []
    for at in positions:
        made = strip_metadata(views[at], formats[at])
        files.append(() if isinstance(made, Reject) else made.pieces)
        names.append(None if isinstance(made, Reject) else f"{ids[at]}.{made.format}")
        methods.append(f"none: {made.reason}" if isinstance(made, Reject) else made.method)
    paths = pa.array(names, pa.string())
    fields = [IMAGE_TYPE.field(n) for n in range(IMAGE_TYPE.num_fields)]
    data = join_binaries(files)
    missing = np.array([name is None for name in names], bool)
    return pa.StructArray.from_arrays([data, paths], fields=fields, mask=pa.array(missing)), methods
