"""Dataset repositories in memory, as the stand-in of the Hub keeps them: commits, blobs, objects.

Object ids are git's own: SHA-1 of `blob <size>\\0<bytes>`, for an LFS file of its pointer text.
"""

import hashlib
import json
import threading
from collections import Counter
from dataclasses import dataclass, field

START = ".gitattributes"
LFS_SUFFIXES = (".parquet", ".arrow", ".zip", ".gz")
LFS_ABOVE = 10 * 2**20


def blob_id(data: bytes) -> str:
    """The id git gives to a file."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def pointer(sha256: str, size: int) -> bytes:
    """The text that stands in git for an LFS object."""
    lines = ("version https://git-lfs.github.com/spec/v1", f"oid sha256:{sha256}", f"size {size}")
    return "".join(f"{line}\n" for line in lines).encode()


@dataclass(frozen=True)
class Entry:
    """One file of a commit: its git id and size; bytes, or the SHA-256 of its LFS object."""

    oid: str
    size: int
    data: bytes | None = None
    sha256: str = ""

    @property
    def known_as(self) -> str:
        """What the server calls the content: SHA-256 of an LFS file, else the git id."""
        return self.sha256 or self.oid


@dataclass(frozen=True)
class Commit:
    """A state of all files."""

    oid: str
    title: str
    files: dict[str, Entry]


@dataclass
class Repo:
    """A dataset repository; as on the Hub, its first commit holds `.gitattributes`."""

    name: str
    private: bool
    commits: list[Commit] = field(default_factory=list)
    lfs: dict[str, bytes] = field(default_factory=dict)
    received: Counter[str] = field(default_factory=Counter)  # LFS objects that arrived, by SHA-256
    parts: dict[tuple[str, int], bytes] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.put({START: b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"}, "initial commit")

    def copy(self) -> "Repo":
        """Another repository that holds the same."""
        made = Repo(self.name, self.private)
        made.commits, made.lfs = list(self.commits), dict(self.lfs)
        return made

    @property
    def head(self) -> Commit:
        return self.commits[-1]

    def at(self, revision: str) -> Commit | None:
        """The commit of a revision, None when there is none of this name."""
        if revision == "main":
            return self.head
        return next((c for c in self.commits if c.oid == revision), None)

    def add(self, files: dict[str, Entry], title: str) -> Commit:
        """Commit a whole state."""
        tree = {path: entry.oid for path, entry in files.items()}
        text = json.dumps([self.name, len(self.commits), title, tree])
        before = self.commits[-1].oid if self.commits else ""
        oid = hashlib.sha1((before + text).encode()).hexdigest()
        self.commits.append(Commit(oid, title, dict(sorted(files.items()))))
        return self.head

    def put(self, files: dict[str, bytes], title: str = "by hand") -> Commit:
        """Commit files as a person would in the browser."""
        old = self.head.files if self.commits else {}
        return self.add(old | {p: self._entry(p, data) for p, data in files.items()}, title)

    def _entry(self, path: str, data: bytes) -> Entry:
        if not path.endswith(LFS_SUFFIXES):
            return Entry(blob_id(data), len(data), data)
        sha = hashlib.sha256(data).hexdigest()
        self.lfs[sha] = data
        return self.lfs_entry(sha, len(data))

    @staticmethod
    def lfs_entry(sha256: str, size: int) -> Entry:
        """The entry of an LFS object."""
        return Entry(blob_id(pointer(sha256, size)), size, None, sha256)

    def content(self, entry: Entry) -> bytes:
        """The bytes behind an entry."""
        return entry.data if entry.data is not None else self.lfs[entry.sha256]

    def files(self) -> dict[str, bytes]:
        """All files of the head but the one that the Hub itself makes."""
        found = self.head.files.items()
        return {path: self.content(entry) for path, entry in found if path != START}

    def squash(self, title: str) -> None:
        """One commit instead of all."""
        files = self.head.files
        self.commits = []
        self.add(files, title)

    def forget(self, shas: set[str]) -> None:
        """Delete LFS objects and every pointer to them, in all commits."""
        for sha in shas:
            self.lfs.pop(sha, None)
        old, self.commits = self.commits, []
        for commit in old:
            kept = {p: e for p, e in commit.files.items() if e.sha256 not in shas}
            self.add(kept, commit.title)


def folders(paths: list[str]) -> list[str]:
    """All folders above these paths."""
    found = {"/".join(p.split("/")[:n]) for p in paths for n in range(1, p.count("/") + 1)}
    return sorted(found)
