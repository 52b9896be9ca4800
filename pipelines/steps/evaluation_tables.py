"""What of an Arrow table is a picture and what is text, whatever a benchmark calls its columns.

A picture is a struct with `bytes` (the Hugging Face Image feature), or binary, or a list of either,
whose first value begins like a picture file. A text is a string at any depth of lists and structs.
"""

import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from pipelines.steps.sniff import sniff_format

_NO_PICTURES = frozenset((None, "html", "text", "xml", "zip", "gzip", "pdf", "postscript", "mp4"))
_ENCODED = re.compile(r"[A-Za-z0-9+/=_-]{200,}")  # files as base64, which some benchmarks have


def may_hold_pictures(kind: pa.DataType) -> bool:
    """Whether a column of this type can hold picture files."""
    if is_list(kind):
        return may_hold_pictures(kind.value_type)
    if pa.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0 and _is_binary(kind.field("bytes").type)
    return _is_binary(kind)


def is_list(kind: pa.DataType) -> bool:
    """Whether a type is a list of any kind."""
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def holds_text(kind: pa.DataType) -> bool:
    """Whether strings can be found in values of this type."""
    if is_list(kind):
        return holds_text(kind.value_type)
    if pa.types.is_struct(kind):
        inner = [kind.field(n) for n in range(kind.num_fields)]
        return not may_hold_pictures(kind) and any(holds_text(field.type) for field in inner)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def pictures_in(value: Any) -> list[bytes | None]:
    """The picture files in one value of a picture column; None where only a path is given."""
    if value is None:
        return []
    if isinstance(value, list):
        return [data for item in value for data in pictures_in(item)]
    return [value.get("bytes") if isinstance(value, dict) else value]


def looks_like_picture(data: bytes | None) -> bool:
    """Whether bytes begin like a picture file, so that sounds and arrays are not taken for one."""
    return bool(data) and sniff_format(data or b"") not in _NO_PICTURES


def texts_in(value: Any) -> Iterator[str]:
    """All texts in a value, in order."""
    if isinstance(value, str):
        if not _ENCODED.search(value):
            yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_in(item)


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))
