"""The tables of a store as whole columns, put together from the scans of their parts."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.codec import key_field
from schemas.store import Store
from schemas.tables import TABLES
from tools.audit.column_values import Numbers, joined
from tools.audit.findings import KEPT, Notes
from tools.audit.store_part import PartScan

Rows = NDArray[np.int64]


@dataclass
class TableRows:
    """All rows of a table that could be read: keys and columns, in the order of parts and rows.

    `numbers` and `starts` say which part begins at which row. Columns whose name begins with
    `said_` or `dropped_` have one value per recording of a caption, and name its row in `*_row`.
    `complete` says that all parts are in it: only then is what is not found not there.
    """

    store: Store
    table: str
    keys: Numbers
    columns: dict[str, Any]
    numbers: list[int]
    starts: Rows
    complete: bool
    speech_models: frozenset[str] = frozenset()
    order: Rows = field(init=False)
    sorted_keys: Numbers = field(init=False)

    def __post_init__(self) -> None:
        self.order = np.argsort(self.keys, kind="stable")
        self.sorted_keys = self.keys[self.order]

    def __len__(self) -> int:
        return len(self.keys)

    def find(self, wanted: Numbers) -> Rows:
        """The row of each wanted key, -1 where there is none."""
        if not len(self.keys):
            return np.full(len(wanted), -1, np.int64)
        at = np.searchsorted(self.sorted_keys, wanted).clip(0, len(self.keys) - 1)
        return np.where(self.sorted_keys[at] == wanted, self.order[at], -1)

    def lacks(self, wanted: Numbers) -> NDArray[np.bool_]:
        """Which keys are surely not in the table; none while some of its parts are not known."""
        return (self.find(wanted) < 0) & self.complete

    def place(self, row: int) -> tuple[str, int]:
        """The part that a row lies in, as findings name it, and its number there."""
        part = int(np.searchsorted(self.starts, row, side="right")) - 1
        return f"{self.table}/{self.numbers[part]}", row - int(self.starts[part])

    def fail(self, notes: Notes, promise: str, rows: Iterable[int], message: str) -> None:
        """Note a finding for each row; `{key}` in the message becomes the key of the row."""
        for row in rows:
            place, at = self.place(int(row))
            known = len(notes.findings[promise]) < KEPT
            key = self.key_text(int(row)) if known and "{key}" in message else ""
            notes.fail(promise, place, message.replace("{key}", key), at)

    def key_text(self, row: int) -> str:
        """The key of a row as it is written, read anew: only its number is held."""
        place, at = self.place(row)
        name = key_field(TABLES[self.table].record)
        number = int(place.rpartition("/")[2])
        return str(self.store.read(self.table, number, [name]).column(0)[at])


def table_rows(store: Store, table: str, scans: list[PartScan]) -> TableRows:
    """The rows of a table from its parts; a part whose columns are not whole is left out."""
    names = {name for scan in scans for name in scan.columns}
    whole = [
        s
        for s in scans
        if s.done and len(s.keys) == s.rows and (not s.rows or names <= set(s.columns))
    ]
    starts = np.cumsum([0, *(scan.rows for scan in whole)])[:-1]
    columns: dict[str, Any] = {}
    for name in names:
        own = [(s, at) for s, at in zip(whole, starts, strict=True) if s.rows]
        columns[name] = joined([_moved(name, s.columns[name], at) for s, at in own], np.uint64)
    models = frozenset(model for scan in whole for model in scan.speech_models)
    keys = joined([scan.keys for scan in whole], np.uint64)
    numbers, complete = [scan.number for scan in whole], len(whole) == len(scans)
    return TableRows(store, table, keys, columns, numbers, starts, complete, models)


def _moved(name: str, values: Any, start: int) -> Any:
    """Row numbers within a part as row numbers within the table."""
    return values + start if name.endswith("_row") else values


def check_unique(notes: Notes, rows: TableRows) -> None:
    """No key is there twice, in one part or in two."""
    again = np.flatnonzero(rows.sorted_keys[1:] == rows.sorted_keys[:-1]) + 1
    later = np.sort(rows.order[again])
    parts = np.searchsorted(rows.starts, rows.order, side="right")
    elsewhere = rows.order[again][parts[again] != parts[again - 1]]
    rows.fail(notes, "keys", np.intersect1d(later, elsewhere).tolist(), "key {key} is there twice")
