"""What publishing will do, decided from what is wanted and what is there; no call is made here.

Files on the Hub that no manifest of ours lists belong to people and are never touched. A file that
the manifest on the Hub lists and the new one does not is stale, and is deleted.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipelines.services.hub.client import RemoteFile, RepoState
from pipelines.services.hub.release import LAST, WantedFile
from schemas.errors import UsageError
from schemas.manifest import ReleaseManifest


@dataclass(frozen=True)
class PublishPlan:
    """What publishing a release to a repository means.

    `state` is the repository as it is (None: it will be created, private), `public` what it will
    be afterwards; `add` are files to commit in order, `keep` those that are there already, `delete`
    stale paths; `card` is the card on the Hub (empty: none), `merged` the card it will have.
    """

    repo: str
    url: str
    state: RepoState | None
    public: bool
    add: tuple[WantedFile, ...] = ()
    keep: tuple[WantedFile, ...] = ()
    delete: tuple[str, ...] = ()
    card: str = field(default="", repr=False)
    merged: str = field(default="", repr=False)

    @property
    def opens(self) -> bool:
        """Whether the repository is made public at the end."""
        return self.public and (self.state is None or self.state.private)

    @property
    def wanted(self) -> tuple[WantedFile, ...]:
        """All files of the release."""
        return self.keep + self.add

    def batches(self, size: int) -> Iterator[tuple[WantedFile, ...]]:
        """What is committed together; the last batch holds the card and the manifest."""
        rest = [file for file in self.add if file.path not in LAST]
        last = tuple(file for file in self.add if file.path in LAST)
        while len(rest) + len(last) > size and rest:
            yield tuple(rest[:size])
            rest = rest[size:]
        yield (*rest, *last)


def check_right(manifest: ReleaseManifest, repo: str, public: bool) -> None:
    """UsageError when embedded pictures would become public without a stated right."""
    embedded = sorted(name for name, form in manifest.images.items() if form == "embed")
    if public and embedded and not manifest.embedding_right.strip():
        raise UsageError(
            f"{repo} is public or would become so, and {', '.join(embedded)} holds pictures. State "
            "the right to publish them (`release.embedding_right` in the recipe, or "
            "`pixmo export all --embedding-right`), export with `--images url`, or publish with "
            "`--private` to a private repository"
        )


def will_be_public(state: RepoState | None, private: bool, unfinished: bool) -> bool:
    """A new repository becomes public unless `private`; an existing one stays as it is.

    `unfinished`: an earlier run created it in order to make it public, and was interrupted.
    """
    if state is None:
        return not private
    return not state.private or (unfinished and not private)


def sort_files(
    wanted: Sequence[WantedFile], remote: Mapping[str, RemoteFile], old: bytes
) -> tuple[tuple[WantedFile, ...], tuple[WantedFile, ...], tuple[str, ...]]:
    """What to add, what to keep, which paths to delete; `old` is the manifest on the Hub."""
    keep = tuple(file for file in wanted if file.is_at(remote.get(file.path)))
    kept, names = {file.path for file in keep}, {file.path for file in wanted}
    stale = sorted(path for path in listed_files(old) if path in remote and path not in names)
    return tuple(file for file in wanted if file.path not in kept), keep, tuple(stale)


def listed_files(manifest: bytes) -> dict[str, str]:
    """SHA-256 by path from a `manifest.json` of any version; nothing when it is none of ours."""
    try:
        return {str(row["path"]): str(row["sha256"]) for row in json.loads(manifest)["files"]}
    except (ValueError, TypeError, KeyError):
        return {}


def differences(
    wanted: Iterable[WantedFile], deleted: Iterable[str], remote: Mapping[str, RemoteFile]
) -> list[str]:
    """Paths at which the Hub does not hold what it should."""
    wrong = [file.path for file in wanted if not file.is_at(remote.get(file.path))]
    return wrong + [path for path in deleted if path in remote]


def groups(files: Iterable[WantedFile], count: int, size: int) -> Iterator[tuple[WantedFile, ...]]:
    """Files in runs of at most `count` files and `size` bytes, one file at least."""
    run: list[WantedFile] = []
    for file in files:
        if run and (len(run) == count or sum(f.size for f in run) + file.size > size):
            yield tuple(run)
            run = []
        run.append(file)
    if run:
        yield tuple(run)
