"""Publishing through faults, cut lines and kills: byte-identical in the end, nothing sent twice."""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from pipelines.services.hub.publish import HubConfig, Target, publish_release
from pipelines.services.hub.retry import Silent
from schemas.errors import PixmoError, StageError
from tests import pixmo_command
from tests.hub_repos import Repo
from tests.hub_server import WRITER, Fault, HubServer, hub
from tests.toy_release import contents, make_release
from tools.release.card_merge import merge_card

NAME = "org/toys"
RETRIES = 4
ROUTES = ("info", "tree", "create", "preupload", "lfs_batch", "lfs_put", "lfs_verify", "yaml")
ROUTES += ("commit", "settings", "resolve")
FAULTS = (
    Fault(500),
    Fault(502),
    Fault(503, retry_after="0"),
    Fault(504),
    Fault(429, retry_after="0"),
    Fault(408),
    Fault(kind="reset"),
    Fault(kind="lost"),
    Fault(kind="truncate"),
    Fault(seconds=0.05),
    Fault(kind="hang", seconds=0.4),
)


@pytest.fixture(autouse=True)
def lfs_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)


@pytest.fixture
def server() -> Iterator[HubServer]:
    with hub() as running:
        yield running


def config(server: HubServer, retries: int = RETRIES) -> HubConfig:
    return HubConfig(
        server.url, WRITER, retries=retries, backoff_s=0.002, max_retry_after_s=1, timeout_s=0.3
    )


def publish(server: HubServer, release: Path, retries: int = RETRIES) -> None:
    publish_release(str(release), Target(NAME, config=config(server, retries)), merge_card)


@pytest.mark.parametrize("seed", range(8))
def test_faults_at_random_end_byte_identical(server: HubServer, tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    for route in ROUTES:
        server.fail(route, *(draw.choice((None, *FAULTS)) for _ in range(RETRIES - 1)))
    release = make_release(tmp_path, seed=seed)
    publish(server, release)
    repo = server.repos[NAME]
    assert repo.files() == contents(release)
    assert set(repo.received.values()) == {1}
    assert not repo.private
    assert len(repo.commits) == 2
    assert max(server.count(route) for route in set(ROUTES) - {"info", "lfs_verify"}) <= 30


def cut(server: HubServer, release: Path, calls: int, does_last: bool) -> bool:
    """Publish over a line that is cut after so many calls; whether it was cut before the end."""
    server.calls_left, server.does_last = calls, does_last
    try:
        publish(server, release, retries=0)
        return False
    except StageError:
        return True
    finally:
        server.calls_left = None


@pytest.mark.parametrize("does_last", [True, False])
def test_cut_at_any_call_the_same_command_completes_it(tmp_path: Path, does_last: bool) -> None:
    release, calls, was_cut = make_release(tmp_path, shards=2), 0, True
    while was_cut:
        calls += 1
        with hub() as server:
            was_cut = cut(server, release, calls, does_last)
            publish(server, release)
            repo = server.repos[NAME]
            assert repo.files() == contents(release), calls
            assert set(repo.received.values()) == {1}, calls
            assert len(repo.commits) == 2, calls
            assert not repo.private, calls
            assert not list(tmp_path.glob("*publishing*")), calls
    assert calls > 15


def test_an_interrupted_run_is_not_made_public_when_private_is_asked_for(
    server: HubServer, tmp_path: Path
) -> None:
    release = make_release(tmp_path)
    assert cut(server, release, 8, does_last=True)
    assert list(tmp_path.glob("release.publishing-org--toys.json"))
    publish_release(str(release), Target(NAME, True, config(server)), merge_card)
    assert server.repos[NAME].private
    publish(server, release)
    assert server.repos[NAME].private, "there is no note any more, so it stays as it is"


def test_a_note_for_another_hub_is_none(server: HubServer, tmp_path: Path) -> None:
    release = make_release(tmp_path)
    (tmp_path / "release.publishing-org--toys.json").write_text('{"endpoint": "https://else"}')
    server.repos[NAME] = Repo(NAME, private=True)
    publish(server, release)
    assert server.repos[NAME].private


@pytest.mark.parametrize("fault", [Fault(503), Fault(429), Fault(kind="reset")])
def test_tries_are_bounded(server: HubServer, tmp_path: Path, fault: Fault) -> None:
    server.fail("commit", *[fault] * 50)
    release = make_release(tmp_path)
    with pytest.raises(StageError, match="the same command goes on from here"):
        publish(server, release)
    assert server.count("commit") == RETRIES + 1
    server.faults.clear()
    publish(server, release)
    assert set(server.repos[NAME].received.values()) == {1}


def test_a_server_that_asks_to_wait_for_weeks_ends_the_run(
    server: HubServer, tmp_path: Path
) -> None:
    server.fail("lfs_put", *[Fault(503, retry_after="2000000")] * 20)
    with pytest.raises(StageError, match="asks to wait 2000000 s"):
        publish(server, make_release(tmp_path))
    assert server.count("lfs_put") <= 6, "once per upload thread"


def test_time_is_bounded(server: HubServer, tmp_path: Path) -> None:
    server.fail("tree", *[Fault(500)] * 1000)
    patient = HubConfig(server.url, WRITER, retries=10**6, backoff_s=0.02, deadline_s=0.3)
    server.repos[NAME] = Repo(NAME, private=True)
    began = time.monotonic()
    with pytest.raises(StageError):
        publish_release(str(make_release(tmp_path)), Target(NAME, config=patient), merge_card)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("route", "status", "words"),
    [
        ("commit", 403, "write access"),
        ("preupload", 413, "fewer rows per shard"),
        ("create", 404, "no such account"),
        ("create", 402, "HTTP 402"),
        ("commit", 400, "HTTP 400"),
        ("settings", 403, "write access"),
    ],
)
def test_refusals_end_at_once(
    server: HubServer, tmp_path: Path, route: str, status: int, words: str
) -> None:
    server.fail(route, *[status] * 5)
    with pytest.raises(PixmoError, match=words):
        publish(server, make_release(tmp_path))
    assert server.count(route) == 1


def test_the_token_is_in_no_message(server: HubServer, tmp_path: Path) -> None:
    heard: list[str] = []

    class Listens(Silent):
        def waiting(self, why: str, seconds: float) -> None:
            heard.append(why)

    said = f"who is {WRITER}?"
    server.fail("commit", Fault(503, message=said), Fault(400, message=said))
    release = make_release(tmp_path)
    with pytest.raises(PixmoError, match=r"who is \[token\]\?") as caught:
        publish_release(str(release), Target(NAME, config=config(server)), merge_card, Listens())
    assert heard
    assert WRITER not in " ".join([*heard, str(caught.value), repr(config(server))])


# -- a real process, really killed


@pytest.mark.slow
def test_killed_while_it_uploads_the_same_command_completes_it(
    server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"HF_ENDPOINT": server.url, "HF_TOKEN": WRITER}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    release = make_release(tmp_path)
    words = ("publish", "--release", release, "--repo", NAME)
    server.fail("lfs_put", None, None, *[Fault(seconds=2)] * 4)
    with pixmo_command.started(*words) as run:
        deadline = time.monotonic() + 30
        while sum(server.repos[NAME].received.values() if NAME in server.repos else ()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(run.process.pid, 9)
        run.process.wait()
    assert server.count("commit") == 0
    server.faults.clear()
    done = pixmo_command.pixmo(*words)
    assert done.status == 0, done.complained
    repo = server.repos[NAME]
    assert repo.files() == contents(release)
    assert not repo.private
    assert WRITER not in done.said + done.complained
