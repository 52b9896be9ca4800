"""Rewriting parts without some rows, so that what is left still counts as done.

The choice worth knowing: a part's footer holds the settings that made it, so whether it is up to
date can be told, and its new fingerprint computed, without knowing how the stage is set today. A
part that was up to date stays so, and nothing is fetched, transcribed or asked for again.
"""

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.stage import Shard, Stage
from pipelines.steps.denylist import Denylist
from pipelines.steps.takedown_rows import REASON, Doomed, fate_of
from schemas.codec import arrow_schema, from_batches
from schemas.errors import StageError
from schemas.ids import config_digest
from schemas.judgment import RejectRow
from schemas.part_writer import PartWriter
from schemas.store import PartInfo, Store
from schemas.tables import TABLES

REMADE = ("duplicate", "contamination/", "selected/")  # tables that are made anew after a takedown
# Tables whose rows are made of several people's work: a placeholder stands for what goes in part.
WAITING = ("captions", "points", "point_explanations", "ask_model_anything", "count")
HEAVY = frozenset({"bytes", "audio", "grey32", "crop_hashes"})


@dataclass(frozen=True)
class Hits:
    """How much of a part goes or changes: records, and rows of its rejects."""

    records: int = 0
    rejects: int = 0

    def __bool__(self) -> bool:
        return bool(self.records or self.rejects)


def count_hits(store: Store, table: str, number: int, doomed: Doomed, denied: Denylist) -> Hits:
    """What a takedown would do to a part, found without reading pictures or sound."""
    rows = read_rows(store, table, number, TABLES[table].record, light=True)
    rejects = read_rows(store, f"rejects/{table}", number, RejectRow)
    return Hits(
        sum(fate_of(row, table, doomed, denied).touched for row in rows),
        sum(fate_of(row, table, doomed, denied).touched for row in rejects),
    )


def read_rows(
    store: Store, table: str, number: int, record: type, light: bool = False
) -> Iterator[Any]:
    """The rows of a part, none when it is absent; `light` leaves bulk columns empty.

    Columns that an older version did not write have the defaults of their fields; StageError where
    there is none, unless the table is made again anyway.
    """
    if not store.fs.exists(store.part_path(table, number)):
        return
    names, lost = arrow_schema(record).names, _lost_columns(store, table, number, record)
    if lost and not table.startswith(REMADE):
        raise StageError(
            f"{table}, part {number} has no column {lost[0]}, an older version wrote it: run its "
            "stage again, then take down"
        )
    there = _columns(store, table, number)
    wanted = [name for name in names if name in there and not (light and name in HEAVY)]
    batches = store.batches(table, number, wanted)
    yield from from_batches((_filled(batch, record) for batch in batches), record)


def _columns(store: Store, table: str, number: int) -> list[str]:
    with store.fs.open(store.part_path(table, number), "rb") as handle:
        return list(pq.ParquetFile(handle).schema_arrow.names)


def _lost_columns(store: Store, table: str, number: int, record: type) -> list[str]:
    """Columns that a part should have and that no default can stand for."""
    there = _columns(store, table, number)
    return [f.name for f in fields(record) if f.name not in there and f.default is MISSING]


def _filled(batch: pa.RecordBatch, record: type) -> pa.RecordBatch:
    defaults = {f.name: f.default for f in fields(record)}
    for field in arrow_schema(record):
        if field.name not in batch.schema.names:
            value = b"" if field.name in HEAVY else defaults[field.name]
            column = pa.array([None if value is MISSING else value] * len(batch), field.type)
            batch = batch.append_column(field, column)
    return batch


def footer_fingerprint(info: PartInfo, shard: Shard) -> str:
    """What the fingerprint of a part is when its own settings are applied to a shard."""
    settings = {k: v for k, v in info.config.items() if k not in ("stage", "version")}
    return config_digest(
        {
            "stage": info.config.get("stage"),
            "version": info.config.get("version"),
            "settings": settings,
            "inputs": shard.inputs,
            "extra": shard.extra,
        }
    )


def parts_up_to_date(store: Store, stage: Stage) -> set[int]:
    """The parts of a stage that are the result of their settings on the inputs as they are now."""
    found = set()
    for shard in stage.plan(store):
        info = store.info(stage.table, shard.number)
        if info and footer_fingerprint(info, shard) == info.fingerprint:
            found.add(shard.number)
    return found


@dataclass(frozen=True)
class Rewriter:
    """Rewrites the parts of one store for one takedown.

    `contents` holds the content digest of every part as it was before; `current` names the parts
    (`table/number`) that were up to date then; `hits` those that hold something to remove, None to
    look again (after a kill, nobody knows what other runs did meanwhile).
    """

    store: Store
    doomed: Doomed
    denied: Denylist
    contents: dict[str, str]
    current: frozenset[str]
    hits: frozenset[str] | None = None

    def table(self, table: str, stage: Stage | None) -> None:
        """Bring all parts of a table to where they should be; the tables before it are there."""
        shards = {shard.number: shard for shard in stage.plan(self.store)} if stage else {}
        for number in part_numbers(self.store, table):
            name, info = f"{table}/{number}", self.store.info(table, number)
            if info is None:
                self._drop_unfinished(table, number)
                continue
            shard = shards.get(number) if name in self.current else None
            if self._is_hit(table, number) or self._facts(info, shard) != _facts_of(info):
                self._rewrite(info, shard)

    def _is_hit(self, table: str, number: int) -> bool:
        if self.hits is not None:
            return f"{table}/{number}" in self.hits
        return bool(count_hits(self.store, table, number, self.doomed, self.denied))

    def _drop_unfinished(self, table: str, number: int) -> None:
        """A part that was never committed counts for nothing, and may hold anything."""
        if self._is_hit(table, number):
            self._drop(table, number)

    def _drop(self, table: str, number: int) -> None:
        for name in (table, f"rejects/{table}"):
            path = self.store.part_path(name, number)
            if self.store.fs.exists(path):
                self.store.fs.rm(path)

    def _facts(self, info: PartInfo, shard: Shard | None) -> tuple[str, dict[str, str]]:
        """Fingerprint and inputs of a part after the takedown.

        Without a shard, or with a placeholder that waits for a new run, the fingerprint stays, and
        with that the part counts as not done; its inputs follow all the same.
        """
        waits = info.table in WAITING and REASON in info.reasons
        if shard is not None and not waits:
            return footer_fingerprint(info, shard), dict(shard.inputs)
        return info.fingerprint, {name: self._now(name, old) for name, old in info.inputs.items()}

    def _now(self, name: str, old: str) -> str:
        """The content of an input, if it was what the part was made from before the takedown."""
        table, _, number = name.rpartition("/")
        if self.contents.get(name) != old or not number.isdecimal():
            return old
        info = self.store.info(table, int(number))
        return info.content if info else old

    def _rewrite(self, info: PartInfo, shard: Shard | None) -> None:
        record, rows = TABLES[info.table].record, 0
        if _lost_columns(self.store, info.table, info.number, record):
            self._drop(info.table, info.number)
            return
        rejects: list[RejectRow] = []
        with PartWriter(self.store, info.table, info.number, record) as writer:
            for fate in self._fates(info.table, info.number):
                rows += 1
                if isinstance(fate, RejectRow):
                    rejects.append(fate)
                else:
                    writer.add(fate)
            for reject in sorted(rejects, key=lambda row: row.key):
                writer.add(reject)
            reasons = dict(writer.reasons)
            # A part that takes in another number of rows than it should is for its stage to redo.
            fits = shard if shard is not None and shard.rows == rows else None
            made_by, inputs = self._facts(replace(info, reasons=reasons), fits)
            same = {"seconds": info.seconds, "code_version": info.code_version}
            writer.commit(
                fingerprint=made_by, rows_in=rows, config=info.config, inputs=inputs, **same
            )

    def _fates(self, table: str, number: int) -> Iterator[Any]:
        """What the records of a part become, then what its rejects become."""
        for name, record in ((table, TABLES[table].record), (f"rejects/{table}", RejectRow)):
            for row in read_rows(self.store, name, number, record):
                fate = fate_of(row, table, self.doomed, self.denied).row
                if fate is not None:
                    yield fate


def part_numbers(store: Store, table: str) -> list[int]:
    """The numbers of the parts of a table of which records or rejects are there."""
    both = (store.part_numbers(name) for name in (table, f"rejects/{table}"))
    return sorted({number for numbers in both for number in numbers})


def _facts_of(info: PartInfo) -> tuple[str, dict[str, str]]:
    return info.fingerprint, info.inputs
