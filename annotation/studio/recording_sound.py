"""The sound of one recording: what container it is, whether it can be used, a copy with a duration.

Browsers send WebM or Ogg with Opus, Safari MP4 with AAC. None says how long it is, so the packets
are copied, without decoding, into a file that does.
"""

import threading
from dataclasses import dataclass
from pathlib import Path

from pipelines.steps.audio import (
    SAMPLE_RATE_HZ,
    AudioLimits,
    decode_audio,
    loudness_dbfs,
    sniff_audio,
)
from pipelines.steps.remux import with_duration
from schemas.judgment import Reject

_CONTAINERS = {"webm": "webm", "ogg": "ogg", "mp4": "mp4", "m4a": "mp4"}
_LIMITS = AudioLimits()
_ONE_AT_A_TIME = threading.Lock()  # half an hour of samples takes 170 MB


@dataclass(frozen=True)
class SoundFacts:
    """What was measured; `refused` is empty, or a reason as in pipelines.steps.audio."""

    duration_s: float
    loudness_dbfs: float
    refused: str = ""
    detail: str = ""


def container_of(data: bytes) -> str | None:
    """The container by its first bytes, of those that browsers record: webm, ogg, mp4; or None."""
    return _CONTAINERS.get(sniff_audio(data) or "")


def check_sound(data: bytes, min_seconds: float) -> SoundFacts:
    """Decode and measure; the limits are those of the recordings stage but for the shortest time.

    Unlike measure_audio it also tells how long and how loud a refused recording is.
    """
    with _ONE_AT_A_TIME:
        samples = decode_audio(data, _LIMITS.max_duration_s)
        if isinstance(samples, Reject):
            return SoundFacts(0.0, 0.0, samples.reason, samples.detail)
        duration_s = round(len(samples) / SAMPLE_RATE_HZ, 3)
        loudness = round(loudness_dbfs(samples), 2)
    if loudness < _LIMITS.silent_below_dbfs:
        detail = f"{loudness:.1f} dBFS, under {_LIMITS.silent_below_dbfs:g}"
        return SoundFacts(duration_s, loudness, "silent", detail)
    if duration_s < min_seconds:
        detail = f"{duration_s:.1f} s, under {min_seconds:g} s"
        return SoundFacts(duration_s, loudness, "too_short", detail)
    return SoundFacts(duration_s, loudness)


def write_playable(sound: Path, data: bytes) -> Path | None:
    """Copy the packets of `<name>.<ending>` into `<name>.play.<ending>`, which has a duration.

    `data` is what the file holds. None when nothing can be copied.
    """
    copy = with_duration(data, sound.suffix[1:])
    if isinstance(copy, Reject):
        return None
    place = sound.with_name(f"{sound.stem}.play{sound.suffix}")
    place.write_bytes(copy)
    place.chmod(0o600)
    return place
