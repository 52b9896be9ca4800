"""A release on its way to the Hub: what is to be there, checked against its manifest first.

A release whose files are not those of its manifest is not published at all. The content of two
files differs on the Hub: the card is merged with the one there, and the manifest then lists the
merged card, so that what is downloaded agrees with itself.
"""

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from pipelines.services.cores import usable_cores
from pipelines.services.hub.client import RemoteFile, git_blob_id
from pipelines.services.hub.retry import Watcher
from schemas.errors import UsageError
from schemas.files import read_pieces
from schemas.manifest import CARD, CROISSANT, MANIFEST, ReleaseFile, ReleaseManifest, manifest_text

# Committed last, in this order.
LAST = (CROISSANT, CARD, MANIFEST)
# The Hub keeps no larger file in git itself, so of a larger one no git id is ever compared.
GIT_LIMIT = 16 * 2**20


@dataclass(frozen=True)
class WantedFile:
    """A file as it is to be on the Hub: path, bytes, SHA-256, git blob id (empty: too large).

    `content` holds what differs from the release on disk.
    """

    path: str
    size: int
    sha256: str
    blob_id: str
    content: bytes | None = field(default=None, repr=False)

    def is_at(self, remote: RemoteFile | None) -> bool:
        """Whether the Hub has exactly this."""
        if remote is None or remote.size != self.size:
            return False
        return remote.sha256 == self.sha256 if remote.sha256 else remote.blob_id == self.blob_id


def of_bytes(path: str, data: bytes) -> WantedFile:
    """A file of these bytes."""
    return WantedFile(path, len(data), hashlib.sha256(data).hexdigest(), git_blob_id(data), data)


def check_files(
    fs: Any, release: str, manifest: ReleaseManifest, watcher: Watcher
) -> tuple[WantedFile, ...]:
    """All listed files, hashed; UsageError names the first one that is not as listed."""
    size = sum(file.bytes for file in manifest.files)
    watcher.begin("check", len(manifest.files), size)

    def check(file: ReleaseFile) -> WantedFile:
        found = _check(fs, release, file)
        watcher.done(1, file.bytes)
        return found

    with ThreadPoolExecutor(max(1, int(usable_cores()))) as pool:
        return tuple(pool.map(check, _safe(release, manifest.files)))


def _safe(release: str, files: Iterable[ReleaseFile]) -> Iterator[ReleaseFile]:
    for file in files:
        parts = file.path.split("/")
        if "" in parts or any(part.startswith(".") for part in parts) or file.path == MANIFEST:
            raise UsageError(f"{release}/{MANIFEST}: {file.path!r} is no path in a release")
        yield file


def _check(fs: Any, release: str, file: ReleaseFile) -> WantedFile:
    path = f"{release}/{file.path}"
    remedy = "run `pixmo audit --release`, or export again"
    sha256, sha1, size = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % file.bytes), 0
    try:
        for piece in read_pieces(fs, path):
            size += len(piece)
            sha256.update(piece)
            if file.bytes <= GIT_LIMIT:
                sha1.update(piece)
    except FileNotFoundError as error:
        raise UsageError(f"{path}: listed in {MANIFEST} and not there; {remedy}") from error
    if size != file.bytes:
        raise UsageError(f"{path}: {size} bytes, {MANIFEST} says {file.bytes}; {remedy}")
    if sha256.hexdigest() != file.sha256:
        raise UsageError(f"{path}: its SHA-256 is not the one in {MANIFEST}; {remedy}")
    blob_id = sha1.hexdigest() if file.bytes <= GIT_LIMIT else ""
    return WantedFile(file.path, size, file.sha256, blob_id)


def with_card(
    files: Iterable[WantedFile], manifest: ReleaseManifest, own: bytes, card: bytes | None
) -> tuple[WantedFile, ...]:
    """All files as they are to be on the Hub, in the order of committing, the manifest last.

    `own` is `manifest.json` as it lies on disk; `card` the merged card, None without a card.
    """
    found = {file.path: file for file in files}
    if card is not None and of_bytes(CARD, card).sha256 != found[CARD].sha256:
        found[CARD] = of_bytes(CARD, card)
        listed = tuple(_relist(file, card) for file in manifest.files)
        own = manifest_text(replace(manifest, files=listed)).encode()
    found[MANIFEST] = of_bytes(MANIFEST, own)
    order = {path: place + 1 for place, path in enumerate(LAST)}
    return tuple(sorted(found.values(), key=lambda file: (order.get(file.path, 0), file.path)))


def _relist(file: ReleaseFile, card: bytes) -> ReleaseFile:
    if file.path != CARD:
        return file
    return replace(file, bytes=len(card), sha256=hashlib.sha256(card).hexdigest())
