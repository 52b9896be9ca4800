"""Rendered pictures: blank, tiny, huge and strips are refused, cut letters are counted."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pipelines.steps.picture_checks import (
    BORDER_INK,
    DEFAULT_LIMITS,
    EMPTY_SHARE,
    CheckedPicture,
    PictureLimits,
    check_picture,
)
from schemas.errors import UsageError
from schemas.judgment import Reject

LIMITS = PictureLimits()
INK = dict(DEFAULT_LIMITS)[BORDER_INK]


def png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def paper(width: int = 400, height: int = 300, colour: str = "white") -> Image.Image:
    return Image.new("RGB", (width, height), colour)


def written(left: int, top: int) -> Image.Image:
    """Many letters, the first at this place."""
    picture = paper()
    ImageDraw.Draw(picture).text((left, top), "Wimbledon millimetre wins " * 2, "black")
    return picture


def reason(picture: Image.Image, limits: PictureLimits = LIMITS) -> str:
    found = check_picture(png(picture), limits)
    assert isinstance(found, Reject), found
    return found.reason


def scores(picture: Image.Image) -> dict[str, float]:
    found = check_picture(png(picture), LIMITS)
    assert isinstance(found, CheckedPicture), found
    return {tag.name: tag.score for tag in found.tags}


def test_a_drawing_passes_with_its_size() -> None:
    found = check_picture(png(written(20, 20)), LIMITS)
    assert isinstance(found, CheckedPicture)
    assert (found.width, found.height) == (400, 300)


@pytest.mark.parametrize("colour", ["white", "black", "#336699"])
def test_one_colour_is_blank(colour: str) -> None:
    assert reason(paper(colour=colour)) == "picture_blank"


def test_nearly_one_colour_is_blank() -> None:
    noise = np.random.default_rng(1).integers(240, 256, (300, 400, 3), dtype=np.uint8)
    assert reason(Image.fromarray(noise)) == "picture_blank"
    dot = paper()
    dot.putpixel((200, 150), (0, 0, 0))
    assert reason(dot) == "picture_blank"


def test_transparent_is_white() -> None:
    assert reason(Image.new("RGBA", (400, 300), (0, 0, 0, 0))) == "picture_blank"


@pytest.mark.parametrize(
    ("size", "why"),
    [
        ((95, 300), "picture_too_small"),
        ((4097, 1000), "picture_too_large"),
        ((900, 149), "picture_aspect"),
        ((149, 900), "picture_aspect"),
    ],
)
def test_sizes_nobody_can_use_are_refused(size: tuple[int, int], why: str) -> None:
    assert reason(paper(*size)) == why


def test_what_is_no_png_is_refused() -> None:
    for data in (b"", b"not a picture", png(written(5, 5))[:200]):
        found = check_picture(data, LIMITS)
        assert isinstance(found, Reject)
        assert found.reason == "picture_undecodable"


def test_letters_cut_at_any_side_are_over_the_limit_and_whole_ones_are_not() -> None:
    cut = written(0, -5)
    for turned in (cut, cut.rotate(90, expand=True), cut.rotate(180), cut.rotate(270, expand=True)):
        assert scores(turned)[BORDER_INK] >= INK
    assert scores(written(20, 20))[BORDER_INK] == 0


def test_bars_and_rules_that_lead_out_are_below_the_limit() -> None:
    picture = paper(colour="ivory")
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 0, 400, 40), "navy")
    for at in (100, 150, 200):
        pen.line((0, at, 400, at), "black", 2)
    assert 0 < scores(picture)[BORDER_INK] < INK


def test_an_almost_empty_page_is_tagged() -> None:
    picture = paper(1000, 1000)
    ImageDraw.Draw(picture).rectangle((10, 10, 50, 50), "black")
    assert scores(picture)[EMPTY_SHARE] >= dict(DEFAULT_LIMITS)[EMPTY_SHARE]
    assert scores(written(20, 20))[EMPTY_SHARE] < dict(DEFAULT_LIMITS)[EMPTY_SHARE]


def test_impossible_limits_are_refused() -> None:
    with pytest.raises(UsageError):
        PictureLimits(least_side=0)
    with pytest.raises(UsageError):
        PictureLimits(most_aspect=0.5)


def test_noise_is_a_picture() -> None:
    values: NDArray[np.uint8] = np.random.default_rng(2).integers(
        0, 256, (200, 200, 3), dtype=np.uint8
    )
    assert scores(Image.fromarray(values))[BORDER_INK] > INK
