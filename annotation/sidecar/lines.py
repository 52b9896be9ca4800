"""Files of one JSON object a line: whole lines appended, half a line at the end forgiven."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def append_line(path: Path, values: Mapping[str, Any], *, durable: bool) -> None:
    """Add one line in one write, mode 600; `durable` waits until it is on the disk.

    A line that a crash left half written is ended first, so that it spoils no other.
    """
    line = json.dumps(dict(values), ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":
            line = b"\n" + line
        os.write(handle, line)
        if durable:
            os.fsync(handle)
    finally:
        os.close(handle)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file in order; what is no object is passed over."""
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if isinstance(value, dict):
                yield value
