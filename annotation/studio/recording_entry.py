"""One recording in the folder `recordings` of a campaign: its JSON file, and who has which.

`<id>.json` is written whole or not at all. `of/<user>/<task>` lists the recordings of a person at
a task, oldest first, and `of/<user>/open/` has a file per recording that is under way, so that no
page has to read them all. No Django here.
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from annotation.studio.ranges import is_id
from schemas.judgment import Reject


@dataclass(frozen=True)
class Task:
    """What is spoken about: the task's key, its project, and the shortest recording in seconds."""

    key: str
    project: int
    min_seconds: float


@dataclass(frozen=True)
class Speaker:
    """Who speaks, from the session."""

    user_id: int
    email: str


@dataclass(frozen=True)
class Recording:
    """One recording; the fields are those of its JSON file.

    `file` and `play` are names in the same folder, empty before there is such a file. `refused` is
    empty or why it cannot be used (silent, too_short, too_long, undecodable_audio, ...).
    `finished_by` is `person`, or `server` where the page was closed before.
    """

    id: str
    user_id: int
    email: str
    task_key: str
    project: int
    min_seconds: float
    started_at: str
    chunks: int = 0
    bytes: int = 0
    file: str = ""
    play: str = ""
    sha256: str = ""
    duration_s: float = 0.0
    loudness_dbfs: float = 0.0
    refused: str = ""
    refused_detail: str = ""
    finished: bool = False
    finished_by: str = ""
    finished_at: str = ""


def read_recording(folder: Path, recording_id: str) -> Recording | Reject:
    """What is known of a recording; rejects are bad_id and unknown."""
    if not is_id(recording_id):
        return Reject("bad_id", "a recording's id is 32 hex digits")
    try:
        text = (folder / f"{recording_id}.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return Reject("unknown", "there is no such recording")
    return Recording(**json.loads(text))


@contextlib.contextmanager
def locked(folder: Path, user_id: int) -> Iterator[None]:
    """One thing at a time per person, over all threads and processes."""
    place = own_folder(folder, user_id)
    (place / "open").mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def listed(folder: Path, user_id: int, task_key: str) -> list[str]:
    """The recordings of a person at a task, oldest first."""
    listing = own_folder(folder, user_id) / task_key
    return listing.read_text(encoding="utf-8").split() if listing.exists() else []


def idle_s(folder: Path, mark: Path) -> float:
    """Seconds since the last chunk."""
    about = folder / f"{mark.name}.json"
    return time.time() - (about if about.exists() else mark).stat().st_mtime


def save(folder: Path, recording: Recording) -> None:
    """Write the JSON file whole or not at all, mode 600."""
    fresh = folder / f".{recording.id}.json"
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(asdict(recording), file, indent=2, sort_keys=True)
        file.flush()
        if recording.finished:
            os.fsync(file.fileno())
    fresh.replace(folder / f"{recording.id}.json")


def now() -> str:
    """The time as ISO text, in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def own_folder(folder: Path, user_id: int) -> Path:
    """Where the lists of one person are."""
    return folder / "of" / str(user_id)


def mark_of(folder: Path, recording: Recording) -> Path:
    """The file that says that a recording is under way."""
    return own_folder(folder, recording.user_id) / "open" / recording.id


def enlist(folder: Path, recording: Recording) -> None:
    """Put a new recording into the lists of its speaker."""
    mark_of(folder, recording).touch()
    listing = own_folder(folder, recording.user_id) / recording.task_key
    with listing.open("a", encoding="utf-8") as file:
        file.write(recording.id + "\n")
