"""SHA-256 of the files of a release, each computed once.

What the file system says of a file (size, times and inode, or an object's ETag) stands for its
bytes: while that is unchanged, the digest in `<store>/cache/release.json` is. The audit does not
use this; it reads every byte.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from schemas.files import read_pieces, write_text
from schemas.store import Store


def sha256_file(fs: Any, path: str) -> str:
    """SHA-256 of a file as 64 hex digits, read in pieces."""
    digest = hashlib.sha256()
    for piece in read_pieces(fs, path):
        digest.update(piece)
    return digest.hexdigest()


def release_checksums(store: Store, paths: Iterable[str]) -> dict[str, str]:
    """SHA-256 by path; `paths` are those of the file system, in the store's release."""
    cache = store.path("cache", "release.json")
    known = _read(store.fs, cache)
    root = len(store.path(""))
    found, kept = {}, {}
    for path in paths:
        own, state = path[root:], store.fs.ukey(path)
        before = known.get(own, {})
        same = before.get("state") == state
        found[path] = before["sha256"] if same else sha256_file(store.fs, path)
        kept[own] = {"state": state, "sha256": found[path]}
    write_text(store.fs, cache, json.dumps(kept, indent=1, sort_keys=True) + "\n")
    return found


def _read(fs: Any, path: str) -> dict[str, dict[str, str]]:
    """What was found before; nothing where that cannot be read, since it only saves time."""
    try:
        values = json.loads(fs.cat_file(path))
    except (FileNotFoundError, ValueError):
        return {}
    whole = isinstance(values, dict) and all(
        isinstance(row, dict) and set(row) == {"state", "sha256"} for row in values.values()
    )
    return values if whole else {}
