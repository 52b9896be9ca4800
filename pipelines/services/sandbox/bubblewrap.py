"""The command line that puts a tool into namespaces of its own, and the limits of each process.

bubblewrap makes the namespaces and mounts; process 1 inside is a shell that sets limits and runs
the tool. Nothing goes through that shell as text: its scripts are constant but for numbers, and get
their values as arguments.
"""

import functools
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.services.sandbox.limits import SandboxLimits
from pipelines.services.sandbox.runtimes import Runtime, system_arguments
from pipelines.services.sandbox.staging import staged

SCRATCH = "/scratch"
_INSIDE_ID = "1000"


@dataclass(frozen=True)
class Inside:
    """What one sandbox is given; `files` and `seccomp` are numbers of open files (-1: none)."""

    runtimes: tuple[Runtime, ...]
    limits: SandboxLimits
    files: tuple[tuple[int, str], ...]
    seccomp: int
    hidden: tuple[str, ...]


def sandbox_command(inside: Inside, command: Sequence[str]) -> list[str]:
    """bubblewrap's command line; `command` is run as process 1 of the sandbox."""
    return [_program(), *_namespaces(), *_mounts(inside), *_places(inside), "--", *command]


def limits_script(limits: SandboxLimits, runtimes: Sequence[Runtime], present: int = 0) -> str:
    """Shell lines that set the limits of each process; `present` processes count besides."""
    lines = ["ulimit -c 0", f"ulimit -f {limits.scratch // 512}", "ulimit -n 2048"]
    if limits.cpu_s != float("inf"):
        seconds = max(1, round(limits.cpu_s))
        lines += [f"ulimit -S -t {seconds}", f"ulimit -H -t {seconds + 1}"]
    if not any(runtime.huge_address_space for runtime in runtimes):
        lines.append(f"ulimit -v {limits.memory // 1024}")
    count = limits.processes + present
    # Shells disagree on the letter.
    lines.append(f"{{ ulimit -p {count} 2>/dev/null || ulimit -u {count}; }}")
    return " && ".join(lines) + " || exit 125\n"


@functools.cache
def _program() -> str:
    return shutil.which("bwrap") or "/usr/bin/bwrap"


def _namespaces() -> list[str]:
    spaces = ["user", "pid", "net", "ipc", "uts"]
    return [
        *(f"--unshare-{space}" for space in spaces),
        *("--unshare-cgroup-try", "--uid", _INSIDE_ID, "--gid", _INSIDE_ID),
        *("--hostname", "sandbox", "--cap-drop", "ALL"),
        *("--new-session", "--die-with-parent", "--as-pid-1"),
    ]


def _mounts(inside: Inside) -> list[str]:
    arguments = list(system_arguments())
    for runtime in inside.runtimes:
        for here, there in runtime.mounts:
            arguments += ["--ro-bind", staged(here, inside.hidden), there]
    return arguments


def _places(inside: Inside) -> list[str]:
    """Devices, scratch and files; the root folder itself is made read-only at the end."""
    arguments = ["--dir", "/dev"]
    for device in ("null", "urandom"):
        arguments += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    if any(runtime.proc for runtime in inside.runtimes):
        arguments += ["--proc", "/proc"]
    arguments += ["--size", str(inside.limits.scratch), "--tmpfs", SCRATCH]
    for number, name in inside.files:
        arguments += ["--file", str(number), f"{SCRATCH}/{name}"]
    arguments += ["--symlink", SCRATCH, "/tmp"]
    if any(runtime.shared_memory for runtime in inside.runtimes):
        arguments += ["--symlink", SCRATCH, "/dev/shm"]
    if inside.seccomp >= 0:
        arguments += ["--seccomp", str(inside.seccomp)]
    return [*arguments, "--chdir", SCRATCH, "--remount-ro", "/"]
