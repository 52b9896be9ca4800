"""Subset cap: captions, how they are compared with evaluation texts, chosen and published.

Lineage names the recordings behind a caption.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import pyarrow as pa

from pipelines.decontaminate_text import DecontaminateText
from pipelines.release_plan import Exporter, Rows, column_of, look_up
from pipelines.selection import Select, evaluation_and
from pipelines.steps import caption_checks, contamination
from pipelines.steps.policy import Policy
from pipelines.steps.reviewed import with_reviews
from schemas.lineage import CaptionLineage
from schemas.store import Store
from schemas.subsets import SUBSETS

_MADE_OF = ["image_url", "recording_ids", "review_ids", "cleaned", "tags", "speech_model", "model"]
_MADE_OF += ["clean_prompt", "caption_prompt"]
_TRANSCRIPTS = "transcripts"


@dataclass(frozen=True)
class DecontaminateCap(DecontaminateText):
    """Captions and what was said."""

    name: ClassVar[str] = "decontaminate-cap"
    table: ClassVar[str] = "contamination/cap"
    feed: ClassVar[str] = "captions"
    key: ClassVar[str] = "image_id"
    columns: ClassVar[tuple[str, ...]] = ("caption", "transcripts")


@dataclass(frozen=True)
class SelectCap(Select):
    """Captions: one row per picture."""

    name: ClassVar[str] = "select-cap"
    table: ClassVar[str] = "selected/cap"
    subset: ClassVar[str] = "cap"
    feed: ClassVar[str] = "captions"
    columns: ClassVar[tuple[str, ...]] = ("image_id", "image_url", "caption")
    defaults: ClassVar[tuple[tuple[str, float], ...]] = evaluation_and(
        *caption_checks.DEFAULT_LIMITS
    )
    known_tags: ClassVar[frozenset[str]] = frozenset(
        [tag.name for tag in caption_checks.check_caption("", [], [])]
        + [name for name, _ in contamination.DEFAULT_LIMITS]
    )

    policy: Policy = field(default_factory=lambda: Policy(SelectCap.defaults))


def _transcript_parts(store: Store, number: int) -> list[tuple[str, int]]:
    """The parts of transcripts that a part of captions was made from."""
    info = store.info("captions", number)
    names = (name.rpartition("/") for name in (info.inputs if info else ()))
    return [(table, int(part)) for table, _, part in names if table == _TRANSCRIPTS]


def _whole(store: Store, number: int) -> set[str]:
    """Captions of a part whose transcripts are all there."""
    spoken: set[str] = set()
    for part in _transcript_parts(store, number):
        spoken.update(column_of(store, *part, "recording_id"))
    if store.info("captions", number) is None:
        return set()
    made_of = store.read_map("captions", number, "image_id", "recording_ids")
    return {key for key, recordings in made_of.items() if spoken.issuperset(recordings)}


def _read(store: Store, number: int, keys: pa.Array) -> Rows:
    """The captions of some pictures, and what they were made of."""
    published = SUBSETS["cap"].columns.names
    columns = list(dict.fromkeys(["image_id", *published, *_MADE_OF]))
    found = with_reviews(store.read("captions", number, columns))
    rows = look_up(found, keys, "image_id")
    lineage = rows.select(_MADE_OF)
    sound = _checksums(store, number, rows["recording_ids"].combine_chunks())
    return Rows(rows.select(published), lineage.append_column("audio_sha256", sound))


def _checksums(store: Store, number: int, recordings: pa.ListArray) -> pa.ListArray:
    """The checksum of each recording, in lists as the recordings are."""
    columns = ["recording_id", "audio_sha256"]
    parts = [store.read(*part, columns) for part in _transcript_parts(store, number)]
    if not parts:
        return pa.array([[]] * len(recordings), pa.list_(pa.string()))
    found = look_up(pa.concat_tables(parts), recordings.flatten(), "recording_id")
    return pa.ListArray.from_arrays(recordings.offsets, found["audio_sha256"].combine_chunks())


CAP = Exporter(
    name="cap",
    feed="captions",
    lineage=CaptionLineage,
    version="3",
    sources=_transcript_parts,
    whole=_whole,
    read=_read,
)
