"""Upright copies of pictures, as people see them: points then refer to what everybody sees.

Browsers disagree with the store about rotation, and show no HEIC, TIFF, CMYK or 16-bit picture at
all; a JPEG in sRGB without metadata looks the same everywhere.
"""

import io
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import ceil

from PIL import Image

from annotation.home import Home
from annotation.push.stored_bytes import wanted_rows
from pipelines.services.cores import usable_cores
from pipelines.steps.decode import DecodeLimits, decode_rgb
from schemas.files import open_fs, whole_file
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
    refused: dict[str, Reject] = {}
    left = set(missing)
    with ThreadPoolExecutor(ceil(usable_cores())) as pool:  # decoders let go of the interpreter
        for rows in wanted_rows(store, "images", ("image_id", "bytes"), missing):
            for image_id, reject in pool.map(partial(_write, home), rows):
                left.discard(image_id)
                if reject:
                    refused[image_id] = reject
            done(len(rows))
    done(len(left))
    absent = Reject("no_picture", "the store does not have it")
    return refused | dict.fromkeys(left, absent)


def _write(home: Home, row: tuple[str, bytes]) -> tuple[str, Reject | None]:
    image_id, data = row
    made = upright_jpeg(data)
    if isinstance(made, Reject):
        return image_id, made
    fs, path = open_fs(str(home.pictures / f"{image_id}.jpg"))
    with whole_file(fs, path) as temporary, open(temporary, "wb") as file:
        file.write(made)
    return image_id, None
