"""Stage recordings: a manifest of spoken descriptions to the table `recordings`.

A manifest row names an audio file (relative to the manifest), the picture by `image_url`,
`image_id` or `image_sha256`, and the annotator, who becomes a pseudonym here and nowhere later.
What people recorded in Label Studio comes as rows of the same kind, with the pseudonym in
`annotator_id` and the annotation behind it, of which the newest revision counts.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

from pipelines.denylist import load_denylist
from pipelines.stage import BaseStage, Shard, reject_row
from pipelines.steps.audio import AudioFacts, AudioLimits, measure_audio
from pipelines.steps.denylist import RECORDING_COLUMNS, Denylist, redacted, refused_kind
from pipelines.steps.pseudonyms import pseudonym
from pipelines.steps.read_rows import row_json
from pipelines.steps.recorded_rows import carried_of, limits_of, refusal_of_row
from pipelines.steps.revisions import ItemRow, fate_of_row, item_row, newest, refusal_of_fate
from schemas.errors import UsageError
from schemas.files import open_fs
from schemas.ids import content_id, image_id_of, sha256_hex
from schemas.judgment import Reject
from schemas.records import Recording, Source
from schemas.store import Store
from schemas.takedown import is_pseudonym

SOURCES = "sources/recordings"
OBJECT_STORES = ("gs://", "gcs://", "s3://", "s3a://", "az://", "abfs://", "abfss://")
MAX_AUDIO_BYTES = 512 * 2**20  # half an hour of uncompressed stereo has 350 MB


def recording_key(row: dict[str, Any]) -> str | Reject:
    """The recording id of a manifest row: a digest of the whole row."""
    if "audio" not in row:
        raise UsageError("a manifest row has no `audio`; name the file, relative to the manifest")
    if not row["audio"] or not (
        row.get("image_url") or row.get("image_id") or row.get("image_sha256")
    ):
        return Reject("incomplete_row", "needs audio, and image_url, image_id or image_sha256")
    return content_id("recording", row_json(row))


@dataclass(frozen=True)
class Recordings(BaseStage):
    """Measure recordings and tie them to pictures of the store."""

    name: ClassVar[str] = "recordings"
    table: ClassVar[str] = "recordings"
    record: ClassVar[type] = Recording
    version: ClassVar[str] = "1"

    limits: AudioLimits = field(default_factory=AudioLimits)
    salt: str = ""
    max_rejects: float = 0.5

    def settings(self) -> dict[str, Any]:
        """Limits, and a digest of the salt (never the salt)."""
        return {"limits": asdict(self.limits), "salt": content_id("salt", self.salt)[:8]}

    def plan(self, store: Store) -> list[Shard]:
        """One part per part of the manifest; `extra` is what is known about its pictures now."""
        known = _KnownImages(store)
        found = {
            info.number: [
                (source.key, known.find(json.loads(source.row)), _brief(source))
                for source in store.records(SOURCES, info.number, Source)
            ]
            for info in store.infos(SOURCES)
        }
        standing = newest(row for part in found.values() for *_, row in part if row)
        shards = []
        for info in store.infos(SOURCES):
            facts = (
                f"{key}={image}" + (f"|{fate_of_row(row, standing)}" if row else "")
                for key, image, row in found[info.number]
            )
            inputs = ((f"{SOURCES}/{info.number}", info.content),)
            shards.append(Shard(info.number, info.records, inputs, tuple(facts)))
        return shards

    def run(self, store: Store, shard: Shard, keys: frozenset[str] | None) -> Iterator[Any]:
        """Recordings and rejects in the order of their ids."""
        facts = dict(entry.split("=", 1) for entry in shard.extra)
        denied = load_denylist(store)
        for source in store.records(SOURCES, shard.number, Source):
            if keys is None or source.key in keys:
                kind = self._refused(denied, source) if denied else ""
                outcome = Reject("denied", kind) if kind else self._one(source, facts[source.key])
                if isinstance(outcome, Reject):
                    row = redacted(denied, source.row) if kind else source.row
                    yield reject_row(self.name, source.key, outcome, row)
                else:
                    yield outcome

    def _refused(self, denied: Denylist, source: Source) -> str:
        """By which kind a row is denied; an annotator by name or by pseudonym."""
        row = json.loads(source.row)
        if kind := refused_kind(denied, row, RECORDING_COLUMNS):
            return kind
        known_as = self._known_as(row)
        return "annotator" if denied.refuses_annotator(known_as) else ""

    def _known_as(self, row: dict[str, Any]) -> str:
        """The pseudonym of who speaks: as the row has it, else of the name in it."""
        given = str(row.get("annotator_id") or "")
        if is_pseudonym(given) and not row.get("annotator"):
            return given
        return pseudonym(str(row.get("annotator") or ""), self.salt)

    def _one(self, source: Source, known: str) -> Recording | Reject:
        row = json.loads(source.row)
        image_id, _, fate = known.partition("|")
        refused = refusal_of_fate(fate) or refusal_of_row(row)
        if refused:
            return refused
        if not image_id:
            return Reject("unknown_image", "the picture is not in the table images", retryable=True)
        audio = _read_audio(source.origin, str(row["audio"]))
        if isinstance(audio, Reject):
            return audio
        if row.get("audio_sha256") not in (None, "", sha256_hex(audio)):
            return Reject("checksum_mismatch", "the file is not the one that was recorded")
        limits = replace(self.limits, min_duration_s=limits_of(row, self.limits.min_duration_s))
        facts = measure_audio(audio, limits)
        return (
            facts
            if isinstance(facts, Reject)
            else self._record(source, row, image_id, audio, facts)
        )

    def _record(
        self, source: Source, row: dict[str, Any], image_id: str, audio: bytes, facts: AudioFacts
    ) -> Recording:
        carried = carried_of(row)
        language = row.get("language")
        return Recording(
            recording_id=source.key,
            image_id=image_id,
            annotator_id=self._known_as(row),
            audio_sha256=sha256_hex(audio),
            audio_format=facts.audio_format,
            duration_s=facts.duration_s,
            sample_rate_hz=facts.sample_rate_hz,
            loudness_dbfs=facts.loudness_dbfs,
            silence_share=facts.silence_share,
            language=language if isinstance(language, str) and language else None,
            audio=audio,
            carried=row_json(carried) if carried else "",
        )


def _brief(source: Source) -> ItemRow | None:
    """Which annotation is behind a row, if one is, and nothing else of it."""
    row = item_row(source.key, source.row)
    return row.brief(()) if row else None


def _read_audio(origin: str, name: str) -> bytes | Reject:
    """The bytes of a file below the manifest's folder, or of an object by its URL.

    A manifest may come from elsewhere: it names no other file of this machine and no web address.
    """
    if name.startswith(OBJECT_STORES) and "::" not in name:
        fs, path = open_fs(name)
    elif "://" in name or name.startswith("/") or ".." in name.split("/"):
        return Reject("outside_manifest", "audio must lie below the manifest, or be a gs or s3 URL")
    else:
        fs, folder = open_fs(origin)
        path = f"{folder}/{name}"
    if not fs.isfile(path):
        return Reject("missing_audio", path, retryable=True)
    if fs.size(path) > MAX_AUDIO_BYTES:
        return Reject("too_large", f"{path} has more than {MAX_AUDIO_BYTES} bytes")
    try:
        return fs.cat_file(path)
    except PermissionError as error:
        return Reject("unreadable_audio", f"{path}: {error.strerror}", retryable=True)


class _KnownImages:
    """The ids of all pictures, and where needed their checksums, from two narrow columns."""

    def __init__(self, store: Store) -> None:
        self._ids: set[str] = set()
        self._by_sha256: dict[str, str] = {}
        for number in store.part_numbers("images"):
            table = store.read("images", number, ["image_id", "image_sha256"])
            ids = table.column("image_id").to_pylist()
            self._ids.update(ids)
            for sha256, image_id in zip(table.column("image_sha256").to_pylist(), ids, strict=True):
                self._by_sha256.setdefault(sha256, image_id)

    def find(self, row: dict[str, Any]) -> str:
        """The id of the picture that a manifest row means; empty when it is not in the store."""
        if row.get("image_sha256") and not row.get("image_id") and not row.get("image_url"):
            return self._by_sha256.get(str(row["image_sha256"]).lower(), "")
        image_id = str(row.get("image_id") or image_id_of(str(row.get("image_url")).strip()))
        return image_id if image_id in self._ids else ""
