"""The servers of a campaign as processes: children of nobody, each with a record and a log.

A record names a process by its id and its start, and the process itself carries the campaign's
folder in its environment, so that an id that is used again is never taken for ours.
"""

import contextlib
import hashlib
import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from annotation.home import Home, write_private
from schemas.errors import StageError
from schemas.owners import Owner, owner_of

PACKAGES = ("annotation", "pipelines", "schemas")
HOME_VARIABLE = "PIXMO_HOME"
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE")
START_S = 300.0
GRACE_S = 20.0
LOG_BYTES = 4_000_000
_SPAWN = """import os, sys
os.umask(0o077)
os.chdir(sys.argv[1])
os.execv(sys.argv[2], sys.argv[2:])"""


@dataclass(frozen=True)
class Server:
    """How one server is started; `told` is its environment beside what every program gets."""

    name: str
    command: tuple[str, ...]
    told: Mapping[str, str]
    health_url: str

    @property
    def port(self) -> int:
        """Where it listens on the loopback interface."""
        return int(self.health_url.split(":")[2].split("/")[0])

    @property
    def fingerprint(self) -> str:
        """Changes when the server has to be started again to follow its settings."""
        said = json.dumps([self.command, sorted(self.told.items())])
        return hashlib.sha256(said.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Running:
    """The record of a process that was started."""

    owner: Owner
    fingerprint: str
    port: int

    @property
    def line(self) -> str:
        """Process id, start, fingerprint, port and host."""
        owner = self.owner
        return f"{owner.pid} {owner.started} {self.fingerprint} {self.port} {owner.host}\n"


def record_of(home: Home, name: str) -> Path:
    """Where the record of a server is: one line that begins with the process id."""
    return home.root / f"{name}.pid"


def log_of(home: Home, name: str) -> Path:
    """What a server prints."""
    return home.logs / f"{name}.out"


def find(home: Home, name: str) -> Running | None:
    """The server of this campaign when it runs; None when it does not, or the id is another's."""
    place = record_of(home, name)
    words = place.read_text("utf-8").split() if place.exists() else []
    if len(words) != 5:
        return None
    owner = Owner(words[4], int(words[0]), float(words[1]))
    here = owner.is_here() and owner.is_running() and _carries(owner.pid, home)
    return Running(owner, words[2], int(words[3])) if here else None


def _carries(pid: int, home: Home) -> bool:
    with contextlib.suppress(psutil.Error, OSError):
        return bool(psutil.Process(pid).environ().get(HOME_VARIABLE) == str(home.root))
    return False


def code_state() -> str:
    """Changes with any file of our packages, so that servers with older code are started again."""
    root = Path(__file__).resolve().parents[2]
    files = sorted(path for name in PACKAGES for path in (root / name).rglob("*.*"))
    kept = ((path, path.stat()) for path in files if path.suffix != ".pyc")
    said = "\n".join(f"{path} {stat.st_size} {stat.st_mtime_ns}" for path, stat in kept)
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def inherited() -> dict[str, str]:
    """What every server gets of this environment."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ}


def launch(home: Home, server: Server) -> Running:
    """Start a server in a session of its own, without waiting for it; it outlives the terminal."""
    log = log_of(home, server.name)
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, "-I", "-c", _SPAWN, str(home.root), *server.command],
        {**inherited(), **server.told, HOME_VARIABLE: str(home.root)},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    running = Running(owner_of(pid), server.fingerprint, server.port)
    write_private(record_of(home, server.name), running.line)
    return running


def wait_until_healthy(home: Home, server: Server, running: Running) -> None:
    """Wait for its health page; StageError with the end of its log when it does not come."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and running.owner.is_running():
        if answers(server.health_url):
            return
        time.sleep(0.1)
    tail = log_of(home, server.name).read_text("utf-8", "replace").splitlines()[-12:]
    stop(home, server.name)
    log = log_of(home, server.name)
    raise StageError(f"{server.name} did not start; {log} ends with:\n" + "\n".join(tail))


def answers(url: str) -> bool:
    """Whether a page of this machine answers with status 200; proxies are not asked."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def stop(home: Home, name: str) -> bool:
    """End a server and its workers; whether it ran. It gets GRACE_S seconds, then it is killed."""
    running = find(home, name)
    if running:
        _signal(running, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_S
        while running.owner.is_running() and time.monotonic() < deadline:
            time.sleep(0.05)
        if running.owner.is_running():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.owner.pid, signal.SIGKILL)
    record_of(home, name).unlink(missing_ok=True)
    return running is not None


def _signal(running: Running, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.owner.pid, number)
