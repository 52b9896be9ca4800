"""Records to Arrow and back: the only place that knows how a record lies in a column.

The Arrow schema is derived from the dataclass, so a record and its table cannot drift apart.
"""

import dataclasses
import functools
import types
import typing
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from schemas.errors import StageError
from schemas.ids import canonical_json, content_id

# Left out of content digests: what merely was observed, and bytes that a sha256 column stands for.
OBSERVATIONS = frozenset({"fetched_at", "origin"})
BULK = frozenset({"bytes", "audio"})

_SCALARS: dict[type, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    bytes: pa.binary(),
}


def arrow_type(hint: Any) -> pa.DataType:
    """The Arrow type of a field annotation; TypeError for one that no record may use."""
    if hint in _SCALARS:
        return _SCALARS[hint]
    if _is_record(hint):
        return pa.struct([pa.field(n, arrow_type(t)) for n, t in _hints(hint).items()])
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return pa.list_(arrow_type(args[0]))
    if origin in (types.UnionType, typing.Union):
        return arrow_type(next(a for a in args if a is not type(None)))
    raise TypeError(f"a record field cannot be {hint!r}")


def _is_record(hint: Any) -> bool:
    return dataclasses.is_dataclass(hint)


@functools.cache
def _hints(record: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(record)
    return {field.name: hints[field.name] for field in dataclasses.fields(record)}


@functools.cache
def arrow_schema(record: type) -> pa.Schema:
    """The Arrow schema of a record class, columns in the order of its fields."""
    return pa.schema([pa.field(name, arrow_type(hint)) for name, hint in _hints(record).items()])


def key_field(record: type) -> str:
    """The name of the field that identifies a record: its first."""
    return next(iter(_hints(record)))


def key_of(record: Any) -> str:
    """The key of one record."""
    return str(getattr(record, key_field(type(record))))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def to_batch(records: Sequence[Any], record: type) -> pa.RecordBatch:
    """Records of one class as an Arrow batch."""
    schema = arrow_schema(record)
    arrays = [pa.array([_plain(getattr(r, f.name)) for r in records], f.type) for f in schema]
    return pa.record_batch(arrays, schema=schema)


def _build(hint: Any, value: Any) -> Any:
    if value is None or hint in _SCALARS:
        return value
    if _is_record(hint):
        return hint(**{n: _build(t, value[n]) for n, t in _hints(hint).items()})
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return tuple(_build(args[0], item) for item in value)
    return _build(next(a for a in args if a is not type(None)), value)


def from_batches(batches: Iterable[pa.RecordBatch], record: type) -> Iterator[Any]:
    """Records from Arrow batches, one at a time.

    A column that came later than the part has the default of its field; StageError without one.
    """
    for batch in batches:
        hints = _present(record, batch.schema.names)
        for row in batch.to_pylist():
            yield record(**{name: _build(hint, row[name]) for name, hint in hints.items()})


def _present(record: Any, columns: Sequence[str]) -> dict[str, Any]:
    """The hints of the fields that are there; the others must have a default."""
    fields = {field.name: field for field in dataclasses.fields(record)}
    missing = [name for name in fields if name not in columns]
    for name in missing:
        if fields[name].default is dataclasses.MISSING:
            raise StageError(
                f"a part of {record.__name__} records lacks the column {name}: another version of "
                "pixmo wrote it; run the stage that makes it again"
            )
    return {name: hint for name, hint in _hints(record).items() if name not in missing}


def record_digest(record: Any) -> str:
    """A digest of what a record says, without observations and without bulk bytes."""
    plain = _plain(record)
    kept = {k: v for k, v in plain.items() if k not in OBSERVATIONS and k not in BULK}
    return content_id(canonical_json(_hex_bytes(kept)))


def _hex_bytes(values: dict[str, Any]) -> dict[str, Any]:
    return {k: v.hex() if isinstance(v, bytes) else v for k, v in values.items()}
