"""Playable copies of the store's recordings, for people who review what was heard."""

from collections.abc import Callable, Collection

from annotation.home import Home
from annotation.push.stored_bytes import wanted_rows
from pipelines.steps.audio import sniff_audio
from pipelines.steps.remux import with_duration
from schemas.files import open_fs, whole_file
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
    refused: dict[str, Reject] = {}
    left = set(missing)
    for rows in wanted_rows(store, "recordings", ("recording_id", "audio"), missing):
        for recording_id, data in rows:
            left.discard(recording_id)
            made = playable(data or b"")
            if isinstance(made, Reject):
                refused[recording_id] = made
            else:
                _write(home, recording_id, *made)
        done(len(rows))
    done(len(left))
    return refused | dict.fromkeys(left, Reject("no_recording", "the store does not have it"))


def _write(home: Home, recording_id: str, data: bytes, suffix: str) -> None:
    fs, path = open_fs(str(home.sounds / f"{recording_id}.{suffix}"))
    with whole_file(fs, path) as temporary, open(temporary, "wb") as file:
        file.write(data)
