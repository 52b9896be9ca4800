"""Recordings on disk, of bytes that a browser sent: whole, or as far as they came."""

import hashlib
import io
import json
import shutil
from pathlib import Path

import av
import pytest

from annotation.studio import recording_files
from annotation.studio.recording_entry import Recording, Speaker, Task, read_recording
from annotation.studio.recording_files import (
    append_chunk,
    finish_recording,
    finish_stale,
    kept_recording,
    sound_path,
    start_recording,
)
from pipelines.steps.audio import decode_audio
from schemas.judgment import Reject

SAMPLES = Path(__file__).parents[3] / "samples" / "recordings"
SPOKEN = (SAMPLES / "retina-short.webm").read_bytes()  # 6.3 s, without a duration, as browsers do
SILENT = (SAMPLES / "hubble-silent.webm").read_bytes()
KEY = "0f" * 16
ADA, BOB = Speaker(7, "ada@pixmo.localhost"), Speaker(8, "bob@pixmo.localhost")
TASK = Task(KEY, 3, 5.0)


def pieces(data: bytes, size: int = 4000) -> list[bytes]:
    """As a browser sends them."""
    return [data[i : i + size] for i in range(0, len(data), size)]


def begin(folder: Path, speaker: Speaker = ADA, task: Task = TASK) -> str:
    started = start_recording(folder, speaker, task)
    assert isinstance(started, Recording), started
    return started.id


def send(folder: Path, data: bytes, speaker: Speaker = ADA, task: Task = TASK) -> str:
    """A recording with all its chunks, not finished."""
    recording_id = begin(folder, speaker, task)
    for number, piece in enumerate(pieces(data)):
        added = append_chunk(folder, recording_id, speaker.user_id, number, piece)
        assert isinstance(added, Recording), added
    return recording_id


def finish(folder: Path, recording_id: str, speaker: Speaker = ADA) -> Recording:
    finished = finish_recording(folder, recording_id, speaker.user_id)
    assert isinstance(finished, Recording), finished
    return finished


def reason(found: Recording | Reject | Path) -> str:
    assert isinstance(found, Reject), found
    return found.reason


def test_a_recording_is_kept_byte_for_byte(tmp_path: Path) -> None:
    done = finish(tmp_path, send(tmp_path, SPOKEN))
    assert (tmp_path / f"{done.id}.webm").read_bytes() == SPOKEN
    assert done.sha256 == hashlib.sha256(SPOKEN).hexdigest()
    assert done.bytes == len(SPOKEN)
    assert done.duration_s == pytest.approx(6.3, abs=0.1)
    assert -60 < done.loudness_dbfs < 0
    assert (done.refused, done.finished, done.finished_by) == ("", True, "person")
    written = json.loads((tmp_path / f"{done.id}.json").read_text())
    assert (written["user_id"], written["email"]) == (7, "ada@pixmo.localhost")
    assert (written["task_key"], written["project"]) == (KEY, 3)
    assert read_recording(tmp_path, done.id) == done


def test_the_playable_copy_says_how_long_it_is(tmp_path: Path) -> None:
    done = finish(tmp_path, send(tmp_path, SPOKEN))
    place = sound_path(tmp_path, done.id, ADA.user_id, is_staff=False)
    assert place == tmp_path / f"{done.id}.play.webm"
    with av.open(str(place)) as copy:
        assert copy.duration
        assert copy.duration / 1_000_000 == pytest.approx(done.duration_s, abs=0.1)


@pytest.mark.parametrize(
    ("codec", "container", "options"),
    [("libopus", "ogg", {}), ("aac", "mp4", {"movflags": "frag_keyframe+empty_moov"})],
)
def test_what_firefox_and_safari_send(
    tmp_path: Path, codec: str, container: str, options: dict[str, str]
) -> None:
    done = finish(tmp_path, send(tmp_path, recoded(codec, container, options)))
    assert (done.refused, done.file) == ("", f"{done.id}.{container}")
    assert done.duration_s == pytest.approx(6.3, abs=0.2)
    with av.open(str(tmp_path / done.play)) as copy:
        assert copy.duration


def recoded(codec: str, container: str, options: dict[str, str]) -> bytes:
    """The sample in another codec and container."""
    target = io.BytesIO()
    with (
        av.open(io.BytesIO(SPOKEN), mode="r") as source,
        av.open(target, "w", format=container, container_options=options) as output,
    ):
        stream = output.add_stream(codec, rate=48000)
        for frame in source.decode(audio=0):
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return target.getvalue()


def test_silence_and_short_recordings_are_refused_and_kept(tmp_path: Path) -> None:
    silent = finish(tmp_path, send(tmp_path, SILENT))
    short = finish(tmp_path, send(tmp_path, SPOKEN, task=Task(KEY, 3, 60.0)))
    assert (silent.refused, short.refused) == ("silent", "too_short")
    assert short.refused_detail == "6.3 s, under 60 s"
    assert short.duration_s == pytest.approx(6.3, abs=0.1)
    assert (tmp_path / silent.file).read_bytes() == SILENT


def test_noise_with_the_right_first_bytes_is_refused_and_not_a_crash(tmp_path: Path) -> None:
    done = finish(tmp_path, send(tmp_path, SPOKEN[:4] + b"\xff" * 9000))
    assert (done.refused, done.play) == ("undecodable_audio", "")


def test_a_chunk_that_comes_twice_counts_once(tmp_path: Path) -> None:
    recording_id = begin(tmp_path)
    for number, piece in enumerate(pieces(SPOKEN)):
        append_chunk(tmp_path, recording_id, ADA.user_id, number, piece)
        again = append_chunk(tmp_path, recording_id, ADA.user_id, number, b"something else")
        assert isinstance(again, Recording)
        assert again.chunks == number + 1
    assert finish(tmp_path, recording_id).sha256 == hashlib.sha256(SPOKEN).hexdigest()


def test_bytes_that_a_crash_left_behind_do_not_count(tmp_path: Path) -> None:
    recording_id = begin(tmp_path)
    first, *rest = pieces(SPOKEN)
    append_chunk(tmp_path, recording_id, ADA.user_id, 0, first)
    with (tmp_path / f"{recording_id}.webm").open("ab") as file:
        file.write(rest[0] + b"half of the next")  # written, and never counted
    for number, piece in enumerate(rest, start=1):
        append_chunk(tmp_path, recording_id, ADA.user_id, number, piece)
    assert finish(tmp_path, recording_id).sha256 == hashlib.sha256(SPOKEN).hexdigest()


def test_finishing_twice_is_the_same_answer(tmp_path: Path) -> None:
    recording_id = send(tmp_path, SPOKEN)
    assert finish(tmp_path, recording_id) == finish(tmp_path, recording_id)
    late = append_chunk(tmp_path, recording_id, ADA.user_id, 99, b"more")
    assert reason(late) == "finished"


def test_a_recording_without_sound_leaves_nothing(tmp_path: Path) -> None:
    recording_id = begin(tmp_path)
    assert reason(finish_recording(tmp_path, recording_id, ADA.user_id)) == "empty"
    assert reason(read_recording(tmp_path, recording_id)) == "unknown"


def test_other_people_may_neither_add_nor_finish_nor_listen(tmp_path: Path) -> None:
    mine = send(tmp_path, SPOKEN)
    assert reason(append_chunk(tmp_path, mine, BOB.user_id, 9, b"x")) == "not_yours"
    assert reason(finish_recording(tmp_path, mine, BOB.user_id)) == "not_yours"
    finish(tmp_path, mine)
    assert reason(sound_path(tmp_path, mine, BOB.user_id, is_staff=False)) == "not_yours"
    assert isinstance(sound_path(tmp_path, mine, BOB.user_id, is_staff=True), Path)
    assert kept_recording(tmp_path, BOB, KEY) is None


@pytest.mark.parametrize("bad", ["", "..", "../secrets", "ab" * 15, "AB" * 16, "ab" * 16 + "\n"])
def test_an_id_that_is_none(tmp_path: Path, bad: str) -> None:
    assert reason(append_chunk(tmp_path, bad, ADA.user_id, 0, SPOKEN)) == "bad_id"
    assert reason(finish_recording(tmp_path, bad, ADA.user_id)) == "bad_id"
    assert reason(sound_path(tmp_path, bad, ADA.user_id, is_staff=True)) == "bad_id"
    assert reason(start_recording(tmp_path, ADA, Task(bad, 3, 5.0))) == "bad_key"
    assert kept_recording(tmp_path, ADA, bad) is None


def test_chunks_that_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording_id = begin(tmp_path)

    def add(number: int, data: bytes) -> str:
        return reason(append_chunk(tmp_path, recording_id, ADA.user_id, number, data))

    assert add(1, SPOKEN) == "out_of_order"
    assert add(0, b"") == "empty"
    assert add(0, b"RIFF\0\0\0\0WAVEfmt ") == "not_audio"
    assert add(0, b"<html>" + SPOKEN) == "not_audio"
    assert add(0, SPOKEN + bytes(recording_files.MAX_CHUNK_BYTES)) == "too_large"
    append_chunk(tmp_path, recording_id, ADA.user_id, 0, SPOKEN)
    monkeypatch.setattr(recording_files, "MAX_BYTES", len(SPOKEN) + 10)
    assert add(1, bytes(11)) == "too_large"
    monkeypatch.setattr(recording_files, "MAX_CHUNKS", 1)
    assert add(1, bytes(5)) == "too_large"
    unknown = append_chunk(tmp_path, "ab" * 16, ADA.user_id, 0, SPOKEN)
    assert reason(unknown) == "unknown"


def test_what_was_never_finished_is_finished_and_offered(tmp_path: Path) -> None:
    begun = send(tmp_path, SPOKEN[:-3000])  # the page was closed in mid-recording
    kept = kept_recording(tmp_path, ADA, KEY)
    assert kept
    assert (kept.id, kept.finished_by, kept.refused) == (begun, "server", "")
    samples = decode_audio((tmp_path / kept.file).read_bytes())
    assert not isinstance(samples, Reject)
    assert kept.duration_s == pytest.approx(len(samples) / 16000, abs=0.001)
    assert kept_recording(tmp_path, ADA, "1e" * 16) is None


def test_the_newest_usable_recording_is_offered(tmp_path: Path) -> None:
    finish(tmp_path, send(tmp_path, SPOKEN))
    newest = finish(tmp_path, send(tmp_path, SPOKEN))
    finish(tmp_path, send(tmp_path, SILENT))
    assert kept_recording(tmp_path, ADA, KEY) == newest


def test_a_short_recording_is_offered_for_listening_and_silence_is_not(tmp_path: Path) -> None:
    task = Task(KEY, 3, 60.0)
    finish(tmp_path, send(tmp_path, SILENT, task=task))
    assert kept_recording(tmp_path, ADA, KEY) is None
    short = finish(tmp_path, send(tmp_path, SPOKEN, task=task))
    assert kept_recording(tmp_path, ADA, KEY) == short


def test_a_new_recording_finishes_the_one_before_it_at_the_same_task(tmp_path: Path) -> None:
    first = send(tmp_path, SPOKEN)
    begin(tmp_path)
    found = read_recording(tmp_path, first)
    assert isinstance(found, Recording)
    assert (found.finished, found.finished_by) == (True, "server")


def test_stale_recordings_of_everybody_are_finished(tmp_path: Path) -> None:
    mine, theirs = send(tmp_path, SPOKEN), send(tmp_path, SPOKEN, BOB)
    begin(tmp_path, task=Task("1e" * 16, 3, 5.0))  # nothing in it
    assert finish_stale(tmp_path, after_s=900) == []
    assert {one.id for one in finish_stale(tmp_path, after_s=0)} == {mine, theirs}
    assert finish_stale(tmp_path, after_s=0) == []
    assert len(list(tmp_path.glob("*.json"))) == 2


def test_a_marker_without_a_recording_goes_away(tmp_path: Path) -> None:
    mine = send(tmp_path, SPOKEN)
    (tmp_path / f"{mine}.json").unlink()
    assert finish_stale(tmp_path, after_s=0) == []
    assert not list(tmp_path.glob("of/*/open/*"))


def test_what_one_person_may_take_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_files, "MAX_OPEN", 2)
    for number in range(2):
        send(tmp_path, SPOKEN, task=Task(f"{number:032x}", 3, 5.0))
    assert reason(start_recording(tmp_path, ADA, TASK)) == "too_many"
    begin(tmp_path, BOB)
    monkeypatch.setattr(recording_files, "STALE_S", 0.0)
    begin(tmp_path)
    monkeypatch.setattr(recording_files, "MAX_DAY_BYTES", 2 * len(SPOKEN))
    assert reason(start_recording(tmp_path, ADA, TASK)) == "too_many"
    monkeypatch.setattr(recording_files, "MAX_DAY_BYTES", 10**12)
    monkeypatch.setattr(recording_files, "MAX_PER_TASK", 1)
    assert reason(start_recording(tmp_path, ADA, TASK)) == "too_many"
    monkeypatch.setattr(recording_files, "MIN_FREE_BYTES", shutil.disk_usage(tmp_path).total + 1)
    assert reason(start_recording(tmp_path, ADA, Task("1e" * 16, 3, 5.0))) == "disk_full"
