"""Whole-or-nothing files on any fsspec file system.

A file is written under a temporary name and appears by one rename (one PUT on an object store),
so that a reader never sees half of it, whatever kills the writer.
"""

import contextlib
import errno
import functools
import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from schemas.errors import StageError
from schemas.owners import Owner, this_process

TEMPORARY = ".tmp-"
PIECE = 8 * 2**20
FOREIGN_S = 24 * 3600.0  # after this a temporary file of another host has no writer any more


def open_fs(url: str) -> tuple[Any, str]:
    """The file system of a URL or path, and the path within it."""
    fs, path = fsspec.core.url_to_fs(os.fspath(url))
    return fs, path


@contextlib.contextmanager
def readable(fs: Any, path: str) -> Iterator[Any]:
    """What Arrow reads a file from: the path itself where it is local, since Arrow's own reading
    copies nothing through Python, else an open handle. FileNotFoundError when there is no file."""
    if isinstance(fs, LocalFileSystem):
        yield path
        return
    with fs.open(path, "rb") as handle:
        yield handle


def read_pieces(fs: Any, path: str) -> Iterator[bytes]:
    """The bytes of a file in pieces of at most 8 MiB; FileNotFoundError when there is none."""
    with fs.open(path, "rb", block_size=PIECE) as handle:
        while piece := handle.read(PIECE):
            yield piece


@contextlib.contextmanager
def whole_file(fs: Any, path: str) -> Iterator[str]:
    """A local path to write to; on success it becomes `path`, on failure nothing is left.

    Raises StageError when the disk is full.
    """
    local = isinstance(fs, LocalFileSystem)
    folder, name = path.rsplit("/", 1)
    where = folder if local else tempfile.gettempdir()
    temporary = os.path.join(where, _temporary_name(name))
    try:
        fs.makedirs(folder, exist_ok=True)
        yield temporary
        _commit(fs, temporary, path, local)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StageError(
                f"the disk is full: {path} was not written; free space in {where}, then run the "
                f"same command again"
            ) from error
        raise
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _commit(fs: Any, temporary: str, path: str, local: bool) -> None:
    if not local:
        fs.put_file(temporary, path)
        return
    with open(temporary, "rb+") as handle:
        os.fsync(handle.fileno())
    os.replace(temporary, path)


@functools.cache
def _owner(pid: int) -> Owner:
    return this_process()


def _temporary_name(name: str) -> str:
    owner = _owner(os.getpid())  # by pid, since a fork inherits the cache
    return f"{TEMPORARY}{name}~{owner.host}~{owner.pid}~{owner.started}~{uuid.uuid4().hex[:8]}"


def drop_leftovers(fs: Any, folder: str, skip: tuple[str, ...] = ()) -> None:
    """Remove what killed writers left in a local folder and below; live writers keep theirs.

    Subfolders of `folder` named in `skip` are not looked into.
    """
    if not isinstance(fs, LocalFileSystem):
        return
    for where, folders, names in os.walk(folder):
        if where == folder:
            folders[:] = [name for name in folders if name not in skip]
        for name in names:
            if name.startswith(TEMPORARY) and not _has_writer(os.path.join(where, name)):
                Path(where, name).unlink(missing_ok=True)


def _has_writer(path: str) -> bool:
    try:
        _, host, pid, started, _ = os.path.basename(path).rsplit("~", 4)
        owner = Owner(host, int(pid), float(started))
    except ValueError:
        return False
    if owner.is_here():
        return owner.is_running()
    with contextlib.suppress(FileNotFoundError):
        return time.time() - os.stat(path).st_mtime < FOREIGN_S
    return False


def write_text(fs: Any, path: str, text: str) -> None:
    """Write a small text file whole or not at all; one that says the same is left alone."""
    if fs.exists(path) and fs.cat_file(path) == text.encode():
        return
    with whole_file(fs, path) as temporary:
        Path(temporary).write_text(text, encoding="utf-8")
