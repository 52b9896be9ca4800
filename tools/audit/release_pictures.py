"""Embedded pictures: whole files of a known kind, with nothing in them that export takes out.

The choice worth knowing: metadata are looked for by taking them out once more. A file that export
has written stays as it is, byte for byte; whatever makes it shorter should not have been there.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.steps.gif_blocks import gif_canvas, scan_gif
from pipelines.steps.jpeg_segments import JpegFile, jpeg_orientation, scan_jpeg
from pipelines.steps.png_chunks import png_orientation, png_size, scan_png
from pipelines.steps.sniff import sniff_format
from pipelines.steps.strip_metadata import strip_metadata
from pipelines.steps.webp_chunks import scan_webp, webp_orientation, webp_size
from schemas.arrow_bytes import views_of
from schemas.judgment import Reject
from tools.audit.findings import Notes

KINDS = ("jpeg", "png", "webp", "gif")
# Frame headers of ITU-T T.81, table B.1, without DHT, JPG and DAC.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SIGNS = (
    (b"Exif\0\0", "EXIF"),
    (b"http://ns.adobe.com/xap", "XMP"),
    (b"Photoshop 3.0", "IPTC"),
    (b"eXIf", "EXIF"),
    (b"EXIF", "EXIF"),
    (b"XMP ", "XMP"),
    (b"XML:com.adobe.xmp", "XMP"),
    (b"tEXt", "text"),
    (b"zTXt", "text"),
    (b"iTXt", "text"),
)


@dataclass(frozen=True)
class Fault:
    """What is wrong with a picture, and the promise that it breaks."""

    promise: str
    what: str


def check_pictures(notes: Notes, place: str, images: pa.Array, start: int) -> NDArray[np.int64]:
    """Look at every picture of a column `image`; returns (width, height) in pixels of each, (0, 0)
    for none or a broken one."""
    sizes = np.zeros((len(images), 2), np.int64)
    there = images.field("bytes").is_valid().to_pylist()
    for at, view in enumerate(views_of(images.field("bytes"))):
        if there[at]:
            notes.check("metadata")
            notes.check("pictures")
            found = _look_at(bytes(view))
            if isinstance(found, tuple):
                sizes[at] = found
            else:
                notes.fail(found.promise, place, found.what, start + at)
    return sizes


def _look_at(data: bytes) -> tuple[int, int] | Fault:
    """The size of a sound picture, or its fault."""
    kind = sniff_format(data)
    if kind not in KINDS:
        return Fault("pictures", f"the picture is {kind or 'of no known kind'}, not a picture file")
    stripped = strip_metadata(data, kind)
    if isinstance(stripped, Reject):
        return Fault("pictures", f"the {kind} is broken: {stripped.detail or stripped.reason}")
    if stripped.method != "lossless":
        return Fault("pictures", f"the {kind} is damaged: its parts do not reach its end")
    if stripped.data != data:
        more = len(data) - len(stripped.data)
        return Fault("metadata", f"the {kind} holds {_kind_of(data)}: {more} bytes too many")
    size = picture_size(data, kind)
    return size if min(size) > 0 else Fault("pictures", f"the {kind} has no size")


def _kind_of(data: bytes) -> str:
    names = dict.fromkeys(name for sign, name in _SIGNS if sign in data)
    return ", ".join(names) or "metadata"


def picture_size(data: bytes, kind: str) -> tuple[int, int]:
    """Width and height in pixels as shown, after orientation; (0, 0) where the file has none."""
    if kind == "jpeg":
        jpeg = scan_jpeg(data)
        return _turned(_jpeg_size(data, jpeg), jpeg_orientation(data, jpeg))
    if kind == "png":
        return _turned(png_size(data), png_orientation(data, scan_png(data)))
    if kind == "webp":
        webp = scan_webp(data)
        return _turned(webp_size(data, webp), webp_orientation(data, webp))
    return gif_canvas(data, scan_gif(data))


def _turned(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    return (size[1], size[0]) if orientation >= 5 else size


def _jpeg_size(data: bytes, file: JpegFile) -> tuple[int, int]:
    for segment in file.segments:
        if segment.marker in _FRAMES and segment.end - segment.start >= 9:
            at = segment.start + 5
            height, width = (int.from_bytes(data[n : n + 2], "big") for n in (at, at + 2))
            return width, height
    return 0, 0
