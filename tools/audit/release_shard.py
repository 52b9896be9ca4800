"""One shard of a release with its lineage, read once: what can be proved of these rows alone.

Texts and ids are read in runs of row groups; pictures never more than one run at a time. Ids come
back as numbers, so that splits can be compared over all configs.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.files import open_fs
from schemas.manifest import ModelUse, ReleaseFile
from schemas.subsets import SUBSET_OF_CONFIG, Subset
from tools.audit.column_values import joined, lengths_of, numbers_of, open_parquet, read_runs
from tools.audit.findings import UNREADABLE, Notes, reason_of
from tools.audit.identities import ADDRESS, PSEUDONYM, rows_matching, telling_columns, texts_of
from tools.audit.release_files import LINEAGE, Shard, check_bytes
from tools.audit.release_models import check_model_columns, check_model_names
from tools.audit.release_pictures import check_pictures
from tools.audit.release_points import check_points
from tools.audit.release_schema import check_lineage_schema, check_release_schema, is_embedded
from tools.release.made_with import PROMPT

IDS = ("image_url", "image_sha256", "image_id")  # what a row and its lineage have in common
APART = ("component_id", "image_sha256", "image_url")  # what lies in one split
_LISTS = ("recording_ids", "review_ids", "audio_sha256", "cleaned")
_NAMED = ("image_id", "component_id", "code_version", "image_sha256")


@dataclass(frozen=True)
class ShardJob:
    """A shard to look at, and what the manifest says that concerns it."""

    url: str
    shard: Shard
    listed: ReleaseFile | None
    lineage: ReleaseFile | None
    models: frozenset[ModelUse]
    prompts: frozenset[str]
    lineage_there: bool

    @property
    def subset(self) -> Subset:
        """The subset that the rows are of."""
        return SUBSET_OF_CONFIG[self.shard.config]

    @property
    def lineage_path(self) -> str:
        """Where the lineage lies."""
        return f"{LINEAGE}/{self.shard.path}"


@dataclass
class ShardScan:
    """What was found in a shard: `rows` is -1 where it could not be read; `apart` holds a number
    per row for each column that must not lie in two splits."""

    shard: Shard
    notes: Notes = field(default_factory=Notes)
    rows: int = -1
    embedded: bool = False
    columns: tuple[str, ...] = ()
    apart: dict[str, Any] = field(default_factory=dict)
    spoken: Any = None


def scan_shard(job: ShardJob) -> ShardScan:
    """Look at one shard and its lineage; whatever is wrong with the files is a finding."""
    scan = ShardScan(job.shard)
    fs, root = open_fs(job.url)
    root = root.rstrip("/")
    check_bytes(scan.notes, fs, root, job.shard.path, job.listed)
    _guarded(scan, job.shard.path, lambda: _scan_release(job, scan, fs, root))
    if not job.lineage_there:
        if job.lineage is None:
            scan.notes.fail("lineage_rows", job.shard.path, "has no lineage")
        return scan
    check_bytes(scan.notes, fs, root, job.lineage_path, job.lineage)
    _guarded(scan, job.lineage_path, lambda: _scan_lineage(job, scan, fs, root))
    return scan


def _guarded(scan: ShardScan, place: str, look: Any) -> None:
    scan.notes.check("readable")
    try:
        look()
    except UNREADABLE as error:
        scan.notes.fail("readable", place, f"cannot be read: {reason_of(error)}")


def _scan_release(job: ShardJob, scan: ShardScan, fs: Any, root: str) -> None:
    place, subset, rows = job.shard.path, job.subset, 0
    spoken, apart = [], []
    with open_parquet(fs, f"{root}/{place}") as parquet:
        schema = parquet.schema_arrow
        check_release_schema(scan.notes, place, schema, subset)
        _check_columns(scan.notes, place, schema)
        scan.columns, scan.embedded = tuple(schema.names), is_embedded(schema, subset)
        for batch in read_runs(parquet):
            sizes = None
            if "image" in schema.names:
                sizes = check_pictures(scan.notes, place, batch.column("image"), rows)
            check_points(scan.notes, (place, rows), subset, batch, sizes)
            if "transcripts" in schema.names:
                spoken.append(lengths_of(batch.column("transcripts")))
            apart.append(_ids(batch))
            rows += len(batch)
    scan.rows = rows
    scan.apart = {name: joined([own[name] for own in apart], np.uint64) for name in _common(apart)}
    scan.spoken = joined(spoken, np.int64) if "transcripts" in scan.columns else None


def _ids(batch: pa.RecordBatch) -> dict[str, Any]:
    names = [name for name in dict.fromkeys((*IDS, *APART)) if name in batch.schema.names]
    return {name: numbers_of(batch.column(name)) for name in names}


def _common(found: list[dict[str, Any]]) -> list[str]:
    return list(found[0]) if found else []


def _scan_lineage(job: ShardJob, scan: ShardScan, fs: Any, root: str) -> None:
    place, rows, apart = job.lineage_path, 0, []
    with open_parquet(fs, f"{root}/{place}") as parquet:
        schema = parquet.schema_arrow
        check_lineage_schema(scan.notes, place, schema, job.shard.config)
        check_model_columns(scan.notes, place, schema, job.subset)
        _check_columns(scan.notes, place, schema)
        for batch in read_runs(parquet):
            where = (place, rows)
            check_model_names(scan.notes, where, batch, job.subset, job.models)
            _check_prompts(scan.notes, where, batch, job)
            _check_traces(scan.notes, where, batch)
            _check_spoken(scan, where, batch)
            _check_identities(scan.notes, where, batch)
            apart.append(_ids(batch))
            rows += len(batch)
    own = {name: joined([one[name] for one in apart], np.uint64) for name in _common(apart)}
    _check_rows(scan, job, rows, own)


def _check_rows(scan: ShardScan, job: ShardJob, rows: int, own: dict[str, Any]) -> None:
    """As many rows as the shard has, each about the same picture; then ids are taken over."""
    if scan.rows < 0:
        return
    scan.notes.check("lineage_rows", scan.rows)
    if rows != scan.rows:
        message = f"has {rows} rows, but {job.shard.path} has {scan.rows}"
        scan.notes.fail("lineage_rows", job.lineage_path, message)
        return
    for name in set(own) & set(scan.apart) & set(IDS):
        other = np.flatnonzero(own[name] != scan.apart[name]).tolist()
        message = f"has another {name} than the row that it belongs to"
        scan.notes.fail_rows("lineage_rows", job.lineage_path, message, other)
    scan.apart = {**own, **scan.apart}


def _check_columns(notes: Notes, place: str, schema: pa.Schema) -> None:
    notes.check("annotators", len(schema.names))
    for name in telling_columns(schema):
        notes.fail("annotators", place, f"column {name} tells who an annotator is")


def _check_identities(notes: Notes, where: tuple[str, int], batch: pa.RecordBatch) -> None:
    """No address or pseudonym in the lineage, but in what is said about a picture: that may stand
    in the picture itself."""
    patterns = {"an e-mail address": ("@", ADDRESS), "an annotator's pseudonym": ("a", PSEUDONYM)}
    names = [n for n in batch.schema.names if n not in ("cleaned", "image_url")]
    notes.check("annotators", len(batch))
    for name in names:
        for texts, rows in texts_of(batch.column(name)):
            for what, (sign, pattern) in patterns.items():
                if pc.any(pc.match_substring(texts, sign)).as_py():
                    found = [where[1] + rows[at].as_py() for at in rows_matching(texts, pattern)]
                    notes.fail_rows("annotators", where[0], f"{name} holds {what}", found)


def _check_prompts(
    notes: Notes, where: tuple[str, int], batch: pa.RecordBatch, job: ShardJob
) -> None:
    for column in filter(PROMPT.search, batch.schema.names):
        listed = job.prompts | ({""} if column in job.subset.optional else set())
        texts = batch.column(column)
        notes.check("prompts", len(texts))
        for name in texts.unique().to_pylist():
            if name not in listed:
                row = where[1] + texts.index(name).as_py()
                message = f"{column} {name!r} is not in the manifest"
                notes.fail("prompts", where[0], message, row)


def _check_traces(notes: Notes, where: tuple[str, int], batch: pa.RecordBatch) -> None:
    """Every row names its picture, its recordings with their checksums, and the cleaned texts."""
    place, start = where
    notes.check("traceable", len(batch))
    for name in (n for n in _NAMED if n in batch.schema.names):
        empty = pc.equal(pc.fill_null(batch.column(name), ""), "")
        rows = (start + pc.indices_nonzero(empty).to_numpy()).tolist()
        notes.fail_rows("traceable", place, f"{name} is empty", rows)
    lists = [n for n in _LISTS if n in batch.schema.names]
    counts = {name: lengths_of(batch.column(name)) for name in lists}
    for name, own in counts.items():
        rows = (start + np.flatnonzero(own == 0)).tolist()
        notes.fail_rows("traceable", place, f"{name} is empty", rows)
        other = (own != counts[lists[0]]) & (own > 0)
        message = f"has not as many {name} as {lists[0]}"
        notes.fail_rows("traceable", place, message, (start + np.flatnonzero(other)).tolist())


def _check_spoken(scan: ShardScan, where: tuple[str, int], batch: pa.RecordBatch) -> None:
    """As many cleaned texts as the row of the release has transcripts."""
    place, start = where
    if scan.spoken is None or "cleaned" not in batch.schema.names:
        return
    said = scan.spoken[start : start + len(batch)]
    cleaned = lengths_of(batch.column("cleaned"))[: len(said)]
    rows = (start + np.flatnonzero((said != cleaned) & (cleaned > 0))).tolist()
    message = "has not as many cleaned texts as the row has transcripts"
    scan.notes.fail_rows("traceable", place, message, rows)
