"""The process that starts sandboxes: it has their user id and their control groups already.

To join a control group takes the kernel tens of milliseconds, and to drop root's rights takes two
more programs per picture; this one does both once. It runs from its text with the standard library
alone (`python -I -S -c TEXT SETTINGS`), its standard input is a SOCK_SEQPACKET socket:

    in    {"argv": [...], "env": {...}} with the numbers of stdin, stdout, stderr and files,
          which the started program finds at 100, 101, ...
    out   {"pid": N}, and at its end {"status": N} as `os.waitstatus_to_exitcode` gives it

It ends, and what it started with it, when the socket is closed or its parent dies.
"""

import ctypes
import json
import os
import select
import signal
import socket
import sys
from typing import Any, NoReturn

FIRST_FILE = 100
_MOST_FILES = 64
_MOST_BYTES = 1 << 18
_SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG
_SET_CHILD_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER
_LIBC = ctypes.CDLL(None)


def main() -> None:
    """Take on the settings, then start one program after the other."""
    settings = json.loads(sys.argv[1])
    for folder in settings["groups"]:
        with open(f"{folder}/cgroup.procs", "w", encoding="ascii") as file:
            file.write("0")
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("1000")
    except OSError:
        pass  # some containers forbid it, and it is a courtesy to others
    if settings["user"] is not None:
        os.setgroups([])
        os.setresgid(*[settings["user"]] * 3)
        os.setresuid(*[settings["user"]] * 3)
    # What loses its parent becomes our child, so that it can be found and ended.
    _LIBC.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    orphaned = _signalled_orphaned()
    if os.getppid() != settings["parent"]:
        return
    control = socket.socket(fileno=os.dup(0))
    try:
        control.send(b'{"ready": true}')
        while _start_one(control, orphaned):
            _end_children()
    finally:
        _end_children()


def _signalled_orphaned() -> int:
    """A pipe that is readable when our parent has died; the signal itself interrupts nothing.

    The socket may be held open by processes that our parent forked, so its end is not enough.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGTERM, lambda *_: None)
    _LIBC.prctl(_SET_DEATH_SIGNAL, signal.SIGTERM)
    return reading


def _start_one(control: socket.socket, orphaned: int) -> bool:
    """One program from its start to its end; False when nobody listens any more."""
    if orphaned in select.select([control.fileno(), orphaned], [], [])[0]:
        return False
    data, numbers, _, _ = socket.recv_fds(control, _MOST_BYTES, _MOST_FILES)
    for number in numbers:
        # Received files would otherwise be open in the sandbox under these numbers too.
        os.set_inheritable(number, False)
    if not data:
        return False
    asked = json.loads(data)
    places = [0, 1, 2, *range(FIRST_FILE, FIRST_FILE + len(numbers) - 3)]
    launcher = os.getpid()
    pid = os.fork()
    if pid == 0:
        _become(asked, dict(zip(numbers, places, strict=True)), launcher)
    for number in numbers:
        os.close(number)
    control.send(json.dumps({"pid": pid}).encode())
    watched = os.pidfd_open(pid)
    ready, _, _ = select.select([watched, control.fileno(), orphaned], [], [])
    if watched not in ready:
        return False
    os.close(watched)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    control.send(json.dumps({"status": status}).encode())
    return True


def _become(asked: Any, places: dict[int, int], launcher: int) -> NoReturn:
    """The child: it dies with the launcher, also when that is dead already."""
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _LIBC.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != launcher:
            os._exit(125)
        for here, there in places.items():
            os.dup2(here, there)
        os.execve(asked["argv"][0], asked["argv"], asked["env"])
    finally:
        os._exit(126)


def _end_children() -> None:
    """Kill and collect every child, also those that another process left to us."""
    while True:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            children = [int(pid) for pid in file.read().split()]
        if not children:
            return
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
