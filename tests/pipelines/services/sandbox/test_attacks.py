"""Real attacks, each a small program that runs in the sandbox and reports what it gained.

The whole file is run again as an ordinary user by `test_ordinary_user.py`, where no control group
can be made and memory is watched instead.
"""

import os
import socket
import subprocess
import textwrap
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from pipelines.services.sandbox.limits import MIB, SandboxLimits
from pipelines.services.sandbox.problem import sandbox_problem
from pipelines.services.sandbox.runtimes import Runtime, inside_python, python_runtime
from pipelines.services.sandbox.single_run import SandboxDone, run_in_sandbox
from schemas.judgment import Reject
from tests.conftest import missing

SMALL = SandboxLimits(
    cpu_s=9.0, wall_s=20.0, memory=192 * MIB, processes=24, scratch=8 * MIB, output=MIB
)
SHORT = replace(SMALL, wall_s=1.0)
PYTHON = python_runtime()
# Without the limit of addresses, so that memory is counted for all processes together.
ROOMY = Runtime(huge_address_space=True, proc=True)
SECRET = "planted-secret-4711"
BEGIN = """
import ctypes, os, signal, socket, sys, threading, time
def tried(action):
    try:
        return f"done: {action()!r}"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
def call(number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(number, *arguments)
    return os.strerror(ctypes.get_errno()) if result == -1 else "done"
libc = ctypes.CDLL(None, use_errno=True)
out = open("out", "w", buffering=1)
"""


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """After every attack only launchers and the sweeper of groups are there besides what was."""
    if problem := sandbox_problem():
        missing(problem)
    before = set(psutil.Process().children(recursive=True))
    yield
    end = time.monotonic() + 3.0
    while (left := _strangers(before)) and time.monotonic() < end:
        time.sleep(0.01)
    assert not left


def _strangers(before: set[psutil.Process]) -> list[str]:
    """Command lines of new processes below us that no attack should have left."""
    found = []
    for process in set(psutil.Process().children(recursive=True)) - before:
        try:
            line = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if line and "The process that starts sandboxes" not in line and "rmdir $1" not in line:
            found.append(line)
    return found


def attack(
    code: str, limits: SandboxLimits = SMALL, runtimes: tuple[Runtime, ...] = (PYTHON,)
) -> SandboxDone | Reject:
    """Run Python code; it writes what it gained to the file `out`."""
    program = (BEGIN + textwrap.dedent(code)).encode()
    return run_in_sandbox(
        [inside_python(), "attack.py"], {"attack.py": program}, "out", runtimes, limits
    )


def gained(done: SandboxDone | Reject) -> str:
    """What the attack wrote."""
    assert isinstance(done, SandboxDone), done
    assert done.status == 0, done.log
    return done.output.decode()


def test_honest_work_is_done() -> None:
    assert gained(attack("print(sum(range(10)), os.getcwd(), file=out)")) == "45 /scratch\n"


def test_no_secret_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIXMO_SECRET", SECRET)
    hidden = tmp_path / "secret.txt"
    hidden.write_text(SECRET)
    said = gained(
        attack(
            f"""
            print(dict(os.environ), file=out)
            for path in ["/etc/passwd", "/etc/shadow", "/root", "/home", "{hidden}",
                         "{os.path.dirname(os.getcwd())}",
                         "{os.getcwd()}", "/proc/1/environ", "/proc/{os.getpid()}/environ",
                         "/proc/self/root/etc/passwd", "/dev/mem", "/dev/sda", "/sys/kernel"]:
                print(path, tried(lambda: open(path).read()), file=out)
                print(path, tried(lambda: os.listdir(path)), file=out)
            open_files = [n for n in range(2048) if tried(lambda: os.fstat(n)).startswith("done")]
            print("open files", len(open_files), file=out)
            """,
            runtimes=(PYTHON, Runtime(proc=True)),
        )
    )
    assert "open files 4\n" in said
    assert SECRET not in said
    assert "root:" not in said
    assert "PIXMO" not in said
    assert "/etc/passwd FileNotFoundError" in said
    assert f"{hidden} FileNotFoundError" in said
    assert f"/proc/{os.getpid()}/environ FileNotFoundError" in said


def test_the_root_folder_holds_runtimes_alone() -> None:
    said = gained(attack("print(*sorted(os.listdir('/')), file=out); print(os.getuid(), file=out)"))
    names, user = said.splitlines()
    allowed = {"bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "runtime", "sbin"}
    allowed |= {"scratch", "tmp", "usr", "var"}
    assert set(names.split()) <= allowed
    assert user == "1000"


def test_proc_shows_its_own_processes_alone() -> None:
    code = "print(*[name for name in os.listdir('/proc') if name.isdigit()], file=out)"
    said = gained(attack(code, runtimes=(PYTHON, Runtime(proc=True))))
    assert len(said.split()) == 2
    assert "No such file" in gained(attack("print(tried(lambda: os.listdir('/proc')), file=out)"))


def test_no_network_not_even_localhost() -> None:
    abstract = f"\0pixmo-test-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as local,
    ):
        local.bind(abstract)
        local.listen()
        said = gained(
            attack(
                f"""
                def connect(family, address):
                    with socket.socket(family) as s:
                        s.settimeout(0.3)
                        s.connect(address)
                port = {server.getsockname()[1]}
                print(tried(lambda: connect(socket.AF_INET, ("127.0.0.1", port))), file=out)
                print(tried(lambda: connect(socket.AF_INET, ("192.0.2.1", 80))), file=out)
                print(tried(lambda: connect(socket.AF_UNIX, {abstract!r})), file=out)
                print(tried(lambda: connect(socket.AF_VSOCK, (2, 80))), file=out)
                print(tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)), file=out)
                print(tried(lambda: socket.socket(socket.AF_PACKET)), file=out)
                print(tried(lambda: socket.getaddrinfo("example.org", 80)), file=out)
                """
            )
        )
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert "done" not in said
    assert said.splitlines()[0].startswith("ConnectionRefusedError")


def test_forking_for_ever_is_bounded() -> None:
    most, waits, stop = [0], [0.0], threading.Event()
    before = len(psutil.Process().children(recursive=True))

    def look() -> None:
        while not stop.wait(0.05):
            begin = time.monotonic()
            subprocess.run(["/bin/true"], check=True)
            waits[0] = max(waits[0], time.monotonic() - begin)
            most[0] = max(most[0], len(psutil.Process().children(recursive=True)) - before)

    watcher = threading.Thread(target=look)
    watcher.start()
    begin = time.monotonic()
    done = attack("while True: tried(os.fork)", SHORT)
    took = time.monotonic() - begin
    stop.set()
    watcher.join()
    assert isinstance(done, Reject)
    assert done.reason == "render_timeout"
    assert took < 6.0
    assert SMALL.processes / 2 < most[0] <= SMALL.processes + 12
    assert waits[0] < 2.0, "the machine did not answer"


def test_threads_for_ever_are_bounded() -> None:
    code = """
    def start():
        thread = threading.Thread(target=time.sleep, args=(99,), daemon=True)
        thread.start()
    count = 0
    while tried(start).startswith("done"):
        count += 1
    print(count, file=out, flush=True)
    os._exit(0)
    """
    threading_limits = replace(SMALL, memory=1024 * MIB)
    assert 8 < int(gained(attack(code, threading_limits))) < SMALL.processes


def test_filling_the_disk_fills_scratch_alone() -> None:
    code = """
    def fill(path):
        with open(path, "wb", buffering=0) as file:
            while True:
                written[0] += file.write(bytes(2**20))
    written = [0]
    first = tried(lambda: fill("big"))
    second = tried(lambda: fill("bigger"))
    os.remove("big")
    print(written[0], first, second, file=out)
    """
    said = gained(attack(code))
    assert int(said.split()[0]) <= SMALL.scratch
    assert "No space left" in said


def test_very_many_small_files_are_bounded() -> None:
    code = """
    os.mkdir("many")
    count = 0
    while True:
        os.close(os.open(f"many/{'x' * 200}{count}", os.O_CREAT))
        count += 1
    """
    done = attack(code, replace(SHORT, memory=64 * MIB), (PYTHON, ROOMY))
    assert isinstance(done, Reject)
    assert done.reason in ("render_memory", "render_timeout")


HOARD = "kept = []\nwhile True: kept.append(b'x' * 2**20)"


def test_allocating_for_ever_is_ended() -> None:
    done = attack(HOARD, runtimes=(PYTHON, ROOMY))
    assert isinstance(done, Reject)
    assert done.reason == "render_memory"


def test_addresses_are_limited_too() -> None:
    said = gained(attack(f"def hoard():\n{textwrap.indent(HOARD, '    ')}\nprint(tried(hoard))"))
    assert said == ""


def test_many_processes_allocate_together() -> None:
    code = "for _ in range(4): os.fork()\nkept = bytes(b'x' * (24 * 2**20))\ntime.sleep(9)"
    done = attack(code, replace(SMALL, wall_s=2.0), (PYTHON, ROOMY))
    assert isinstance(done, Reject)
    assert done.reason == "render_memory"


def test_memory_files_are_refused_or_counted() -> None:
    code = """
    def hoard():
        for place in range(400):
            file = os.memfd_create("x")
            os.write(file, b"x" * 2**20)
    print(tried(hoard), file=out)
    """
    assert "PermissionError" in gained(attack(code))


def test_an_output_over_its_limit_does_not_come_back() -> None:
    code = "os.write(out.fileno(), bytes(2**20 + 2))"
    done = attack(code)
    assert isinstance(done, Reject)
    assert done.reason == "render_too_large"


def test_a_sparse_giant_is_refused() -> None:
    assert "OSError" in gained(attack("print(tried(lambda: os.truncate('out', 10**13)), file=out)"))


def test_an_endless_log_is_ended() -> None:
    done = run_in_sandbox(["/usr/bin/yes"], {}, "out", (), SMALL)
    assert isinstance(done, Reject)
    assert done.reason in ("render_failed", "render_timeout")


def test_nothing_outside_is_written(tmp_path: Path) -> None:
    code = f"""
    for path in ["/x", "/usr/x", "/usr/bin/python3", "/etc/x", "/dev/x", "{tmp_path}/x",
                 "/runtime/packages/x.py", "/var/x", "/etc/fonts/x"]:
        print(path, tried(lambda: open(path, "w")), file=out)
    print(tried(lambda: os.chmod("/usr", 0o777)), file=out)
    print(tried(lambda: os.chmod("/dev/null", 0o600)), file=out)
    print(tried(lambda: os.rename("/scratch", "/elsewhere")), file=out)
    """
    assert "done" not in gained(attack(code))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "make",
    [
        'os.symlink("/etc/passwd", "out")',
        'os.symlink("/usr/bin/env", "out")',
        'os.symlink("/dev/zero", "out")',
        'os.mkfifo("out")',
        'os.mkdir("out")',
        'socket.socket(socket.AF_UNIX).bind("out")',
        'os.mknod("out", 0o20666, os.makedev(1, 5))',
        "pass",
    ],
)
def test_only_a_regular_file_comes_back(make: str) -> None:
    done = attack(f'os.remove("out")\ntry: {make}\nexcept OSError: pass')
    assert done == SandboxDone(0, b"", "")


def test_a_writer_that_stays_cannot_change_the_output() -> None:
    """All other processes are dead before the file is read."""
    code = """
    if os.fork() == 0:
        os.setsid()
        while True:
            os.replace("out", "other") if os.path.exists("out") else None
            os.symlink("/etc/passwd", "out")
    time.sleep(0.2)
    """
    done = attack(code)
    assert isinstance(done, SandboxDone)
    assert done.output in (b"", b"x")


def test_ignored_signals_and_daemons_do_not_help() -> None:
    code = """
    for number in range(1, 65):
        tried(lambda: signal.signal(number, signal.SIG_IGN))
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(99)
        os._exit(0)
    time.sleep({wait})
    """
    ended = attack(code.format(wait=99), SHORT)
    assert isinstance(ended, Reject)
    assert ended.reason == "render_timeout"
    assert isinstance(attack(code.format(wait=0)), SandboxDone)


def test_no_other_process_is_touched() -> None:
    code = f"""
    for pid in (1, {os.getpid()}, {os.getppid()}):
        print(tried(lambda: os.kill(pid, 9)), file=out)
        print(call(101 if os.uname().machine == "x86_64" else 117, 16, pid, 0, 0), file=out)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print(tried(lambda: os.kill(-1, signal.SIGTERM)), file=out)
    """
    said = gained(attack(code)).splitlines()
    # Process 1 cannot be killed from within its namespace; the kernel drops the signal.
    assert said[0] == "done: None"
    assert said[2].startswith("ProcessLookupError")
    assert said[4].startswith("ProcessLookupError")
    assert {said[1], said[3], said[5]} == {"Operation not permitted"}


def test_no_rights_are_gained() -> None:
    code = """
    print(libc.prctl(39, 0, 0, 0, 0), file=out)
    print(tried(lambda: os.setuid(0)), tried(lambda: os.setgid(0)), file=out)
    print(tried(lambda: os.chown("out", 0, 0)), tried(lambda: os.setgroups([0])), file=out)
    print(tried(lambda: os.nice(-5)), tried(lambda: os.chroot("/usr")), file=out)
    print(tried(lambda: time.clock_settime(time.CLOCK_REALTIME, 0)), file=out)
    print(tried(lambda: socket.sethostname("x")), file=out)
    import resource
    raised = lambda: resource.setrlimit(resource.RLIMIT_NPROC, (9999, 9999))
    print(tried(raised), file=out)
    os.chmod("attack.py", 0o4755)
    """
    said = gained(attack(code))
    assert said.startswith("1\n")
    assert "done" not in said


def test_dangerous_system_calls_are_refused() -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("the numbers are those of x86-64")
    numbers = {"mount": 165, "unshare": 272, "setns": 308, "keyctl": 250, "bpf": 321}
    numbers |= {"io_uring_setup": 425, "userfaultfd": 323, "perf_event_open": 298, "shmget": 29}
    numbers |= {"fsopen": 430, "open_by_handle_at": 304, "settimeofday": 164, "add_key": 248}
    code = f"for n in {sorted(numbers.values())}: print(call(n, 0x10000000, 0, 0, 0, 0), file=out)"
    assert set(gained(attack(code)).splitlines()) == {"Operation not permitted"}
    new_user_space = "print(call(56, 0x10000011, 0, 0, 0, 0), call(435, 0, 0), file=out)"
    assert gained(attack(new_user_space)) == "Operation not permitted Function not implemented\n"


def test_sleeping_for_ever_ends_at_the_wall_clock() -> None:
    begin = time.monotonic()
    done = run_in_sandbox(["/bin/sleep", "99"], {}, "out", (), replace(SMALL, wall_s=0.3))
    assert done == Reject("render_timeout", "it ran for more than 0.3 s")
    assert time.monotonic() - begin < 2.0


def test_computing_for_ever_ends_at_the_cpu_limit() -> None:
    done = attack("while True: pass", replace(SMALL, cpu_s=1.0, wall_s=30.0))
    assert done == Reject("render_timeout", "it computed for more than 1 s")
