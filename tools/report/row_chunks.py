"""The rows of one page, cut into chunks that a page loads as it is scrolled.

A job takes rows of one file of a release, or of one part of `rejects/selected/`, writes their
chunks, and returns what the page needs of all rows: ids, facts, and postings for the search.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipelines.steps.rule_counts import POLICY, split_rules
from schemas.ids import canonical_json, content_id
from schemas.judgment import RejectRow
from schemas.store import Store
from schemas.subsets import Subset
from tools.report.packing import write_payload
from tools.report.release_files import Piece, read_rows
from tools.report.terms import local_postings, pack_local
from tools.report.views import Row, View, view
from tools.report.word_coding import encode_json

CHUNK_ROWS = 250
ID_DIGITS = 12
# Columns of captions that stand beside a dropped row, as its lineage would have.
_SPOKEN = ("image_id", "transcripts", "cleaned", "recording_ids", "speech_model", "model")
_SPOKEN_MORE = ("clean_prompt", "caption_prompt", "dropped")


@dataclass(frozen=True)
class ReleaseRows:
    """A piece of a release file as input of a job."""

    piece: Piece


@dataclass(frozen=True)
class DroppedRows:
    """A part of the rejects of a selection as input of a job; `table` is the subset's own."""

    part: int
    table: str


@dataclass(frozen=True)
class RowsJob:
    """Rows of one page: the first of them has the number `start` there; `read` is the text that was
    read in their pictures, by image id."""

    store: Store
    subset: Subset
    rows: ReleaseRows | DroppedRows
    start: int
    folder: Path
    read: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RowsMade:
    """What a job gives back: `facts` are float32 arrays, NaN where a row has no such fact."""

    start: int
    ids: tuple[str, ...]
    facts: dict[str, NDArray[Any]]
    postings: dict[str, tuple[int, int, bytes]]
    chunks: tuple[int, ...]
    bytes: int


def make_rows(job: RowsJob) -> RowsMade:
    """Write the chunks of one job."""
    ids: list[str] = []
    views: list[View] = []
    source = job.rows
    found = _released(job, source) if isinstance(source, ReleaseRows) else _dropped(job, source)
    for row, lineage, rules in found:
        ids.append(row_id(row, lineage))
        seen = view(job.subset, row, lineage, rules)
        if text := job.read.get(str(lineage.get("image_id", ""))):
            seen.blocks.append(["text", "Text in the picture", text])
        views.append(seen)
    chunks, written = [], 0
    for at in range(0, len(views), CHUNK_ROWS):
        part = [
            {"id": name, "t": one.title, "b": one.blocks}
            for name, one in zip(
                ids[at : at + CHUNK_ROWS], views[at : at + CHUNK_ROWS], strict=True
            )
        ]
        written += write_payload(job.folder, f"rows-{job.start + at}", encode_json(part))
        chunks.append(job.start + at)
    postings = pack_local(local_postings(one.search for one in views))
    return RowsMade(job.start, tuple(ids), _columns(views), postings, tuple(chunks), written)


def row_id(row: Row, lineage: Row) -> str:
    """What links name a row by: its picture in cap, else a digest of what it says."""
    image_id = lineage.get("image_id") or row.get("image_id")
    own = str(image_id) if image_id and "caption" in row else ""
    if not own:
        own = content_id("row", canonical_json({k: v for k, v in row.items() if k != "image"}))
    return own[:ID_DIGITS]


def _columns(views: list[View]) -> dict[str, NDArray[Any]]:
    names = list(dict.fromkeys(name for one in views for name in one.facts))
    return {
        name: np.array([one.facts.get(name, np.nan) for one in views], np.float32) for name in names
    }


_Found = Iterator[tuple[Row, Row, tuple[str, ...]]]


def _released(job: RowsJob, source: ReleaseRows) -> _Found:
    file, start, stop = source.piece.file, source.piece.start, source.piece.stop
    columns = [name for name in file.columns if name != "image"]
    fs = job.store.fs
    rows = read_rows(fs, file.path, columns, start, stop).to_pylist()
    lineage: list[dict[str, Any]] = [{}] * len(rows)
    if file.lineage:
        names = lineage_columns(fs, file.lineage)
        lineage = read_rows(fs, file.lineage, names, start, stop).to_pylist()
    return ((row, made, ()) for row, made in zip(rows, lineage, strict=True))


def lineage_columns(fs: Any, path: str) -> list[str]:
    """The columns of a lineage file that a page may show: none that tells of a person."""
    with fs.open(path, "rb") as handle:
        names = pq.ParquetFile(handle).schema_arrow.names
    return [name for name in names if not name.startswith("annotator")]


def _dropped(job: RowsJob, source: DroppedRows) -> _Found:
    spoken = _spoken(job.store, source)
    for reject in job.store.records(f"rejects/{source.table}", source.part, RejectRow):
        row = dropped_row(reject)
        made = dict(spoken.get(str(row.get("image_id", reject.key)), {}))
        transcripts = made.pop("transcripts", None)
        if transcripts is not None:
            row["transcripts"] = transcripts
        yield row, made | {"image_id": row.pop("image_id", "")}, dropped_by(reject)


def dropped_row(reject: RejectRow) -> dict[str, Any]:
    """The row behind a reject, without anything that tells of a person."""
    try:
        values = json.loads(reject.row)
    except ValueError:
        values = {}
    kept = values if isinstance(values, dict) else {}
    return {k: v for k, v in kept.items() if not k.startswith("annotator") and v is not None}


def dropped_by(reject: RejectRow) -> tuple[str, ...]:
    """The rules that kept a row out: those of the policy, or the reason with its detail."""
    if reject.reason == POLICY:
        return split_rules(reject.detail)
    return (f"{reject.reason}: {reject.detail}" if reject.detail else reject.reason,)


def _spoken(store: Store, source: DroppedRows) -> dict[str, dict[str, Any]]:
    """What was said of each picture of a captions part, by image id; empty for other subsets."""
    if source.table != "selected/cap" or source.part not in store.part_numbers("captions"):
        return {}
    rows = store.read("captions", source.part, [*_SPOKEN, *_SPOKEN_MORE]).to_pylist()
    return {row.pop("image_id"): row for row in rows}
