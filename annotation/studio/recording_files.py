"""What browsers record, chunk by chunk, until it is finished. No Django here.

A recording is `<id>.json`, the sound as it came (`<id>.webm`, `.ogg` or `.mp4`, byte for byte) and,
once it is finished, a copy with a duration (`.play.webm` and so on), since Label Studio's player
fails on what browsers send. The JSON file says how many bytes count: a chunk is written behind
them and counts only then, so that a crash or a chunk that is sent twice changes nothing.
"""

import hashlib
import os
import secrets
import shutil
import time
from dataclasses import replace
from pathlib import Path

from annotation.studio.ranges import is_id
from annotation.studio.recording_entry import (
    Recording,
    Speaker,
    Task,
    enlist,
    idle_s,
    listed,
    locked,
    mark_of,
    now,
    own_folder,
    read_recording,
    save,
)
from annotation.studio.recording_sound import check_sound, container_of, write_playable
from schemas.judgment import Reject

MAX_CHUNK_BYTES = 2_000_000
MAX_BYTES = 64_000_000
MAX_CHUNKS = 4000  # one a second
MAX_OPEN = 4  # recordings that one person has under way
MAX_PER_TASK = 100  # attempts of one person at one task
MAX_DAY_BYTES = 512_000_000  # of one person; speaking all day and night makes 350 MB
MIN_FREE_BYTES = 500_000_000
STALE_S = 900.0
_ENDINGS = ("webm", "ogg", "mp4", "play.webm", "play.ogg", "play.mp4")


def start_recording(folder: Path, speaker: Speaker, task: Task) -> Recording | Reject:
    """Begin a recording; what the same person left unfinished at this task is finished first.

    Rejects are bad_key, too_many and disk_full.
    """
    if not is_id(task.key):
        return Reject("bad_key", "a task's key is 32 hex digits")
    with locked(folder, speaker.user_id):
        _finish_open(folder, speaker.user_id, task.key)
        refusal = _room(folder, speaker.user_id, task.key)
        if refusal is not None:
            return refusal
        return _begin(folder, speaker, task)


def append_chunk(
    folder: Path, recording_id: str, user_id: int, number: int, data: bytes
) -> Recording | Reject:
    """Add a chunk; one that is there already changes nothing.

    `number` counts from 0. Rejects are bad_id, unknown, not_yours, finished, out_of_order, empty,
    too_large and not_audio.
    """
    with locked(folder, user_id):
        recording = _own(folder, recording_id, user_id)
        if isinstance(recording, Reject):
            return recording
        if recording.finished:
            return Reject("finished", "this recording is finished")
        if number < recording.chunks:
            return recording
        refusal = _chunk_refusal(recording, number, data)
        if refusal is not None:
            return refusal
        name = recording.file or f"{recording.id}.{container_of(data)}"
        _write_behind(folder / name, recording.bytes, data)
        grown = replace(recording, chunks=number + 1, bytes=recording.bytes + len(data), file=name)
        save(folder, grown)
        return grown


def finish_recording(folder: Path, recording_id: str, user_id: int) -> Recording | Reject:
    """Measure a recording, make its playable copy and its sha256; the second time changes nothing.

    A recording that cannot be used is finished too, and `refused` says why. Rejects are bad_id,
    unknown, not_yours and empty.
    """
    with locked(folder, user_id):
        recording = _own(folder, recording_id, user_id)
        if isinstance(recording, Reject):
            return recording
        return _finish(folder, recording, "person")


def kept_recording(folder: Path, speaker: Speaker, task_key: str) -> Recording | None:
    """The newest recording of a person at a task that can be used, else the newest that was heard.

    What was begun and never finished is finished first.
    """
    if not is_id(task_key):
        return None
    with locked(folder, speaker.user_id):
        _finish_open(folder, speaker.user_id, task_key)
        mine = [read_recording(folder, one) for one in listed(folder, speaker.user_id, task_key)]
    heard = [r for r in mine if isinstance(r, Recording) and r.finished]
    usable = [r for r in heard if not r.refused]
    rest = [r for r in heard if r.refused == "too_short"]
    found = usable or rest
    return found[-1] if found else None


def finish_stale(folder: Path, after_s: float = STALE_S) -> list[Recording]:
    """Finish all recordings that have had no chunk for `after_s` seconds; those that were."""
    found = []
    for place in sorted(folder.glob("of/*/open/*")):
        user_id = int(place.parts[-3])
        with locked(folder, user_id):
            if place.exists() and idle_s(folder, place) >= after_s:
                found.append(_finish_marked(folder, place))
    return [recording for recording in found if isinstance(recording, Recording)]


def sound_path(folder: Path, recording_id: str, user_id: int, is_staff: bool) -> Path | Reject:
    """The playable copy, for its owner and for staff; rejects as read_recording, and not_yours."""
    recording = read_recording(folder, recording_id)
    if isinstance(recording, Reject):
        return recording
    if recording.user_id != user_id and not is_staff:
        return Reject("not_yours", "this recording is somebody else's")
    name = recording.play or recording.file
    return folder / name if name else Reject("unknown", "nothing was recorded")


def _own(folder: Path, recording_id: str, user_id: int) -> Recording | Reject:
    recording = read_recording(folder, recording_id)
    if isinstance(recording, Recording) and recording.user_id != user_id:
        return Reject("not_yours", "this recording is somebody else's")
    return recording


def _room(folder: Path, user_id: int, task_key: str) -> Reject | None:
    """Why a person may not begin one more recording."""
    mine = own_folder(folder, user_id)
    for place in (mine / "open").iterdir():
        if idle_s(folder, place) >= STALE_S:
            _finish_marked(folder, place)
    if len(list((mine / "open").iterdir())) >= MAX_OPEN:
        return Reject("too_many", "several recordings are under way: finish or close the others")
    if len(listed(folder, user_id, task_key)) >= MAX_PER_TASK:
        return Reject("too_many", f"{MAX_PER_TASK} attempts were made: ask the coordinator")
    if _day_bytes(folder, mine) >= MAX_DAY_BYTES:
        return Reject("too_many", "too much was recorded in one day: go on tomorrow")
    if shutil.disk_usage(folder).free < MIN_FREE_BYTES:
        return Reject("disk_full", "the server's disk is full: tell the coordinator")
    return None


def _day_bytes(folder: Path, mine: Path) -> int:
    """What one person recorded in the last 24 hours."""
    since = time.time() - 86_400
    total = 0
    for listing in mine.iterdir():
        if not is_id(listing.name) or listing.stat().st_mtime < since:
            continue
        for one in listing.read_text(encoding="utf-8").split():
            sounds = [folder / f"{one}.{ending}" for ending in _ENDINGS]
            total += sum(place.stat().st_size for place in sounds if place.exists())
    return total


def _begin(folder: Path, speaker: Speaker, task: Task) -> Recording:
    recording = Recording(
        id=secrets.token_hex(16),
        user_id=speaker.user_id,
        email=speaker.email,
        task_key=task.key,
        project=task.project,
        min_seconds=task.min_seconds,
        started_at=now(),
    )
    enlist(folder, recording)
    save(folder, recording)
    return recording


def _chunk_refusal(recording: Recording, number: int, data: bytes) -> Reject | None:
    if number > recording.chunks:
        return Reject("out_of_order", f"chunk {recording.chunks} comes next, not {number}")
    if not data:
        return Reject("empty", "a chunk without bytes")
    if len(data) > MAX_CHUNK_BYTES or recording.bytes + len(data) > MAX_BYTES:
        return Reject("too_large", f"a recording has at most {MAX_BYTES // 1_000_000} MB")
    if number >= MAX_CHUNKS:
        return Reject("too_large", f"a recording has at most {MAX_CHUNKS} chunks")
    if number == 0 and container_of(data) is None:
        return Reject("not_audio", "this is no WebM, Ogg or MP4")
    return None


def _write_behind(place: Path, offset: int, data: bytes) -> None:
    """Write after the first `offset` bytes; what lies there from a crash is replaced."""
    handle = os.open(place, os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.seek(offset)
        file.write(data)
        file.truncate()


def _settle(place: Path, size: int) -> bytes:
    """The bytes that count, alone in the file and on the disk."""
    with place.open("r+b") as file:
        file.truncate(size)
        os.fsync(file.fileno())
        return file.read()


def _finish_open(folder: Path, user_id: int, task_key: str) -> None:
    for one in listed(folder, user_id, task_key):
        place = own_folder(folder, user_id) / "open" / one
        if place.exists():
            _finish_marked(folder, place)


def _finish_marked(folder: Path, place: Path) -> Recording | Reject:
    """Finish the recording that a marker names, on behalf of a page that is gone."""
    recording = read_recording(folder, place.name)
    finished = recording
    if isinstance(recording, Recording):
        finished = _finish(folder, recording, "server")
    place.unlink(missing_ok=True)
    return finished


def _finish(folder: Path, recording: Recording, finished_by: str) -> Recording | Reject:
    mark = mark_of(folder, recording)
    if recording.finished:
        return recording
    if not recording.bytes:
        (folder / f"{recording.id}.json").unlink()
        mark.unlink(missing_ok=True)
        return Reject("empty", "nothing was recorded")
    sound = folder / recording.file
    data = _settle(sound, recording.bytes)
    play = write_playable(sound, data)
    facts = check_sound(data, recording.min_seconds)
    finished = replace(
        recording,
        play=play.name if play else "",
        sha256=hashlib.sha256(data).hexdigest(),
        duration_s=facts.duration_s,
        loudness_dbfs=facts.loudness_dbfs,
        refused=facts.refused,
        refused_detail=facts.detail,
        finished=True,
        finished_by=finished_by,
        finished_at=now(),
    )
    save(folder, finished)
    mark.unlink(missing_ok=True)
    return finished
