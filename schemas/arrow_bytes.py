"""Binary columns without a copy per value: views of what was read, one join of what is written.

Pictures are the bulk of a release. As Python bytes each would be copied on its way in, on its way
out and at every cut; here its bytes go from one Arrow buffer to the next.
"""

import itertools
from collections.abc import Sequence

import numpy as np
import pyarrow as pa


def binary_views(values: pa.BinaryArray) -> list[memoryview]:
    """Each value of a binary array without nulls as a view of unsigned bytes."""
    _, ends, data = values.buffers()
    view = memoryview(data).cast("B") if data else memoryview(b"")
    offsets = np.frombuffer(ends, np.int32)[values.offset : values.offset + len(values) + 1]
    return [view[start:stop] for start, stop in itertools.pairwise(offsets.tolist())]


def join_binaries(values: Sequence[Sequence[bytes | memoryview]]) -> pa.BinaryArray:
    """A binary array of values given in pieces; ValueError above 2 GB, where offsets end."""
    sizes = [sum(map(len, pieces)) for pieces in values]
    offsets = np.cumsum([0, *sizes], dtype=np.int64)
    if offsets[-1] > np.iinfo(np.int32).max:
        raise ValueError(f"{offsets[-1]} bytes in one binary array")
    data = b"".join(itertools.chain.from_iterable(values))
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(data)]
    return pa.BinaryArray.from_buffers(pa.binary(), len(values), buffers)
