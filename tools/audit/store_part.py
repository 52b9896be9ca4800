"""One part of a store, read once from end to end: what can be proved of it alone.

What other parts have to be compared with (ids, splits, checksums of texts) comes back as columns of
numbers, so that a worker returns kilobytes per part and the whole store is compared in NumPy.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.steps.denylist import Denylist
from pipelines.steps.reviewed import with_reviews
from schemas.arrow_bytes import views_of
from schemas.batch_digest import batch_json, text_digest
from schemas.codec import arrow_schema
from schemas.ids import content_id
from schemas.judgment import RejectRow
from schemas.store import PartInfo, Store
from schemas.tables import TABLES
from tools.audit.column_values import Numbers, joined, numbers_of, open_parquet, read_runs
from tools.audit.findings import UNREADABLE, Notes, reason_of
from tools.audit.identities import Names, names_in, rows_naming
from tools.audit.part_checks import check_bytes, check_denied, check_order, check_schema
from tools.audit.part_columns import (
    TableLimits,
    check_captions,
    check_prompts,
    columns_of,
    said_of,
)

LATER = ("moved_from", "review_ids")  # columns that older parts may lack, a finding of `schema`
NAMING = ("sources/recordings", "rejects/sources/recordings", "rejects/recordings")


@dataclass(frozen=True)
class PartJob:
    """One part to look at: names that must not stand in it, what is denied, limits in force.

    `limits` maps each selected table to the limits that its part of the same number was made with.
    """

    store: Store
    table: str
    number: int
    names: Names = field(default_factory=Names)
    denied: Denylist = field(default_factory=Denylist)
    limits: TableLimits = ()

    @property
    def place(self) -> str:
        """The part, as findings name it."""
        return f"{self.table}/{self.number}"


@dataclass
class PartScan:
    """What was found in a part; `done` says that all of its `rows` are in `keys` and `columns`."""

    table: str
    number: int
    info: PartInfo | None = None
    notes: Notes = field(default_factory=Notes)
    keys: Numbers = field(default_factory=lambda: np.empty(0, np.uint64))
    columns: dict[str, Any] = field(default_factory=dict)
    speech_models: set[str] = field(default_factory=set)
    pseudonyms: set[str] = field(default_factory=set)
    rows: int = 0
    done: bool = False


def scan_part(job: PartJob) -> PartScan:
    """Look at one part; whatever is wrong with the file is a finding."""
    scan = PartScan(job.table, job.number)
    scan.notes.check("readable")
    scan.notes.check("whole")
    try:
        scan.info = job.store.info(job.table, job.number)
        if scan.info is None:
            scan.notes.fail("whole", job.place, "has no rejects part of the same commit")
        else:
            _scan(job, scan, scan.info)
    except UNREADABLE as error:
        scan.notes.fail("readable", job.place, f"cannot be read: {reason_of(error)}")
    return scan


def _scan(job: PartJob, scan: PartScan, info: PartInfo) -> None:
    records, content = _scan_records(job, scan, info)
    rejects, refused, reasons = _scan_rejects(job, scan)
    scan.notes.check("conservation")
    if info.rows_in != records + rejects:
        out = f"{records} records and {rejects} rejects came out"
        scan.notes.fail("conservation", job.place, f"{info.rows_in} rows came in, {out}")
    if reasons != Counter(info.reasons):
        message = "the reasons of its rejects are not those that its footer counts"
        scan.notes.fail("conservation", job.place, message)
    scan.notes.check("digests", records + rejects)
    if content != info.content:
        message = "the rows are not those that were written: digests differ"
        scan.notes.fail("digests", job.place, message)
    elif content_id(info.fingerprint, content, refused) != info.commit:
        message = "the rejects are not those that were written: digests differ"
        scan.notes.fail("digests", job.place, message)


def _scan_records(job: PartJob, scan: PartScan, info: PartInfo) -> tuple[int, str]:
    """Every row of the records: how many there are, and the digest of what they say."""
    digest, columns, keys, last = hashlib.sha256(), [], [], ""
    expected = arrow_schema(TABLES[job.table].record)
    path = job.store.part_path(job.table, job.number)
    with open_parquet(job.store.fs, path) as parquet:
        if not check_schema(scan.notes, job.place, parquet.schema_arrow, expected):
            return parquet.metadata.num_rows, info.content  # that its types are wrong is enough
        for batch in read_runs(parquet):
            where = (job.place, scan.rows)
            _digest_rows(job, scan.notes, batch, digest, (job.table, scan.rows))
            if expected.names[0] in batch.schema.names:
                own = batch.column(expected.names[0])
                last = check_order(scan.notes, job.place, own, last, scan.rows)
                keys.append(numbers_of(own))
            check_bytes(scan.notes, where, batch)
            if set(expected.names) <= {*batch.schema.names, *LATER}:
                columns.append(_columns(job, scan, batch, scan.rows))
            check_denied(scan.notes, where, batch, job.denied)
            scan.rows += len(batch)
    scan.keys = joined(keys, np.uint64)
    names = columns[0] if columns else ()
    scan.columns = {name: np.concatenate([own[name] for own in columns]) for name in names}
    scan.done = True
    return scan.rows, digest.hexdigest()[:32]


def _columns(job: PartJob, scan: PartScan, batch: pa.RecordBatch, start: int) -> dict[str, Any]:
    found = columns_of(job.table, batch, job.limits)
    if "annotator_id" in batch.schema.names:
        scan.pseudonyms.update(batch.column("annotator_id").unique().to_pylist())
    if "work" in batch.schema.names:
        who = pc.struct_field(batch.column("work"), "annotator_id")
        scan.pseudonyms.update(name for name in who.unique().to_pylist() if name)
    if job.table == "captions":
        batch = with_reviews(batch)
        found |= said_of(batch, start)
        check_captions(scan.notes, job.place, batch, start)
        check_prompts(scan.notes, job.place, batch, start)
        scan.speech_models.update(batch.column("speech_model").unique().to_pylist())
    return found


def _scan_rejects(job: PartJob, scan: PartScan) -> tuple[int, str, Counter[str]]:
    """Every reject: how many there are, the digest of what they say, and their reasons."""
    table, digest, rows = f"rejects/{job.table}", hashlib.sha256(), 0
    reasons: Counter[str] = Counter()
    with open_parquet(job.store.fs, job.store.part_path(table, job.number)) as parquet:
        expected = arrow_schema(RejectRow)
        if not check_schema(scan.notes, f"{table}/{job.number}", parquet.schema_arrow, expected):
            raise ValueError("its rejects are of other types")
        for batch in read_runs(parquet):
            _digest_rows(job, scan.notes, batch, digest, (table, rows))
            check_denied(scan.notes, (f"{table}/{job.number}", rows), batch, job.denied)
            reasons.update(batch.column("reason").to_pylist())
            rows += len(batch)
    return rows, digest.hexdigest()[:32], reasons


def _digest_rows(
    job: PartJob, notes: Notes, batch: pa.RecordBatch, digest: Any, where: tuple[str, int]
) -> None:
    """Digest each row, and look for names of annotators in the same text."""
    table, start = where
    texts = batch_json(batch)
    digest.update("".join(text_digest(text) for text in views_of(texts)).encode())
    if table == NAMING[0]:
        return
    if table not in NAMING:
        notes.check("annotators", len(batch))
        if job.names.names:
            rows = [start + at for at in rows_naming(texts, job.names)]
            notes.fail_rows(
                "annotators", f"{table}/{job.number}", "holds an annotator's name", rows
            )


def scan_names(job: PartJob) -> frozenset[str]:
    """The annotators that a part of the recordings' sources names; none where it is damaged."""
    try:
        rows = job.store.read(job.table, job.number, ["row"]).column("row").to_pylist()
        refused = job.store.read(f"rejects/{job.table}", job.number, ["row"]).column("row")
    except UNREADABLE:
        return frozenset()  # scan_part says so
    return names_in([*rows, *refused.to_pylist()])
