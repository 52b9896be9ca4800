"""Binary columns without a copy per value: views of what was read, one join of what is written.

Pictures are the bulk of a release. As Python bytes each would be copied on its way in, on its way
out and at every cut; here its bytes go from one Arrow buffer to the next.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa


def views_of(array: pa.Array) -> Iterator[memoryview]:
    """Each value of a string or binary array as a view of unsigned bytes; of a null none."""
    if len(array):
        data = memoryview(array.buffers()[2] or b"").cast("B")
        yield from (data[start:end] for start, end in itertools.pairwise(offsets_of(array)))


def offsets_of(array: Any) -> list[int]:
    """Where each value of a string or list array starts, and where the last one ends."""
    width = np.int32 if array.type.id in (pa.string().id, pa.binary().id) else np.int64
    found = np.frombuffer(array.buffers()[1], width)[array.offset : array.offset + len(array) + 1]
    return list(found.tolist())


def join_binaries(values: Sequence[Sequence[bytes | memoryview]]) -> pa.BinaryArray:
    """A binary array of values given in pieces; ValueError above 2 GB, where offsets end."""
    sizes = [sum(map(len, pieces)) for pieces in values]
    offsets = np.cumsum([0, *sizes], dtype=np.int64)
    if offsets[-1] > np.iinfo(np.int32).max:
        raise ValueError(f"{offsets[-1]} bytes in one binary array")
    data = b"".join(itertools.chain.from_iterable(values))
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(data)]
    return pa.BinaryArray.from_buffers(pa.binary(), len(values), buffers)
