"""Runs one command in a sandbox to its end: files in, one file and what it said back.

The file comes back through a pipe that process 1 of the sandbox writes when all others are dead;
nothing here opens a path that the command could have made.
"""

import os
import selectors
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipelines.services.sandbox.launch import Launched, Work
from pipelines.services.sandbox.limits import DEFAULT_LIMITS, MIB, SandboxLimits
from pipelines.services.sandbox.memory_watch import INTERVAL_S
from pipelines.services.sandbox.problem import require_sandbox
from pipelines.services.sandbox.runtimes import Runtime
from pipelines.services.sandbox.slots import slot_for
from pipelines.services.sandbox.staging import out_of_reach
from schemas.judgment import Reject

_LOG_KEPT = 64 * 1024
_LOG_MOST = 64 * MIB
_CHUNK = 64 * 1024
_KILLED_STATUS = 137
# 128 + SIGXCPU. Process 1 of a sandbox does not get that, only the SIGKILL a second later.
_CPU_STATUS = 152
_TO_PIPE = 'shift; exec "$@" < /dev/null'
_TO_FILE = """
out="$1"; shift; "$@" < /dev/null >&2; status=$?
%s
if [ $status = 0 ] && [ -f "$out" ] && [ ! -L "$out" ]; then exec /bin/cat "$out"; fi
exit $status
"""
# Only a sandbox's process 1 may: outside that would be everything of the user.
_KILL_OTHERS = "[ $$ = 1 ] && kill -9 -1 2>/dev/null"
# The name of an output that is what the command writes on its standard output.
STDOUT = "-"


@dataclass(frozen=True)
class SandboxDone:
    """The command's exit status (128 + signal when it was ended by one), its file, its log.

    `output` is b"" when the status is not 0, or when there is no regular file of that name.
    """

    status: int
    output: bytes
    log: str


@dataclass
class _Heard:
    """What came through the two pipes so far."""

    output: bytearray = field(default_factory=bytearray)
    log: bytearray = field(default_factory=bytearray)
    said: int = 0

    def hear_log(self, data: bytes) -> None:
        self.said += len(data)
        self.log += data
        del self.log[: max(0, len(self.log) - _LOG_KEPT)]


def run_in_sandbox(
    command: Sequence[str],
    files: Mapping[str, bytes],
    output_name: str,
    runtimes: Sequence[Runtime] = (),
    limits: SandboxLimits = DEFAULT_LIMITS,
    sandboxed: bool = True,
) -> SandboxDone | Reject:
    """Run a command beside its files, and bring back the file that it was to write.

    Rejects: `render_timeout` (CPU or wall clock), `render_memory`, `render_too_large` (the output
    is over its limit), `render_failed` (endless log). MissingPart when there is no sandbox.
    With `sandboxed` false the command runs plainly, with limits of each process only.
    The output named `STDOUT` is what the command prints; that spares a small tool a file.
    """
    to_file = _TO_FILE % (_KILL_OTHERS if sandboxed else "")
    script = _TO_PIPE if output_name == STDOUT else to_file
    arguments = (output_name, *command)
    work = Work(script, arguments, dict(files), tuple(runtimes), limits)
    if not sandboxed:
        return _run(Launched(work, None), limits)
    require_sandbox()
    with slot_for(limits, out_of_reach(work.runtimes)) as slot:
        return _run(Launched(work, slot), limits)


def _run(launched: Launched, limits: SandboxLimits) -> SandboxDone | Reject:
    heard = _Heard()
    try:
        stopped = _listen(launched, limits, heard)
        if stopped is None:
            launched.process.wait()
    finally:
        launched.close()
    return stopped or _judged(launched, limits, heard)


def _listen(launched: Launched, limits: SandboxLimits, heard: _Heard) -> Reject | None:
    """Read both pipes to their ends, or to the first limit that is passed."""
    end = time.monotonic() + limits.wall_s
    looks = INTERVAL_S if launched.watched() else limits.wall_s
    with selectors.DefaultSelector() as selector:
        selector.register(launched.out, selectors.EVENT_READ)
        selector.register(launched.log, selectors.EVENT_READ)
        next_look = time.monotonic() + looks
        while selector.get_map():
            for key, _ in selector.select(max(0.0, min(end, next_look) - time.monotonic())):
                data = os.read(key.fd, _CHUNK)
                if not data:
                    selector.unregister(key.fd)
                elif key.fd == launched.out:
                    heard.output += data
                else:
                    heard.hear_log(data)
            if time.monotonic() >= next_look and launched.watched():
                launched.count_memory()
                next_look = time.monotonic() + looks
            if stopped := _over(launched, limits, heard, end):
                return stopped
    return None


def _over(launched: Launched, limits: SandboxLimits, heard: _Heard, end: float) -> Reject | None:
    if len(heard.output) > limits.output:
        return Reject("render_too_large", f"its file is over {limits.output} bytes")
    if heard.said > _LOG_MOST:
        return Reject("render_failed", f"it said more than {_LOG_MOST} bytes")
    late = time.monotonic() >= end
    # What lost a process for want of memory may wait for it until its time is over.
    if (late or launched.watched()) and launched.over_memory():
        return Reject("render_memory", f"it took more than {limits.memory // MIB} MiB")
    if late:
        return Reject("render_timeout", f"it ran for more than {limits.wall_s:g} s")
    return None


def _judged(launched: Launched, limits: SandboxLimits, heard: _Heard) -> SandboxDone | Reject:
    status = _status(launched.process.returncode)
    log = heard.log.decode("utf-8", errors="replace")
    if status != 0 and launched.over_memory():
        return Reject("render_memory", f"it took more than {limits.memory // MIB} MiB")
    if status == _CPU_STATUS:
        return Reject("render_timeout", f"it computed for more than {limits.cpu_s:g} s")
    if status == _KILLED_STATUS:
        return Reject("render_timeout", f"it was killed, as after {limits.cpu_s:g} s of computing")
    return SandboxDone(status, bytes(heard.output) if status == 0 else b"", log)


def _status(returncode: int | None) -> int:
    if returncode is None:
        return _KILLED_STATUS
    return 128 - returncode if returncode < 0 else returncode
