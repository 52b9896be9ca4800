"""Sound into a container that says how long it is, packet by packet, without decoding.

What browsers record has no duration, and players stumble over that. As in `pipelines.steps.audio`
the demuxer is forced and nothing but the given bytes is opened.
"""

import io

import av

from schemas.judgment import Reject

_DEMUXERS = {"webm": "matroska", "ogg": "ogg", "mp4": "mp4"}
_DECODER_ERRORS = (av.FFmpegError, ValueError, EOFError, OverflowError, MemoryError)


def with_duration(data: bytes, audio_format: str) -> bytes | Reject:
    """The first audio stream of a `webm`, `ogg` or `mp4` file in a new file of the same format.

    Reasons for refusal: undecodable_audio, no_audio_stream.
    """
    copy = io.BytesIO()
    try:
        with (
            av.open(
                io.BytesIO(data),
                mode="r",
                format=_DEMUXERS[audio_format],
                metadata_errors="ignore",
                options={"protocol_whitelist": "none"},
            ) as source,
            av.open(copy, "w", format=audio_format) as target,
        ):
            if not source.streams.audio:
                return Reject("no_audio_stream", audio_format)
            stream = source.streams.audio[0]
            copied = target.add_stream_from_template(stream)
            for packet in source.demux(stream):
                if packet.dts is not None:
                    packet.stream = copied
                    target.mux(packet)
    except _DECODER_ERRORS as error:
        return Reject("undecodable_audio", f"{audio_format}: {type(error).__name__}: {error}")
    return copy.getvalue()
