"""A sandboxed process that stays, for tools that are slow to start; talked to through two pipes."""

import math
import os
import threading
from collections.abc import Mapping, Sequence

from pipelines.services.sandbox.launch import Launched, Work
from pipelines.services.sandbox.launcher import starter
from pipelines.services.sandbox.limits import SandboxLimits
from pipelines.services.sandbox.memory_watch import INTERVAL_S
from pipelines.services.sandbox.problem import require_sandbox
from pipelines.services.sandbox.runtimes import Runtime
from pipelines.services.sandbox.slots import Slot, give_back, take_slot
from pipelines.services.sandbox.staging import out_of_reach

_LOG_KEPT = 64 * 1024
_LIMITS = SandboxLimits(cpu_s=math.inf)
_SCRIPTS = {
    (0, 1): 'exec "$@"',
    (3, 4): 'exec "$@" 3<&0 4>&1 0</dev/null 1>&2',
}


class SandboxedProcess:
    """One running command. `to` and `out` are numbers of pipes: what it reads, what it writes.

    Its memory, processes and scratch are limited as in a single run; its wall clock is not: time
    each request, and `kill`. `limits.cpu_s` holds for a process's whole life (inf: none).
    """

    def __init__(self, launched: Launched, slot: Slot | None) -> None:
        self._launched = launched
        self._slot = slot
        self._log = bytearray()
        self._closing = threading.Lock()
        self._threads = [threading.Thread(target=self._hear, daemon=True)]
        self._ended = threading.Event()
        if launched.watched():
            self._threads.append(threading.Thread(target=self._watch, daemon=True))
        for thread in self._threads:
            thread.start()

    @property
    def to(self) -> int:
        """The number of the pipe that it reads; -1 after the end."""
        return self._launched.to

    @property
    def out(self) -> int:
        """The number of the pipe that it writes; -1 after the end."""
        return self._launched.out

    @property
    def pid(self) -> int:
        """The outermost process, bubblewrap's."""
        return self._launched.process.pid

    def poll(self) -> int | None:
        """Its exit status, None while it runs."""
        return self._launched.process.poll()

    def log(self) -> str:
        """The end of what it said on its error output."""
        return self._log.decode("utf-8", errors="replace")

    def over_memory(self) -> bool:
        """Whether a process of it was ended for want of memory."""
        return self._launched.over_memory()

    def kill(self) -> None:
        """End every process of it, wait for that, close the pipes; safe to call twice."""
        with self._closing:
            if self._ended.is_set():
                return
            self._ended.set()
            self._launched.kill()
            for thread in self._threads:
                thread.join()
            self._launched.close()
            if self._slot is not None:
                give_back(self._slot)

    def _hear(self) -> None:
        while data := os.read(self._launched.log, _LOG_KEPT):
            self._log += data
            del self._log[: max(0, len(self._log) - _LOG_KEPT)]

    def _watch(self) -> None:
        while not self._ended.wait(INTERVAL_S) and self.poll() is None:
            if self._launched.count_memory():
                self._launched.kill()


def open_in_sandbox(
    command: Sequence[str],
    runtimes: Sequence[Runtime] = (),
    limits: SandboxLimits = _LIMITS,
    *,
    files: Mapping[str, bytes] | None = None,
    pipes: tuple[int, int] = (0, 1),
    sandboxed: bool = True,
) -> SandboxedProcess:
    """Start a command that stays; `pipes` are its numbers of what it reads and writes.

    It dies with this process, however that ends; without a sandbox, it has to be killed.
    MissingPart when there is no sandbox.
    """
    work = Work(_SCRIPTS[pipes], tuple(command), dict(files or {}), tuple(runtimes), limits)
    if not sandboxed:
        return SandboxedProcess(_start(work, None), None)
    require_sandbox()
    slot = take_slot(out_of_reach(work.runtimes))
    try:
        slot.prepare(limits)
        return SandboxedProcess(_start(work, slot), slot)
    except BaseException:
        give_back(slot)
        raise


def _start(work: Work, slot: Slot | None) -> Launched:
    """Started by a thread that stays: the kernel ends children with the thread that made them."""
    return starter().submit(Launched, work, slot).result()
