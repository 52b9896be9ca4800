"""Digests of whole Arrow batches: those of `codec.record_digest`, without building a record.

The choice worth knowing: the canonical JSON of all rows is put together column by column in Arrow,
and Python sees a row only to hash it. Reading a store back is ten times faster for it.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.arrow_bytes import offsets_of, views_of
from schemas.codec import BULK, OBSERVATIONS
from schemas.ids import canonical_json

_QUOTE, _BACKSLASH, _SPACE = 0x22, 0x5C, 0x20


def batch_digests(batch: pa.RecordBatch) -> list[str]:
    """For each row what `record_digest` says of its record: 32 hex digits."""
    return [text_digest(text) for text in views_of(batch_json(batch))]


def batch_json(batch: pa.RecordBatch) -> pa.StringArray:
    """The canonical JSON of each row, without observations and bulk bytes; bytes as hex digits."""
    names = [n for n in batch.schema.names if n not in OBSERVATIONS and n not in BULK]
    return _objects(names, [batch.column(name) for name in names], len(batch))


def text_digest(text: memoryview) -> str:
    """The digest of one row from its canonical JSON, as `content_id` makes it."""
    digest = hashlib.sha256(b"%d:" % len(text))
    digest.update(text)
    return digest.hexdigest()[:32]


def _objects(names: Sequence[str], columns: Sequence[pa.Array], rows: int) -> pa.StringArray:
    """A JSON object per row, its keys in order."""
    pieces: list[Any] = []
    mark = "{"
    for name, column in sorted(zip(names, columns, strict=True), key=lambda pair: pair[0]):
        pieces += [f"{mark}{canonical_json(name)}:", _json(column)]
        mark = ","
    if not pieces:
        return pa.array(["{}"] * rows, pa.string())
    return _joined(*pieces, "}")


def _joined(*pieces: Any) -> pa.StringArray:
    """Texts of Python and of Arrow, joined row by row."""
    return pc.binary_join_element_wise(*pieces, "")


def _json(array: pa.Array) -> pa.StringArray:
    """Each value as canonical JSON; nulls as `null`."""
    for is_kind, convert in _KINDS:
        if is_kind(array.type):
            text = convert(array)
            return pc.if_else(array.is_valid(), text, "null") if array.null_count else text
    raise TypeError(f"no record has a column of {array.type}")


def _string_json(array: pa.StringArray) -> pa.StringArray:
    data = _characters(array)
    if (data < _SPACE).any():  # line breaks and the like are rare enough for the slow way
        texts = [None if text is None else canonical_json(text) for text in array.to_pylist()]
        return pa.array(texts, pa.string())
    if (data == _BACKSLASH).any():
        array = pc.replace_substring(array, "\\", "\\\\")
    if (data == _QUOTE).any():
        array = pc.replace_substring(array, '"', '\\"')
    return _joined('"', array, '"')


def _characters(array: pa.StringArray) -> NDArray[np.uint8]:
    """The bytes of all texts of an array, one behind the other, not copied."""
    data = array.buffers()[2]
    if data is None or not len(array):
        return np.empty(0, np.uint8)
    ends = offsets_of(array)
    return np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]


def _float_json(array: pa.DoubleArray) -> pa.StringArray:
    """As Python writes floats; bit patterns are made text once each, since scores repeat."""
    codes = array.fill_null(0.0).view(pa.int64()).dictionary_encode()
    values = codes.dictionary.view(pa.float64()).to_pylist()
    texts = canonical_json(values)[1:-1].split(",") if values else []
    return pa.array(texts, pa.string()).take(codes.indices)


def _list_json(array: pa.ListArray) -> pa.StringArray:
    # `flatten` skips the items of null lists, so that lengths say where each list begins in it.
    lengths = pc.list_value_length(array).fill_null(0).to_numpy()
    starts = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    lists = pa.ListArray.from_arrays(starts, _json(array.flatten()))
    return _joined("[", pc.binary_join(lists, ","), "]")


def _struct_json(array: pa.StructArray) -> pa.StringArray:
    return _objects([field.name for field in array.type], array.flatten(), len(array))


def _hex_json(array: pa.BinaryArray) -> pa.StringArray:
    texts = [None if value is None else f'"{value.hex()}"' for value in array.to_pylist()]
    return pa.array(texts, pa.string())


def _cast_json(array: pa.Array) -> pa.StringArray:
    return array.cast(pa.string())


_KINDS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[Any], pa.StringArray]], ...] = (
    (pa.types.is_string, _string_json),
    (pa.types.is_integer, _cast_json),
    (pa.types.is_boolean, _cast_json),
    (pa.types.is_float64, _float_json),
    (pa.types.is_list, _list_json),
    (pa.types.is_struct, _struct_json),
    (pa.types.is_binary, _hex_json),
)
