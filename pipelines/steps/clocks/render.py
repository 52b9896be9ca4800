"""From a planned clock to the bytes of a picture: drawn, placed, coloured and encoded.

What stays on a face is drawn once into a layer and kept while its examples follow each other; hands
and digits are drawn straight into the result, through the same affine, so they stay sharp.
"""

import functools
import io
import math
from typing import Any

import cairocffi as cairo
from PIL import Image

from pipelines.steps.clocks.augment import (
    Jitter,
    Placing,
    matrix_for,
    recoloured,
    recoloured_white,
    turned_extent,
)
from pipelines.steps.clocks.bodies import DIGITAL
from pipelines.steps.clocks.canvas import Canvas
from pipelines.steps.clocks.cases import case_of
from pipelines.steps.clocks.dials import draw_dial
from pipelines.steps.clocks.digits import draw_screen
from pipelines.steps.clocks.examples import ClockPlan
from pipelines.steps.clocks.faces import Face
from pipelines.steps.clocks.geometry import Geometry
from pipelines.steps.clocks.moving import draw_moving
from pipelines.steps.clocks.placement import (
    dial_transform,
    jitter_of,
    pixels_per_unit,
    where_of,
)

_EDGE = 2.0  # pixels around a clock that smoothing may touch
_UNCHANGED = Jitter()
Box = tuple[int, int, int, int]
_LAYERS = 8  # faces whose layers are kept


def render(plan: ClockPlan, size: int, quality: int = 90) -> bytes:
    """The picture of a plan as a JPEG file, `size` pixels wide and high."""
    picture = draw_picture(plan, size)
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=quality)
    return target.getvalue()


def draw_picture(plan: ClockPlan, size: int) -> Image.Image:
    """The picture of a plan, RGB."""
    return draw_clock(plan.face, plan.geometry, size, where_of(plan, size), jitter_of(plan))


def draw_clock(
    face: Face, geometry: Geometry, size: int, where: Placing, jitter: Jitter = _UNCHANGED
) -> Image.Image:
    """A face with what it shows, placed on white.

    Only the box that the clock fills is drawn and coloured; the rest is one colour.
    """
    box = _box_of(face, size, where)
    clock = _draw_in_box(face, geometry, size, where, box)
    white = (255, 255, 255)
    if jitter != _UNCHANGED:
        matrix = matrix_for(clock, jitter, size * size - clock.width * clock.height)
        clock, white = recoloured(clock, matrix), recoloured_white(matrix)
    picture = Image.new("RGB", (size, size), white)
    picture.paste(clock, box[:2])
    return picture


def _box_of(face: Face, size: int, where: Placing) -> Box:
    """The pixels (left, top, right, bottom) that a clock may touch, within the picture."""
    extent = case_of(face).extent(face, pixels_per_unit(face, size))
    half_width, half_height = turned_extent(extent, where.rotation)
    x, y = half_width * where.scale + _EDGE, half_height * where.scale + _EDGE
    return (
        max(0, math.floor(where.centre_x - x)),
        max(0, math.floor(where.centre_y - y)),
        min(size, math.ceil(where.centre_x + x)),
        min(size, math.ceil(where.centre_y + y)),
    )


def _draw_in_box(
    face: Face, geometry: Geometry, size: int, where: Placing, box: Box
) -> Image.Image:
    left, top, right, bottom = box
    surface = cairo.ImageSurface(cairo.FORMAT_RGB24, right - left, bottom - top)
    context = cairo.Context(surface)
    context.set_source_rgb(1, 1, 1)
    context.paint()
    context.translate(-left, -top)
    _paint_layer(context, face, size, where)
    x, y, unit = dial_transform(face, size, where)
    context.translate(x, y)
    context.rotate(math.radians(where.rotation))
    context.scale(unit, unit)
    draw_moving(Canvas(context), face, geometry)
    surface.flush()
    shape = (surface.get_width(), surface.get_height())
    data, stride = bytes(surface.get_data()), surface.get_stride()
    return Image.frombuffer("RGB", shape, data, "raw", "BGRX", stride, 1)


def _paint_layer(context: Any, face: Face, size: int, where: Placing) -> None:
    """The layer of a face through the affine; a half-size one where it gets small."""
    halved = where.scale < 0.5
    side = size // 2 if halved else size
    extent = case_of(face).extent(face, pixels_per_unit(face, size) * side / size)
    context.save()
    context.translate(where.centre_x, where.centre_y)
    context.rotate(math.radians(where.rotation))
    scale = where.scale * size / side
    context.scale(scale, scale)
    layer = _half_layer(face, size) if halved else _layer(face, size)
    context.set_source_surface(layer, -side / 2, -side / 2)
    context.get_source().set_filter(cairo.FILTER_BILINEAR)
    width, height = extent.half_width + _EDGE, extent.half_height + _EDGE
    context.rectangle(-width, -height, 2 * width, 2 * height)
    context.fill()
    context.restore()


@functools.lru_cache(maxsize=_LAYERS)
def _layer(face: Face, size: int) -> Any:
    """All that stays on a face, upright, in the middle of a white square."""
    surface = cairo.ImageSurface(cairo.FORMAT_RGB24, size, size)
    context = cairo.Context(surface)
    context.set_source_rgb(1, 1, 1)
    context.paint()
    context.set_line_cap(cairo.LINE_CAP_ROUND)
    context.set_line_join(cairo.LINE_JOIN_ROUND)
    unit = pixels_per_unit(face, size)
    context.translate(size / 2, size / 2 + case_of(face).lift * unit)
    context.scale(unit, unit)
    canvas = Canvas(context)
    case_of(face).draw(canvas, face)
    if face.body.display in DIGITAL:
        draw_screen(canvas, face)
    else:
        draw_dial(canvas, face)
    surface.flush()
    return surface


@functools.lru_cache(maxsize=_LAYERS)
def _half_layer(face: Face, size: int) -> Any:
    """The same at half the size: every pixel the mean of four."""
    surface = cairo.ImageSurface(cairo.FORMAT_RGB24, size // 2, size // 2)
    context = cairo.Context(surface)
    context.scale(0.5, 0.5)
    context.set_source_surface(_layer(face, size), 0, 0)
    context.get_source().set_filter(cairo.FILTER_BILINEAR)
    context.paint()
    surface.flush()
    return surface
