"""The folder of a report: built beside its place, and put there whole by two renames.

A folder is replaced only when it is empty or a report, which `report.json` in it says. On an object
store there is no rename: the pages are written last there, and what the old report had more is
removed after them.
"""

import contextlib
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from schemas.errors import UsageError
from schemas.files import open_fs
from schemas.owners import Owner, this_process

MARKER = "report.json"
_FORMAT = 1
_HALF = ".report-half~"


@contextlib.contextmanager
def report_folder(url: str) -> Iterator[Path]:
    """A local folder to build a report in; it becomes the folder at `url` when the block ends well.

    Raises UsageError when what is there now is no report.
    """
    fs, path = open_fs(url)
    local = isinstance(fs, LocalFileSystem)
    path = os.path.realpath(path) if local else path.rstrip("/")
    _check(fs, path)
    parent = os.path.dirname(path) if local else tempfile.gettempdir()
    os.makedirs(parent, exist_ok=True)
    _drop_halves(Path(parent))
    half = Path(parent, _half_name())
    half.mkdir()
    try:
        yield half
        (half / MARKER).write_text(json.dumps({"pixmo_report": _FORMAT}) + "\n", encoding="utf-8")
        if local:
            _swap(half, Path(path))
        else:
            _upload(fs, half, path)
    finally:
        shutil.rmtree(half, ignore_errors=True)


def is_report(fs: Any, path: str) -> bool:
    """Whether a folder was written by `pixmo report`."""
    marker = f"{path}/{MARKER}"
    if not fs.exists(marker):
        return False
    try:
        return "pixmo_report" in json.loads(fs.cat_file(marker))
    except (ValueError, TypeError):
        return False


def _check(fs: Any, path: str) -> None:
    fs.invalidate_cache()
    if not fs.exists(path):
        return
    if not fs.isdir(path):
        raise UsageError(f"{path} is a file; --output names a folder")
    if fs.ls(path, detail=False) and not is_report(fs, path):
        raise UsageError(
            f"{path} is not empty and no report: name another --output, or empty it yourself"
        )


def _half_name() -> str:
    owner = this_process()
    return f"{_HALF}{owner.host}~{owner.pid}~{owner.started}~{uuid.uuid4().hex[:8]}"


def _drop_halves(parent: Path) -> None:
    """Remove what killed runs on this host left; those of live ones stay."""
    for half in parent.glob(f"{_HALF}*"):
        try:
            _, host, pid, started, _ = half.name.split("~")
            owner = Owner(host, int(pid), float(started))
        except ValueError:
            continue
        if owner.is_here() and not owner.is_running():
            shutil.rmtree(half, ignore_errors=True)


def _swap(half: Path, target: Path) -> None:
    old = half.with_name(_half_name())
    if target.exists():
        os.rename(target, old)
    try:
        os.rename(half, target)
    except OSError:
        if old.exists():
            os.rename(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _upload(fs: Any, half: Path, path: str) -> None:
    files = {str(file.relative_to(half)) for file in half.rglob("*") if file.is_file()}
    before = fs.find(path) if fs.exists(path) else []
    for name in sorted(files, key=lambda name: (name.endswith((".html", ".json")), name)):
        fs.makedirs(f"{path}/{name}".rsplit("/", 1)[0], exist_ok=True)
        fs.put_file(str(half / name), f"{path}/{name}")
    root = len(fs._strip_protocol(path)) + 1
    for stale in (name for name in before if name[root:] not in files):
        fs.rm_file(stale)
