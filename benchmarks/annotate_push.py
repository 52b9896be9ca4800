"""`pixmo annotate push` against Label Studio's own import of the same tasks in one request.

Both sides run on one real Label Studio (SQLite, our settings), in turns: ours creates its project,
asks which tasks are there, checks that the pictures lie ready, and imports in requests of a
thousand; theirs is one call of the SDK into a project that is there. What counts is the time of
processors that the server uses; pictures are copied before, and that is timed on its own.

Run: `python -m benchmarks.annotate_push [--tasks 5000] [--rounds 5]`; the exit status is 1 when the
server works more than 1.2 times as long (median of the rounds).
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from annotation.campaign import connect
from annotation.credentials import load_credentials
from annotation.home import Home
from annotation.kinds import KINDS
from annotation.push.options import PushOptions, Settings
from annotation.push.pictures import make_pictures
from annotation.push.push import REQUEST_S, push
from annotation.push.task_sources import Sources, make_tasks, picture_ids
from annotation.registry import load_projects
from annotation.servers.server_process import find
from annotation.servers.up import down, free_port, up
from annotation.servers.up_settings import Asked
from benchmarks.report import pictures
from schemas.ids import content_id, image_id_of
from schemas.part_writer import PartWriter
from schemas.records import Image
from schemas.store import Store

KIND = KINDS["points"]
GOAL = 1.2
ROWS_PER_PART = 1000
DISTINCT = 50
NOW = "2026-01-01T00:00:00.000000Z"


@dataclass(frozen=True)
class Took:
    """Seconds of one side: of the server's processors, and by the clock."""

    cpu: float
    wall: float


class _Silent:
    def begin(self, what: str, total: int) -> None:
        """Nothing is shown."""

    def done(self, count: int) -> None:
        """Nothing is shown."""


def make_store(folder: Path, count: int) -> Store:
    """Pictures of 512 to 800 pixels, drawn from a few distinct ones."""
    store = Store(str(folder))
    bank = pictures(DISTINCT)
    names = sorted((f"https://host.test/{at}.jpg" for at in range(count)), key=image_id_of)
    for number, at in enumerate(range(0, count, ROWS_PER_PART)):
        some = names[at : at + ROWS_PER_PART]
        with PartWriter(store, "images", number, Image) as writer:
            for place, url in enumerate(some):
                data, width, height = bank[(at + place) % DISTINCT]
                facts = (width, height, "jpeg", 1, "0" * 16, b"\0" * 1024, data)
                writer.add(Image(image_id_of(url), url, url, "0" * 64, *facts, "", 200, "", ""))
            writer.commit(
                fingerprint=content_id("images", str(number)),
                rows_in=len(some),
                seconds=0.0,
                code_version="",
                config={},
                inputs={},
            )
    return store


def measured(server: psutil.Process, work: Callable[[], object]) -> Took:
    """What a piece of work costs the server."""
    before, began = _cpu(server), time.monotonic()
    work()
    wall = time.monotonic() - began
    return Took(_cpu(server) - before, wall)


def _cpu(server: psutil.Process) -> float:
    processes = [server, *server.children(recursive=True)]
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def ours(home: Home, studio: Any, server: psutil.Process) -> Took:
    """Push into a project of its own, which is removed afterwards."""
    home.projects.unlink(missing_ok=True)
    took = measured(server, lambda: push(KIND, home, None, PushOptions(), _Silent(), NOW))
    studio.projects.delete(load_projects(home)[KIND.name].project_id)
    return took


def theirs(tasks: Sequence[dict[str, Any]], studio: Any, server: psutil.Process) -> Took:
    """Import the same tasks into a project with the same page, which is removed afterwards."""
    project = studio.projects.create(title="one request", label_config=KIND.label_config)
    options = {"timeout_in_seconds": int(REQUEST_S), "max_retries": 0}
    took = measured(
        server,
        lambda: studio.projects.import_tasks(
            project.id, request=list(tasks), request_options=options
        ),
    )
    studio.projects.delete(project.id)
    return took


def compare(home: Home, store: Store, rounds: int) -> list[tuple[Took, Took]]:
    """(ours, theirs) of every round; which side begins changes from round to round."""
    campaign = up(home, Asked(store.url, port=free_port())).campaign
    try:
        running = find(home, "studio")
        assert running
        server = psutil.Process(running.owner.pid)
        studio = connect(home, campaign)
        salt = load_credentials(home)["PIXMO_ANNOTATOR_SALT"]
        made = make_tasks(KIND.name, Sources(store, PushOptions(), Settings(), salt))
        tasks = [task.for_studio() for task in made.tasks]
        _copy_pictures(store, home)
        theirs(tasks[:10], studio, server)  # what the first request of a server's life costs
        found = []
        for number in range(rounds):
            sides = [lambda: ours(home, studio, server), lambda: theirs(tasks, studio, server)]
            order = (0, 1) if number % 2 == 0 else (1, 0)
            took = {side: sides[side]() for side in order}
            found.append((took[0], took[1]))
            print(_line(f"round {number + 1}", took[0], took[1]), flush=True)
        return found
    finally:
        down(home)


def _copy_pictures(store: Store, home: Home) -> None:
    ids = picture_ids(store)
    began, worked = time.monotonic(), time.process_time()
    make_pictures(store, home, ids, lambda count: None)
    wall, worked = time.monotonic() - began, time.process_time() - worked
    print(f"{len(ids)} pictures copied in {wall:.1f} s ({worked:.1f} s of processors)")


def _line(name: str, ours: Took, theirs: Took) -> str:
    return (
        f"{name}: server {ours.cpu:.2f} s and {theirs.cpu:.2f} s ({ours.cpu / theirs.cpu:.2f}), "
        f"wall {ours.wall:.2f} s and {theirs.wall:.2f} s"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Print every round and the median; 1 when the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder, "store"), options.tasks)
        found = compare(Home(Path(folder, "home")), store, options.rounds)
    ratios = sorted(one.cpu / other.cpu for one, other in found)
    median = statistics.median(ratios)
    print(
        f"{options.tasks} tasks: push makes the server work {median:.2f} times as long as one "
        f"import does (from {ratios[0]:.2f} to {ratios[-1]:.2f}; goal {GOAL})"
    )
    return 0 if median <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
