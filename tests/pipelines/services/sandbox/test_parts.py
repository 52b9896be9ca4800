"""The parts that attacks do not show: control groups of both versions, ids, missing programs."""

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.services.sandbox import cgroups
from pipelines.services.sandbox.cgroups import Group
from pipelines.services.sandbox.launch import checked_name
from pipelines.services.sandbox.limits import MIB, SandboxLimits
from pipelines.services.sandbox.problem import require_sandbox, sandbox_problem
from pipelines.services.sandbox.runtimes import Runtime
from pipelines.services.sandbox.single_run import SandboxDone, run_in_sandbox
from pipelines.services.sandbox.staging import out_of_reach, staged
from pipelines.services.sandbox.system_calls import filter_program
from pipelines.services.sandbox.user_ids import claim_user_id
from schemas.errors import MissingPart
from schemas.judgment import Reject

ROOT = Path(__file__).parents[4]


def test_a_missing_program_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox_problem.cache_clear()
    try:
        assert sandbox_problem() == "bwrap is not installed: apt-get install bubblewrap"
        with pytest.raises(MissingPart, match="code of a language model is not run"):
            require_sandbox()
    finally:
        sandbox_problem.cache_clear()


def test_a_bubblewrap_that_fails_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'No permissions to create a new namespace' >&2\nexit 1\n")
    for path in [program, tmp_path, *tmp_path.parents]:
        if path.stat().st_uid == os.getuid() and path != Path("/"):
            path.chmod(path.stat().st_mode | 0o111)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    sandbox_problem.cache_clear()
    try:
        assert "cannot make a sandbox" in sandbox_problem()
        assert "No permissions" in sandbox_problem() or "switched off" in sandbox_problem()
    finally:
        sandbox_problem.cache_clear()


def test_version_2_of_control_groups(tmp_path: Path) -> None:
    """On a copy of its files, since a machine has one version only."""
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids")
    (tmp_path / "cgroup.subtree_control").write_text("cpu memory pids")
    groups = cgroups.open_groups(7, tmp_path)
    assert [group.folder.name for group in groups] == [f"pixmo-sandbox-{os.getpid()}-7"]
    groups[0].limit(5 * MIB, 9)
    assert (groups[0].folder / "memory.max").read_text() == str(5 * MIB)
    assert (groups[0].folder / "memory.swap.max").read_text() == "0"
    assert (groups[0].folder / "pids.max").read_text() == "9"
    (groups[0].folder / "memory.events").write_text("low 0\noom 4\noom_kill 3\n")
    assert groups[0].memory_kills() == 3


def test_no_groups_where_none_can_be_made(tmp_path: Path) -> None:
    assert cgroups.open_groups(1, tmp_path) == ()
    (tmp_path / "cgroup.controllers").write_text("memory pids")
    (tmp_path / "cgroup.subtree_control").write_text("")
    assert cgroups.open_groups(1, tmp_path) == ()


def test_groups_of_the_dead_are_swept(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("memory pids")
    (tmp_path / "cgroup.subtree_control").write_text("memory pids")
    dead, mine = tmp_path / "pixmo-sandbox-4194399-1", tmp_path / f"pixmo-sandbox-{os.getpid()}-1"
    dead.mkdir()
    mine.mkdir()
    cgroups.sweep(tmp_path)
    assert not dead.exists()
    assert mine.exists()


def test_the_memory_of_a_group_counts_kills_of_version_1(tmp_path: Path) -> None:
    (tmp_path / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    assert Group(tmp_path, 1, frozenset({"memory"})).memory_kills() == 2


def test_two_sandboxes_have_two_user_ids_also_of_two_processes() -> None:
    code = (
        "from pipelines.services.sandbox.user_ids import claim_user_id;"
        "print(claim_user_id().number)"
    )
    first, second = claim_user_id(), claim_user_id()
    other = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    numbers = {first.number, second.number, int(other.stdout)}
    assert len(numbers) == 3
    first.close()
    first.close()
    again = claim_user_id()
    assert again.number == first.number
    again.close()
    second.close()


def test_the_filter_jumps_within_itself() -> None:
    program = filter_program()
    count = len(program) // 8
    for place, (code, yes, no, _) in enumerate(struct.iter_unpack("=HBBI", program)):
        if code in (0x15, 0x35, 0x45):
            assert place + 1 + max(yes, no) < count


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "-flag", "a b", "x" * 101])
def test_files_have_plain_names(name: str) -> None:
    with pytest.raises(ValueError, match="plain file name"):
        checked_name(name)


def test_what_only_root_may_reach_is_staged(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    inner = tmp_path / "inner"
    inner.mkdir()
    hidden = out_of_reach([Runtime(mounts=((str(inner), "/x"), ("/usr/share", "/y")))])
    assert hidden == ((str(inner),) if os.getuid() == 0 else ())
    assert staged("/usr/share", hidden) == "/usr/share"


def plainly(command: list[str], limits: SandboxLimits) -> SandboxDone | Reject:
    return run_in_sandbox(command, {"in": b"data"}, "out", (), limits, sandboxed=False)


def test_without_a_sandbox_the_same_command_runs_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXMO_SECRET", "planted")
    limits = SandboxLimits(wall_s=20.0)
    done = plainly(["/bin/sh", "-c", "cp in out; env; pwd"], limits)
    assert isinstance(done, SandboxDone)
    assert done.output == b"data"
    assert "planted" not in done.log
    assert not Path(done.log.split()[-1]).exists()
    linked = plainly(["/bin/sh", "-c", "ln -s /etc/passwd out"], limits)
    assert linked == SandboxDone(0, b"", "")


def test_without_a_sandbox_limits_hold_still() -> None:
    command = ["/bin/sh", "-c", "sleep 4712 & sleep 4712"]
    assert plainly(command, SandboxLimits(wall_s=0.3)) == Reject(
        "render_timeout", "it ran for more than 0.3 s"
    )
    code = "kept = []\nwhile True: kept.append(b'x' * 2**20)"
    done = plainly([sys.executable, "-c", code], SandboxLimits(memory=96 * MIB, wall_s=20.0))
    assert isinstance(done, Reject) or "MemoryError" in done.log
