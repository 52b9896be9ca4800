"""Digests of Arrow columns: 64 bits per value, whatever its type, so that rows can be compared
without holding them.

Equal values have equal digests in every file, chunk and width of integer. Texts and bytes are
hashed one by one, everything else in NumPy. Two values that differ share a digest once in 2**64.
"""

import hashlib
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Digests = NDArray[np.uint64]
_NULL = np.uint64(0x9E3779B97F4A7C15)


def mix(values: Digests) -> Digests:
    """Spread every bit of each value over all 64 (the finaliser of SplitMix64)."""
    with np.errstate(over="ignore"):
        found = values + _NULL
        found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return found ^ (found >> np.uint64(31))


def text_digest(text: str) -> np.uint64:
    """The digest of one text."""
    return np.uint64(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little"))


def combine(named: dict[str, Digests], rows: int) -> Digests:
    """One digest per row from the digests of its named columns, in any order."""
    total = np.zeros(rows, np.uint64)
    for name, digests in named.items():
        total += mix(digests ^ text_digest(name))
    return mix(total)


def digest_column(array: pa.Array) -> Digests:
    """uint64 [rows]: the digest of each value; nulls have one of their own."""
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    found = _digest_values(array)
    if array.null_count:
        found[~array.is_valid().to_numpy(zero_copy_only=False)] = _NULL
    return found


def _digest_values(array: pa.Array) -> Digests:
    kind = array.type
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        whole = array.cast(pa.uint64() if kind == pa.uint64() else pa.int64()).fill_null(0)
        return mix(whole.to_numpy(zero_copy_only=False).view(np.uint64))
    if pa.types.is_floating(kind):
        return _digest_floats(array)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _digest_lists(array)
    if pa.types.is_struct(kind):
        fields = {field.name: digest_column(part) for field, part in _fields(array)}
        return combine(fields, len(array))
    if not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
        array = _as_texts(array)
    return _digest_bytes(array.cast(pa.large_binary()))


def _as_texts(array: pa.Array) -> pa.Array:
    """Texts stay; dates and the like become texts."""
    try:
        return array.cast(pa.large_string())
    except pa.ArrowNotImplementedError:
        return pa.array([repr(value) for value in array.to_pylist()], pa.large_string())


def _fields(array: pa.StructArray) -> list[tuple[pa.Field, pa.Array]]:
    return list(zip(array.type, array.flatten(), strict=True))


def _digest_floats(array: pa.Array) -> Digests:
    """All NaN are one value, and zero has no sign."""
    values = array.cast(pa.float64()).fill_null(0.0).to_numpy(zero_copy_only=False) + 0.0
    return mix(np.where(np.isnan(values), np.nan, values).view(np.uint64))


def _digest_lists(array: pa.Array) -> Digests:
    """The sum of the items' digests, each mixed with its place, and of the length."""
    lengths = pc.list_value_length(array).fill_null(0).to_numpy(zero_copy_only=False)
    lengths = lengths.astype(np.int64)
    ends = np.cumsum(lengths)
    items = digest_column(array.flatten())
    places = np.arange(len(items)) - np.repeat(ends - lengths, lengths)
    totals = np.zeros(len(items) + 1, np.uint64)
    np.cumsum(mix(items ^ mix(places.astype(np.uint64))), out=totals[1:])
    return mix(totals[ends] - totals[ends - lengths] + mix(lengths.astype(np.uint64)))


def _digest_bytes(array: pa.LargeBinaryArray) -> Digests:
    _, offsets, data = array.buffers()
    view = memoryview(data).cast("B") if data else memoryview(b"")
    ends = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1].tolist()
    digest = hashlib.sha256
    joined = b"".join(digest(view[start:end]).digest()[:8] for start, end in pairwise(ends))
    return np.frombuffer(joined, np.uint64).copy()
