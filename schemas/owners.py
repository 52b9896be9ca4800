"""Which process owns a lease or a half-written file, so that a dead one's can be told from a live.

A process is named by host, pid and its start in seconds after boot: a pid that is used again is not
taken for its former owner, and a step of the clock changes nothing.
"""

import dataclasses
import os
import socket

import psutil


@dataclasses.dataclass(frozen=True)
class Owner:
    """A process; `started` is in seconds after its host's boot."""

    host: str
    pid: int
    started: float

    def is_here(self) -> bool:
        """Whether the process is of this host, so that `is_running` can tell."""
        return self.host == socket.gethostname()

    def is_running(self) -> bool:
        """Whether the process is there and no zombie; only of meaning on its own host."""
        try:
            process = psutil.Process(self.pid)
            zombie = process.status() == psutil.STATUS_ZOMBIE
            return not zombie and abs(_started(process) - self.started) < 1.0
        except psutil.NoSuchProcess:
            return False


def this_process() -> Owner:
    """The owner of what this process writes."""
    return owner_of(os.getpid())


def owner_of(pid: int) -> Owner:
    """A process of this host by its id; psutil.NoSuchProcess when there is none."""
    return Owner(socket.gethostname(), pid, _started(psutil.Process(pid)))


def _started(process: psutil.Process) -> float:
    return round(float(process.create_time() - psutil.boot_time()), 2)
