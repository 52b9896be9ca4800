"""The pieces that publishing is made of: checks, plans, words for failures, patience."""

import sys
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem

from pipelines.services.hub.client import RemoteFile, RepoState
from pipelines.services.hub.errors import (
    Failure,
    HubAnswer,
    HubGarbled,
    HubUnreachable,
    explain,
    failure_of,
    worth_trying_again,
)
from pipelines.services.hub.library import load_library
from pipelines.services.hub.plan import (
    PublishPlan,
    differences,
    groups,
    listed_files,
    sort_files,
    will_be_public,
)
from pipelines.services.hub.release import WantedFile, check_files, of_bytes
from pipelines.services.hub.retry import HubConfig, Patience, Silent
from pipelines.services.hub.unfinished import Unfinished
from schemas.errors import LockedError, MissingPart, PixmoError, StageError, UsageError
from schemas.manifest import read_manifest
from tests.hub_repos import blob_id, pointer
from tests.toy_release import make_release

FS = LocalFileSystem()
PRIVATE, PUBLIC = RepoState(True, "a"), RepoState(False, "a")


def check(release: Path) -> tuple[WantedFile, ...]:
    return check_files(FS, str(release), read_manifest(FS, str(release)), Silent())


def test_git_ids_are_those_of_git() -> None:
    """The two known ones: the empty file, and `hello` with a newline."""
    assert of_bytes("x", b"").blob_id == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert of_bytes("x", b"hello\n").blob_id == "ce013625030ba8dba906f756967f9e9ca394464a"
    assert blob_id(b"hello\n") == of_bytes("x", b"hello\n").blob_id
    assert pointer("ab", 5).startswith(b"version https://git-lfs")


def test_a_checked_release_has_all_hashes(tmp_path: Path) -> None:
    release = make_release(tmp_path)
    for file in check(release):
        known = of_bytes(file.path, (release / file.path).read_bytes())
        assert (file.sha256, file.blob_id, file.size) == (known.sha256, known.blob_id, known.size)


def test_a_missing_or_short_file_is_named(tmp_path: Path) -> None:
    release = make_release(tmp_path)
    (release / "croissant.json").write_text("{}")
    with pytest.raises(UsageError, match=r"croissant\.json: 2 bytes.*pixmo audit --release"):
        check(release)
    (release / "croissant.json").unlink()
    with pytest.raises(UsageError, match=r"croissant\.json: listed in manifest\.json and not"):
        check(release)


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a//b", ".git/config", "manifest.json"])
def test_a_manifest_names_files_of_the_release_only(tmp_path: Path, path: str) -> None:
    release = make_release(tmp_path)
    text = (release / "manifest.json").read_text().replace("croissant.json", path)
    (release / "manifest.json").write_text(text)
    with pytest.raises(UsageError, match="is no path in a release"):
        check(release)


def test_a_folder_without_a_manifest_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pixmo export all"):
        check(tmp_path)


def test_a_file_is_there_when_its_hash_is() -> None:
    file = of_bytes("a", b"hello\n")
    assert file.is_at(RemoteFile(6, file.blob_id))
    assert file.is_at(RemoteFile(6, "pointer", file.sha256))
    assert not file.is_at(RemoteFile(6, file.blob_id, "other"))
    assert not file.is_at(RemoteFile(7, file.blob_id))
    assert not file.is_at(None)
    large = WantedFile("a", 6, file.sha256, "")
    assert not large.is_at(RemoteFile(6, file.blob_id))


def test_files_are_sorted_into_what_to_do() -> None:
    new, same = of_bytes("new", b"1"), of_bytes("same", b"2")
    remote = {"same": RemoteFile(1, same.blob_id), "old": RemoteFile(1, "x"), "theirs": PUBLIC}
    old = b'{"files": [{"path": "old", "sha256": "s"}, {"path": "gone", "sha256": "s"}]}'
    assert sort_files([new, same], remote, old) == ((new,), (same,), ("old",))  # type: ignore[arg-type]
    assert differences([same], ["old"], {"same": RemoteFile(1, same.blob_id)}) == []
    assert differences([new, same], ["old"], {"old": RemoteFile(1, "x")}) == ["new", "same", "old"]


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b'{"files": 3}', b'{"files": [{}]}', b"\xff"])
def test_any_other_file_called_manifest_lists_nothing(text: bytes) -> None:
    assert listed_files(text) == {}


@pytest.mark.parametrize(
    ("state", "private", "unfinished", "public"),
    [
        (None, False, False, True),
        (None, True, False, False),
        (PRIVATE, False, False, False),
        (PRIVATE, False, True, True),
        (PRIVATE, True, True, False),
        (PUBLIC, True, False, True),
        (PUBLIC, False, False, True),
    ],
)
def test_who_may_see_it_afterwards(
    state: RepoState | None, private: bool, unfinished: bool, public: bool
) -> None:
    assert will_be_public(state, private, unfinished) == public
    plan = PublishPlan("org/x", "", state, public)
    assert plan.opens == (public and state is not PUBLIC)


def test_batches_keep_the_manifest_for_the_last() -> None:
    names = ["a", "b", "c", "croissant.json", "README.md", "manifest.json"]
    files = tuple(of_bytes(name, b"") for name in names)
    plan = PublishPlan("org/x", "", None, True, add=files)
    batches = [[file.path for file in batch] for batch in plan.batches(4)]
    assert batches == [names[:3], names[3:]]
    assert list(PublishPlan("org/x", "", None, True).batches(4)) == [()]


def test_groups_hold_to_both_limits() -> None:
    files = [WantedFile(str(n), size, "", "") for n, size in enumerate((1, 1, 1, 9, 1, 1))]
    assert [[f.size for f in g] for g in groups(files, 2, 5)] == [[1, 1], [1], [9], [1, 1]]
    assert list(groups([], 2, 5)) == []


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 524])
def test_what_can_pass_is_tried_again(status: int) -> None:
    assert worth_trying_again(HubAnswer(status, ""))


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 412, 413, 422])
def test_what_cannot_pass_is_not(status: int) -> None:
    assert not worth_trying_again(HubAnswer(status, ""))


@pytest.mark.parametrize(
    ("failure", "kind", "words"),
    [
        (HubAnswer(401, "no"), UsageError, "not valid"),
        (HubAnswer(403, "no"), UsageError, "write access to org/x"),
        (HubAnswer(404, "no"), UsageError, "check the name"),
        (HubAnswer(412, "no"), LockedError, "nothing was overwritten"),
        (HubAnswer(413, "no"), StageError, "fewer rows per shard"),
        (HubAnswer(503, "no", "", 7), StageError, "asks to wait 7 s"),
        (HubAnswer(422, "why"), StageError, "HTTP 422: why"),
        (HubUnreachable("gone"), StageError, "gone; the same command goes on"),
        (HubGarbled("odd"), StageError, "odd"),
    ],
)
def test_every_failure_has_words_for_a_person(
    failure: Failure, kind: type[PixmoError], words: str
) -> None:
    error = explain(failure, "org/x", "committing")
    assert type(error) is kind
    assert "org/x: committing" in str(error) or failure.args[0].startswith("HTTP 412")
    assert words in str(error)


def test_a_failure_is_found_behind_what_the_library_makes_of_it() -> None:
    inner = HubAnswer(503, "")
    outer = RuntimeError("while uploading")
    outer.__cause__ = inner
    assert failure_of(outer) is inner
    assert failure_of(RuntimeError("ours")) is None


def patience(**settings: Any) -> Patience:
    config = HubConfig(**{"retries": 3, "backoff_s": 0.001, **settings})
    return Patience("org/x", config, Silent())


def test_patience_ends_with_the_failure_in_words() -> None:
    tried = []

    def call() -> None:
        tried.append(1)
        raise HubUnreachable("no answer")

    with pytest.raises(StageError, match="org/x: asking: no answer"):
        patience().persist("asking", call)
    assert len(tried) == 4


def test_a_final_failure_is_not_tried_by_the_next_level() -> None:
    tried = []

    def request() -> None:
        tried.append(1)
        raise HubAnswer(503, "")

    both = patience()
    with pytest.raises(StageError):
        both.persist("asking", lambda: both.try_again(request))
    assert len(tried) == 4


def test_a_mistake_of_ours_is_no_failure_of_the_hub() -> None:
    def call() -> None:
        raise ValueError("a programmer's error")

    with pytest.raises(ValueError, match="programmer"):
        patience().persist("asking", call)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingPart, match=r"pixmo\[hub\]"):
        load_library()


def test_notes_are_per_repository_and_hub(tmp_path: Path) -> None:
    release = str(tmp_path / "release")
    note = Unfinished(FS, release, "org/x", "https://hub")
    assert not note.stands()
    note.write()
    assert note.stands()
    assert not Unfinished(FS, release, "org/y", "https://hub").stands()
    assert not Unfinished(FS, release, "org/x", "https://other").stands()
    note.drop()
    note.drop()
    assert not note.stands()
    for text in ("", "[]", "{"):
        Path(note.path).write_text(text)
        assert not note.stands()
