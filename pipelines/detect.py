"""Stage detect: pictures to the table `detections`, all objects that a closed-set detector finds.

One copy of the model per worker process, as many threads on it as the process has cores: decoding
and the network both let other threads run. Thresholds of what is counted come later (count).
"""

import functools
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import numpy as np

from pipelines.services.cores import usable_cores
from pipelines.services.detector import Detector, DetectorConfig, detector_name, load_detector
from pipelines.stage import BaseStage, Shard, one_to_one, reject_row
from pipelines.steps.decode import DecodeLimits, decode_rgb
from pipelines.steps.read_ahead import map_ahead
from schemas.judgment import Reject
from schemas.store import Store
from schemas.subset_records import Detections

ENOUGH = 832  # pixels of the longer side: twice what the embedded detector looks at
_LIMITS = DecodeLimits()
_Row = tuple[str, str, bytes]


@functools.lru_cache(maxsize=1)
def _loaded(config: DetectorConfig) -> Detector:
    """The detector, loaded once per process."""
    return load_detector(config)


@dataclass(frozen=True)
class Detect(BaseStage):
    """Find the objects of every picture."""

    name: ClassVar[str] = "detect"
    table: ClassVar[str] = "detections"
    record: ClassVar[type] = Detections
    version: ClassVar[str] = "1"

    detector: DetectorConfig = field(default_factory=DetectorConfig)
    max_rejects: float = 0.5

    def settings(self) -> dict[str, Any]:
        """The detector with its weights, and what it keeps."""
        return {**asdict(self.detector), "model": detector_name(self.detector)}

    def plan(self, store: Store) -> list[Shard]:
        """One part per part of images."""
        return one_to_one(store, "images")

    def run(self, store: Store, shard: Shard, keys: frozenset[str] | None) -> Iterator[Any]:
        """Detections and rejects in the order of their image ids."""
        rows = (row for row in _pictures(store, shard.number) if keys is None or row[0] in keys)
        detector, name = _loaded(self.detector), detector_name(self.detector)
        one = functools.partial(_found, detector, name)
        yield from map_ahead(one, rows, max(1, int(usable_cores())))


def _pictures(store: Store, number: int) -> Iterator[_Row]:
    for batch in store.batches("images", number, ["image_id", "image_url", "bytes"]):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _found(detector: Detector, name: str, row: _Row) -> Any:
    image_id, image_url, data = row
    picture = decode_rgb(data, _LIMITS, ENOUGH)
    if isinstance(picture, Reject):
        shown = json.dumps({"image_id": image_id, "image_url": image_url})
        return reject_row(Detect.name, image_id, picture, shown)
    return Detections(image_id, detector.detect(np.asarray(picture)), name)
