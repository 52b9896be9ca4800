"""Small stores for the tests of stages: pictures, sounds, transcripts and captions in one call.

Records go in through the part writer, as stages write them, so that a test of one stage needs none
of those before it. Everything is drawn from seeds: the same call makes the same store.
"""

import io
import wave
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures

from pipelines.run_stage import StageResult, run_stage
from pipelines.stage import Stage
from pipelines.steps.decode import DecodeLimits
from pipelines.steps.inspect_image import Inspected, inspect_image
from schemas.annotations import Point
from schemas.files import TEMPORARY
from schemas.ids import content_id, image_id_of, sha256_hex
from schemas.judgment import RejectRow, Tag
from schemas.part_writer import PartWriter
from schemas.records import Caption, Image, Recording, Segment, Transcript
from schemas.store import PartInfo, Store
from schemas.subset_records import ObjectCount
from tests.pipelines.toy_stage import options
from tools.audit import audit

HOST = "pics.test"
RATE_HZ = 16_000
Pixels = NDArray[np.uint8]


def run(stage: Stage, store: Store) -> StageResult:
    """Run a stage in this process."""
    return run_stage(stage, store, options())


# --- what a picture and a sound are


def pixels(seed: int, width: int = 96, height: int = 72) -> Pixels:
    """A smooth random picture: hashes of different seeds are far apart."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(
        Pictures.fromarray(coarse).resize((width, height), Pictures.Resampling.BICUBIC)
    )


def encode(values: Pixels, kind: str = "PNG", **settings: Any) -> bytes:
    """Pixels as a file."""
    out = io.BytesIO()
    Pictures.fromarray(values).save(out, kind, **settings)
    return out.getvalue()


def picture(seed: int, kind: str = "PNG", width: int = 96, height: int = 72) -> bytes:
    """The file of a smooth random picture."""
    return encode(pixels(seed, width, height), kind)


def blank(level: int = 200, width: int = 64) -> bytes:
    """A picture of one grey."""
    return encode(np.full((64, width, 3), level, np.uint8))


def sound(seconds: float, loud: float = 0.1, seed: int = 0) -> bytes:
    """A WAV file of noise that comes and goes like syllables."""
    rng = np.random.default_rng(seed)
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    samples = rng.standard_normal(len(at)) * loud * (0.5 + 0.5 * np.sin(2 * np.pi * 3 * at))
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return out.getvalue()


# --- records


def url_of(name: str) -> str:
    """The URL under which a picture of this name is known."""
    return f"http://{HOST}/{name}"


def id_of(name: str) -> str:
    """The id of the picture of this name."""
    return image_id_of(url_of(name))


def image(name: str, data: bytes) -> Image:
    """What ingest makes of a picture."""
    found = inspect_image(data, "", DecodeLimits())
    assert isinstance(found, Inspected), found
    facts = found.facts
    url = url_of(name)
    return Image(
        image_id=id_of(name),
        image_url=url,
        final_url=url,
        image_sha256=found.sha256,
        width=facts.width,
        height=facts.height,
        format=facts.format,
        exif_orientation=facts.exif_orientation,
        phash=facts.phash,
        grey32=facts.grey32,
        bytes=data,
        fetched_at="2026-01-01T00:00:00Z",
        http_status=200,
        opt_out="",
        carried="",
    )


def recording(
    name: str, speaker: str, audio: bytes = b"", language: str | None = "en"
) -> Recording:
    """What stage recordings makes of a recording about a picture."""
    return Recording(
        recording_id=content_id("recording", name, speaker),
        image_id=id_of(name),
        annotator_id=f"a{speaker}",
        audio_sha256=sha256_hex(audio),
        audio_format="wav",
        duration_s=20.0,
        sample_rate_hz=RATE_HZ,
        loudness_dbfs=-20.0,
        silence_share=0.2,
        language=language,
        audio=audio,
        carried="",
    )


def transcript(name: str, text: str, speaker: str = "1", tags: tuple[Tag, ...] = ()) -> Transcript:
    """What stage transcribe makes of a recording about a picture."""
    own = recording(name, speaker)
    return Transcript(
        recording_id=own.recording_id,
        image_id=own.image_id,
        annotator_id=own.annotator_id,
        audio_sha256=sha256_hex(text.encode()),
        text=text,
        language="en",
        language_probability=0.99,
        duration_s=20.0,
        segments=(Segment(0.0, 20.0, text, -0.2, 0.01, 1.4),),
        tags=tags,
        model="toy@00000000",
    )


def caption(name: str, text: str = "A toy.", tags: tuple[Tag, ...] = ()) -> Caption:
    """What stage caption makes of one transcript that says `text`."""
    return Caption(
        image_id=id_of(name),
        image_url=url_of(name),
        caption=text,
        transcripts=(f"um, {text}",),
        cleaned=(text,),
        recording_ids=(transcript(name, text).recording_id,),
        review_ids=("",),
        dropped=(),
        tags=tags,
        model="m",
        speech_model="toy@00000000",
        clean_prompt="clean_v1",
        caption_prompt="caption_v1",
        prompt_tokens=10,
        completion_tokens=5,
    )


def object_count(
    name: str,
    number: int,
    checked: bool = False,
    tags: tuple[Tag, ...] = (),
    size: tuple[int, int] = (96, 72),
) -> ObjectCount:
    """What stage count makes of a picture of this name with so many cats in a row."""
    points = tuple(Point(round(100 * (at + 0.5) / number, 4), 50.0) for at in range(number))
    return ObjectCount(
        image_id=id_of(name),
        image_url=url_of(name),
        label="cat",
        count=number,
        points=points,
        width=size[0],
        height=size[1],
        predicted_count=number,
        checked=checked,
        tags=tags,
        item_ids=(content_id("item", name),) if checked else (),
        detector="toy@00000000",
    )


# --- parts


def put(
    store: Store,
    table: str,
    number: int,
    record: type,
    rows: Sequence[Any],
    config: Mapping[str, Any] | None = None,
) -> PartInfo:
    """Write rows as one part, whatever their order; `config` is what its footer tells."""
    ordered = sorted(rows, key=lambda row: getattr(row, next(iter(record.__annotations__))))
    with PartWriter(store, table, number, record) as writer:
        for row in ordered:
            writer.add(row)
        inputs = {}
        if record is Caption:  # export finds the transcripts by way of the footer
            inputs = {
                f"transcripts/{info.number}": info.content for info in store.infos("transcripts")
            }
        return writer.commit(
            fingerprint=content_id(table, str(number)),
            rows_in=len(ordered),
            seconds=0.0,
            code_version="test",
            config=dict(config or {}),
            inputs=inputs,
        )


def put_images(store: Store, *parts: Mapping[str, bytes]) -> None:
    """Parts of images, each from names and bytes."""
    for number, files in enumerate(parts):
        put(store, "images", number, Image, [image(name, data) for name, data in files.items()])


def put_transcripts(store: Store, *parts: Sequence[Transcript]) -> None:
    """Parts of transcripts."""
    for number, rows in enumerate(parts):
        put(store, "transcripts", number, Transcript, rows)


def put_captions(store: Store, *parts: Sequence[Caption]) -> None:
    """Parts of captions and of the transcripts behind them."""
    for number, rows in enumerate(parts):
        spoken = [transcript(row.image_url.rsplit("/", 1)[1], row.transcripts[0]) for row in rows]
        put(store, "transcripts", number, Transcript, spoken)
    for number, rows in enumerate(parts):
        put(store, "captions", number, Caption, rows)


# --- what a test asks of a store


def rows(store: Store, table: str, record: type) -> list[Any]:
    """All records of a table."""
    numbers = [info.number for info in store.infos(table)]
    return [row for number in numbers for row in store.records(table, number, record)]


def rejects(store: Store, table: str) -> list[RejectRow]:
    """All rejects of a table."""
    numbers = [info.number for info in store.infos(table)]
    return [r for n in numbers for r in store.records(f"rejects/{table}", n, RejectRow)]


def reasons(store: Store, table: str) -> dict[str, int]:
    """How often each reason occurs among the rejects of a table."""
    found = [row.reason for row in rejects(store, table)]
    return {reason: found.count(reason) for reason in sorted(set(found))}


def contents(store: Store) -> dict[str, str]:
    """The content digest of every part of every table."""
    return {
        f"{table}/{info.number}": info.content
        for table in store.tables()
        for info in store.infos(table)
    }


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """Time and inode of every file below a folder: rewriting changes either."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.stat().st_ino)
        for path in folder.rglob("*")
        if path.is_file()
    }


def findings(store: Store, *unfed: str) -> list[str]:
    """What the audit has to say, less that nothing feeds the tables that a test put in by hand."""
    said = [f"{found.place}: {found.message}" for found in audit(store)]
    return [line for line in said if not (line.startswith(unfed) and "has no such part" in line)]


def leftovers(folder: Path) -> list[str]:
    """Temporary files, leases and scratch that no run should leave."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    kept = ("scratch", "failures", "locks")
    return [
        str(path.relative_to(folder))
        for path in found
        if TEMPORARY in path.name or path.relative_to(folder).parts[0] in kept
    ]
