"""The other side of the report's payloads in Python: what a page gets to see of its data."""

import json
import re
import struct
import zlib
from pathlib import Path
from typing import Any

_ESCAPED = re.compile(rb'\\([\\"nr])')
_PLAIN = {b"\\": b"\\", b'"': b'"', b"n": b"\n", b"r": b"\r"}


def payload(path: Path) -> bytes:
    """The bytes that a script holds."""
    name = path.stem.encode()
    script = path.read_bytes()
    start, end = b'pixmo.take("' + name + b'","', b'")'
    assert script.startswith(start)
    assert script.endswith(end)
    text = script[len(start) : -len(end)]
    return zlib.decompress(_ESCAPED.sub(lambda found: _PLAIN[found[1]], text), -15)


def rows(path: Path) -> Any:
    """The JSON of a chunk of rows."""
    return json.loads(decode_words(payload(path)))


def decode_words(data: bytes) -> str:
    """Numbers of words as text."""
    _, size = struct.unpack_from("<II", data)
    tokens = data[8 : 8 + size].decode().split("\x01")
    parts: list[str] = []
    word = False
    for number in varints(data[8 + size :]):
        token = tokens[number]
        is_word = re.match("[A-Za-z0-9_]", token) is not None
        if word and is_word:
            parts.append(" ")
        parts.append(token)
        word = is_word
    return "".join(parts)


def varints(data: bytes) -> list[int]:
    """Whole numbers of seven bits a byte."""
    found, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            found.append(value)
            value, shift = 0, 0
    return found


def postings(folder: Path) -> dict[str, list[int]]:
    """The rows of every term of a page's index."""
    found: dict[str, list[int]] = {}
    for at, _ in enumerate(json.loads(payload(folder / "terms.js"))):
        data = payload(folder / f"terms-{at}.js")
        count, size = struct.unpack_from("<II", data)
        sizes = struct.unpack_from(f"<{count}I", data, 8)
        body = 8 + 4 * count
        terms = data[body : body + size].decode().split("\n")
        place = body + size
        for term, length in zip(terms, sizes, strict=True):
            row, own = -1, []
            for gap in varints(data[place : place + length]):
                row += gap
                own.append(row)
            found[term] = own
            place += length
    return found
