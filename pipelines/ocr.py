"""Stage ocr: the text in every picture, with its boxes, to the table `ocr`.

The engine is no vision-language model. Annotators' questions are answered from a caption and this
text, and the report shows it beside its picture.
"""

import functools
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import numpy as np

from pipelines.services.ocr import OcrConfig, OcrEngine, RapidOcr
from pipelines.stage import BaseStage, Shard, one_to_one, reject_row
from pipelines.steps.decode import DecodeLimits, decode_rgb
from schemas.judgment import Reject
from schemas.store import Store
from schemas.subset_records import Ocr, OcrLine

_LONGER_SIDE = 2000  # pixels: what the engine shrinks larger pictures to itself


@functools.lru_cache(maxsize=1)
def _loaded(config: OcrConfig) -> OcrEngine:
    """The engine, loaded once per process."""
    return RapidOcr(config)


@dataclass(frozen=True)
class ReadText(BaseStage):
    """Read the text of every picture; one without text is a record too."""

    name: ClassVar[str] = "ocr"
    table: ClassVar[str] = "ocr"
    record: ClassVar[type] = Ocr
    version: ClassVar[str] = "1"

    ocr: OcrConfig = field(default_factory=OcrConfig)
    max_rejects: float = 0.1

    def settings(self) -> dict[str, Any]:
        """What counts as text."""
        return asdict(self.ocr)

    def plan(self, store: Store) -> list[Shard]:
        """One part per part of images."""
        return one_to_one(store, "images")

    def run(self, store: Store, shard: Shard, keys: frozenset[str] | None) -> Iterator[Any]:
        """Texts and rejects in the order of image ids."""
        engine = _loaded(self.ocr)
        for batch in store.batches("images", shard.number, ["image_id", "image_url", "bytes"]):
            for row in (batch.slice(at, 1).to_pylist()[0] for at in range(len(batch))):
                if keys is None or row["image_id"] in keys:
                    yield self._one(engine, row)

    def _one(self, engine: OcrEngine, row: dict[str, Any]) -> Any:
        outcome = _read(engine, row["image_id"], row.pop("bytes"))
        if isinstance(outcome, Reject):
            return reject_row(self.name, row["image_id"], outcome, json.dumps(row))
        return outcome


def _read(engine: OcrEngine, image_id: str, data: bytes) -> Ocr | Reject:
    picture = decode_rgb(data, DecodeLimits(), _LONGER_SIDE)
    if isinstance(picture, Reject):
        return picture
    lines = engine.read(np.asarray(picture))
    return Ocr(image_id, joined(lines), lines, engine.name)


def joined(lines: tuple[OcrLine, ...]) -> str:
    """The text of a picture: its lines, one below the other."""
    return "\n".join(line.text for line in lines)
