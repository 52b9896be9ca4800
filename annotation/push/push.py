"""`push`: the tasks of one kind that Label Studio does not have yet.

Files and tables are read first, then copies of pictures and sounds are made, and only then does
Label Studio hear of tasks: an annotator never opens a task whose picture is not there. What was
pushed is told by the keys in Label Studio alone, so that a push that was killed is completed by the
same command.
"""

import contextlib
import fcntl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from annotation.campaign import Campaign, ask_studio, connect, load_campaign
from annotation.credentials import load_credentials
from annotation.home import Home
from annotation.kinds import Kind
from annotation.push.answer_pairs import drawn_from, keep_pairs
from annotation.push.gold_file import add_gold
from annotation.push.options import PushOptions, Settings, check_options, settings_of
from annotation.push.pictures import make_pictures
from annotation.push.projects import Desk, project_url, ready_project
from annotation.push.sounds import make_sounds
from annotation.push.task_sources import Sources, make_tasks
from annotation.push.tasks.mixing import missing_tasks
from annotation.push.tasks.task import Made, Refused, Task
from annotation.registry import load_projects
from annotation.studio_errors import studio_errors
from schemas.errors import LockedError
from schemas.files import drop_leftovers, open_fs
from schemas.judgment import Reject
from schemas.store import Store

TASKS_PER_REQUEST = 1000
REQUEST_S = 600.0


class Watch(Protocol):
    """Whoever shows how far a push is."""

    def begin(self, what: str, total: int) -> None:
        """A step with `total` things to do begins."""
        ...

    def done(self, count: int) -> None:
        """So many more things of this step are done."""
        ...


@dataclass(frozen=True)
class Pushed:
    """What a push did. `present` tasks were there before; `gold` of the `pushed` ones are known.

    `waiting` tasks were left for another time by a limit; `passed_over` counts what needs no task.
    """

    url: str
    present: int = 0
    pushed: int = 0
    gold: int = 0
    waiting: int = 0
    refused: tuple[Refused, ...] = ()
    passed_over: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the project has no task of this push, neither new nor from before."""
        return not self.pushed and not self.present


@dataclass(frozen=True)
class _Push:
    """One push under way."""

    kind: Kind
    home: Home
    campaign: Campaign
    store: Store
    watch: Watch


def push(
    kind: Kind, home: Home, store_url: str | None, options: PushOptions, watch: Watch, now: str
) -> Pushed:
    """Push what is missing; `now` is the ISO time (UTC, ending in Z).

    UsageError for options, files and tables that cannot be used, LockedError while another push
    runs, StageError when Label Studio refuses or breaks off.
    """
    check_options(kind, options)
    campaign = load_campaign(home, store_url)
    one = _Push(kind, home, campaign, Store(campaign.store), watch)
    with _alone(home) as lock:
        kept = load_projects(home).get(kind.name)
        settings = settings_of(options, kept.settings if kept else {})
        made = _read(one, options, settings)
        if not made.tasks:
            return Pushed("", refused=made.refused, passed_over=made.passed_over)
        with studio_errors(campaign, f"push {kind.name}"):
            return _push(one, made, settings, (options.limit, now), lock)


def _read(one: _Push, options: PushOptions, settings: Settings) -> Made:
    salt = load_credentials(one.home)["PIXMO_ANNOTATOR_SALT"]
    drawn = drawn_from(options.answers, salt)
    made = make_tasks(one.kind.name, Sources(one.store, options, settings, salt, drawn.pairs))
    shown = {task.data.get("pair_id") for task in made.tasks}
    if pairs := [pair for pair in drawn.pairs if pair.pair_id in shown]:
        keep_pairs(one.store, pairs)
    left = {f"pairs: {reason}": count for reason, count in drawn.left_out.items()}
    return made + Made(passed_over=left)


def _push(
    one: _Push, made: Made, settings: Settings, what: tuple[int, str], lock: "_Lock"
) -> Pushed:
    limit, now = what
    ask_studio(one.home, one.campaign, "/pixmo/health")  # says at once when nothing answers
    secret = load_credentials(one.home)["PIXMO_STUDIO_EVENTS"]
    desk = Desk(one.home, one.campaign, connect(one.home, one.campaign), secret)
    ready = ready_project(desk, one.kind, settings, now)
    number = ready.project.project_id
    present = _tidy_keys(desk, number)
    add_gold(one.home, one.kind.name, made.known)
    gold = {known.key for known in made.known}
    missing = missing_tasks(made.tasks, gold, present)
    chosen, refused = _choose(one, missing, limit)
    interrupted = lock.is_marked()
    lock.mark()
    _import(one, desk, number, chosen)
    if interrupted:  # what a killed push had under way may have come in since
        _tidy_keys(desk, number)
    lock.clear()
    return Pushed(
        url=project_url(one.campaign, number),
        present=len(made.tasks) - len(missing),
        pushed=len(chosen),
        gold=sum(task.key in gold for task in chosen),
        waiting=len(missing) - len(chosen) - len(refused),
        refused=made.refused + tuple(refused),
        passed_over=made.passed_over,
        notes=ready.notes,
    )


# --- what is there


def _tidy_keys(desk: Desk, number: int) -> set[str]:
    """The keys in a project; of tasks with one key all but one go, unless people worked on them.

    There are such only where a push was killed while its last request was still being worked on.
    """
    rows = ask_studio(desk.home, desk.campaign, "/pixmo/tasks", project=number)["tasks"]
    for task_id in surplus_tasks(rows):
        if not desk.studio.tasks.get(str(task_id)).drafts:
            desk.studio.tasks.delete(str(task_id))
    return {key for _, key, _ in rows if key}


def surplus_tasks(rows: Sequence[tuple[int, str | None, int]]) -> list[int]:
    """Of (id, key, annotations) the ids of tasks that repeat a key and hold nothing."""
    kept: dict[str, int] = {}
    surplus = []
    for task_id, key, work in sorted(rows, key=lambda row: (-row[2], row[0])):
        if key and key in kept and not work:
            surplus.append(task_id)
        elif key:
            kept[key] = task_id
    return sorted(surplus)


# --- pictures and sound


def _choose(one: _Push, missing: list[Task], limit: int) -> tuple[list[Task], list[Refused]]:
    """Tasks up to the limit whose picture and sound could be made, and refusals of the others."""
    chosen: list[Task] = []
    refused: list[Refused] = []
    at = 0
    while at < len(missing) and (not limit or len(chosen) < limit):
        upto = at + (limit - len(chosen)) if limit else len(missing)
        group, at = missing[at:upto], upto
        why = _make_files(one, group)
        for task in group:
            reject = why.get(task.picture) or why.get(task.sound)
            if reject:
                where = f"{task.picture or task.sound}"
                refused.append(Refused(where, reject.reason, reject.detail))
            else:
                chosen.append(task)
    return chosen, refused


def _make_files(one: _Push, tasks: Sequence[Task]) -> dict[str, Reject]:
    """Copies of the pictures and sounds of tasks; why there is none, by id."""
    pictures = {task.picture for task in tasks if task.picture}
    sounds = {task.sound for task in tasks if task.sound}
    why: dict[str, Reject] = {}
    for what, ids, make in (
        ("pictures", pictures, make_pictures),
        ("sounds", sounds, make_sounds),
    ):
        if ids:
            one.watch.begin(what, len(ids))
            why |= make(one.store, one.home, ids, one.watch.done)
    return why


# --- into Label Studio


def _import(one: _Push, desk: Desk, number: int, tasks: Sequence[Task]) -> None:
    if tasks:
        one.watch.begin("tasks", len(tasks))
    for at in range(0, len(tasks), TASKS_PER_REQUEST):
        some: list[Any] = [task.for_studio() for task in tasks[at : at + TASKS_PER_REQUEST]]
        # Never sent twice: a request that was not answered may have been carried out.
        once = {"timeout_in_seconds": int(REQUEST_S), "max_retries": 0}
        desk.studio.projects.import_tasks(number, request=some, request_options=once)  # type: ignore[arg-type]
        one.watch.done(len(some))


# --- one push at a time


class _Lock:
    """A held lock file, whose text says that tasks are being sent."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def is_marked(self) -> bool:
        """Whether the last push ended before it was done."""
        return bool(self._path.read_text(encoding="utf-8"))

    def mark(self) -> None:
        """Say that tasks are being sent."""
        self._path.write_text("sending\n", encoding="utf-8")

    def clear(self) -> None:
        """Say that all were sent."""
        self._path.write_text("", encoding="utf-8")


@contextlib.contextmanager
def _alone(home: Home) -> Iterator[_Lock]:
    """Hold the campaign's lock on pushing, and clear away what a killed push left half-written."""
    place = home.root / "push.lock"
    with place.open("a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LockedError(
                f"another push into {home.root} is under way; wait for it, then run the same "
                "command again"
            ) from error
        for folder in (home.pictures, home.sounds):
            fs, path = open_fs(str(folder))
            drop_leftovers(fs, path)
        yield _Lock(place)
