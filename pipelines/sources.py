"""Bringing a user's list into the store: table `sources/<what>`, in parts that never change.

Everything after this reads the store alone, so the same stage runs on a laptop and on workers that
cannot see the user's file. Growing a list adds parts; importing the same list again adds nothing. A
row that the store's denylist refuses is kept as a salted digest alone.
"""

import dataclasses
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from pipelines.denylist import load_denylist
from pipelines.stage import CODE_VERSION, reject_row
from pipelines.steps.denied_mentions import refused_text, without_denied
from pipelines.steps.denylist import (
    IMAGE_COLUMNS,
    JUDGED_COLUMNS,
    RECORDING_COLUMNS,
    redacted,
    redacted_reject,
    refused_kind,
)
from pipelines.steps.read_rows import InputRow, read_rows, row_json
from schemas.errors import LockedError, UsageError
from schemas.files import open_fs, write_text
from schemas.ids import content_id
from schemas.judgment import Reject, RejectRow
from schemas.locks import hold
from schemas.part_writer import PartWriter
from schemas.records import Source
from schemas.store import PartInfo, Store

KeyOf = Callable[[dict[str, Any]], str | Reject]
RowReader = Callable[[str], Iterator[InputRow]]
Result = TypeVar("Result")
# What the denylist is asked about; an evaluation set only points at what must stay out.
ASKED = {"sources/images": IMAGE_COLUMNS, "sources/recordings": RECORDING_COLUMNS}
JUDGED = "sources/annotations/"
PUBLISHED = "sources/published/"


@dataclasses.dataclass(frozen=True)
class Import:
    """What to import: the file or folder, the table, and how a row's key is found.

    `duplicate` is the reason for a row whose key the table already has; empty where such a row is
    the same one and is passed over. `relative` says that rows name files relative to the folder of
    the list; `origin` is another folder, empty for none. `rows` reads the list; it raises
    UsageError when called, not when its rows are asked for, where the list is absent or of no known
    kind.
    """

    url: str
    table: str
    key_of: KeyOf
    rows_per_part: int
    duplicate: str = "duplicate_row"
    relative: bool = False
    rows: RowReader = read_rows
    origin: str | None = None


def import_source(store: Store, what: Import, wait_s: float = 0.0) -> list[PartInfo]:
    """Add the rows that the table does not have yet; returns the footers of all its parts.

    When another process imports into the same table, wait up to `wait_s` for it: of several shards
    that start at once, one imports and the others find it done. LockedError after that.
    """
    return _when_free(lambda: _import_now(store, what), wait_s)


def add_rows(store: Store, what: Import, wait_s: float = 0.0) -> int:
    """Add the new ones of rows that no file holds, as `what.rows` gives them; how many they were.

    Parts appear as rows come: when `what.rows` raises, what was read before stays, all but the last
    part. Otherwise as `import_source`, but that every call reads all rows.
    """

    def add() -> int:
        with hold(store, _stage(what)):
            return _add_parts(store, what)

    return _when_free(add, wait_s)


def _when_free(work: Callable[[], Result], wait_s: float) -> Result:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            return work()
        except LockedError:
            if time.monotonic() > deadline:
                raise
        time.sleep(random.uniform(0.2, 1.0))  # jitter: two that saw each other must not meet again


def _import_now(store: Store, what: Import) -> list[PartInfo]:
    stamp, infos = _stamp(what.url), store.infos(what.table)
    whole = [info.number for info in infos] == store.part_numbers(what.table)
    if whole and _receipts(store, what.table).get(what.url) == stamp:
        return infos
    what.rows(what.url)  # a list that is absent or of no known kind leaves no trace in the store
    with hold(store, _stage(what)):
        _add_parts(store, what)
        receipts = {**_receipts(store, what.table), what.url: stamp}
        text = json.dumps(receipts, indent=2, sort_keys=True) + "\n"
        write_text(store.fs, store.path(what.table, "_imports.json"), text)
    return store.infos(what.table)


def count_new(store: Store, what: Import) -> int:
    """How many rows an import would add, records and rejects; nothing is written."""
    if _receipts(store, what.table).get(what.url) == _stamp(what.url):
        return 0
    return sum(1 for _ in _outcomes(what, _Known(store, what.table)))


def _receipts(store: Store, table: str) -> dict[str, str]:
    path = store.path(table, "_imports.json")
    return json.loads(store.fs.cat_file(path)) if store.fs.exists(path) else {}


def _stamp(url: str) -> str:
    """Names, sizes and times of the input files: an unchanged list is not read again."""
    fs, path = open_fs(url)
    found = fs.find(path, detail=True) if fs.exists(path) else {}
    version = ("etag", "ETag", "mtime", "LastModified", "created")  # by file system
    facts = [
        (name, info.get("size"), *(str(info[key]) for key in version if key in info))
        for name, info in found.items()
    ]
    return content_id(json.dumps(sorted(facts)))


def _asked_of(table: str) -> dict[str, str]:
    """The columns of a table that the denylist is asked about, and what stands in them."""
    if table.startswith(JUDGED):
        return JUDGED_COLUMNS
    return IMAGE_COLUMNS if table.startswith(PUBLISHED) else ASKED.get(table, {})


class _Known:
    """The rows that the table has, as counts by digest, and the keys in use."""

    def __init__(self, store: Store, table: str) -> None:
        self.keys: set[str] = set()
        self._have: Counter[str] = Counter()
        self._seen: Counter[str] = Counter()
        self._asked = _asked_of(table)
        self.denied = load_denylist(store)
        self.parts = {info.number for info in store.infos(table)}
        for number in self.parts:
            for source in store.records(table, number, Source):
                self.keys.add(source.key)
                self._have[content_id(source.row)] += 1
            for reject in store.records(f"rejects/{table}", number, RejectRow):
                self._have[content_id(reject.row)] += 1

    def is_new(self, row: str) -> bool:
        """Whether this row came more often in this import than the table has it."""
        digest = content_id(row)
        self._seen[digest] += 1
        return self._seen[digest] > self._have[digest]

    def refused(self, row: InputRow, text: str) -> str:
        """By which kind the denylist refuses a row, empty when it does not.

        A row that the table holds as a denied one stays so whatever it was taken down by.
        """
        if not self.denied or not self._asked:
            return ""
        if self._have[content_id(redacted(self.denied, text))]:
            return "row"
        if row.values is None:
            return refused_text(self.denied, text)
        return refused_kind(self.denied, row.values, self._asked)

    def without_denied(self, row: InputRow, text: str) -> str:
        """The text of a row that is let in; what it mentions of denied things is null."""
        if not self.denied or not self._asked or row.values is None:
            return text
        return row_json(without_denied(self.denied, row.values))


def _add_parts(store: Store, what: Import) -> int:
    known = _Known(store, what.table)
    # A part that is not whole does not count: its number and its rows come again.
    free = (number for number in itertools.count() if number not in known.parts)
    outcomes, added = _outcomes(what, known), 0
    while rows := list(itertools.islice(outcomes, what.rows_per_part)):
        _write_part(store, what, next(free), rows)
        added += len(rows)
    return added


def _outcomes(what: Import, known: _Known) -> Iterator[Source | RejectRow]:
    origin = _origin(what) if what.origin is None else what.origin
    for row in what.rows(what.url):
        text = row_json(row.values) if row.values is not None else row.text
        if kind := known.refused(row, text):
            if known.is_new(redacted(known.denied, text)):
                yield redacted_reject(known.denied, _stage(what), kind, text)
        elif known.is_new(kept := known.without_denied(row, text)):
            outcome = _outcome(what, known, row, Source("", kept, origin))
            if outcome is not None:
                yield outcome


def _outcome(
    what: Import, known: _Known, row: InputRow, source: Source
) -> Source | RejectRow | None:
    """The row as it is kept; None for one that is passed over."""
    where = f"{what.url}, row {row.number}"
    stage = _stage(what)
    if row.values is None:
        return reject_row(
            stage, f"row-{row.number:09d}", Reject("bad_row", f"{where}: {row.error}"), source.row
        )
    key = _key(what, row.number, row.values)
    if isinstance(key, Reject):
        refused = dataclasses.replace(key, detail=f"{where}: {key.detail}")
        return reject_row(stage, f"row-{row.number:09d}", refused, source.row)
    if key in known.keys:
        if not what.duplicate:
            return None
        return reject_row(stage, key, Reject(what.duplicate, where), source.row)
    known.keys.add(key)
    return dataclasses.replace(source, key=key)


def _stage(what: Import) -> str:
    """The name under which rows are refused and the lease is held."""
    return what.table.replace("/", "-")


def _key(what: Import, number: int, values: dict[str, Any]) -> str | Reject:
    """The key of a row; a column that is missing from the start is an error of the whole list."""
    try:
        return what.key_of(values)
    except UsageError as error:
        if number == 1:
            raise UsageError(f"{what.url}: {error}") from error
        return Reject("bad_row", str(error))


def _origin(what: Import) -> str:
    """The folder whose files rows may name; none for a list of URLs."""
    fs, path = open_fs(what.url)
    if fs.isdir(path):
        return str(fs.unstrip_protocol(path))
    return str(fs.unstrip_protocol(path.rsplit("/", 1)[0])) if what.relative else ""


def _write_part(store: Store, what: Import, number: int, rows: list[Source | RejectRow]) -> None:
    with PartWriter(store, what.table, number, Source) as writer:
        for row in sorted(rows, key=lambda r: r.key):
            writer.add(row)
        writer.commit(
            fingerprint=content_id(what.url, str(number)),
            rows_in=len(rows),
            seconds=0.0,
            code_version=CODE_VERSION,
            config={"rows_per_part": what.rows_per_part},
            inputs={what.url: ""},
        )
