"""Upright copies of pictures, as people see them: points then refer to what everybody sees.

Browsers disagree with the store about rotation, and show no HEIC, TIFF, CMYK or 16-bit picture at
all; a JPEG in sRGB without metadata looks the same everywhere.
"""

import io
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from PIL import Image

from annotation.home import Home
from annotation.push.stored_bytes import copy_missing, wanted_rows, write_bytes
from pipelines.steps.decode import DecodeLimits, decode_rgb
from schemas.judgment import Reject
from schemas.store import Store

LONGEST_SIDE = 2048
ENOUGH = 1536  # a camera's 4000 pixels come as 2000 at a third of the cost
QUALITY = 90
LIMITS = DecodeLimits()


def upright_jpeg(data: bytes) -> bytes | Reject:
    """A JPEG of the picture: turned upright, sRGB, at most 2048 pixels on its longer side.

    Reasons for refusal are those of `pipelines.steps.decode`.
    """
    image = decode_rgb(data, LIMITS, ENOUGH)
    if isinstance(image, Reject):
        return image
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def make_pictures(
    store: Store, home: Home, wanted: Collection[str], done: Callable[[int], None]
) -> dict[str, Reject]:
    """Write copies of the wanted pictures under their ids; those that are there stay as they are.

    `done` is told how many more are finished. Returns why a picture has no copy: what its decoder
    says, or `no_picture` where the store does not have it.
    """
    present = {path.stem for path in home.pictures.glob("*.jpg")}
    missing = set(wanted) - present
    done(len(wanted) - len(missing))
    rows = wanted_rows(store, "images", ("image_id", "bytes"), missing)
    absent = Reject("no_picture", "the store does not have it")
    return copy_missing(rows, missing, partial(_write, home.pictures), done, absent)


def _write(folder: Path, row: tuple[str, bytes]) -> Reject | None:
    image_id, data = row
    made = upright_jpeg(data)
    if isinstance(made, Reject):
        return made
    write_bytes(folder, f"{image_id}.jpg", made)
    return None
