"""Counts the memory of a sandbox where no control group does, and says when it is too much.

It looks at intervals, so a process may go over the limit by what it takes in one of them; the
limit of addresses of each process holds in between.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from pipelines.services.sandbox.limits import SandboxLimits

INTERVAL_S = 0.05
_FILES_PER_BYTE = 1 / 4096


def too_much(pid: int, limits: SandboxLimits, scratch: str = "") -> bool:
    """Whether the processes below `pid` and their scratch hold more memory or files than allowed.

    `scratch` is the sandbox's folder as seen inside. Shared pages count once per process.
    """
    below = list(descendants(pid))
    used = sum(_resident(process) for process in below)
    if scratch and below:
        used += _scratch_bytes(below[0], scratch, limits)
    return used > limits.memory


def descendants(pid: int) -> Iterator[int]:
    """Processes started by `pid`, theirs, and so on; of those that still run."""
    for child in children(pid):
        yield child
        yield from descendants(child)


def children(pid: int) -> list[int]:
    """Processes whose parent is `pid`."""
    found = []
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (thread / "children").read_text("ascii").split()]
    except OSError:
        return found
    return found


def _resident(pid: int) -> int:
    """Bytes of a process's own pages and of shared memory that it has touched."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return 0
    wanted = ("RssAnon:", "RssShmem:")
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(wanted))


def _scratch_bytes(pid: int, scratch: str, limits: SandboxLimits) -> int:
    """What the files take; a folder of very many empty ones counts as over the limit."""
    try:
        status = os.statvfs(f"/proc/{pid}/root{scratch}")
    except OSError:
        return 0
    files = status.f_files - status.f_ffree
    if files > limits.scratch * _FILES_PER_BYTE:
        return limits.memory + 1
    return (status.f_blocks - status.f_bfree) * status.f_frsize
