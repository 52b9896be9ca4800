"""Data as scripts: pages opened from disk may not fetch, but they may load `<script src>`.

A payload is deflated and written as a string of 8-bit characters, which costs 1% where base64 costs
a third; the page declares the script's charset as `x-user-defined`, that maps byte to character and
back. `assets/load.js` is the other side.
"""

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEVEL = 7
_ESCAPES = ((b"\\", b"\\\\"), (b'"', b'\\"'), (b"\n", b"\\n"), (b"\r", b"\\r"))


def deflate(data: bytes) -> bytes:
    """Raw deflate, as `DecompressionStream("deflate-raw")` reads it."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def write_payload(folder: Path, name: str, data: bytes) -> int:
    """Write `<folder>/<name>.js`; returns its bytes on disk."""
    text = deflate(data)
    for plain, escaped in _ESCAPES:
        text = text.replace(plain, escaped)
    script = b'pixmo.take("' + name.encode("ascii") + b'","' + text + b'")'
    path = folder / f"{name}.js"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(script)
    return len(script)


def write_json(folder: Path, name: str, value: Any) -> int:
    """A JSON value as a payload."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # A lone surrogate cannot be UTF-8, and is no character that a page could show.
    return write_payload(folder, name, text.encode("utf-8", "replace"))


def write_columns(folder: Path, prefix: str, columns: Mapping[str, NDArray[Any]]) -> None:
    """Each column as a payload `<prefix>-<index>` of little-endian values, in the given order."""
    for at, values in enumerate(columns.values()):
        little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
        write_payload(folder, f"{prefix}-{at}", little.tobytes())
