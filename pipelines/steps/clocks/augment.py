"""The augmentation that the published clocks were trained with, drawn by seed.

As the public loader does it: 120 pixels are cut from the bottom, where its source pictures have a
shade; 10% stay upright, 40% turn by up to 25 degrees, the rest by up to 25, 80 or 180; the scale is
0.3 to 2, and for half of the pictures at most 1; the clock is cut out, then padded with white so
that it is off centre; hue, brightness, saturation and contrast change a little. (Shear is drawn
there and then set to zero, so there is none here.)

Two things differ. The result has a fixed size, so that scale 1 is a share of it (`_BASE`) and no
clock becomes larger than the picture. Hue, brightness, saturation and contrast are one matrix on
colours, with a rotation of chroma for the hue and without clipping in between.
"""

import math
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from schemas.errors import UsageError

CROP_PX = 120
_BASE = 0.62  # the side of the clock's square at scale 1, as a share of the picture's
_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
_FROM_YIQ = np.linalg.inv(_TO_YIQ)
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Jitter:
    """Changes of colour: a share of the hue circle, and factors for the others."""

    hue: float = 0.0
    brightness: float = 1.0
    saturation: float = 1.0
    contrast: float = 1.0


@dataclass(frozen=True)
class Augmentation:
    """What happens to one picture: degrees clockwise, scale, and where the clock lies.

    `x` and `y` are shares (0 to 1) of the room that is left around the clock.
    """

    rotation: float = 0.0
    scale: float = 1.0
    x: float = 0.5
    y: float = 0.5
    jitter: Jitter = Jitter()


@dataclass(frozen=True)
class Placing:
    """An affine that puts a source square on the result: where its centre goes, and how."""

    centre_x: float
    centre_y: float
    rotation: float
    scale: float


@dataclass(frozen=True)
class Extent:
    """What a clock fills of its square: half width and half height in source pixels.

    A `round` clock fills the same when it is turned.
    """

    half_width: float
    half_height: float
    round: bool = False


def draw_augmentation(rng: Random) -> Augmentation:
    """The published ranges."""
    scale = rng.uniform(0.3, 2.0) if rng.random() > 0.5 else rng.uniform(0.3, 1.0)
    rotation = _draw_rotation(rng)
    place = (
        (_draw_side(rng), _draw_side(rng)) if rng.random() < 0.2 else (rng.random(), rng.random())
    )
    jitter = Jitter(
        hue=rng.uniform(-0.05, 0.05),
        brightness=rng.uniform(0.85, 1.2),
        saturation=rng.uniform(0.8, 1.2),
        contrast=rng.uniform(0.8, 1.2),
    )
    return Augmentation(rotation, scale, *place, jitter)


def _draw_rotation(rng: Random) -> float:
    """Degrees: 0 for a tenth, and mostly little for the others."""
    kind = rng.random()
    if kind < 0.1:
        return 0.0
    if kind < 0.5:
        return rng.uniform(-25, 25)
    turn = rng.random()
    most = 25 if turn < 0.2 else 80 if turn < 0.6 else 180
    return rng.uniform(-most, most)


def _draw_side(rng: Random) -> float:
    """A place near the middle: the smaller of the two paddings that are published."""
    return rng.uniform(0.25, 0.75)


def placing(one: Augmentation, extent: Extent, source: float, size: int) -> Placing:
    """Where the clock goes in a picture of `size` pixels; `source` is the side of its square.

    Everything of the clock stays inside: a scale that is too large for that is reduced.
    """
    half_width, half_height = turned_extent(extent, one.rotation)
    scale = one.scale * _BASE * size / source
    scale = min(scale, size / 2 / max(half_width, half_height))
    room_x, room_y = size - 2 * half_width * scale, size - 2 * half_height * scale
    x = half_width * scale + one.x * room_x
    y = half_height * scale + one.y * room_y
    return Placing(x, y, one.rotation, scale)


def turned_extent(extent: Extent, rotation: float) -> tuple[float, float]:
    """Half width and half height of a clock's upright bounding box after a rotation."""
    width, height = extent.half_width, extent.half_height
    if extent.round:
        return width, height
    cos, sin = abs(math.cos(math.radians(rotation))), abs(math.sin(math.radians(rotation)))
    return width * cos + height * sin, width * sin + height * cos


def colour_matrix(jitter: Jitter, mean_grey: float) -> Matrix:
    """The jitter as three rows of four (red, green, blue, constant), for values of 0 to 255.

    The hue turns about the axis of greys in YIQ (NTSC); contrast is about `mean_grey`, the mean
    luma of the picture. Order: hue, brightness, saturation, contrast.
    """
    turn = 2 * math.pi * jitter.hue
    cos, sin = math.cos(turn) * jitter.saturation, math.sin(turn) * jitter.saturation
    chroma = np.array([[1.0, 0.0, 0.0], [0.0, cos, sin], [0.0, -sin, cos]])
    colours = _FROM_YIQ @ chroma @ _TO_YIQ * (jitter.brightness * jitter.contrast)
    offset = (1 - jitter.contrast) * mean_grey * jitter.brightness
    return np.column_stack([colours, np.full(3, offset)])


def augment_picture(
    picture: Image.Image, one: Augmentation, size: int, crop_px: int = CROP_PX
) -> Image.Image:
    """Any picture of a clock on white, augmented: what is not white is the clock.

    UsageError when nothing is left of it, since then there is no clock to place.
    """
    bottom = max(0, picture.height - crop_px)
    kept = picture.convert("RGB").crop((0, 0, picture.width, bottom))
    box = ImageChops.invert(kept).getbbox() if bottom else None
    if box is None:
        raise UsageError(f"nothing but white is left after {crop_px} pixels are cut off")
    clock = kept.crop(box)
    extent = Extent(clock.width / 2, clock.height / 2)
    where = placing(one, extent, max(clock.size), size)
    placed = clock.transform(
        *((size, size), Image.Transform.AFFINE, _inverse(where, clock.size)),
        resample=Image.Resampling.BILINEAR,
        fillcolor="white",
    )
    return recoloured(placed, matrix_for(placed, one.jitter))


def _inverse(where: Placing, source: tuple[int, int]) -> tuple[float, ...]:
    """The affine from pixels of the result to those of the source, as Pillow takes it."""
    turn = math.radians(where.rotation)
    cos, sin = math.cos(turn) / where.scale, math.sin(turn) / where.scale
    x, y = where.centre_x, where.centre_y
    across = source[0] / 2 - cos * x - sin * y
    down = source[1] / 2 + sin * x - cos * y
    return cos, sin, across, -sin, cos, down


def matrix_for(picture: Image.Image, jitter: Jitter, on_white: int = 0) -> Matrix:
    """The colour matrix for a picture with so many pixels of white around it.

    The mean luma is that of every eighth row and column.
    """
    sample = np.asarray(picture)[::8, ::8].reshape(-1, 3).mean(axis=0)
    own = picture.width * picture.height
    mean = (float(sample @ _TO_YIQ[0]) * own + 255.0 * on_white) / (own + on_white)
    return colour_matrix(jitter, mean)


def recoloured(picture: Image.Image, matrix: Matrix) -> Image.Image:
    """The picture under a colour matrix."""
    return picture.convert("RGB", tuple(matrix.ravel().tolist()))


def recoloured_white(matrix: Matrix) -> tuple[int, int, int]:
    """What white becomes under a colour matrix."""
    red, green, blue = np.clip(matrix @ (255.0, 255.0, 255.0, 1.0), 0, 255)
    return int(red + 0.5), int(green + 0.5), int(blue + 0.5)
