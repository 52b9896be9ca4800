"""The calls to the Hub that publishing needs, each with our patience around it.

Everything goes through `huggingface_hub` (the extra `hub`), which knows the protocol, Git LFS and
Xet; what it does not do is decide when to try again. A dataset repository only, branch `main` only.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pipelines.services.hub.errors import (
    HubAnswer,
    HubGarbled,
    HubUnreachable,
    concurrent,
)
from pipelines.services.hub.library import load_library
from pipelines.services.hub.retry import HubConfig, Patience, Silent, Watcher
from schemas.errors import StageError, UsageError

_KIND = "dataset"
_INVALID = "Invalid credentials"


@dataclass(frozen=True)
class RepoState:
    """Whether a repository is private, and the commit at the head of its branch."""

    private: bool
    head: str


@dataclass(frozen=True)
class RemoteFile:
    """A file on the Hub: size in bytes, git blob id, and SHA-256 when it is an LFS file."""

    size: int
    blob_id: str
    sha256: str = ""


@dataclass(frozen=True)
class LfsObject:
    """An LFS object of a repository, in a commit or not; `handle` is what the library needs."""

    names: frozenset[str]
    handle: Any


def git_blob_id(data: bytes) -> str:
    """The id that git gives to a file of these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def find_token(config: HubConfig) -> str:
    """The token of the configuration, of HF_TOKEN or of the library's login; empty: none."""
    token = config.token or load_library().get_token() or ""
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise UsageError("the token of the Hub (HF_TOKEN) holds characters that no token has")
    return token


@contextlib.contextmanager
def open_hub(repo: str, config: HubConfig, watcher: Watcher | None = None) -> Iterator["Hub"]:
    """A Hub for one repository; the library works with our HTTP client meanwhile."""
    from pipelines.services.hub.transport import (
        Manner,
        patient_session,
    )  # an HTTP library only for this verb

    library, watcher = load_library(), watcher or Silent()
    _check_name(library, repo)
    if library.is_offline_mode():
        raise UsageError("HF_HUB_OFFLINE is set: unset it to reach the Hub")
    token = find_token(config)
    endpoint = (config.endpoint or os.environ.get("HF_ENDPOINT") or "").rstrip("/")
    api = library.HfApi(endpoint=endpoint or None, token=token or False, library_name="pixmo")
    patience = Patience(repo, config, watcher)
    with patient_session(Manner(config.timeout_s, patience, token, watcher.sent)):
        yield Hub(repo, api, bool(token), patience)


def _check_name(library: Any, repo: str) -> None:
    try:
        library.utils.validate_repo_id(repo)
    except ValueError as error:
        raise UsageError(f"--repo {repo}: {str(error).splitlines()[0]}") from error
    if repo.count("/") != 1:
        raise UsageError(f"--repo {repo}: write it as org/name")


class Hub:
    """One dataset repository on the Hub."""

    def __init__(self, repo: str, api: Any, signed_in: bool, patience: Patience) -> None:
        self.repo, self.signed_in = repo, signed_in
        self._api, self._patience = api, patience
        self._where = {"repo_id": repo, "repo_type": _KIND}

    @property
    def url(self) -> str:
        """The page of the repository."""
        return f"{self._api.endpoint}/datasets/{self.repo}"

    def _persist(self, doing: str, call: Callable[[], Any]) -> Any:
        return self._patience.persist(doing, call)

    def state(self) -> RepoState | None:
        """What the repository is; None when there is none that this token can see."""

        def ask() -> RepoState | None:
            try:
                info = self._api.repo_info(**self._where)
            except HubAnswer as answer:
                hidden = answer.status == 401 and _INVALID not in answer.message
                if hidden or (answer.status == 404 and answer.code in ("", "RepoNotFound")):
                    return None
                raise
            return RepoState(bool(info.private), str(info.sha))

        found: RepoState | None = self._persist("looking at the repository", ask)
        return found

    def files(self, revision: str) -> dict[str, RemoteFile]:
        """All files of a commit by path."""

        def ask() -> dict[str, RemoteFile]:
            tree = self._api.list_repo_tree(recursive=True, revision=revision, **self._where)
            rows = [row for row in tree if hasattr(row, "blob_id")]
            return {
                row.path: RemoteFile(row.size, row.blob_id, row.lfs.sha256 if row.lfs else "")
                for row in rows
            }

        found: dict[str, RemoteFile] = self._persist("listing its files", ask)
        return found

    def read(self, path: str, revision: str, listed: RemoteFile) -> bytes:
        """A small file of a commit, whose content is what the listing says."""

        def ask() -> bytes:
            response = (
                load_library()
                .get_session()
                .get(
                    f"{self.url}/resolve/{revision}/{quote(path)}",
                    headers=load_library().utils.build_hf_headers(token=self._api.token),
                )
            )
            data = bytes(response.content)
            got = hashlib.sha256(data).hexdigest() if listed.sha256 else git_blob_id(data)
            if got != (listed.sha256 or listed.blob_id):
                raise HubGarbled(f"{path} arrived with other bytes than the Hub lists")
            return data

        found: bytes = self._persist(f"reading {path}", ask)
        return found

    def create_private(self) -> RepoState:
        """Make the repository, private; StageError when someone else has just made it."""
        tried = False

        def ask() -> None:
            nonlocal tried
            again, tried = tried, True
            try:
                self._api.create_repo(private=True, **self._where)
            except HubAnswer as answer:
                # The first try may have worked although its answer was lost.
                if answer.status != 409 or not again:
                    raise

        self._persist("creating it", ask)
        state = self.state()
        if state is None or not state.private:
            raise StageError(
                f"{self.repo}: it was created, but the Hub does not show it as private; nothing "
                "was uploaded: look at its settings and at those of its organisation"
            )
        return state

    def make_public(self) -> None:
        """Let everybody see the repository."""
        self._persist(
            "making it public",
            lambda: self._api.update_repo_settings(visibility="public", **self._where),
        )

    def upload(self, additions: Sequence[Any]) -> None:
        """Upload the LFS objects among these additions; those already there are not sent."""

        def ask() -> None:
            try:
                self._api.preupload_lfs_files(additions=additions, **self._where)
            except (RuntimeError, OSError) as error:
                # hf_xet has an HTTP client of its own, and raises plain exceptions.
                if error.__cause__ is None and not load_library().constants.HF_HUB_DISABLE_XET:
                    raise HubUnreachable(f"the Xet store: {error}") from error
                raise

        self._persist(f"uploading {additions[0].path_in_repo} and {len(additions) - 1} more", ask)

    def commit(
        self, operations: Sequence[Any], title: str, parent: str, landed: Callable[[str], bool]
    ) -> str:
        """Commit on top of `parent` and return the new head.

        LockedError when the head is another one. After a try whose answer was lost, `landed` is
        asked whether the new head holds what was to be committed.
        """
        tried = False

        def ask() -> str:
            nonlocal tried
            again, tried = tried, True
            head = self._head() if again else parent
            if head != parent:
                if landed(head):
                    return head
                raise concurrent(self.repo)
            made = self._api.create_commit(
                operations=operations, commit_message=title, parent_commit=parent, **self._where
            )
            return str(made.oid)

        head: str = self._persist("committing", ask)
        return head

    def _head(self) -> str:
        state = self.state()
        return state.head if state else ""

    def history(self) -> list[str]:
        """The commits of the branch, newest first."""
        listed = self._persist(
            "listing its commits", lambda: self._api.list_repo_commits(**self._where)
        )
        return [commit.commit_id for commit in listed]

    def other_refs(self) -> list[str]:
        """Branches, tags, pull requests and conversions beside `main`."""
        refs = self._persist(
            "listing its branches",
            lambda: self._api.list_repo_refs(include_pull_requests=True, **self._where),
        )
        groups = (refs.branches, refs.tags, refs.converts, refs.pull_requests or [])
        names = [ref.ref for group in groups for ref in group]
        return [name for name in names if name != "refs/heads/main"]

    def lfs_objects(self) -> list[LfsObject]:
        """All LFS objects that the repository stores, whether a commit points to them or not."""
        rows = self._persist(
            "listing its LFS objects", lambda: list(self._api.list_lfs_files(**self._where))
        )
        return [LfsObject(frozenset((row.oid, row.file_oid)), row) for row in rows]

    def delete_lfs(self, objects: Sequence[LfsObject]) -> None:
        """Delete LFS objects for ever, and every pointer to them in the history."""
        handles = [item.handle for item in objects]
        self._persist(
            "deleting LFS objects",
            lambda: self._api.permanently_delete_lfs_files(lfs_files=handles, **self._where),
        )

    def squash(self, title: str) -> None:
        """Make one commit of the whole history."""
        self._persist(
            "squashing its history",
            lambda: self._api.super_squash_history(commit_message=title, **self._where),
        )
