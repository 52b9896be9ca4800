"""Writing one part: records and rejects of a shard, rejects first, in one commit."""

import contextlib
import dataclasses
import hashlib
import json
from collections import Counter
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.batch_digest import batch_digests
from schemas.codec import BULK, arrow_schema, key_of, to_batch
from schemas.errors import StageError
from schemas.files import whole_file
from schemas.ids import content_id
from schemas.judgment import RejectRow
from schemas.store import FOOTER_KEY, PartInfo, Store

ROW_GROUP_ROWS = 100
ROW_GROUP_BYTES = 64 * 2**20  # of pictures or sound: what a writer and a reader hold at once


class _Sheet:
    """One Parquet file being written: buffers a row group, digests what it is given."""

    def __init__(self, path: str, record: type, row_group_rows: int) -> None:
        schema = arrow_schema(record)
        plain = [name for name in schema.names if name in BULK]
        self._record, self._limit, self._bulk = record, row_group_rows, plain
        self._writer = pq.ParquetWriter(
            path,
            schema,
            compression={name: "none" if name in plain else "zstd" for name in schema.names},
            use_dictionary=[name for name in schema.names if name not in plain],
        )
        self._rows: list[Any] = []
        self._held = 0
        self._digest = hashlib.sha256()
        self._last_key = ""
        self.count = 0

    def add(self, key: str, row: Any) -> None:
        if key < self._last_key or (key == self._last_key and self._record is not RejectRow):
            raise ValueError(f"{self._record.__name__}: key {key} after {self._last_key}")
        self._last_key = key
        self._rows.append(row)
        self._held += sum(len(getattr(row, name)) for name in self._bulk)
        self.count += 1
        if len(self._rows) >= self._limit or self._held >= ROW_GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            batch = to_batch(self._rows, self._record)
            self._digest.update("".join(batch_digests(batch)).encode())
            self._writer.write_table(pa.Table.from_batches([batch]), row_group_size=self._limit)
            self._rows, self._held = [], 0

    def content(self) -> str:
        self._flush()
        return self._digest.hexdigest()[:32]

    def close(self, info: PartInfo) -> None:
        self._flush()
        footer = json.dumps(dataclasses.asdict(info), sort_keys=True)
        self._writer.add_key_value_metadata({FOOTER_KEY.decode(): footer})
        self._writer.close()

    def abandon(self) -> None:
        """Let go of the file, whatever state it is in."""
        self._rows = []
        with contextlib.suppress(OSError, pa.ArrowException):
            self._writer.close()


class PartWriter:
    """Context manager that writes a part; leaving it without `commit` leaves nothing behind."""

    def __init__(self, store: Store, table: str, number: int, record: type) -> None:
        self._store, self._table, self._number, self._record = store, table, number, record
        self._stack = contextlib.ExitStack()
        self._committed = False
        self.reasons: Counter[str] = Counter()
        self.retryable = 0

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            # Contexts close in reverse: the rejects file appears before the records file.
            self._records = self._open(stack, self._table, self._record, ROW_GROUP_ROWS)
            self._rejects = self._open(stack, f"rejects/{self._table}", RejectRow, 10_000)
            self._stack = stack.pop_all()
        return self

    def _open(self, stack: contextlib.ExitStack, table: str, record: type, rows: int) -> _Sheet:
        path = self._store.part_path(table, self._number)
        return _Sheet(stack.enter_context(whole_file(self._store.fs, path)), record, rows)

    def add(self, outcome: Any) -> None:
        """Take a record or a RejectRow; keys must not decrease within each of the two."""
        if isinstance(outcome, RejectRow):
            self._rejects.add(outcome.key, outcome)
            self.reasons[outcome.reason] += 1
            self.retryable += outcome.retryable
        else:
            self._records.add(key_of(outcome), outcome)

    def commit(self, **facts: Any) -> PartInfo:
        """Close both files under their final names; `facts` are the other fields of PartInfo.

        Raises StageError when `rows_in` is not records plus rejects: nothing may be lost.
        """
        found = self._records.count + self._rejects.count
        if facts["rows_in"] != found:
            raise StageError(
                f"{self._table}, part {self._number}: {facts['rows_in']} inputs, but "
                f"{self._records.count} records and {self._rejects.count} rejects"
            )
        content = self._records.content()
        commit = content_id(facts["fingerprint"], content, self._rejects.content())
        info = PartInfo(
            table=self._table,
            number=self._number,
            content=content,
            commit=commit,
            records=self._records.count,
            reasons=dict(sorted(self.reasons.items())),
            retryable=self.retryable,
            **facts,
        )
        self._records.close(info)
        self._rejects.close(info)
        self._committed = True
        self._stack.close()
        return info

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._committed:
            return
        self._records.abandon()
        self._rejects.abandon()
        abandoned = error or RuntimeError("a part was left without commit")
        with contextlib.suppress(type(abandoned)):
            self._stack.__exit__(type(abandoned), abandoned, trace)
