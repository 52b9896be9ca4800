"""The manifest of a release is read as it was written, and refused when it is none."""

import json
from pathlib import Path

import fsspec
import pytest

from schemas.errors import UsageError
from schemas.manifest import (
    MANIFEST,
    ModelUse,
    ReleaseFile,
    ReleaseManifest,
    StageRun,
    read_manifest,
    write_manifest,
)

FS = fsspec.filesystem("file")
WHOLE = ReleaseManifest(
    title="t – «x»",
    license="mit",
    code_version="0.1.0",
    rows={"cap": {"train": 2}},
    images={"cap": "url"},
    models=(ModelUse("cap", "m", "text_llm"),),
    policy={"cap": {"long_v1": 4.0}},
    stages=(StageRun("ingest", "1", {"a": [1, {"b": None}]}, 3, 2, {"http_404": 1}),),
    files=(ReleaseFile("cap/train-00000-of-00001.parquet", "00", 10, 2),),
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_manifest(FS, str(tmp_path), WHOLE)
    assert read_manifest(FS, str(tmp_path)) == WHOLE
    before = (tmp_path / MANIFEST).stat().st_mtime_ns
    write_manifest(FS, str(tmp_path), WHOLE)
    assert (tmp_path / MANIFEST).stat().st_mtime_ns == before


def test_without_a_manifest_the_remedy_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="`pixmo export all` writes a release with one"):
        read_manifest(FS, str(tmp_path))


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "3", "{}", '{"format": 2}', '{"format": 1}', "\u00ff", "null", "STRANGE"],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str) -> None:
    if text == "STRANGE":
        write_manifest(FS, str(tmp_path), WHOLE)
        values = json.loads((tmp_path / MANIFEST).read_text(encoding="utf-8"))
        text = json.dumps(values | {"unknown": 1})
    (tmp_path / MANIFEST).write_text(text, encoding="latin-1")
    with pytest.raises(UsageError, match=r"manifest\.json: not a manifest of a release"):
        read_manifest(FS, str(tmp_path))
