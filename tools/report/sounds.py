"""Recordings beside the rows that they were about: copied as they are, within a budget of bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from schemas.ids import content_id
from schemas.store import Store

_SUFFIXES = {"webm", "ogg", "wav", "mp3", "flac", "m4a", "mp4", "aac", "opus"}
_COLUMNS = ("recording_id", "audio_format", "duration_s", "language", "annotator_id", "audio")


@dataclass(frozen=True)
class SoundJob:
    """The recordings of one part that pages want, and how many bytes of them may be copied."""

    store: Store
    part: int
    wanted: frozenset[str]
    budget: int
    output: Path


@dataclass(frozen=True)
class Sound:
    """A recording as a page knows it; `file` is empty where the budget did not reach.

    `speaker` is the pseudonym of the annotator.
    """

    file: str
    seconds: float
    language: str
    speaker: str


def make_sounds(job: SoundJob) -> dict[str, Sound]:
    """Copy the wanted recordings of one part until its budget is used up; by recording id."""
    found: dict[str, Sound] = {}
    left = job.budget
    for batch in job.store.batches("recordings", job.part, _COLUMNS):
        for at, name in enumerate(batch.column("recording_id").to_pylist()):
            if name in job.wanted:
                found[name], used = _copy(job, batch, at, left)
                left -= used
    return found


def _copy(job: SoundJob, batch: pa.RecordBatch, at: int, left: int) -> tuple[Sound, int]:
    name, kind, seconds, language, speaker = (
        batch.column(column)[at].as_py() for column in _COLUMNS[:-1]
    )
    audio = batch.column("audio")[at].as_py() or b""
    file = ""
    if audio and len(audio) <= left:
        suffix = kind if kind in _SUFFIXES else "bin"
        file = f"{content_id('sound', name)[:16]}.{suffix}"
        path = job.output / "sounds" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(audio)
    return Sound(file, round(seconds, 1), language or "", speaker), len(audio) if file else 0


def plan_sounds(store: Store, wanted: Sequence[str], budget: int, output: Path) -> list[SoundJob]:
    """A job per part that holds wanted recordings; the budget is shared by their number."""
    left = set(wanted)
    jobs: list[tuple[int, frozenset[str]]] = []
    for info in store.infos("recordings") if left else ():
        ids = store.read("recordings", info.number, ["recording_id"])[0].to_pylist()
        if own := left.intersection(ids):
            jobs.append((info.number, frozenset(own)))
    total = sum(len(own) for _, own in jobs) or 1
    return [
        SoundJob(store, number, own, budget * len(own) // total, output) for number, own in jobs
    ]
