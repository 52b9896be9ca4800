"""The files of a release against its manifest: what is there, what is listed, what is missing.

Nothing here trusts a name: every byte of every file is read and compared with its checksum.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.files import TEMPORARY, read_pieces
from schemas.manifest import MANIFEST, ReleaseFile
from schemas.subsets import SUBSET_OF_CONFIG
from tools.audit.findings import UNREADABLE, Notes, reason_of

LINEAGE = "lineage"
_SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.parquet")


@dataclass(frozen=True)
class Shard:
    """One table of a release by its name: `config/split-00000-of-00004.parquet`."""

    path: str
    config: str
    split: str
    index: int
    total: int


def shard_of(path: str) -> Shard | None:
    """What the name of a table says; None for one that `datasets` would not find."""
    config, _, name = path.rpartition("/")
    match = _SHARD.fullmatch(name)
    if match is None or config not in SUBSET_OF_CONFIG:
        return None
    return Shard(path, config, match[1], int(match[2]), int(match[3]))


def list_files(fs: Any, root: str) -> list[str]:
    """All files of a release folder but hidden and half-written ones, as paths within it."""
    fs.invalidate_cache()
    paths = [path[len(root) + 1 :] for path in fs.find(root)]
    return sorted(path for path in paths if not _hidden(path))


def _hidden(path: str) -> bool:
    return any(name.startswith((".", TEMPORARY)) for name in path.split("/"))


def check_listing(notes: Notes, there: Iterable[str], listed: Mapping[str, ReleaseFile]) -> None:
    """Listed and there are the same, and shards are numbered without gaps."""
    found = set(there) - {MANIFEST}
    notes.check("files", len(found | set(listed)))
    for path in sorted(set(listed) - found):
        notes.fail("files", path, "is in the manifest, but is not there")
    for path in sorted(found - set(listed)):
        notes.fail("files", path, "is there, but not in the manifest")
    tables = [path for path in sorted(found | set(listed)) if path.endswith(".parquet")]
    for path in tables:
        if shard_of(path.removeprefix(f"{LINEAGE}/")) is None:
            notes.fail("files", path, "is no table of a subset by its name")
    _check_gaps(notes, tables)


def _check_gaps(notes: Notes, paths: Iterable[str]) -> None:
    """Shards that neither the folder nor the manifest has, though the others count them."""
    groups: dict[tuple[str, str, str], dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    for path in paths:
        within = path.removeprefix(f"{LINEAGE}/")
        if shard := shard_of(within):
            top = LINEAGE if within != path else ""
            groups[top, shard.config, shard.split][shard.total].add(shard.index)
    for (top, config, split), totals in groups.items():
        place = "/".join(filter(None, (top, config)))
        if len(totals) > 1:
            listed = " and ".join(str(total) for total in sorted(totals))
            notes.fail("files", f"{place}/{split}-*", f"shards of {listed} lie side by side")
        for total, found in totals.items():
            for index in sorted(set(range(total)) - found):
                name = f"{place}/{split}-{index:05d}-of-{total:05d}.parquet"
                notes.fail("files", name, "is missing: the others of its split count it")


def check_bytes(notes: Notes, fs: Any, root: str, path: str, listed: ReleaseFile | None) -> None:
    """Size and SHA-256 of one file, if the manifest lists it."""
    if listed is None:
        return
    notes.check("checksums")
    try:
        size, sha256 = _measure(fs, f"{root}/{path}")
    except UNREADABLE as error:
        notes.fail("readable", path, f"cannot be read: {reason_of(error)}")
        return
    if size != listed.bytes:
        notes.fail("checksums", path, f"has {size} bytes, the manifest says {listed.bytes}")
    elif sha256 != listed.sha256:
        notes.fail("checksums", path, "does not have the SHA-256 of the manifest")


def _measure(fs: Any, path: str) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    for piece in read_pieces(fs, path):
        digest.update(piece)
        size += len(piece)
    return size, digest.hexdigest()
