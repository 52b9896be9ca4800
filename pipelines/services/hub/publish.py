"""Publishing a release to the Hugging Face Hub: private first, whole or not at all, verified.

    plan = plan_release("out/release", "org/name", merge_card)               # asks, changes nothing
    done = publish_release("out/release", "org/name", merge_card, private=True)
    gone = purge_history("org/name")                               # after a takedown

LFS objects are uploaded first and are invisible until one commit names them all; it deletes stale
files and carries card and manifest, on top of the commit that was looked at. What is on the Hub is
the only memory of what was done, so the same command always completes an interrupted one.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from pipelines.services.hub.client import Hub, RemoteFile, open_hub
from pipelines.services.hub.library import load_library
from pipelines.services.hub.plan import (
    PublishPlan,
    check_right,
    differences,
    groups,
    sort_files,
    will_be_public,
)
from pipelines.services.hub.release import GIT_LIMIT, WantedFile, check_files, with_card
from pipelines.services.hub.retry import HubConfig, Silent, Watcher
from pipelines.services.hub.unfinished import Unfinished
from schemas.errors import StageError, UsageError
from schemas.files import open_fs
from schemas.manifest import CARD, MANIFEST, ReleaseManifest, read_manifest

__all__ = ["HubConfig", "PublishPlan", "Published", "Target", "plan_release", "publish_release"]

Merge = Callable[[str, str], str]
"""Our card and the card on the Hub -> the card to publish; UsageError when theirs is broken."""


@dataclass(frozen=True)
class Target:
    """Where to publish: repository `org/name`, and whether it has to stay private."""

    repo: str
    private: bool = False
    config: HubConfig = HubConfig()


@dataclass(frozen=True)
class Published:
    """What was done: the plan, the commit that holds the release, and the page's URL."""

    plan: PublishPlan
    commit: str
    url: str


def plan_release(
    release: str, target: Target, merge: Merge, watcher: Watcher | None = None
) -> PublishPlan:
    """What publishing would do; the Hub is only read, without a token when it is public.

    Raises as `publish_release` does.
    """
    with open_hub(target.repo, target.config, watcher) as hub:
        return _Publishing(release, target, merge, hub, watcher or Silent()).plan()


def publish_release(
    release: str, target: Target, merge: Merge, watcher: Watcher | None = None
) -> Published:
    """Publish a release folder, or complete what an interrupted call began.

    Raises UsageError (release not as its manifest says, no token or right, a broken card on the
    Hub, pictures without a stated right), LockedError (someone else commits), StageError (the Hub
    fails for good, or holds other bytes afterwards), MissingPart.
    """
    with open_hub(target.repo, target.config, watcher) as hub:
        if not hub.signed_in:
            raise UsageError("no token for the Hub: set HF_TOKEN, or run `hf auth login`")
        return _Publishing(release, target, merge, hub, watcher or Silent()).publish()


class _Publishing:
    """One release on its way to one repository."""

    def __init__(
        self, release: str, target: Target, merge: Merge, hub: Hub, watcher: Watcher
    ) -> None:
        self._fs, self._release = open_fs(release.rstrip("/"))
        self._target, self._merge, self._hub, self._watcher = target, merge, hub, watcher
        self._manifest: ReleaseManifest = read_manifest(self._fs, self._release)
        self._note = Unfinished(self._fs, self._release, target.repo, hub.url)

    def plan(self) -> PublishPlan:
        state, private = self._hub.state(), self._target.private
        public = will_be_public(state, private, self._note.stands())
        check_right(self._manifest, self._target.repo, public)
        checked = check_files(self._fs, self._release, self._manifest, self._watcher)
        plan = PublishPlan(self._target.repo, self._hub.url, state, public)
        return self._filled(plan, checked)

    def _filled(self, plan: PublishPlan, checked: Sequence[WantedFile]) -> PublishPlan:
        """The plan with its files, compared with what is at the head of the repository."""
        head = plan.state.head if plan.state else ""
        remote = self._hub.files(head) if head else {}
        theirs = self._read(CARD, head, remote)
        merged = self._merged(checked, theirs)
        own = self._fs.cat_file(f"{self._release}/{MANIFEST}")
        wanted = with_card(checked, self._manifest, own, merged)
        old = self._read(MANIFEST, head, remote)
        add, keep, delete = sort_files(wanted, remote, old)
        card, after = theirs.decode(), (merged or b"").decode()
        return replace(plan, add=add, keep=keep, delete=delete, card=card, merged=after)

    def _read(self, path: str, head: str, remote: dict[str, RemoteFile]) -> bytes:
        return self._hub.read(path, head, remote[path]) if path in remote else b""

    def _merged(self, checked: Sequence[WantedFile], theirs: bytes) -> bytes | None:
        if all(file.path != CARD for file in checked):
            return None
        ours = self._fs.cat_file(f"{self._release}/{CARD}")
        try:
            return self._merge(ours.decode(), theirs.decode()).encode() if theirs else bytes(ours)
        except UnicodeDecodeError as error:
            raise UsageError(f"{self._hub.url}: {CARD} is no UTF-8 text: mend it there") from error

    def publish(self) -> Published:
        plan = self.plan()
        if plan.state is None:
            if plan.public:
                self._note.write()
            plan = replace(plan, state=self._hub.create_private())
        commit = self._commit(plan)
        self._verify(plan, commit)
        if plan.opens:
            self._hub.make_public()
        self._note.drop()
        return Published(plan, commit, self._hub.url)

    def _commit(self, plan: PublishPlan) -> str:
        """Upload and commit what is missing; returns the commit that then holds the release."""
        head = plan.state.head if plan.state else ""
        if not (plan.add or plan.delete):
            return head
        ready = self._upload(plan.add)
        batches = list(plan.batches(self._target.config.files_per_commit))
        title = f"{self._manifest.title} (pixmo {self._manifest.code_version})"
        for number, batch in enumerate(batches, 1):
            gone = plan.delete if number == len(batches) else ()
            operations = [ready[file.path] for file in batch] + _deletions(gone)
            landed = partial(self._holds, batch, gone)
            head = self._hub.commit(operations, title, head, landed)
        return head

    def _upload(self, files: Sequence[WantedFile]) -> dict[str, Any]:
        """Send the LFS objects; returns what to commit for every file by path."""
        ready: dict[str, Any] = {}
        config = self._target.config
        self._watcher.begin("upload", len(files), sum(file.size for file in files))
        for group in groups(files, config.files_per_upload, config.bytes_per_upload):
            with self._on_disk(group) as additions:
                self._hub.upload(additions)
            self._watcher.done(len(group), sum(file.size for file in group))
            ready |= {addition.path_in_repo: addition for addition in additions}
        return ready

    @contextlib.contextmanager
    def _on_disk(self, group: Sequence[WantedFile]) -> Iterator[list[Any]]:
        """The additions of some files, which the library can read inside the block."""
        with tempfile.TemporaryDirectory(prefix="pixmo-publish-") as folder:
            yield [self._addition(file, f"{folder}/{n}") for n, file in enumerate(group)]

    def _addition(self, file: WantedFile, copy: str) -> Any:
        path, source = f"{self._release}/{file.path}", file.content
        if source is None and not isinstance(self._fs, LocalFileSystem):
            # A file that git itself keeps is read once more when it is committed.
            if file.size <= GIT_LIMIT:
                source = self._fs.cat_file(path)
            else:
                self._fs.get_file(path, copy)
                path = copy
        added = load_library().CommitOperationAdd(file.path, path if source is None else source)
        added.upload_info.sha256 = bytes.fromhex(file.sha256)
        return added

    def _holds(self, files: Sequence[WantedFile], gone: Sequence[str], head: str) -> bool:
        return not differences(files, gone, self._hub.files(head))

    def _verify(self, plan: PublishPlan, commit: str) -> None:
        wrong = differences(plan.wanted, plan.delete, self._hub.files(commit))
        self._watcher.begin("verify", len(plan.wanted), sum(file.size for file in plan.wanted))
        if wrong:
            raise StageError(
                f"{self._hub.url}: commit {commit} does not hold what was published: "
                f"{', '.join(wrong)}; its visibility was left alone. Run the same command again, "
                "or restore the commit before it"
            )


def _deletions(paths: Sequence[str]) -> list[Any]:
    return [load_library().CommitOperationDelete(path, is_folder=False) for path in paths]
