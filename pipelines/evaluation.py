"""Stage evaluation: benchmarks to the table `evaluation`, what no training row may come near.

The import keeps pointers (`sources/evaluation`); this stage reads what they point at and keeps
hashes, grey pictures and words. A benchmark's own bytes never enter the store.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import numpy as np

from pipelines.sources import Import
from pipelines.stage import BaseStage, Shard, one_to_one, reject_row
from pipelines.steps.crops import crop_hashes
from pipelines.steps.decode import DecodeLimits
from pipelines.steps.evaluation_rows import PICTURE, TEXT, evaluation_files, pointer_rows
from pipelines.steps.evaluation_values import Pointer, Value, read_pointers
from pipelines.steps.inspect_image import inspect_image
from pipelines.steps.ngrams import words_in
from pipelines.steps.phash import SIDE
from pipelines.steps.read_rows import row_json
from schemas.errors import MissingPart
from schemas.files import open_fs
from schemas.ids import content_id
from schemas.judgment import Reject, RejectRow
from schemas.records import EvaluationItem, Source
from schemas.store import Store

SOURCES = "sources/evaluation"
_DATASET = re.compile(r"[\w.-]+/[\w.-]+")


def evaluation_url(against: str) -> str:
    """The URL of a benchmark: a file or folder that exists, a URL, or a dataset of the Hub.

    MissingPart when the Hub is meant and huggingface_hub is not installed; UsageError when the Hub
    cannot be reached, or has no such dataset for us.
    """
    if "://" not in against:
        fs, path = open_fs(against)
        if fs.exists(path) or not _DATASET.fullmatch(against):
            return against
        against = f"hf://datasets/{against}"
    if against.startswith("hf://"):
        try:
            open_fs(against)
        except ImportError as error:
            raise MissingPart(
                f"{against}: datasets of the Hub need huggingface_hub: pip install 'pixmo[hub]'"
            ) from error
        evaluation_files(against)  # the Hub's answer now, and as an error of ours
    return against


def evaluation_import(url: str, rows_per_part: int) -> Import:
    """What to import of a benchmark: pointers to its pictures and texts."""
    return Import(url, SOURCES, _key, rows_per_part, rows=pointer_rows)


def _key(row: dict[str, Any]) -> str | Reject:
    return content_id("evaluation", row_json(row))


@dataclass(frozen=True)
class Evaluation(BaseStage):
    """Hash the pictures and normalise the texts of benchmarks."""

    name: ClassVar[str] = "evaluation"
    table: ClassVar[str] = "evaluation"
    record: ClassVar[type] = EvaluationItem
    version: ClassVar[str] = "1"

    limits: DecodeLimits = field(default_factory=DecodeLimits)
    max_rejects: float = 0.5

    def settings(self) -> dict[str, Any]:
        """What a picture must hold to."""
        return {"limits": asdict(self.limits)}

    def plan(self, store: Store) -> list[Shard]:
        """One part per part of pointers."""
        return one_to_one(store, SOURCES)

    def run(self, store: Store, shard: Shard, keys: frozenset[str] | None) -> Iterator[Any]:
        """Items and rejects in the order of their ids; without bytes a part is small."""
        sources = {
            source.key: source
            for source in store.records(SOURCES, shard.number, Source)
            if keys is None or source.key in keys
        }
        pointers = [Pointer(key=key, **json.loads(s.row)) for key, s in sources.items()]
        outcomes: dict[str, EvaluationItem | RejectRow] = {}
        for pointer, value in read_pointers(pointers):
            found = self._item(pointer, value)
            if isinstance(found, Reject):
                row = sources[pointer.key].row
                outcomes[pointer.key] = reject_row(self.name, pointer.key, found, row)
            else:
                outcomes[pointer.key] = found
        return (outcomes[key] for key in sorted(outcomes))

    def _item(self, pointer: Pointer, value: Value) -> EvaluationItem | Reject:
        if isinstance(value, Reject):
            return value
        if isinstance(value, bytes):
            return _picture(pointer, value, self.limits)
        return _text(pointer, value)


def _picture(pointer: Pointer, data: bytes, limits: DecodeLimits) -> EvaluationItem | Reject:
    found = inspect_image(data, "", limits)
    if isinstance(found, Reject):
        return found
    grey = np.frombuffer(found.facts.grey32, np.uint8).reshape(1, SIDE, SIDE)
    return EvaluationItem(
        item_id=pointer.key,
        benchmark=pointer.benchmark,
        place=pointer.place,
        kind=PICTURE,
        image_sha256=found.sha256,
        phash=found.facts.phash,
        grey32=found.facts.grey32,
        crop_hashes=crop_hashes(grey)[0].astype(">u8").tobytes(),
        text="",
    )


def _text(pointer: Pointer, texts: tuple[str, ...]) -> EvaluationItem:
    """The texts of a row, one to a line, in normal form."""
    lines = dict.fromkeys(" ".join(words_in(text)) for text in texts)
    return EvaluationItem(
        item_id=pointer.key,
        benchmark=pointer.benchmark,
        place=pointer.place,
        kind=TEXT,
        image_sha256="",
        phash="",
        grey32=b"",
        crop_hashes=b"",
        text="\n".join(line for line in lines if line),
    )
