"""Pictures for pages: thumbnails in sheets of a hundred, larger ones for few rows.

A picture has one number in the whole report: number N is cell N % 100 of sheet N // 100, whatever
pages show it. JPEGs are decoded scaled down inside their inverse DCT, which is most of the speed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.steps.colour import UnsupportedPixels, to_rgb, turn
from pipelines.steps.decode import DecodeLimits, decode_rgb
from pipelines.steps.exif_orientation import read_orientation
from pipelines.steps.sniff import sniff_format
from schemas.judgment import Reject
from schemas.store import Store
from tools.report.release_files import batches_of

ACROSS = 10
PER_SHEET = ACROSS * ACROSS
THUMB, LARGE, MIDDLE = 1, 2, 4  # bits of what there is of a picture
_LARGE_SIDE, _MIDDLE_SIDE = 640, 260
_DAMAGE = (OSError, ValueError, SyntaxError, EOFError, UnsupportedPixels)


@dataclass(frozen=True)
class Want:
    """A picture that pages need: its number, and which forms of it (bits)."""

    number: int
    forms: int


@dataclass(frozen=True)
class PictureJob:
    """The pictures of one Parquet file, read once: `wants` by key.

    `part` is a part of the table images, whose keys are image ids; -1 stands for the file of a
    release `path`, whose keys are row numbers. `numbers` are those of all wants, from the first to
    past the last; `side` is the longest side of a thumbnail in pixels.
    """

    store: Store
    part: int
    path: str
    wants: dict[str, Want]
    first: int
    side: int
    output: Path


@dataclass(frozen=True)
class Shown:
    """What a job has made: arrays over its numbers from `first`; `forms` is 0 where the picture is
    missing or damaged. `thumb` is the size in the sheet, `full` the picture's own, as (n, 2)."""

    first: int
    forms: NDArray[Any]
    thumb: NDArray[Any]
    full: NDArray[Any]
    bytes: int


def make_pictures(job: PictureJob) -> Shown:
    """Write sheets and larger pictures of one job."""
    count = max((want.number for want in job.wants.values()), default=job.first - 1) + 1 - job.first
    forms = np.zeros(count, np.uint8)
    thumb, full = np.zeros((count, 2), np.uint8), np.zeros((count, 2), np.uint32)
    sheets: dict[int, Image.Image] = {}
    written = 0
    for key, data in _bytes_of(job):
        want = job.wants[key]
        picture = _open(data, _least_side(want.forms, job.side))
        if picture is None:
            continue
        at = want.number - job.first
        full[at], image = picture
        written += _write_larger(job, want, image)
        image.thumbnail((job.side, job.side), reducing_gap=2.0)
        if at // PER_SHEET not in sheets:
            sheets[at // PER_SHEET] = _new_sheet(job.side, count, at)
        sheet, cell = sheets[at // PER_SHEET], at % PER_SHEET
        sheet.paste(image, (cell % ACROSS * job.side, cell // ACROSS * job.side))
        thumb[at], forms[at] = image.size, want.forms | THUMB
    written += sum(_write_sheet(job, at, sheet) for at, sheet in sheets.items())
    return Shown(job.first, forms, thumb, full, written)


def _bytes_of(job: PictureJob) -> Iterator[tuple[str, bytes]]:
    if job.part >= 0:
        for batch in job.store.batches("images", job.part, ["image_id", "bytes"]):
            keys = batch.column("image_id").to_pylist()
            values = batch.column("bytes")
            yield from ((k, values[at].as_py()) for at, k in enumerate(keys) if k in job.wants)
        return
    row = 0
    for batch in batches_of(job.store.fs, job.path, ["image"]):
        for value in batch.column("image"):
            key = str(row)
            if key in job.wants and value.is_valid and value["bytes"].is_valid:
                yield key, value["bytes"].as_py()
            row += 1


def _least_side(forms: int, side: int) -> int:
    if forms & LARGE:
        return _LARGE_SIDE
    return _MIDDLE_SIDE if forms & MIDDLE else side


def _open(data: bytes, side: int) -> tuple[tuple[int, int], Image.Image] | None:
    """Full size as shown, and the picture at `side` or more pixels; None when it is damaged."""
    if sniff_format(data) != "jpeg":
        found = decode_rgb(data, DecodeLimits())
        return None if isinstance(found, Reject) else (found.size, found)
    try:
        image = Image.open(BytesIO(data), formats=["JPEG"])
        width, height = image.size
        if width * height > DecodeLimits().max_pixels:
            return None
        orientation = read_orientation(image.info.get("exif"))
        longer = max(width, height)
        image.draft("RGB", (side * width // longer, side * height // longer))
        upright = turn(to_rgb(image), orientation)
    except _DAMAGE:
        return None
    return ((height, width) if orientation >= 5 else (width, height)), upright


def _write_larger(job: PictureJob, want: Want, image: Image.Image) -> int:
    written = 0
    for form, folder, side in ((LARGE, "large", _LARGE_SIDE), (MIDDLE, "middle", _MIDDLE_SIDE)):
        if want.forms & form:
            copy = image.copy()
            copy.thumbnail((side, side), reducing_gap=2.0)
            path = job.output / folder / f"{want.number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            copy.save(path, "JPEG", quality=72)
            written += path.stat().st_size
    return written


def _new_sheet(side: int, count: int, at: int) -> Image.Image:
    cells = min(PER_SHEET, count - at // PER_SHEET * PER_SHEET)
    size = (side * ACROSS, side * -(-cells // ACROSS))
    return Image.new("RGB", size, (128, 128, 128))


def _write_sheet(job: PictureJob, at: int, sheet: Image.Image) -> int:
    path = job.output / "sheets" / f"{job.first // PER_SHEET + at}.webp"
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, "WEBP", quality=62 if job.side > 100 else 38, method=2)
    return path.stat().st_size
