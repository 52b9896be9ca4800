"""Processes of a campaign, on a small web server in place of the large ones."""

import os
import signal
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from annotation.home import Home
from annotation.servers.server_process import (
    LOG_BYTES,
    Running,
    Server,
    answers,
    find,
    launch,
    log_of,
    record_of,
    stop,
    wait_until_healthy,
)
from annotation.servers.up import free_port
from schemas.errors import StageError
from schemas.owners import this_process

SERVE = "import sys, http.server as h; h.test(h.SimpleHTTPRequestHandler, port=int(sys.argv[1]))"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SERVE}"


def server(code: str = SERVE, **told: str) -> Server:
    port = free_port()
    command = (sys.executable, "-c", code, str(port))
    return Server("toy", command, told, f"http://127.0.0.1:{port}/")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "home")
    made.make()
    yield made
    stop(made, "toy")


def started(home: Home, asked: Server) -> Running:
    running = launch(home, asked)
    wait_until_healthy(home, asked, running)
    return running


def test_a_server_runs_and_ends(home: Home) -> None:
    asked = server(SECRET="x")
    running = started(home, asked)
    assert find(home, "toy") == running
    assert running.fingerprint == asked.fingerprint
    process = psutil.Process(running.owner.pid)
    assert process.cwd() == str(home.root)
    assert os.getsid(process.pid) == process.pid  # it outlives the terminal
    assert process.environ()["SECRET"] == "x"
    assert stat.S_IMODE(record_of(home, "toy").stat().st_mode) == 0o600
    assert stat.S_IMODE(log_of(home, "toy").stat().st_mode) == 0o600
    assert stop(home, "toy")
    assert not answers(asked.health_url)
    assert not record_of(home, "toy").exists()
    assert not stop(home, "toy")


def test_the_fingerprint_follows_settings() -> None:
    asked = Server("toy", ("a",), {"B": "1"}, "http://127.0.0.1:1/")
    assert asked.fingerprint == Server("toy", ("a",), {"B": "1"}, "http://h:2/").fingerprint
    assert asked.fingerprint != Server("toy", ("a",), {"B": "2"}, asked.health_url).fingerprint
    assert asked.fingerprint != Server("toy", ("b",), {"B": "1"}, asked.health_url).fingerprint


def test_a_stubborn_server_is_killed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annotation.servers.server_process.GRACE_S", 0.3)
    asked = server(STUBBORN)
    started(home, asked)
    assert stop(home, "toy")
    assert not answers(asked.health_url)


def test_a_process_that_is_not_ours_is_left_alone(home: Home) -> None:
    """Its id is that of our record, but not its start, or not its folder."""
    mine = this_process()
    for started_s in (mine.started, mine.started - 60):
        line = f"{mine.pid} {started_s} f 1 {mine.host}\n"
        record_of(home, "toy").write_text(line, encoding="utf-8")
        assert find(home, "toy") is None
        assert not stop(home, "toy")
        assert not record_of(home, "toy").exists()


@pytest.mark.parametrize("text", ["", "1234", "x y z"])
def test_a_broken_record_is_none(home: Home, text: str) -> None:
    record_of(home, "toy").write_text(text, encoding="utf-8")
    assert find(home, "toy") is None


def test_a_killed_server_is_noticed(home: Home) -> None:
    running = started(home, server())
    os.kill(running.owner.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while find(home, "toy") and time.monotonic() < deadline:
        time.sleep(0.02)
    assert find(home, "toy") is None


def test_a_server_that_fails_says_why(home: Home) -> None:
    asked = server("raise SystemExit('no such thing')")
    running = launch(home, asked)
    with pytest.raises(StageError, match="no such thing"):
        wait_until_healthy(home, asked, running)
    assert not record_of(home, "toy").exists()


def test_a_long_log_makes_room(home: Home) -> None:
    log_of(home, "toy").write_bytes(b"x" * (LOG_BYTES + 1))
    started(home, server())
    assert log_of(home, "toy").stat().st_size < LOG_BYTES
    assert log_of(home, "toy").with_name("toy.out.1").stat().st_size > LOG_BYTES
