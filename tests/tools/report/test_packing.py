"""Payloads: bytes of every value survive the way through a script."""

from pathlib import Path

import numpy as np

from tests.tools.report.payloads import payload
from tools.report.packing import write_columns, write_payload


def test_every_byte_survives(tmp_path: Path) -> None:
    data = np.random.default_rng(1).integers(0, 256, 5000, dtype=np.uint8).tobytes()
    written = write_payload(tmp_path / "page", "some-1", data + bytes(range(256)))
    path = tmp_path / "page" / "some-1.js"
    assert payload(path) == data + bytes(range(256))
    assert path.stat().st_size == written < 1.05 * len(data) + 400
    assert b"\n" not in path.read_bytes()
    assert b"\r" not in path.read_bytes()


def test_columns_are_little_endian(tmp_path: Path) -> None:
    write_columns(tmp_path, "base", {"a": np.array([1, 258], np.int32), "b": np.array([3], ">u2")})
    assert payload(tmp_path / "base-0.js") == b"\1\0\0\0\2\1\0\0"
    assert payload(tmp_path / "base-1.js") == b"\3\0"
