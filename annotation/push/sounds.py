"""Playable copies of the store's recordings, for people who review what was heard."""

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from annotation.home import Home
from annotation.push.stored_bytes import copy_missing, wanted_rows, write_bytes
from pipelines.steps.audio import sniff_audio
from pipelines.steps.remux import with_duration
from schemas.judgment import Reject
from schemas.store import Store

_COPIED = ("webm", "ogg")  # what browsers record, without a duration


def playable(data: bytes) -> tuple[bytes, str] | Reject:
    """The bytes and the suffix of a file that a browser plays and knows the length of."""
    kind = sniff_audio(data)
    if kind is None:
        return Reject("undecodable_audio" if data else "empty", "no sound of a known container")
    if kind not in _COPIED:
        return data, kind
    copy = with_duration(data, kind)
    return copy if isinstance(copy, Reject) else (copy, kind)


def make_sounds(
    store: Store, home: Home, wanted: Collection[str], done: Callable[[int], None]
) -> dict[str, Reject]:
    """Write copies of the wanted recordings under their ids; those that are there stay.

    `done` is told how many more are finished. Returns why a recording has no copy.
    """
    present = {path.stem for path in home.sounds.iterdir() if not path.name.startswith(".")}
    missing = set(wanted) - present
    done(len(wanted) - len(missing))
    rows = wanted_rows(store, "recordings", ("recording_id", "audio"), missing)
    absent = Reject("no_recording", "the store does not have it")
    return copy_missing(rows, missing, partial(_write, home.sounds), done, absent)


def _write(folder: Path, row: tuple[str, bytes]) -> Reject | None:
    recording_id, data = row
    made = playable(data or b"")
    if isinstance(made, Reject):
        return made
    copy, suffix = made
    write_bytes(folder, f"{recording_id}.{suffix}", copy)
    return None
