"""What a part gives to the comparison of tables: a few columns of numbers per table."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.steps.prompts import load_prompt
from schemas.errors import UsageError
from tools.audit.column_values import lengths_of, numbers_of
from tools.audit.findings import Notes

Limits = tuple[tuple[str, float], ...]
TableLimits = tuple[tuple[str, Limits], ...]
Columns = dict[str, Any]
_NUMBERS: dict[str, tuple[str, ...]] = {
    "images": ("image_sha256",),
    "recordings": ("image_id", "audio_sha256"),
    "transcripts": ("image_id", "audio_sha256", "text", "model"),
    "duplicates": ("representative_id", "component_id"),
    "duplicate_pairs": ("left_id", "right_id"),
    "splits": ("split", "component_id"),
    "selected": ("image_id", "split"),
    "captions": ("speech_model",),
    "annotations/transcript_review": ("recording_id", "text"),
}
_PROMPTS = ("clean_prompt", "caption_prompt")
_NAMED = ("caption", "model", "speech_model")


def columns_of(table: str, batch: pa.RecordBatch, limits: TableLimits) -> Columns:
    """For each row the numbers that other tables are compared with; same names for every batch."""
    kind = table.partition("/")[0]
    names = _NUMBERS.get(table, _NUMBERS.get(kind, ()))
    found: Columns = {name: numbers_of(batch.column(name)) for name in names}
    if kind == "duplicate_pairs":
        found["verified"] = batch.column("verified").to_numpy(zero_copy_only=False)
    if kind == "contamination":
        found["exact"] = _has_kind(batch.column("matches"), "exact")
    if "tags" in batch.schema.names:
        for selected, own in limits:
            found[f"broken:{selected}"] = breaks(batch.column("tags"), own)
    return found


def breaks(tags: pa.ListArray, limits: Limits) -> NDArray[np.bool_]:
    """Which rows have a tag with a score at or above its limit."""
    broken = np.zeros(len(tags), bool)
    flat = tags.flatten()
    rows = pc.list_parent_indices(tags).to_numpy()
    names, scores = pc.struct_field(flat, "name"), pc.struct_field(flat, "score")
    for name, limit in limits:
        hits = pc.and_(pc.equal(names, name), pc.greater_equal(scores, float(limit)))
        broken[rows[hits.fill_null(False).to_numpy(zero_copy_only=False)]] = True
    return broken


def _has_kind(matches: pa.ListArray, kind: str) -> NDArray[np.bool_]:
    found = np.zeros(len(matches), bool)
    hits = pc.equal(pc.struct_field(matches.flatten(), "kind"), kind).fill_null(False)
    rows = pc.list_parent_indices(matches).to_numpy()
    found[rows[hits.to_numpy(zero_copy_only=False)]] = True
    return found


def said_of(batch: pa.RecordBatch, start: int) -> Columns:
    """The recordings behind captions, one value per recording: its caption's row, id and text, and
    the review that the text is from."""
    ids, texts, dropped = (batch.column(n) for n in ("recording_ids", "transcripts", "dropped"))
    reviews = batch.column("review_ids")
    counts, others = lengths_of(ids), lengths_of(dropped)
    # The others are findings of check_captions.
    equal = (counts == lengths_of(texts)) & (counts == lengths_of(reviews))
    keep = np.repeat(equal, counts)
    rows = np.arange(start, start + len(batch))
    return {
        "said_row": np.repeat(rows, counts)[keep],
        "said_recording": numbers_of(ids.flatten())[keep],
        "said_text": numbers_of(texts.flatten())[np.repeat(equal, lengths_of(texts))],
        "said_review": numbers_of(reviews.flatten())[np.repeat(equal, lengths_of(reviews))],
        "dropped_row": np.repeat(rows, others),
        "dropped_recording": numbers_of(pc.struct_field(dropped.flatten(), "recording_id")),
    }


def check_captions(notes: Notes, place: str, batch: pa.RecordBatch, start: int) -> None:
    """A caption has as many cleaned texts and recordings as transcripts, and names its makers."""
    notes.check("traceable", len(batch))
    spoken = lengths_of(batch.column("transcripts"))
    for name in ("cleaned", "recording_ids", "review_ids"):
        own = lengths_of(batch.column(name))
        for at in np.flatnonzero(own != spoken).tolist():
            message = f"has {spoken[at]} transcripts, but {own[at]} {name}"
            notes.fail("traceable", place, message, start + at)
    notes.fail_rows(
        "traceable", place, "has no transcript", (start + np.flatnonzero(spoken == 0)).tolist()
    )
    for name in _NAMED:
        empty = pc.indices_nonzero(pc.equal(batch.column(name), "")).to_numpy()
        notes.fail_rows("traceable", place, f"has no {name}", (start + empty).tolist())


def check_prompts(notes: Notes, place: str, batch: pa.RecordBatch, start: int) -> None:
    """The prompts that captions name are files of `pipelines/prompts`."""
    for column in _PROMPTS:
        texts = batch.column(column)
        notes.check("prompts", len(texts))
        for name in texts.unique().to_pylist():
            if not _is_prompt(name):
                row = start + pc.index(texts, name).as_py()
                notes.fail("prompts", place, f"{column} {name!r} is no prompt file", row)


def _is_prompt(name: str) -> bool:
    try:
        return bool(load_prompt(name))
    except UsageError:
        return False
