"""Whatever is killed, and whenever: the same command again ends as if nothing had happened."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipelines.run_stage import run_stage
from schemas.store import Store
from tests.pipelines.toy_stage import (
    ToyStage,
    add_rows,
    footers,
    options,
    part_bytes,
    write_list,
)
from tests.schemas.writing import files_below

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
RUN = [sys.executable, "-m", "tests.pipelines.toy_run"]


def _rows(count: int, **misfortunes: str) -> list[dict[str, Any]]:
    ids = [f"r{number:03d}" for number in range(count)]
    return [{"id": i, "value": n, "do": misfortunes.get(i, "")} for n, i in enumerate(ids)]


def _command(store: Store, rows: Path, workers: int = 2, pause_s: float = 0.0) -> list[str]:
    return [*RUN, store.url, str(rows), str(workers), str(pause_s)]


def _run(command: list[str], timeout: float = 60) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=timeout
    )


def _start(command: list[str]) -> "subprocess.Popen[str]":
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)


def _undisturbed(tmp_path: Path, rows: Path) -> Store:
    store = Store(str(tmp_path / "undisturbed"))
    add_rows(store, rows)
    run_stage(ToyStage(), store, options())
    return store


def _assert_same(store: Store, undisturbed: Store) -> None:
    """The same files with the same rows, and nothing besides: no lease, no temporary file."""
    assert files_below(Path(store.url)) == files_below(Path(undisturbed.url))
    assert part_bytes(store) == part_bytes(undisturbed)
    for table in ("toys", "sources/toys"):
        assert footers(store, table) == footers(undisturbed, table)
    ours, theirs = (
        json.loads(Path(s.path("toys/_stage.json")).read_text()) for s in (store, undisturbed)
    )
    assert ours | {"work_seconds": 0} == theirs | {"work_seconds": 0}


def _workers_of(store: Store) -> list[psutil.Process]:
    """Worker processes, of which only those of this test's runs can have its store's path."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any("beam_worker" in word for word in process.info["cmdline"] or []):
            try:
                options = process.environ().get("PIXMO_TEST_RUN")
            except psutil.Error:
                continue
            if options == store.url:
                found.append(process)
    return found


def _assert_no_workers(store: Store, within_s: float = 5.0) -> None:
    deadline = time.monotonic() + within_s
    while _workers_of(store) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _workers_of(store) == []


@pytest.mark.parametrize("kill_at", ["workers", "random", "late"])
def test_kill_the_run_then_run_it_again(
    tmp_path: Path, kill_at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = write_list(tmp_path / "rows.jsonl", _rows(150, r003="reject", r111="reject"))
    undisturbed, store = _undisturbed(tmp_path, rows), Store(str(tmp_path / "store"))
    monkeypatch.setenv("PIXMO_TEST_RUN", store.url)
    with _start(_command(store, rows, pause_s=0.01)) as run:
        _wait_until(kill_at, store, run)
        run.kill()
    _assert_no_workers(store)
    again = _run(_command(store, rows, workers=0))
    assert (again.returncode, again.stderr) == (0, "")
    _assert_same(store, undisturbed)


def _wait_until(moment: str, store: Store, run: "subprocess.Popen[str]") -> None:
    chance = random.Random(time.time_ns())
    goals = {
        "import": lambda: store.fs.exists(store.path("sources")),
        "workers": lambda: bool(_workers_of(store)),
        "random": lambda: len(store.part_numbers("toys")) > chance.randrange(1, 25),
        "late": lambda: len(store.part_numbers("toys")) > 26,
    }
    deadline = time.monotonic() + 40
    while not goals[moment]() and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(chance.uniform(0, 0.1))


def test_kill_a_single_process_many_times(tmp_path: Path) -> None:
    """Without workers a run is quick enough to be killed at many moments."""
    rows = write_list(tmp_path / "rows.jsonl", _rows(100, r003="reject"))
    undisturbed, store = _undisturbed(tmp_path, rows), Store(str(tmp_path / "store"))
    chance = random.Random(time.time_ns())
    for _ in range(6):
        with _start(_command(store, rows, workers=0, pause_s=0.003)) as run:
            _wait_until("import", store, run)
            time.sleep(chance.uniform(0, 0.3))
            run.kill()
    assert _run(_command(store, rows, workers=0)).returncode == 0
    _assert_same(store, undisturbed)


def test_a_worker_that_is_killed_ends_the_run(tmp_path: Path) -> None:
    rows = _rows(120, r031=f"die unless {tmp_path}/flag")
    path = write_list(tmp_path / "rows.jsonl", rows)
    store = Store(str(tmp_path / "store"))
    began = time.monotonic()
    broken = _run(_command(store, path))
    assert time.monotonic() - began < 40
    assert broken.returncode == 1
    assert broken.stderr.startswith("error: a worker process died (return code -9: killed, out of")
    assert len(broken.stderr.splitlines()) == 1
    (tmp_path / "flag").touch()
    again = _run(_command(store, path, workers=0))
    assert (again.returncode, again.stderr) == (0, "")
    _assert_same(store, _undisturbed(tmp_path, path))


_NO_START = """
from pipelines.engine import BeamEngine
from pipelines.transforms import run_shards
run_shards.WORKER = "exec false"
BeamEngine(2).map("Play", print, [1, 2])
"""


def test_a_worker_that_cannot_start_ends_the_run() -> None:
    broken = _run([sys.executable, "-c", _NO_START])
    assert broken.returncode == 1
    assert "a worker process died (return code 1:" in broken.stderr


def test_of_two_runs_at_once_the_second_is_refused(tmp_path: Path) -> None:
    rows = write_list(tmp_path / "rows.jsonl", _rows(100))
    undisturbed, store = _undisturbed(tmp_path, rows), Store(str(tmp_path / "store"))
    with _start(_command(store, rows, workers=0, pause_s=0.02)) as first:
        while not store.part_numbers("toys"):
            time.sleep(0.01)
        second = _run(_command(store, rows, workers=0))
        assert second.returncode == 3
        assert second.stderr.startswith("error: stage play, shard 0/1: process ")
        assert f"process {first.pid} on " in second.stderr
        assert first.wait(30) == 0
    _assert_same(store, undisturbed)


def test_shards_run_side_by_side(tmp_path: Path) -> None:
    rows = write_list(tmp_path / "rows.jsonl", _rows(100))
    undisturbed, store = _undisturbed(tmp_path, rows), Store(str(tmp_path / "store"))
    add_rows(store, rows)
    runs = [
        _start([*_command(store, rows, workers=0, pause_s=0.005), f"{index}/3"])
        for index in range(3)
    ]
    ends = [(*run.communicate(timeout=60), run.returncode) for run in runs]
    assert ends == [("ran 7 of 7\n", "", 0), ("ran 7 of 7\n", "", 0), ("ran 6 of 6\n", "", 0)]
    assert _run(_command(store, rows, workers=0)).stdout == "ran 0 of 20\n"
    _assert_same(store, undisturbed)


@pytest.fixture
def heard_interrupts() -> Iterator[None]:
    """A job that a shell started in the background ignores Ctrl-C, and so would its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard_interrupts")
def test_ctrl_c_ends_the_run_and_its_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = write_list(tmp_path / "rows.jsonl", _rows(200))
    store = Store(str(tmp_path / "store"))
    monkeypatch.setenv("PIXMO_TEST_RUN", store.url)
    with subprocess.Popen(
        _command(store, rows, pause_s=0.1),
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as run:
        while not store.part_numbers("toys"):
            time.sleep(0.05)
        os.killpg(run.pid, signal.SIGINT)
        assert run.wait(20) != 0
    _assert_no_workers(store)
    assert not [path for path in files_below(Path(store.url)) if path.startswith("locks")]
