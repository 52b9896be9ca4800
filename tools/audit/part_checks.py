"""What can be proved of one part by looking at a batch of its rows: columns, order, checksums, and
that nothing in it was taken down."""

import hashlib
from collections.abc import Callable
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.steps.denied_mentions import refused_text
from pipelines.steps.denylist import Denylist
from schemas.arrow_bytes import views_of
from tools.audit.findings import Notes

CHECKSUMS = {"images": ("bytes", "image_sha256"), "recordings": ("audio", "audio_sha256")}


def check_schema(notes: Notes, place: str, found: pa.Schema, expected: pa.Schema) -> bool:
    """The columns of a record, no more and no less; False when one is of another type."""
    notes.check("schema")
    missing = [name for name in expected.names if name not in found.names]
    more = [name for name in found.names if name not in expected.names]
    if missing:
        listed = ", ".join(missing)
        notes.fail("schema", place, f"has no column {listed}: an older version wrote it")
    if more:
        message = f"has columns that this version does not know: {', '.join(more)}"
        notes.fail("schema", place, message)
    both = [name for name in expected.names if name in found.names]
    wrong = [n for n in both if found.field(n).type != expected.field(n).type]
    for name in wrong:
        kinds = f"is {found.field(name).type}, not {expected.field(name).type}"
        notes.fail("schema", place, f"column {name} {kinds}")
    return not wrong


def check_order(notes: Notes, place: str, keys: pa.Array, last: str, start: int) -> str:
    """Keys grow from row to row, from `last` on; returns the last one."""
    notes.check("keys", len(keys))
    before = pa.concat_arrays([pa.array([last], pa.string()), keys[:-1]]) if len(keys) else keys
    for at in pc.indices_nonzero(pc.less_equal(keys, before)).to_pylist():
        if start + at:
            same = keys[at].as_py() == before[at].as_py()
            message = "is there twice" if same else "comes after a larger one"
            notes.fail("keys", place, f"key {keys[at]} {message}", start + at)
    return str(keys[-1]) if len(keys) else last


def check_bytes(notes: Notes, where: tuple[str, int], batch: pa.RecordBatch) -> None:
    """Pictures and sounds have their SHA-256; `where` is the part and its first row here."""
    bulk, checksum = CHECKSUMS.get(where[0].rpartition("/")[0], ("", ""))
    if bulk not in batch.schema.names or checksum not in batch.schema.names:
        return
    notes.check("checksums", len(batch))
    said = batch.column(checksum).to_pylist()
    for at, data in enumerate(views_of(batch.column(bulk))):
        if hashlib.sha256(data).hexdigest() != said[at]:
            message = f"the {bulk} of {batch.column(0)[at]} do not have the {checksum}"
            notes.fail("checksums", where[0], message, where[1] + at)


def check_denied(
    notes: Notes, where: tuple[str, int], batch: pa.RecordBatch, denied: Denylist
) -> None:
    """Nothing in it was taken down: by URL, host, picture, its bytes or its looks."""
    notes.check("denylist", len(batch))
    if not denied:
        return
    for name in batch.schema.names:
        look_up = _look_up(denied, name)
        if look_up and pa.types.is_string(batch.schema.field(name).type):
            codes = batch.column(name).dictionary_encode()
            bad = [at for at, value in enumerate(codes.dictionary.to_pylist()) if look_up(value)]
            found = pc.indices_nonzero(pc.is_in(codes.indices, pa.array(bad, pa.int32())))
            rows = (where[1] + found.to_numpy()).tolist()
            notes.fail_rows("denylist", where[0], f"its {name} was taken down", rows)


def _look_up(denied: Denylist, column: str) -> Callable[[str], object] | None:
    """How the values of a column are looked up; ids of pictures stand in many columns."""
    if column in ("image_url", "final_url"):
        return denied.refuses_url
    if column == "row":  # a row of a list, as JSON
        return partial(refused_text, denied)
    if column.endswith("_id") or column == "key":
        return denied.refuses_image_id
    return {"image_sha256": denied.refuses_sha256, "phash": denied.refuses_phash}.get(column)
