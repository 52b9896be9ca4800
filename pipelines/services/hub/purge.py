"""Taking back what was published: old shards disappear from the Hub for good, history included.

To be run when a release without the removed rows has been published: then every object that some
manifest in the history lists and that the newest one does not is deleted, and the history becomes
one commit. Objects that no manifest of ours ever listed are left alone. Interrupted, it can be
called again: the history, which says what was ours, goes last.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.services.hub.client import Hub, RemoteFile, open_hub
from pipelines.services.hub.plan import listed_files
from pipelines.services.hub.retry import HubConfig, Watcher
from schemas.errors import StageError, UsageError
from schemas.manifest import MANIFEST

TITLE = "Release, with the history before a takedown removed"


@dataclass(frozen=True)
class Purged:
    """What was removed from a repository, for a receipt.

    `head` is the one commit that is left, `commits` how many there were; `deleted` are SHA-256 of
    deleted LFS objects; `other_refs` are branches, tags, pull requests and conversions that may
    still hold old data.
    """

    url: str
    head: str
    deleted: tuple[str, ...]
    commits: int
    other_refs: tuple[str, ...]


def purge_history(
    repo: str, config: HubConfig | None = None, watcher: Watcher | None = None
) -> Purged:
    """Delete the LFS objects of earlier releases and squash the history of `org/name`.

    Raises UsageError (no such repository, no token or right, no release in it), StageError (the
    Hub fails for good, or still lists an object afterwards), MissingPart.
    """
    with open_hub(repo, config or HubConfig(), watcher) as hub:
        state = hub.state()
        if state is None:
            raise UsageError(f"{repo}: there is no such repository, or the token may not see it")
        now = hub.files(state.head)
        if MANIFEST not in now:
            raise UsageError(f"{hub.url}: no {MANIFEST}: `pixmo publish` the new release first")
        history = hub.history()
        stale = _ours(hub, history) - {file.sha256 for file in now.values()}
        deleted = _delete(hub, stale)
        if len(history) > 1:
            hub.squash(TITLE)
        head = _check(hub, stale, now)
        return Purged(hub.url, head, deleted, len(history), tuple(hub.other_refs()))


def _ours(hub: Hub, history: Iterable[str]) -> set[str]:
    """SHA-256 of all files that any manifest in the history lists."""
    seen: dict[str, set[str]] = {}
    for commit in history:
        manifest = hub.files(commit).get(MANIFEST)
        if manifest is not None and manifest.blob_id not in seen:
            data = hub.read(MANIFEST, commit, manifest)
            seen[manifest.blob_id] = set(listed_files(data).values())
    return set().union(*seen.values())


def _delete(hub: Hub, stale: set[str]) -> tuple[str, ...]:
    objects = [item for item in hub.lfs_objects() if item.names & stale]
    if objects:
        hub.delete_lfs(objects)
    return tuple(sorted(name for item in objects for name in item.names & stale))


def _check(hub: Hub, stale: set[str], before: dict[str, RemoteFile]) -> str:
    left = sorted(name for item in hub.lfs_objects() for name in item.names & stale)
    if left:
        raise StageError(f"{hub.url}: still holds LFS objects that were deleted: {', '.join(left)}")
    state = hub.state()
    if state is None or hub.files(state.head) != before:
        raise StageError(f"{hub.url}: its files changed while history was removed; publish again")
    return state.head
