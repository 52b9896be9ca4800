"""A sandboxed process that stays: it answers, it is killed whole, it does not outlive its owner."""

import os
import select
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from pipelines.services.sandbox.limits import DEFAULT_LIMITS, MIB
from pipelines.services.sandbox.long_lived import SandboxedProcess, open_in_sandbox
from pipelines.services.sandbox.problem import sandbox_problem
from pipelines.services.sandbox.runtimes import Runtime, inside_python, python_runtime
from tests.conftest import missing

ROOMY = Runtime(huge_address_space=True)
# A pipeline with one long-lived sandbox and one single run, both with children, that says so.
OWNER = """
from pipelines.services.sandbox.long_lived import open_in_sandbox
from pipelines.services.sandbox.single_run import run_in_sandbox
sleepers = ["/bin/sh", "-c", "sleep 4711 & sleep 4711"]
held = open_in_sandbox(sleepers)
print("ready", flush=True)
run_in_sandbox(sleepers, {}, "out")
"""


@pytest.fixture(autouse=True)
def _sandbox() -> None:
    if problem := sandbox_problem():
        missing(problem)


def ask(process: SandboxedProcess, words: bytes, seconds: float = 10.0) -> bytes:
    os.write(process.to, words)
    ready, _, _ = select.select([process.out], [], [], seconds)
    return os.read(process.out, 1000) if ready else b"nothing"


def test_it_answers_through_its_pipes_and_ends_at_once() -> None:
    process = open_in_sandbox(["/bin/cat"])
    assert ask(process, b"hello") == b"hello"
    assert process.poll() is None
    process.kill()
    process.kill()
    assert process.poll() == 137
    assert process.out == -1


def test_pipes_under_other_numbers_and_what_it_says() -> None:
    script = "echo words; cat <&3 >&4"
    process = open_in_sandbox(["/bin/sh", "-c", script], pipes=(3, 4))
    assert ask(process, b"x") == b"x"
    process.kill()
    assert process.log() == "words\n"


def test_it_may_be_opened_by_a_thread_that_ends() -> None:
    opened: list[SandboxedProcess] = []
    thread = threading.Thread(target=lambda: opened.append(open_in_sandbox(["/bin/cat"])))
    thread.start()
    thread.join()
    time.sleep(0.1)
    assert ask(opened[0], b"still here") == b"still here"
    opened[0].kill()


def test_its_memory_is_limited() -> None:
    code = "kept = []\nwhile True: kept.append(b'x' * 2**20)"
    limits = replace(DEFAULT_LIMITS, memory=96 * MIB)
    process = open_in_sandbox([inside_python(), "-c", code], (python_runtime(), ROOMY), limits)
    assert select.select([process.out], [], [], 20.0)[0]
    assert os.read(process.out, 1) == b""
    process.kill()
    assert process.over_memory()


@pytest.mark.parametrize("victim", ["owner", "launchers"])
def test_nothing_outlives_a_killed_pipeline(victim: str) -> None:
    root = Path(__file__).parents[4]
    owner = subprocess.Popen([sys.executable, "-c", OWNER], cwd=root, stdout=subprocess.PIPE)
    assert owner.stdout
    with owner, owner.stdout:
        assert owner.stdout.readline() == b"ready\n"
        below = _below(owner.pid)
        launchers = [p for p in below if "process that starts sandboxes" in _line(p)]
        sleepers = [p for p in below if _line(p).startswith("sleep")]
        groups = _groups(owner.pid)
        for process in launchers if victim == "launchers" else [owner]:
            process.send_signal(signal.SIGKILL)
        _, alive = psutil.wait_procs(sleepers, timeout=5.0)
        assert not alive
        owner.kill()
    _, alive = psutil.wait_procs(below, timeout=10.0)
    assert not alive
    assert os.getuid() != 0 or not Path("/sys/fs/cgroup/memory").is_dir() or groups
    assert not _groups(owner.pid)


def _below(owner: int) -> list[psutil.Process]:
    """What runs below the owner, once both its sandboxes are at work."""
    end = time.monotonic() + 20.0
    while time.monotonic() < end:
        below = psutil.Process(owner).children(recursive=True)
        if sum(_line(process).startswith("sleep") for process in below) == 4:
            return below
        time.sleep(0.02)
    raise AssertionError("the sandboxes did not start")


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _groups(owner: int) -> list[Path]:
    """Control groups that a process made for sandboxes."""
    found = []
    for folder, folders, _ in os.walk("/sys/fs/cgroup"):
        found += [
            Path(folder, name) for name in folders if name.startswith(f"pixmo-sandbox-{owner}-")
        ]
    return found


@pytest.mark.slow
def test_nothing_outlives_a_pipeline_killed_while_it_starts_one() -> None:
    """At many moments of a start, also when some of its processes are not yet told to follow."""
    root = Path(__file__).parents[4]
    owners = []
    for step in range(16):
        owner = subprocess.Popen(
            [sys.executable, "-c", STARTER], cwd=root, stdout=subprocess.PIPE, stdin=subprocess.PIPE
        )
        assert owner.stdout
        with owner, owner.stdout:
            assert owner.stdout.readline() == b"ready\n"
            time.sleep(step * 0.002)
            owner.kill()
        owners.append(owner.pid)
    end = time.monotonic() + 10.0
    while (left := _marked() + _all_groups(owners)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not left


STARTER = """
from pipelines.services.sandbox.single_run import run_in_sandbox
run_in_sandbox(["/bin/true"], {}, "out")
print("ready", flush=True)
while True:
    run_in_sandbox(["/bin/sh", "-c", "sleep 0.001; : sleeper-of-the-test"], {}, "out")
"""


def _all_groups(owners: list[int]) -> list[str]:
    return [str(group) for owner in owners for group in _groups(owner)]


def _marked() -> list[str]:
    lines = [_line(process) for process in psutil.process_iter()]
    return [
        line for line in lines if "sleeper-of-the-test" in line and "run_in_sandbox" not in line
    ]
