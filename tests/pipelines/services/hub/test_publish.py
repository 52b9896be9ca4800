"""Publishing to the stand-in of the Hub: what lands there, and what is refused."""

from collections.abc import Iterator
from pathlib import Path

import datasets
import fsspec
import pytest
from huggingface_hub import constants, snapshot_download

from pipelines.services.hub.publish import (
    HubConfig,
    Published,
    Target,
    plan_release,
    publish_release,
)
from pipelines.services.hub.retry import Silent
from schemas.errors import LockedError, StageError, UsageError
from schemas.ids import sha256_hex
from schemas.manifest import read_manifest
from tests.hub_repos import Repo
from tests.hub_server import READER, WRITER, HubServer, hub
from tests.toy_release import contents, describe, make_release
from tools.release.card_merge import merge_card

NAME = "org/toys"
PEOPLE = "---\nlicense: mit\nconfigs: []\nfunding: us\n---\n\nWritten by people.\n"
RIGHT = "all pictures are CC0"


@pytest.fixture(autouse=True)
def lfs_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git LFS, whatever the environment says; Xet has its own test."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)


@pytest.fixture
def server() -> Iterator[HubServer]:
    with hub() as running:
        yield running


def target(server: HubServer, private: bool = False, token: str = WRITER) -> Target:
    config = HubConfig(endpoint=server.url, token=token, retries=3, backoff_s=0.01, timeout_s=5)
    return Target(NAME, private, config)


def publish(server: HubServer, release: Path, private: bool = False) -> Published:
    return publish_release(str(release), target(server, private), merge_card)


def existing(server: HubServer, private: bool = False, card: str = "") -> Repo:
    repo = server.repos[NAME] = Repo(NAME, private)
    if card:
        repo.put({"README.md": card.encode()})
    return repo


def test_a_release_arrives_whole_in_one_commit(server: HubServer, tmp_path: Path) -> None:
    release = make_release(tmp_path)
    done = publish(server, release)
    repo = server.repos[NAME]
    assert repo.files() == contents(release)
    assert [commit.title for commit in repo.commits] == ["initial commit", "Toys (pixmo 0.1.0)"]
    assert done.commit == repo.head.oid
    assert done.url == f"{server.url}/datasets/{NAME}"
    assert not list(tmp_path.glob("*publishing*"))


def test_it_is_private_until_it_is_whole_and_verified(server: HubServer, tmp_path: Path) -> None:
    publish(server, make_release(tmp_path))
    routes = [call.route for call in server.log]
    assert routes[-2:] == ["tree", "settings"]
    assert routes.index("create") < routes.index("lfs_put") < routes.index("commit")
    assert not server.repos[NAME].private


def test_private_stays_private(server: HubServer, tmp_path: Path) -> None:
    assert not publish(server, make_release(tmp_path), private=True).plan.public
    assert server.repos[NAME].private
    assert server.count("settings") == 0


@pytest.mark.parametrize("private", [True, False])
def test_an_existing_repository_keeps_its_visibility(
    server: HubServer, tmp_path: Path, private: bool
) -> None:
    existing(server, private)
    publish(server, make_release(tmp_path))
    assert server.repos[NAME].private == private
    assert server.count("settings", "create") == 0


def test_what_is_downloaded_is_what_was_published(server: HubServer, tmp_path: Path) -> None:
    release = make_release(tmp_path)
    publish(server, release)
    local = tmp_path / "local"
    snapshot_download(NAME, repo_type="dataset", local_dir=local, endpoint=server.url, token=False)
    assert contents(local) == contents(release)
    rows = datasets.load_dataset(str(local), "cap", split="train", cache_dir=str(tmp_path / "hf"))
    assert len(rows) == 9
    assert rows[0]["caption"] == "A toy, 0, 0, 0."


def test_publishing_again_uploads_and_commits_nothing(server: HubServer, tmp_path: Path) -> None:
    release = make_release(tmp_path)
    publish(server, release)
    before = len(server.log)
    again = publish(server, release)
    assert not again.plan.add
    assert {call.route for call in server.log[before:]} == {"info", "tree", "resolve"}
    assert len(server.repos[NAME].commits) == 2


def test_only_what_changed_is_sent_and_stale_shards_go(server: HubServer, tmp_path: Path) -> None:
    publish(server, make_release(tmp_path / "a", shards=3))
    repo = server.repos[NAME]
    repo.put({"notes/by-hand.parquet": b"people's", "cap/extra.parquet": b"people's too"})
    received = dict(repo.received)
    release = make_release(tmp_path / "b", shards=3)
    (release / "cap" / "train-00002-of-00003.parquet").unlink()
    describe(release)
    done = publish(server, release)
    assert done.plan.delete == ("cap/train-00002-of-00003.parquet",)
    theirs = {"notes/by-hand.parquet": b"people's", "cap/extra.parquet": b"people's too"}
    assert repo.files() == contents(release) | theirs
    assert dict(repo.received) == received


def test_files_of_people_are_not_stale_whatever_their_manifest_says(
    server: HubServer, tmp_path: Path
) -> None:
    repo = existing(server)
    repo.put({"manifest.json": b"[1, 2]", "data.csv": b"1"})
    publish(server, make_release(tmp_path))
    assert repo.files()["data.csv"] == b"1"


def test_many_files_go_in_batches_and_the_manifest_last(server: HubServer, tmp_path: Path) -> None:
    release = make_release(tmp_path, shards=4)
    config = HubConfig(
        server.url, WRITER, files_per_commit=3, files_per_upload=2, bytes_per_upload=10**6
    )
    publish_release(str(release), Target(NAME, config=config), merge_card)
    repo = server.repos[NAME]
    assert repo.files() == contents(release)
    assert len(repo.commits) > 3
    assert all("manifest.json" not in commit.files for commit in repo.commits[:-1])
    assert set(repo.received.values()) == {1}


def test_large_objects_go_in_parts(server: HubServer, tmp_path: Path) -> None:
    server.multipart_chunk = 400
    release = make_release(tmp_path)
    server.fail("lfs_put", 503, None, "reset")
    publish(server, release)
    assert server.repos[NAME].files() == contents(release)


def test_a_release_in_another_file_system(server: HubServer, tmp_path: Path) -> None:
    release = make_release(tmp_path)
    url = f"memory://{tmp_path}/release"
    fs, path = fsspec.core.url_to_fs(url)
    fs.put(str(release), path, recursive=True)
    publish_release(url, target(server), merge_card)
    assert server.repos[NAME].files() == contents(release)


# -- pictures and rights


def test_pictures_need_a_right_before_they_become_public(server: HubServer, tmp_path: Path) -> None:
    release = make_release(tmp_path, images="embed")
    with pytest.raises(UsageError, match=r"release\.embedding_right.*--embedding-right"):
        publish(server, release)
    assert server.repos == {}
    assert server.writes() == []


def test_pictures_do_not_go_to_a_public_repository(server: HubServer, tmp_path: Path) -> None:
    existing(server, private=False)
    with pytest.raises(UsageError, match="is public or would become so"):
        publish(server, make_release(tmp_path, images="embed"), private=True)
    assert server.writes() == []


@pytest.mark.parametrize(("right", "private"), [(RIGHT, False), ("", True)])
def test_pictures_with_a_right_or_in_private(
    server: HubServer, tmp_path: Path, right: str, private: bool
) -> None:
    publish(server, make_release(tmp_path, images="embed", right=right), private)
    assert server.repos[NAME].private == private


# -- the card


def test_what_people_wrote_into_the_card_stays(server: HubServer, tmp_path: Path) -> None:
    repo = existing(server, card=PEOPLE)
    release = make_release(tmp_path)
    publish(server, release)
    text = repo.files()["README.md"].decode()
    assert "Written by people." in text
    assert "funding: us" in text
    assert "# Toys 0" in text
    assert "config_name: cap" in text
    publish(server, release)
    assert len(repo.commits) == 3


def test_the_manifest_on_the_hub_lists_the_merged_card(server: HubServer, tmp_path: Path) -> None:
    repo = existing(server, card=PEOPLE)
    publish(server, make_release(tmp_path))
    fs = fsspec.filesystem("memory")
    fs.pipe_file(f"{tmp_path}/merged/manifest.json", repo.files()["manifest.json"])
    listed = {f.path: f.sha256 for f in read_manifest(fs, f"{tmp_path}/merged").files}
    files = repo.files()
    assert listed == {p: sha256_hex(d) for p, d in files.items() if p != "manifest.json"}


@pytest.mark.parametrize("card", [b"---\nlicense: [mit\n---\n", b"---\na: 1\n", b"\xff\xfe card"])
def test_a_broken_card_on_the_hub_is_left_alone(
    server: HubServer, tmp_path: Path, card: bytes
) -> None:
    repo = existing(server)
    repo.put({"README.md": card})
    with pytest.raises(UsageError):
        publish(server, make_release(tmp_path))
    assert repo.files() == {"README.md": card}
    assert server.writes() == []


def test_a_card_that_arrives_damaged_is_read_again(server: HubServer, tmp_path: Path) -> None:
    repo = existing(server, card=PEOPLE)
    server.fail("resolve", "flip", "truncate", 503)
    publish(server, make_release(tmp_path))
    assert "Written by people." in repo.files()["README.md"].decode()


# -- refused before anything is changed


def test_a_flipped_byte_is_found_before_anything_is_uploaded(
    server: HubServer, tmp_path: Path
) -> None:
    release = make_release(tmp_path)
    shard = release / "cap" / "train-00001-of-00003.parquet"
    data = bytearray(shard.read_bytes())
    data[40] ^= 1
    shard.write_bytes(data)
    with pytest.raises(UsageError, match=r"train-00001-of-00003\.parquet: its SHA-256"):
        publish(server, release)
    assert server.writes() == []


def test_a_token_that_may_only_read_ends_at_once(server: HubServer, tmp_path: Path) -> None:
    release = make_release(tmp_path)
    with pytest.raises(UsageError, match=r"HTTP 403.*write access to org/toys"):
        publish_release(str(release), target(server, token=READER), merge_card)
    assert server.repos == {}
    assert server.count("create") == 1
    existing(server)
    with pytest.raises(UsageError, match="HTTP 403"):
        publish_release(str(release), target(server, token=READER), merge_card)
    assert server.count("preupload") == 1
    assert server.repos[NAME].files() == {}


def test_a_wrong_token_is_no_missing_repository(server: HubServer, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="HTTP 401: Invalid credentials"):
        publish_release(str(make_release(tmp_path)), target(server, token="hf_no"), merge_card)
    assert len(server.log) == 1


def test_a_token_must_look_like_one(server: HubServer, tmp_path: Path) -> None:
    for token in ("hf_a b", "hf_ü", "hf_a\nb"):
        with pytest.raises(UsageError, match="characters") as caught:
            publish_release(str(make_release(tmp_path)), target(server, token=token), merge_card)
        assert token not in str(caught.value)


@pytest.mark.parametrize("name", ["toys", "a/b/c", "org/to ys", "org/", "org/--x"])
def test_names_that_are_none(server: HubServer, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="--repo"):
        publish_release(str(make_release(tmp_path)), Target(name), merge_card)


# -- other publishers, and a Hub that does not hold what it got


class Meddler(Silent):
    """Lets someone else commit while this publisher uploads."""

    def __init__(self, server: HubServer) -> None:
        self._server = server

    def begin(self, what: str, files: int, size: int) -> None:
        if what == "upload":
            self._server.repos[NAME].put({"README.md": b"# Somebody was faster\n"})


def test_a_second_publisher_overwrites_nothing(server: HubServer, tmp_path: Path) -> None:
    repo = existing(server)
    release = make_release(tmp_path)
    with pytest.raises(LockedError, match=r"412.*nothing was overwritten"):
        publish_release(str(release), target(server), merge_card, Meddler(server))
    assert repo.files() == {"README.md": b"# Somebody was faster\n"}
    assert server.count("commit") == 1
    publish(server, release)
    assert "Somebody was faster" in repo.files()["README.md"].decode()
    assert set(repo.received.values()) == {1}


def test_a_lost_answer_is_not_taken_for_another_publisher(
    server: HubServer, tmp_path: Path
) -> None:
    release = make_release(tmp_path)
    server.fail("commit", "lost")
    server.fail("create", "lost")
    publish(server, release)
    assert server.repos[NAME].files() == contents(release)
    assert len(server.repos[NAME].commits) == 2


def test_another_commit_after_a_lost_answer_is_noticed(server: HubServer, tmp_path: Path) -> None:
    repo = existing(server)
    server.fail("commit", "reset")
    release = make_release(tmp_path)
    with pytest.raises(LockedError):
        publish_release(str(release), target(server), merge_card, Meddler(server))
    assert list(repo.files()) == ["README.md"]


def test_other_bytes_on_the_hub_are_an_error_and_stay_private(
    server: HubServer, tmp_path: Path
) -> None:
    class Forgets(Silent):
        def done(self, files: int, size: int) -> None:
            server.damage = "cap/train-00000-of-00003.parquet"

    release = make_release(tmp_path)
    with pytest.raises(StageError, match=r"does not hold.*train-00000-of-00003\.parquet"):
        publish_release(str(release), target(server), merge_card, Forgets())
    assert server.repos[NAME].private
    server.damage = ""
    publish(server, release)
    assert server.repos[NAME].files() == contents(release)


# -- plans


def test_a_plan_changes_nothing(server: HubServer, tmp_path: Path) -> None:
    release = make_release(tmp_path)
    plan = plan_release(str(release), target(server), merge_card)
    assert plan.state is None
    assert plan.opens
    assert len(plan.add) == 9
    assert server.writes() == []
    assert server.repos == {}


def test_a_plan_for_a_public_repository_needs_no_token(
    server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    existing(server, card=PEOPLE)
    release = make_release(tmp_path)
    plan = plan_release(str(release), target(server, token=""), merge_card)
    assert plan.card == PEOPLE
    assert "Written by people." in plan.merged
    with pytest.raises(UsageError, match="no token"):
        publish_release(str(release), target(server, token=""), merge_card)
    assert server.writes() == []


# -- Xet


def test_xet_mode_sends_no_lfs_object(
    server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`local://` is a scheme of hf_xet's own tests: chunks go to a folder instead of a service."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    server.xet_folder = str(tmp_path / "cas")
    release = make_release(tmp_path)
    publish(server, release)
    files = server.repos[NAME].head.files
    for path, data in contents(release).items():
        entry = files[path]
        assert entry.sha256 in ("", sha256_hex(data)), path
        assert entry.size == len(data)
    assert server.count("lfs_put", "lfs_batch") == 0
    assert server.count("xet_token") > 0
    assert any(path.is_file() for path in (tmp_path / "cas").rglob("*"))
    publish(server, release)
    assert len(server.repos[NAME].commits) == 2
