"""`pixmo publish` as it is typed: what it prints, its exit status, and never the token."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi, snapshot_download

from tests.conftest import missing
from tests.hub_repos import Repo
from tests.hub_server import READER, WRITER, Fault, HubServer, signed_in
from tests.tools.in_process import pixmo, refused
from tests.toy_release import contents, make_release
from tools.publish import Watching, card_changes, size_text

NAME = "org/toys"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    with signed_in(monkeypatch, tmp_path) as running:
        yield running


def flat(text: str) -> str:
    return " ".join(text.split())


def test_it_says_what_was_done(server: HubServer, tmp_path: Path) -> None:
    release = make_release(tmp_path)
    done = pixmo("publish", "--release", release, "--repo", NAME)
    assert done.exit_code == 0
    said = flat(done.stdout)
    assert "9 files to upload" in said
    assert "0 there already" in said
    assert f"{server.url}/datasets/{NAME} is public; commit" in said
    assert "all 9 files on the Hub have the checksums of the manifest" in said
    again = pixmo("publish", "--release", f"{release}/", "--repo", NAME)
    assert "0 files to upload (0 B), 9 there already, 0 to delete; sent no LFS" in flat(
        again.stdout
    )
    assert WRITER not in done.output + again.output


def test_private(server: HubServer, tmp_path: Path) -> None:
    done = pixmo("publish", "--release", make_release(tmp_path), "--repo", NAME, "--private")
    assert f"{NAME} is private" in flat(done.stdout)
    assert server.repos[NAME].private


def test_a_dry_run_prints_the_plan(server: HubServer, tmp_path: Path) -> None:
    release = make_release(tmp_path)
    done = pixmo("publish", "--release", release, "--repo", NAME, "--dry-run")
    assert done.exit_code == 0
    assert "it is created private, then made public" in flat(done.stdout)
    assert "cap/train-00000-of-00003.parquet" in done.stdout
    assert server.repos == {}
    assert server.writes() == []


def test_a_dry_run_shows_what_becomes_of_the_card(
    server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    server.repos[NAME] = Repo(NAME, private=False)
    server.repos[NAME].put({"README.md": b"# By people\n"})
    release = make_release(tmp_path)
    done = pixmo("publish", "--release", release, "--repo", NAME, "--dry-run")
    assert "exists and stays public" in flat(done.stdout)
    assert "+license: cc0-1.0" in done.stdout
    assert "-# By people" not in done.stdout
    assert "no token for the Hub" in refused("publish", "--release", release, "--repo", NAME)


def test_refusals_are_one_line_with_an_exit_status(
    server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = make_release(tmp_path)
    words = ("publish", "--release", release, "--repo")
    assert "write it as org/name" in refused(*words, "toys")
    assert "no manifest.json" in refused("publish", "--release", tmp_path, "--repo", NAME)
    server.fail("commit", Fault(412))
    assert "someone else committed" in refused(*words, NAME, status=3)
    server.fail("commit", Fault(400, message=f"bad {WRITER}"))
    assert "HTTP 400: bad [token]" in refused(*words, NAME, status=1)
    monkeypatch.setenv("HF_TOKEN", READER)
    assert "write access" in refused(*words, "org/other")


def test_pictures_without_a_right_are_refused(server: HubServer, tmp_path: Path) -> None:
    release = make_release(tmp_path, images="embed")
    said = refused("publish", "--release", release, "--repo", NAME)
    assert "release.embedding_right" in said
    assert "--embedding-right" in said


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (3 * 10**13, "30.0 TB")]
)
def test_sizes_are_decimal(size: int, text: str) -> None:
    assert size_text(size) == text


def test_a_new_card_or_the_same_one_has_no_changes() -> None:
    assert list(card_changes("", "new")) == []
    assert list(card_changes("same", "same")) == []
    lines = list(card_changes("old\n", "old\nnew\n"))
    assert lines[-1] == "+new"
    assert not any(line.endswith("\n") for line in lines)


def test_tries_are_announced(capsys: pytest.CaptureFixture[str]) -> None:
    with Watching() as watching:
        watching.begin("upload", 2, 10)
        watching.sent(5)
        watching.done(1, 5)
        watching.waiting("committing: HTTP 503: [busy]", 4.2)
    assert "committing: HTTP 503: [busy]; again in 4 s" in capsys.readouterr().err


@pytest.mark.network
def test_on_the_real_hub(tmp_path: Path) -> None:
    """Needs HF_TOKEN and PIXMO_TEST_HUB_REPO=org/name, which is created, and deleted again."""
    repo = os.environ.get("PIXMO_TEST_HUB_REPO", "")
    if not (repo and os.environ.get("HF_TOKEN")):
        missing("HF_TOKEN and PIXMO_TEST_HUB_REPO are not set: they name the Hub's test repository")
    api, release = HfApi(), make_release(tmp_path)
    assert not api.repo_exists(repo, repo_type="dataset"), f"{repo} exists, and would be deleted"
    try:
        first = pixmo("publish", "--release", release, "--repo", repo, "--private")
        assert first.exit_code == 0, first.output
        again = pixmo("publish", "--release", release, "--repo", repo, "--private")
        assert "0 files to upload" in flat(again.stdout)
        snapshot_download(repo, repo_type="dataset", local_dir=tmp_path / "local")
        assert contents(tmp_path / "local") == contents(release)
    finally:
        api.delete_repo(repo, repo_type="dataset", missing_ok=True)
