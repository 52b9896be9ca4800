"""Starts a sandbox with its pipes and files, and ends every process of it."""

import contextlib
import os
import platform
import re
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.services.sandbox.bubblewrap import (
    SCRATCH,
    Inside,
    limits_script,
    sandbox_command,
)
from pipelines.services.sandbox.launcher import Started
from pipelines.services.sandbox.launcher_main import FIRST_FILE
from pipelines.services.sandbox.limits import SandboxLimits
from pipelines.services.sandbox.memory_watch import children, too_much
from pipelines.services.sandbox.runtimes import Runtime, outside
from pipelines.services.sandbox.slots import Slot
from pipelines.services.sandbox.system_calls import filter_program
from pipelines.services.sandbox.user_ids import is_root
from schemas.errors import StageError

_GONE_S = 10.0
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_START_S = 60.0
_LAST_WORDS_S = 0.2
# Process 1 says that its limits are set, and by then it dies with what started it. It begins when
# it is told that somebody is there; if everybody died before, it reads an end of file and ends.
_BEGIN = 'printf + && read -r go && [ "$go" = go ] || exit 125\n'
_ENVIRONMENT = (("LANG", "C.UTF-8"), ("LC_ALL", "C.UTF-8"), ("PATH", "/usr/bin:/bin"))


@dataclass(frozen=True)
class Work:
    """A tool to run: its command and files by name, and a script that runs it as its arguments."""

    script: str
    command: tuple[str, ...]
    files: Mapping[str, bytes]
    runtimes: tuple[Runtime, ...]
    limits: SandboxLimits


class Launched:
    """A started sandbox (or, with `slot` None, the plain command in a folder of its own)."""

    def __init__(self, work: Work, slot: Slot | None) -> None:
        self._work = work
        self._slot = slot
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._counted_over = False
        reading, self.to = os.pipe()
        self.out, writing = os.pipe()
        self.log, saying = os.pipe()
        ends = (reading, writing, saying)
        try:
            self.process = self._start(ends)
        except BaseException:
            for number in (self.to, self.out, self.log):
                os.close(number)
            raise
        finally:
            for number in ends:
                os.close(number)
        self._let_go()

    def _let_go(self) -> None:
        """Wait until process 1 is ready, and tell it to begin; StageError when it cannot."""
        ready, _, _ = select.select([self.out], [], [], _START_S)
        if ready and os.read(self.out, 1) == b"+" and self.process.poll() is None:
            with contextlib.suppress(BrokenPipeError):
                os.write(self.to, b"go\n")
                return
        ready, _, _ = select.select([self.log], [], [], _LAST_WORDS_S)
        words = os.read(self.log, 4096).decode("utf-8", errors="replace").strip() if ready else ""
        self.close()
        raise StageError(f"a sandbox did not start: {words or self.process.poll()}")

    def _start(self, ends: tuple[int, int, int]) -> "Started | subprocess.Popen[bytes]":
        if self._slot is None:
            return self._plainly(ends)
        work = self._work
        script = limits_script(work.limits, work.runtimes, _counted()) + _BEGIN + work.script
        command = ["/bin/sh", "-c", script, "sh", *work.command]
        with contextlib.ExitStack() as stack:
            held = [_held(data, stack) for data in work.files.values()]
            program = filter_program(any(runtime.shared_memory for runtime in work.runtimes))
            held += [_held(program, stack)] if program else []
            inside = self._inside(bool(program), self._slot)
            variables = environment(work.runtimes, SCRATCH)
            return self._slot.launcher.start(
                sandbox_command(inside, command), variables, [*ends, *held]
            )

    def _inside(self, filtered: bool, slot: Slot) -> Inside:
        work = self._work
        names = [checked_name(name) for name in work.files]
        files = tuple((FIRST_FILE + place, name) for place, name in enumerate(names))
        seccomp = FIRST_FILE + len(names) if filtered else -1
        return Inside(work.runtimes, work.limits, files, seccomp, slot.hidden)

    def _plainly(self, ends: tuple[int, int, int]) -> "subprocess.Popen[bytes]":
        work = self._work
        self._folder = tempfile.TemporaryDirectory(prefix="pixmo-no-sandbox-")
        for name, data in work.files.items():
            Path(self._folder.name, checked_name(name)).write_bytes(data)
        script = limits_script(work.limits, work.runtimes, _present()) + _BEGIN + work.script
        command = [outside(part, work.runtimes) for part in work.command]
        return subprocess.Popen(
            ["/bin/sh", "-c", script, "sh", *command],
            stdin=ends[0],
            stdout=ends[1],
            stderr=ends[2],
            cwd=self._folder.name,
            env=environment(work.runtimes, self._folder.name),
            start_new_session=True,
        )

    def watched(self) -> bool:
        """Whether nobody but us counts its memory."""
        return self._slot is None or not self._slot.groups

    def count_memory(self) -> bool:
        """Look once; whether it is over its limit."""
        scratch = SCRATCH if self._slot is not None else ""
        self._counted_over |= too_much(self.process.pid, self._work.limits, scratch)
        return self._counted_over

    def over_memory(self) -> bool:
        """Whether a process was ended, or must be, for want of memory."""
        return self._counted_over or (self._slot is not None and self._slot.over_memory())

    def kill(self) -> None:
        """End every process of it and wait until they are gone; safe to call twice."""
        if self.process.poll() is None:
            self._kill_running()
        if self._folder is not None:
            self._folder.cleanup()

    def _kill_running(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self._slot is None:
                os.killpg(self.process.pid, signal.SIGKILL)
            # Process 1 of the sandbox takes all others with it, and bubblewrap waits for that.
            elif not any(_killed(child) for child in children(self.process.pid)):
                self.process.kill()
        try:
            self.process.wait(timeout=_GONE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def close(self) -> None:
        """End it, and close the pipes."""
        self.kill()
        for name in ("to", "out", "log"):
            number = getattr(self, name)
            if number >= 0:
                os.close(number)
                setattr(self, name, -1)
        wait_until(self._empty, _GONE_S)

    def _empty(self) -> bool:
        return self._slot is None or self._slot.idle()


def wait_until(true: Callable[[], bool], seconds: float) -> None:
    """Ask again and again; StageError when it is not true after so many seconds."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise StageError(
                f"processes of a sandbox are still there {seconds:g} s after their end"
            )
        time.sleep(0.001)


def environment(runtimes: Sequence[Runtime], folder: str) -> dict[str, str]:
    """All variables that a tool sees."""
    variables = dict(_ENVIRONMENT) | {"HOME": folder, "TMPDIR": folder}
    for runtime in runtimes:
        variables |= dict(runtime.environment)
    if folder != SCRATCH:
        return {name: outside(value, tuple(runtimes)) for name, value in variables.items()}
    return variables


def checked_name(name: str) -> str:
    """A file's name as it is, ValueError for one that is more than a name."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no plain file name for a sandbox")
    return name


def _held(data: bytes, stack: contextlib.ExitStack) -> int:
    """The number of an anonymous file with this content, at its beginning."""
    number = os.memfd_create("pixmo")
    stack.callback(os.close, number)
    with open(number, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(number, 0, os.SEEK_SET)
    return number


def _killed(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _counted() -> int:
    """Processes of ours that count as the sandbox's: before Linux 5.14 all of an ordinary user."""
    release = [int(part) for part in re.findall(r"\d+", platform.release())[:2]]
    return _present() if release < [5, 14] and not is_root() else 0


def _present() -> int:
    """Processes and threads of our user now."""
    mine = os.getuid()
    count = 0
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                if folder.stat().st_uid == mine:
                    count += len(list((folder / "task").iterdir()))
    return count
