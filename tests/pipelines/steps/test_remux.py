"""Sound keeps its packets and gains a duration; what is no sound is refused."""

import io
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.steps.audio import decode_audio
from pipelines.steps.remux import with_duration
from schemas.judgment import Reject

WEBM = (Path(__file__).parents[3] / "samples" / "recordings" / "astronaut-1.webm").read_bytes()


def _opus_in_ogg() -> bytes:
    out = io.BytesIO()
    with av.open(io.BytesIO(WEBM)) as source, av.open(out, "w", format="ogg") as target:
        stream = source.streams.audio[0]
        copied = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.stream = copied
                target.mux(packet)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["webm", "ogg"])
def test_it_sounds_the_same_and_has_a_length(kind: str) -> None:
    data = WEBM if kind == "webm" else _opus_in_ogg()
    copy = with_duration(data, kind)
    assert isinstance(copy, bytes)
    with av.open(io.BytesIO(copy)) as container:
        assert container.duration == pytest.approx(26.8e6, rel=0.01)
    before, after = decode_audio(data), decode_audio(copy)
    assert not isinstance(before, Reject)
    assert not isinstance(after, Reject)
    assert abs(len(before) - len(after)) < 1600  # a tenth of a second
    assert len(copy) == pytest.approx(len(data), rel=0.05)


def test_a_recording_that_was_cut_off_keeps_what_it_has() -> None:
    copy = with_duration(WEBM[: len(WEBM) // 2], "webm")
    assert isinstance(copy, bytes)
    with av.open(io.BytesIO(copy)) as container:
        assert (container.duration or 0) > 10e6


@given(st.binary(max_size=300))
def test_noise_is_refused(data: bytes) -> None:
    made = with_duration(b"\x1aE\xdf\xa3" + data, "webm")
    assert isinstance(made, Reject)
    assert made.reason in ("undecodable_audio", "no_audio_stream")
