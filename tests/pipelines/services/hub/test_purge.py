"""Taking a release back from the stand-in of the Hub: old objects and the history are gone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from pipelines.services.hub.publish import HubConfig, Target, publish_release
from pipelines.services.hub.purge import purge_history
from schemas.errors import StageError, UsageError
from tests.hub_repos import Repo
from tests.hub_server import READER, WRITER, HubServer, hub
from tests.toy_release import contents, make_release
from tools.release.card_merge import merge_card

NAME = "org/toys"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    with hub() as running:
        yield running


def config(server: HubServer, retries: int = 4, token: str = WRITER) -> HubConfig:
    return HubConfig(server.url, token, retries=retries, backoff_s=0.002, timeout_s=5)


def publish(server: HubServer, release: Path) -> None:
    publish_release(str(release), Target(NAME, config=config(server)), merge_card)


def published_twice(server: HubServer, tmp_path: Path) -> tuple[Repo, Path]:
    publish(server, make_release(tmp_path / "a", shards=1, seed=1))
    repo = server.repos[NAME]
    repo.put({"by-hand.parquet": b"people's", "notes.md": b"people's"})
    repo.put({"by-hand.parquet": b"people's, newer"})
    release = make_release(tmp_path / "b", shards=1, seed=2)
    publish(server, release)
    return repo, release


def test_purging_removes_old_shards_and_history(server: HubServer, tmp_path: Path) -> None:
    repo, _ = published_twice(server, tmp_path)
    files, theirs = repo.files(), {sha for sha, d in repo.lfs.items() if d.startswith(b"people")}
    assert len(repo.lfs) == 6
    purged = purge_history(NAME, config(server))
    assert repo.files() == files
    assert len(repo.commits) == 1
    assert len(purged.deleted) == 2
    assert len(repo.lfs) == 4
    assert theirs <= set(repo.lfs), "objects that were never ours are left alone"
    old = contents(tmp_path / "a" / "release").values()
    assert not set(repo.lfs.values()) & set(old)
    assert (purged.commits, purged.head) == (5, repo.head.oid)
    again = purge_history(NAME, config(server))
    assert (again.deleted, again.commits) == ((), 1)


def test_purging_cut_at_any_call_is_completed_by_the_next(
    server: HubServer, tmp_path: Path
) -> None:
    before, _ = published_twice(server, tmp_path)
    calls, was_cut = 0, True
    while was_cut:
        calls += 1
        repo = server.repos[NAME] = before.copy()
        server.calls_left, server.does_last = calls, calls % 2 == 0
        try:
            purge_history(NAME, config(server, retries=0))
            was_cut = False
        except StageError:
            was_cut = True
        server.calls_left = None
        purge_history(NAME, config(server))
        assert (len(repo.commits), len(repo.lfs)) == (1, 4), calls
        assert repo.files() == before.files()
    assert calls > 10


def test_purging_wants_a_release(server: HubServer) -> None:
    with pytest.raises(UsageError, match="no such repository"):
        purge_history(NAME, config(server))
    server.repos[NAME] = Repo(NAME, private=True)
    with pytest.raises(UsageError, match="`pixmo publish` the new release first"):
        purge_history(NAME, config(server))
    assert server.writes() == []


def test_purging_wants_the_right_to_write(server: HubServer, tmp_path: Path) -> None:
    repo, _ = published_twice(server, tmp_path)
    before = dict(repo.lfs)
    with pytest.raises(UsageError, match="write access"):
        purge_history(NAME, config(server, token=READER))
    assert repo.lfs == before


def test_an_object_that_stays_is_an_error(server: HubServer, tmp_path: Path) -> None:
    repo, _ = published_twice(server, tmp_path)
    repo.forget = lambda shas: None  # type: ignore[method-assign]
    with pytest.raises(StageError, match="still holds LFS objects"):
        purge_history(NAME, config(server))
