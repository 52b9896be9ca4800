"""Our end of a launcher: starts it with a slot's rights, and has it start sandboxes one by one."""

import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipelines.services.sandbox import launcher_main
from schemas.errors import StageError

_READY_S = 30.0
_MOST_BYTES = 1 << 16


class Started:
    """A program that a launcher started; like a Popen, as far as it goes."""

    def __init__(self, launcher: "Launcher", pid: int) -> None:
        self.pid = pid
        self._launcher = launcher
        self._lock = threading.Lock()
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit status (negative: the signal), None while it runs."""
        return self._look(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit status; subprocess.TimeoutExpired when it is not over in time (seconds)."""
        status = self._look(timeout)
        if status is None:
            raise subprocess.TimeoutExpired("sandbox", timeout or 0.0)
        return status

    def kill(self) -> None:
        """Kill it, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, 9)

    def _look(self, timeout: float | None) -> int | None:
        with self._lock:
            if self.returncode is None and self._launcher.heard(timeout):
                self.returncode = self._launcher.read().get("status", -9)
            return self.returncode


class Launcher:
    """One launcher process; `alive` is false when it is gone, as it may be for want of memory."""

    def __init__(self, groups: Sequence[Path], user: int | None, stage: Sequence[str]) -> None:
        self.alive = True
        settings = {"groups": [str(group) for group in groups], "user": user, "parent": os.getpid()}
        code = Path(launcher_main.__file__).read_text(encoding="utf-8")
        command = [*stage, sys.executable, "-I", "-S", "-c", code, json.dumps(settings)]
        self._control, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            self._process = starter().submit(_popen, command, other.fileno()).result()
        if not self.heard(_READY_S) or "ready" not in self.read():
            self.close()
            raise StageError("the launcher of sandboxes did not start; its words are above")

    def start(
        self, command: Sequence[str], environment: dict[str, str], numbers: Sequence[int]
    ) -> Started:
        """Start a program; `numbers` are its stdin, stdout, stderr, and files (100, 101, ...)."""
        asked = json.dumps({"argv": list(command), "env": environment}).encode()
        try:
            socket.send_fds(self._control, [asked], list(numbers))
            pid = self.read().get("pid")
        except BrokenPipeError:
            pid = None
        if pid is None:
            self.alive = False
            raise StageError("the launcher of sandboxes has ended")
        return Started(self, pid)

    def heard(self, timeout: float | None) -> bool:
        """Whether it says something within so many seconds, or is gone."""
        return bool(select.select([self._control], [], [], timeout)[0])

    def read(self) -> dict[str, int]:
        """What it says; {} when it is gone."""
        try:
            data = self._control.recv(_MOST_BYTES)
        except ConnectionResetError:
            data = b""
        if not data:
            self.alive = False
            return {}
        said: dict[str, int] = json.loads(data)
        return said

    def close(self) -> None:
        """End it."""
        self.alive = False
        self._control.close()
        self._process.kill()
        self._process.wait()


def _popen(command: list[str], control: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command, stdin=control, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, cwd="/"
    )


_starters: dict[int, ThreadPoolExecutor] = {}
_lock = threading.Lock()


def starter() -> ThreadPoolExecutor:
    """A thread that stays: the kernel ends children with the thread that made them."""
    with _lock:
        return _starters.setdefault(os.getpid(), ThreadPoolExecutor(1, "sandbox-starter"))
