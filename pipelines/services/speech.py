"""Speech recognition behind a small Protocol; the product is faster-whisper.

The choices worth knowing: chunks are decoded without time-stamp tokens, since with them the batched
pipeline drops the end of hesitant recordings (a segment is therefore a chunk of up to 30 seconds);
nothing is conditioned on earlier text; and audio that is too quiet never reaches the model.
"""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.services.speech_models import (
    DEFAULT_MODEL,
    MULTILINGUAL_MODEL,
    LoadedModel,
    SpeechConfig,
    load_speech_model,
)
from pipelines.steps.audio import SAMPLE_RATE_HZ, decode_audio, loudness_dbfs
from pipelines.steps.read_ahead import map_ahead
from schemas.errors import UsageError
from schemas.judgment import Reject
from schemas.records import Segment

CHUNK_S = 30.0
_WITHOUT_SPACES = ("zh", "ja", "yue", "th", "lo", "my", "km")


@dataclass(frozen=True)
class Speech:
    """What was heard in one recording. `model` is a name and eight digits of the weights' sha256
    or of the revision; `speech_s` is what the voice detector kept of `duration_s`."""

    text: str
    segments: tuple[Segment, ...]
    language: str
    language_probability: float
    model: str
    duration_s: float
    speech_s: float


class Transcriber(Protocol):
    """Turns mono samples at 16 kHz into Speech; `language` is a code such as "en", or None."""

    def transcribe(self, audio: NDArray[np.float32], language: str | None) -> Speech | Reject:
        """Reject reasons: silent, no_speech, unknown_language."""
        ...


class WhisperTranscriber:
    """faster-whisper's batched pipeline, loaded once; safe to call from several threads.

    The English default hands recordings in another language to the multilingual model.
    """

    def __init__(self, config: SpeechConfig = SpeechConfig()) -> None:  # noqa: B008 - frozen
        self._config = config
        self._loaded: dict[str, LoadedModel] = {}
        self._lock = threading.Lock()
        language = _language_code(config.language)
        loaded = self._model_for(language)
        if language is not None and language not in loaded.languages:
            known = ", ".join(sorted(loaded.languages))
            raise UsageError(
                f"the model {loaded.label} has no language {language!r}; it has {known}"
            )

    def transcribe(
        self, audio: NDArray[np.float32], language: str | None = None
    ) -> Speech | Reject:
        """Recognise mono 16 kHz samples; `language` None takes the configured one, or detects."""
        loudness = loudness_dbfs(audio)
        if loudness < self._config.loudness_gate_dbfs:
            return Reject("silent", f"{loudness:.1f} dBFS never reached the model")
        code = _language_code(language or self._config.language)
        loaded = self._model_for(code)
        if code is not None and code not in loaded.languages:
            return Reject("unknown_language", f"{loaded.label} has no language {code!r}")
        return self._recognise(loaded, audio, code)

    def _recognise(
        self, loaded: LoadedModel, audio: NDArray[np.float32], language: str | None
    ) -> Speech | Reject:
        found, info = loaded.pipeline.transcribe(
            audio,
            language=language,
            batch_size=self._config.batch_size,
            beam_size=self._config.beam_size,
            condition_on_previous_text=False,
            without_timestamps=True,
            vad_filter=self._config.vad,
            clip_timestamps=None if self._config.vad else _chunks(len(audio)),
        )
        segments = tuple(_segment(part, info.duration) for part in found if part.text.strip())
        if not segments:
            return Reject("no_speech", f"{info.duration_after_vad:.1f} s sounded like speech")
        joint = "" if info.language in _WITHOUT_SPACES else " "
        return Speech(
            text=joint.join(segment.text for segment in segments),
            segments=segments,
            language=info.language,
            language_probability=round(float(info.language_probability), 4),
            model=loaded.label,
            duration_s=round(info.duration, 3),
            speech_s=round(info.duration_after_vad, 3),
        )

    def _model_for(self, language: str | None) -> LoadedModel:
        """The configured model, or the multilingual one where an English default cannot serve."""
        name = self._config.model
        if name == DEFAULT_MODEL and language not in (None, "en"):
            name = MULTILINGUAL_MODEL
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = load_speech_model(name, self._config)
            loaded = self._loaded[name]
        if language not in (None, "en") and loaded.languages == {"en"}:
            raise UsageError(
                f"the model {name} knows English only, and a recording is in {language!r}; "
                f"choose a multilingual model, such as {MULTILINGUAL_MODEL}"
            )
        return loaded


def transcribe_many(
    transcriber: Transcriber, recordings: Iterable[tuple[bytes, str | None]], ahead: int = 2
) -> Iterator[Speech | Reject]:
    """Decode and transcribe (bytes, language) pairs; one result each, in order.

    `ahead` recordings are in work at once, so that decoding and voice detection of the next run
    while the model works on this one. At most `ahead` recordings are held in memory.
    """

    def one(recording: tuple[bytes, str | None]) -> Speech | Reject:
        data, language = recording
        audio = decode_audio(data)
        return audio if isinstance(audio, Reject) else transcriber.transcribe(audio, language)

    yield from map_ahead(one, recordings, ahead)


def _segment(part: Any, duration_s: float) -> Segment:
    return Segment(
        start_s=round(float(part.start), 3),
        end_s=round(min(float(part.end), duration_s), 3),
        text=part.text.strip(),
        avg_logprob=round(float(part.avg_logprob), 4),
        no_speech_prob=round(float(part.no_speech_prob), 4),
        compression_ratio=round(float(part.compression_ratio), 4),
    )


def _chunks(samples: int) -> list[dict[str, float]]:
    """Without voice detection the batched pipeline must be told where to cut."""
    duration_s = samples / SAMPLE_RATE_HZ
    starts = np.arange(0.0, duration_s, CHUNK_S)
    return [{"start": float(s), "end": float(min(s + CHUNK_S, duration_s))} for s in starts]


def _language_code(language: str | None) -> str | None:
    """The first part of a language tag in lower case: "en-US" is "en"."""
    return language.replace("_", "-").split("-")[0].strip().lower() or None if language else None
