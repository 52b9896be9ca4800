"""`python -m annotation.sidecar`: starts, refuses to start twice, ends, and tells no secrets."""

import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotation.credentials import load_credentials
from annotation.home import Home
from tests.annotation.ask.asking import payload, text
from tests.annotation.sidecar.running import Client, make_home
from tests.toy_llm import serving_llm

START_S = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(home: Home) -> list[str]:
    return [sys.executable, "-m", "annotation.sidecar", "--home", str(home.root)]


@contextlib.contextmanager
def started(home: Home, port: int) -> Iterator[Client]:
    """A process of its own that answers; it has to end by itself when it is told to."""
    secret = load_credentials(home)["PIXMO_STUDIO_EVENTS"]
    process = subprocess.Popen(command(home), stderr=subprocess.PIPE)
    client = Client(port, secret)
    deadline = time.monotonic() + START_S
    try:
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError):
                client.call("/health")
                break
            time.sleep(0.05)
        yield client
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
        assert (process.returncode, said) == (0, b"")


@pytest.mark.timeout(60)
def test_a_life(tmp_path: Path) -> None:
    port = free_port()
    with serving_llm(lambda _: '{"answer": "It is red."}') as llm:
        home, _ = make_home(tmp_path, port, base_url=llm.base_url)
        with started(home, port) as client:
            assert client.draft(payload(text("question", "What colour?"))) == "It is red."
            again = subprocess.run(command(home), capture_output=True, text=True)
            assert again.returncode == 3
            assert "runs already" in again.stderr
            assert Client(port, "wrong").call("/events", {}).status == 401
        with started(home, port) as client:
            page = payload(text("question", "What colour?"), text("answer", "It is red."))
            assert client.draft(page) is None
    log = (home.logs / "sidecar.log").read_text("utf-8")
    for hidden in ("It is red", "What colour", *load_credentials(home).values()):
        assert hidden not in log
    assert "draft after" in log
    assert "ended" in log


@pytest.mark.timeout(60)
def test_a_busy_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        home, _ = make_home(tmp_path, port)
        done = subprocess.run(command(home), capture_output=True, text=True)
    assert done.returncode == 2
    assert f"port {port}" in done.stderr


@pytest.mark.timeout(60)
def test_no_campaign(tmp_path: Path) -> None:
    done = subprocess.run(command(Home(tmp_path)), capture_output=True, text=True)
    assert done.returncode == 2
    assert "annotate up" in done.stderr
