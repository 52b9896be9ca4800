"""Finding objects of known classes behind a small Protocol; the embedded default is NanoDet.

A closed-set detector is no vision-language model: it names one of a fixed list of classes, and no
text comes out of it. The embedded one shows the way; its counts are no labels (docs/count.md).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.services.models import find_model, load_registry, model_path
from pipelines.services.nanodet import NanoDet
from schemas.errors import UsageError
from schemas.subset_records import DetectedBox

DEFAULT_DETECTOR = "nanodet"


class Detector(Protocol):
    """Finds objects in upright pictures; safe to call from several threads at once."""

    def detect(self, pixels: NDArray[np.uint8]) -> tuple[DetectedBox, ...]:
        """Objects in RGB pixels (height, width, 3), best first, their boxes in percent."""
        ...


@dataclass(frozen=True)
class DetectorConfig:
    """How objects are found. `model` is a detector of the registry; boxes under `lowest_score` are
    not kept, nor those that overlap a better one of their class by more than `max_overlap`
    (intersection over union), nor any but the `most_boxes` best."""

    model: str = DEFAULT_DETECTOR
    lowest_score: float = 0.2
    max_overlap: float = 0.6
    most_boxes: int = 300

    def __post_init__(self) -> None:
        for name in ("lowest_score", "max_overlap"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"detector.{name} is {getattr(self, name)}; it is from 0 to 1")
        if self.most_boxes < 1:
            raise UsageError(f"detector.most_boxes is {self.most_boxes}; it is at least 1")


def detector_name(config: DetectorConfig) -> str:
    """How lineage names a detector: its name and eight digits of its weights' sha256.

    UsageError for a name that is not in the registry, or not a detector's.
    """
    model = find_model(config.model)
    if model.kind != "detector":
        known = ", ".join(n for n, m in load_registry().items() if m.kind == "detector")
        raise UsageError(f"the model {config.model} is no detector: {model.title}; one is {known}")
    weights = max(model.files, key=lambda file: file.bytes)
    return f"{config.model}@{weights.sha256[:8]}"


def load_detector(config: DetectorConfig) -> Detector:
    """The detector of a configuration; MissingPart says how to get weights or packages."""
    detector_name(config)  # refuses what is no detector
    limits = (config.lowest_score, config.max_overlap, config.most_boxes)
    return NanoDet(model_path(config.model), *limits)
