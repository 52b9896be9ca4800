"""Picture bytes to facts or to RGB, safely: sizes are known before anything is allocated.

Plugins are called by the sniffed format instead of through `Image.open`, so that no other parser
sees the bytes. A JPEG's grey picture comes from a decode scaled down inside its inverse DCT; where
the hash it gives is not certain, which `hash_margin` tells, a larger one is tried, then the full.
Reasons for refusal: empty, not_an_image, unsupported_format, too_many_pixels, too_many_frames,
truncated, corrupt.
"""

import re
import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile
from pillow_heif import HeifImageFile

from pipelines.steps.colour import UnsupportedPixels, to_grey, to_rgb, turn
from pipelines.steps.exif_orientation import UPRIGHT, read_orientation
from pipelines.steps.phash import SIDE, hash_margin, orient_grey, phash_hex
from pipelines.steps.picture_header import PictureHeader, read_header
from pipelines.steps.sniff import sniff_format
from schemas.judgment import Reject

_PLUGINS: dict[str, type[ImageFile.ImageFile]] = {
    "avif": AvifImageFile,
    "bmp": BmpImageFile,
    "gif": GifImageFile,
    "heic": HeifImageFile,
    "jp2": Jpeg2KImageFile,
    "jpeg": JpegImageFile,
    "png": PngImageFile,
    "tiff": TiffImageFile,
    "webp": WebPImageFile,
}
_NOT_IMAGES = frozenset(("html", "text", "xml", "zip", "gzip"))
# What decoders raise on damaged files; they are C code behind parsers that trust their input.
_DECODE_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImageCms.PyCMSError,
    Image.DecompressionBombError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
_CUT = re.compile("truncat|end of (file|data)|not enough|too short", re.IGNORECASE)
_DECODER_WARNINGS = r"(PIL|pillow_heif)\."
# Scaled decodes to try: at least so many pixels per side, and a hash with less than this margin is
# not trusted. On photographs with grain 96 of 100 hashes are exact, the rest at most 2 bits off.
_DRAFTS = ((128, 20.0), (256, 6.0))
_Grey = NDArray[np.uint8]
_T = TypeVar("_T")


@dataclass(frozen=True)
class DecodeLimits:
    """Caps that are checked before pixels are decoded; `max_pixels` counts width times height."""

    max_pixels: int = 100_000_000
    max_frames: int = 1000


@dataclass(frozen=True)
class ImageFacts:
    """Facts of a decodable picture; `width` and `height` are pixels as shown, after orientation.

    `grey32` is the oriented 32x32 uint8 picture, row by row, that `phash` is made of.
    """

    format: str
    width: int
    height: int
    exif_orientation: int
    phash: str
    grey32: bytes


@dataclass(frozen=True)
class _Picture:
    """A file whose header passed; `open` gives a decoder that has not decoded pixels yet."""

    format: str
    header: PictureHeader

    def open(self) -> ImageFile.ImageFile:
        return _PLUGINS[self.format](BytesIO(self.header.body))


def read_facts(data: bytes, limits: DecodeLimits) -> ImageFacts | Reject:
    """Size, orientation and perceptual hash of a picture, or why it is refused."""
    return _decode(data, limits, _facts)


def decode_rgb(data: bytes, limits: DecodeLimits, enough: int = 0) -> Image.Image | Reject:
    """The first frame in mode RGB (sRGB, over white), oriented, or why it is refused.

    With `enough` pixels for the longer side a larger JPEG may come scaled down by 2, 4 or 8, which
    its decoder does at a fraction of the cost, but never below that.
    """
    return _decode(data, limits, partial(_rgb, enough=enough))


def _decode(
    data: bytes,
    limits: DecodeLimits,
    finish: Callable[[_Picture, ImageFile.ImageFile], _T],
) -> _T | Reject:
    """The one place where decoders are called and their exceptions become rejects."""
    format = sniff_format(data)
    if format not in _PLUGINS:
        return _refuse_format(data, format)
    _silence_decoders()
    ended = False
    try:
        header = read_header(data, format, limits.max_frames)
        if isinstance(header, Reject):
            return header
        ended = header.ended
        if refusal := _refuse_size(header.size, header.frames, limits):
            return refusal
        picture = _Picture(format, header)
        image = picture.open()
        frames = int(getattr(image, "n_frames", 1)) if format in ("avif", "heic") else 1
        if refusal := _refuse_size(_allocated_size(image), frames, limits):
            return refusal
        return finish(picture, image)
    except _DECODE_ERRORS as error:
        return _refuse_error(error, ended)


def _facts(picture: _Picture, image: ImageFile.ImageFile) -> ImageFacts:
    recorded, pending = _orientation(picture, image)
    width, height = image.size
    grey = _draft_grey(picture, image, pending) if isinstance(image, JpegImageFile) else None
    if grey is None:
        image = picture.open() if isinstance(image, JpegImageFile) else image
        image.load()
        # TIFF pictures are turned by their decoder.
        width, height = image.size
        grey = _shrink(turn(to_grey(image), pending))
    if pending >= 5:
        width, height = height, width
    return ImageFacts(picture.format, width, height, recorded, phash_hex(grey), grey.tobytes())


def _rgb(picture: _Picture, image: ImageFile.ImageFile, enough: int) -> Image.Image:
    _, pending = _orientation(picture, image)
    if enough and isinstance(image, JpegImageFile):
        width, height = image.size
        longer = max(width, height)
        image.draft(None, (-(-width * enough // longer), -(-height * enough // longer)))
    image.load()
    return turn(to_rgb(image), pending)


def _orientation(picture: _Picture, image: ImageFile.ImageFile) -> tuple[int, int]:
    """The orientation that the file declares, and the one that is left to apply after decoding.

    libheif turns pictures itself, Pillow's AVIF plugin hands the file's rotation on as EXIF, and
    Pillow's TIFF plugin turns while loading.
    """
    if isinstance(image, TiffImageFile):
        declared = image.tag_v2.get(0x0112)
        recorded = declared if isinstance(declared, int) and 1 <= declared <= 8 else UPRIGHT
        return recorded, UPRIGHT
    recorded = picture.header.orientation or read_orientation(image.info.get("exif"))
    return recorded, recorded


def _draft_grey(picture: _Picture, image: ImageFile.ImageFile, orientation: int) -> _Grey | None:
    """The oriented 32x32 picture from a scaled decode; None where its hash is not certain."""
    for side, sure_margin in _DRAFTS:
        drafted = image.draft("L", (side, side))
        image.load()
        box = drafted[1] if drafted else None
        grey = orient_grey(_shrink(to_grey(image), box), orientation - 1)
        if hash_margin(grey) > sure_margin:
            return grey
        image = picture.open()
    return None


def _shrink(grey: Image.Image, box: tuple[float, float, float, float] | None = None) -> _Grey:
    return np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.LANCZOS, box))


def _allocated_size(image: ImageFile.ImageFile) -> tuple[int, int]:
    """The picture's size, or that of one TIFF tile where this is larger."""
    if not isinstance(image, TiffImageFile):
        return image.size
    tile = (image.tag_v2.get(322), image.tag_v2.get(323))
    width, height = tile
    if not isinstance(width, int) or not isinstance(height, int):
        return image.size
    return max(image.size, (width, height), key=lambda size: size[0] * size[1])


def _refuse_size(size: tuple[int, int], frames: int, limits: DecodeLimits) -> Reject | None:
    width, height = size
    if width * height > limits.max_pixels:
        return Reject("too_many_pixels", f"{width} x {height}, the cap is {limits.max_pixels}")
    if frames > limits.max_frames:
        return Reject("too_many_frames", f"{frames} or more, the cap is {limits.max_frames}")
    return None


def _refuse_format(data: bytes, format: str | None) -> Reject:
    if not data:
        return Reject("empty", "no bytes at all")
    if format is None or format in _NOT_IMAGES:
        return Reject("not_an_image", f"the bytes are {format or 'of no known format'}")
    return Reject("unsupported_format", f"the bytes are {format}")


def _refuse_error(error: BaseException, ended: bool) -> Reject:
    detail = f"{type(error).__name__}: {error}"[:200]
    if isinstance(error, Image.DecompressionBombError):
        return Reject("too_many_pixels", detail)
    if isinstance(error, UnsupportedPixels):
        return Reject("unsupported_format", detail)
    past_end = (EOFError, IndexError, struct.error)
    cut = (
        isinstance(error, past_end) or isinstance(error.__cause__, past_end) or _CUT.search(detail)
    )
    return Reject("truncated" if cut and not ended else "corrupt", detail)


def _silence_decoders() -> None:
    """Keep decoders from warning about damaged files: rejects say it, under any warning filter.

    `warnings.catch_warnings` swaps global state and is no choice among threads; adding one filter
    that names only these modules is. It has to stay in front of filters that are added later.
    """
    first = warnings.filters[0] if warnings.filters else None
    if first is None or getattr(first[3], "pattern", None) != _DECODER_WARNINGS:
        warnings.filterwarnings("ignore", module=_DECODER_WARNINGS)
