"""Pulling 5,000 annotations from Label Studio, against its own JSON export of the same.

Both ask the same server in turn, three times. What counts is the CPU time of the server, which
people's pages share; ours reads plain values in pages, the export builds every task anew. Ours also
checks the items and writes records, on the client's side. Then ten annotations are added, and the
command brings them.
"""

import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from annotation.campaign import Campaign, connect, load_campaign
from annotation.credentials import load_credentials
from annotation.home import Home
from annotation.kinds import KINDS
from annotation.registry import Project, save_project
from annotation.servers.server_process import find
from annotation.servers.up import down, free_port, up
from annotation.servers.up_settings import Asked
from schemas.store import Store
from tests import toy_store as toy
from tools import pull as pulling
from tools.recipe import PullRecipe
from tools.stages import Run

TASKS = 5000
NEW = 10
ROUNDS = 3
GOAL = 1.2
GOAL_S = 3.0


@dataclass(frozen=True)
class Cost:
    """What one side took: seconds of the server's CPU, and seconds on the clock."""

    cpu_s: float
    wall_s: float


def _cpu_s(home: Home) -> float:
    """CPU seconds of Label Studio and its workers so far."""
    running = find(home, "studio")
    assert running
    main = psutil.Process(running.owner.pid)
    times = [process.cpu_times() for process in [main, *main.children(recursive=True)]]
    return sum(own.user + own.system for own in times)


def _cost(home: Home, work: Callable[[], Any]) -> Cost:
    cpu, began = _cpu_s(home), time.monotonic()
    work()
    return Cost(_cpu_s(home) - cpu, time.monotonic() - began)


def _task(number: int) -> dict[str, Any]:
    """A task with one annotation: three phrases, five points."""
    results: list[dict[str, Any]] = []
    sides = {"original_width": 96, "original_height": 72, "image_rotation": 0}
    for at, label in enumerate(("a cup", "a cup", "a spoon", "two plates", "two plates")):
        own = {"id": f"r{at}", "to_name": "img", **sides}
        place = {"x": 5 + 17 * at + number % 7, "y": 3 + number % 90, "width": 0.5}
        results.append({**own, "from_name": "point", "type": "keypoint", "value": place})
        text = {"text": [label], **place}
        results.append({**own, "from_name": "phrase", "type": "textarea", "value": text})
    data = {"key": f"{number:032x}", "image_id": toy.id_of("first.png"), "image": "/pixmo/none"}
    data |= {"collection_method": "pointing"}
    return {"data": data, "annotations": [{"result": results, "lead_time": 31.5}]}


def _add(home: Home, campaign: Campaign, project: int, numbers: range) -> None:
    client = connect(home, campaign)
    client.projects.import_tasks(project, request=[_task(number) for number in numbers])


def _export(home: Home, campaign: Campaign, project: int) -> int:
    """Label Studio's own export; its bytes."""
    url = f"{campaign.studio.url}/api/projects/{project}/export?exportType=JSON"
    token = load_credentials(home)["PIXMO_STUDIO_TOKEN"]
    request = urllib.request.Request(url, headers={"Authorization": f"Token {token}"})
    with urllib.request.urlopen(request, timeout=600) as answer:
        return len(answer.read())


def _pull(home: Home, store: Store, expected: int) -> None:
    """A first pull: nothing is known, neither here nor there."""
    (home.root / "pulled.json").unlink(missing_ok=True)
    for table in ("sources/annotations/points", "annotations/points"):
        for name in (table, f"rejects/{table}"):
            if store.fs.exists(store.path(name)):
                store.fs.rm(store.path(name), recursive=True)
    pulled, results = pulling.pull(Run(store), PullRecipe(home=str(home.root)))
    made = next(result for result in results if result.stage == "annotations-points")
    assert pulled[0].changed == expected
    assert made.records == 3 * expected, made.reasons


def _incremental(home: Home) -> float:
    pixmo = str(Path(sys.executable).with_name("pixmo"))
    command = [pixmo, "annotate", "pull", "--home", str(home.root)]
    began = time.monotonic()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds = time.monotonic() - began
    assert f"points: {NEW} new or changed" in done.stdout, done.stdout
    return seconds


def _middle(values: list[float]) -> str:
    return f"{statistics.median(values):6.2f} ({min(values):.2f} to {max(values):.2f})"


def _measure(home: Home, store: Store) -> bool:
    campaign = load_campaign(home)
    settings = {"title": "pull", "label_config": KINDS["points"].label_config}
    client = connect(home, campaign)
    project = int(client.projects.create(**settings).id)
    save_project(home, Project("points", project, (("points_v1", "2026-01-01"),)))
    for start in range(0, TASKS, 1000):
        _add(home, campaign, project, range(start, start + 1000))
    ours: list[Cost] = []
    theirs: list[Cost] = []
    for _ in range(ROUNDS):
        theirs.append(_cost(home, lambda: _export(home, campaign, project)))
        ours.append(_cost(home, lambda: _pull(home, store, TASKS)))
    news = []
    for at in range(ROUNDS):
        first = TASKS + at * NEW
        _add(home, campaign, project, range(first, first + NEW))
        news.append(_incremental(home))
    ratio = statistics.median(c.cpu_s for c in ours) / statistics.median(c.cpu_s for c in theirs)
    print(f"{TASKS} annotations, {ROUNDS} rounds: median (smallest to largest)")
    for name, costs in (("our pull", ours), ("Label Studio's export", theirs)):
        cpu, wall = _middle([c.cpu_s for c in costs]), _middle([c.wall_s for c in costs])
        print(f"  {name:22} server CPU {cpu} s, wall {wall} s")
    print(f"  server CPU, ours over theirs: {ratio:.3f} (goal: at most {GOAL})")
    print(f"  {NEW} new ones, the whole command: {_middle(news)} s (goal: under {GOAL_S:g})")
    return ratio <= GOAL and statistics.median(news) < GOAL_S


def main() -> int:
    """Run both sides on one server of their own; exit status 1 below the goals."""
    with tempfile.TemporaryDirectory(prefix="pixmo-pull-") as folder:
        home, store = Home(Path(folder) / "home"), Store(str(Path(folder) / "store"))
        toy.put_images(store, {"first.png": toy.picture(1)})
        up(home, Asked(store.url, port=free_port()))
        try:
            return 0 if _measure(home, store) else 1
        finally:
            down(home)


if __name__ == "__main__":
    sys.exit(main())
