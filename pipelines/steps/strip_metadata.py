"""Take GPS and all other metadata out of a picture file without touching a pixel.

JPEG, PNG, WebP and GIF are cut apart and put together again, so nothing is compressed anew; every
other format, and a file too damaged to be cut but not to be decoded, becomes a PNG of its pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

from pipelines.steps.decode import DecodeLimits, decode_rgb
from pipelines.steps.gif_blocks import strip_gif
from pipelines.steps.jpeg_segments import Bytes, strip_jpeg
from pipelines.steps.png_chunks import strip_png
from pipelines.steps.webp_chunks import strip_webp
from schemas.judgment import Reject

_WHOLE: dict[str, Callable[[bytes], bytes | None]] = {
    "gif": strip_gif,
    "png": strip_png,
    "webp": strip_webp,
}


@dataclass(frozen=True)
class Stripped:
    """A file without metadata but for its orientation and colour profile, and how it was made.

    `pieces` make up the file; they may be views of what was given.
    """

    pieces: tuple[Bytes, ...]
    format: str
    method: Literal["lossless", "reencoded_png"]

    @property
    def data(self) -> bytes:
        """The file."""
        return b"".join(self.pieces)


def strip_metadata(data: Bytes, format: str) -> Stripped | Reject:
    """A file of a sniffed format without metadata, or why it cannot be made.

    A memoryview is of unsigned bytes (`cast("B")`), and outlives the pieces.
    """
    pieces = _strip(data, format)
    if pieces is not None:
        return Stripped(tuple(pieces), format, "lossless")
    rgb = decode_rgb(bytes(data), DecodeLimits())
    if isinstance(rgb, Reject):
        return rgb
    file = BytesIO()
    rgb.save(file, "PNG")
    return Stripped((file.getvalue(),), "png", "reencoded_png")


def _strip(data: Bytes, format: str) -> list[Bytes] | None:
    if format == "jpeg":
        return strip_jpeg(data)
    strip = _WHOLE.get(format)
    stripped = strip(bytes(data)) if strip else None
    return None if stripped is None else [stripped]
