"""Text in pictures behind a small Protocol; the product is RapidOCR, which is no language model.

The choices worth knowing: the classifier that turns lines upside down is off, since it spoils whole
lines of upright pages, and one engine runs one picture at a time on one core: several pictures are
for several processes. The weights (PP-OCR detection and recognition) come inside the package.
"""

import functools
import importlib.metadata
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.annotations import Point
from schemas.errors import MissingPart
from schemas.subset_records import OcrLine

_DIGITS = 2  # of percent, a tenth of a pixel on a large screen


@dataclass(frozen=True)
class OcrConfig:
    """What counts as text: lines that the recogniser scores at `min_score` (0 to 1) or above, of at
    least `min_characters` letters or digits. Textures and eyes are easily read as an O."""

    min_score: float = 0.6
    min_characters: int = 2


class OcrEngine(Protocol):
    """Reads the text of one picture."""

    @property
    def name(self) -> str:
        """Engine and version, for lineage."""
        ...

    def read(self, pixels: NDArray[np.uint8]) -> tuple[OcrLine, ...]:
        """The lines of an upright RGB picture [height, width, 3], in reading order."""
        ...


class RapidOcr:
    """RapidOCR with the models of its package; not safe to call from several threads."""

    def __init__(self, config: OcrConfig = OcrConfig()) -> None:  # noqa: B008 - frozen
        self._config = config
        self._engine = _load_engine()

    @property
    def name(self) -> str:
        """The package and its version, which fixes the weights."""
        return f"rapidocr@{importlib.metadata.version('rapidocr')}"

    def read(self, pixels: NDArray[np.uint8]) -> tuple[OcrLine, ...]:
        """The lines that score high enough."""
        height, width = pixels.shape[:2]
        found = self._engine(np.ascontiguousarray(pixels[:, :, ::-1]), use_cls=False)
        if found.txts is None:
            return ()
        rows = zip(found.txts, found.scores, found.boxes, strict=True)
        lines = (line_of(*row, (width, height)) for row in rows)
        return tuple(line for line in lines if _is_text(line, self._config))


@functools.cache
def _load_engine() -> Any:
    try:
        from rapidocr import RapidOCR
    except ImportError as error:
        raise MissingPart(
            f"{error.name} is not installed: pip install 'pixmo[ocr]' for `pixmo ocr`"
        ) from error
    threads = "EngineConfig.onnxruntime.intra_op_num_threads"
    return RapidOCR(params={"Global.log_level": "error", threads: 1})


def line_of(text: str, score: float, corners: Any, size: tuple[int, int]) -> OcrLine:
    """A line from the engine's words: corners in pixels become percent of `size`, kept within."""
    points = []
    for x, y in corners:
        shares = (100 * float(x) / size[0], 100 * float(y) / size[1])
        points.append(Point(*(round(min(max(share, 0.0), 100.0), _DIGITS) for share in shares)))
    return OcrLine(" ".join(text.split()), round(float(score), 4), tuple(points))


def _is_text(line: OcrLine, config: OcrConfig) -> bool:
    characters = sum(character.isalnum() for character in line.text)
    return line.score >= config.min_score and characters >= config.min_characters
