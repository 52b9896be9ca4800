"""Limits of memory and processes for all processes of a sandbox together, by control groups.

Version 2 and version 1 of the kernel's interface are known; where neither can be written,
`open_groups` gives none and `memory_watch.py` does the counting. A group is used again and again
by one process; what stays after a crash is removed by `_sweeper`, a shell that waits for our end.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_NAME = "pixmo-sandbox"
# $1: patterns of the folders. An end of file says that the process is gone, however it went; what
# is in its groups then was to go with it.
_SWEEP = """
read -r _; n=0
while [ $n -lt 200 ]; do
    for folder in $1; do
        while read -r pid; do [ "$pid" -gt 1 ] && kill -9 "$pid"; done < "$folder/cgroup.procs"
    done 2>/dev/null
    rmdir $1 2>/dev/null
    left=; for folder in $1; do [ -d "$folder" ] && left=1; done
    [ "$left" ] || exit 0
    sleep 0.05; n=$((n+1))
done
"""


@dataclass(frozen=True)
class Group:
    """One folder of the control group file system, and the names of its files."""

    folder: Path
    version: int
    controllers: frozenset[str]

    def limit(self, memory: int, processes: int) -> None:
        """Set the limits: bytes, and processes with their threads."""
        if "memory" in self.controllers:
            self._limit_memory(memory)
        if "pids" in self.controllers:
            _write(self.folder / "pids.max", processes)

    def _limit_memory(self, memory: int) -> None:
        if self.version == 2:
            _write(self.folder / "memory.max", memory)
            with contextlib.suppress(OSError):
                _write(self.folder / "memory.swap.max", 0)
            return
        limit, with_swap = "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"
        # The limit with swap may never be the smaller one, so it goes first when both grow.
        for name in (with_swap, limit, with_swap):
            with contextlib.suppress(OSError):
                _write(self.folder / name, memory)
        if int((self.folder / limit).read_text("ascii")) > memory:
            raise OSError(f"{self.folder / limit} does not take {memory}")

    def memory_kills(self) -> int:
        """How many processes were ended for want of memory since the group was made."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        for line in (self.folder / name).read_text("ascii").splitlines():
            key, _, count = line.partition(" ")
            if key == "oom_kill":
                return int(count)
        return 0

    def members(self) -> list[int]:
        """The processes in it now, as this process numbers them."""
        return [int(pid) for pid in (self.folder / "cgroup.procs").read_text("ascii").split()]

    def close(self) -> None:
        """Remove the folder; one that is still in use is left to the sweeper."""
        with contextlib.suppress(OSError):
            self.folder.rmdir()


def open_groups(number: int, root: Path = _ROOT) -> tuple[Group, ...]:
    """New groups for slot `number` of this process; () where they cannot be had."""
    name = f"{_NAME}-{os.getpid()}-{number}"
    made: list[Group] = []
    for parent, version, controllers in _parents(root):
        group = Group(parent / name, version, controllers)
        try:
            group.folder.mkdir(exist_ok=True)
            made.append(group)
            group.limit(2**30, 64)
        except OSError:
            for other in made:
                other.close()
            return ()
    return tuple(made) if any("memory" in group.controllers for group in made) else ()


def sweep(root: Path = _ROOT) -> None:
    """Remove the groups of processes that are no more."""
    for parent, _, _ in _parents(root):
        for folder in parent.glob(f"{_NAME}-*-*"):
            owner = folder.name.split("-")[2]
            if owner.isdigit() and not Path(f"/proc/{owner}").exists():
                with contextlib.suppress(OSError):
                    folder.rmdir()


def start_sweeper(root: Path = _ROOT) -> int:
    """A shell that removes this process's groups when it has ended; the pipe that tells it so."""
    reading, writing = os.pipe()
    mine = f"{_NAME}-{os.getpid()}-*"
    patterns = " ".join(str(parent / mine) for parent, _, _ in _parents(root))
    quiet = os.open(os.devnull, os.O_WRONLY)
    moves = [(os.POSIX_SPAWN_DUP2, reading, 0)]
    moves += [(os.POSIX_SPAWN_DUP2, quiet, number) for number in (1, 2)]
    os.posix_spawn(
        "/bin/sh",
        ["sh", "-c", _SWEEP, "sh", patterns],
        {"PATH": "/usr/bin:/bin"},
        file_actions=moves,
        setsid=True,
    )
    os.close(reading)
    os.close(quiet)
    return writing


def _parents(root: Path) -> list[tuple[Path, int, frozenset[str]]]:
    """Where groups may be made: (folder, version of the interface, controllers there)."""
    own = _own_paths()
    if (root / "cgroup.controllers").exists():
        return _parents_v2(root, own.get("", ""))
    found = []
    for controller in ("memory", "pids", "cpu"):
        parent = _below(root / controller, own.get(controller, ""))
        if os.access(parent, os.W_OK):
            found.append((parent, 1, frozenset({controller})))
    return found


def _parents_v2(root: Path, own: str) -> list[tuple[Path, int, frozenset[str]]]:
    """The nearest folder above us whose children have limits; only beside us, never in us.

    A group with processes of its own cannot give limits to groups below it, except the root.
    """
    here = _below(root, own)
    for parent in (here.parent, root) if here != root else (root,):
        try:
            given = frozenset((parent / "cgroup.subtree_control").read_text("ascii").split())
        except OSError:
            continue
        if {"memory", "pids"} <= given and os.access(parent, os.W_OK):
            return [(parent, 2, given)]
    return []


def _own_paths() -> dict[str, str]:
    """controller: path of our own group; version 2 has the empty name."""
    paths: dict[str, str] = {}
    for line in Path("/proc/self/cgroup").read_text("ascii").splitlines():
        _, controllers, path = line.split(":", 2)
        paths |= dict.fromkeys(controllers.split(","), path)
    return paths


def _below(root: Path, path: str) -> Path:
    """Our own group where this container shows it, else the top of what it shows."""
    own = root / path.lstrip("/")
    return own if own.is_dir() else root


def _write(path: Path, value: int) -> None:
    path.write_text(str(value), encoding="ascii")
