"""Stage ocr: with an engine that reads by rule, and with RapidOCR on a drawn sign."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

from pipelines import ocr as stage_module
from pipelines.ocr import ReadText, joined
from pipelines.services.ocr import OcrConfig, RapidOcr, line_of
from schemas.judgment import RejectRow
from schemas.records import Image
from schemas.store import Store
from schemas.subset_records import Ocr, OcrLine
from tests import toy_store as toy
from tests.toy_store import id_of, picture

STAGE = ReadText(max_rejects=1.0)


class Eye:
    """Reads the sides of a picture."""

    name = "eye@1"

    def read(self, pixels: NDArray[np.uint8]) -> tuple[OcrLine, ...]:
        height, width = pixels.shape[:2]
        return (line_of(f"{width}", 1.0, [], (1, 1)), line_of(f"{height}", 1.0, [], (1, 1)))


@pytest.fixture
def eye(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage_module, "_loaded", lambda config: Eye())


@pytest.mark.usefixtures("eye")
def test_each_picture_is_a_record_or_a_reject(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    whole = toy.image("a.png", picture(1))
    broken = toy.image("b.png", picture(2))
    object.__setattr__(broken, "bytes", b"no picture")
    rows = sorted([whole, broken], key=lambda row: row.image_id)
    toy.put(store, "images", 0, Image, rows)
    result = toy.run(STAGE, store)
    assert result.records == 1
    (read,) = store.records("ocr", 0, Ocr)
    assert (read.image_id, read.text, read.engine) == (id_of("a.png"), "96\n72", "eye@1")
    (reject,) = store.records("rejects/ocr", 0, RejectRow)
    assert (reject.key, reject.reason) == (id_of("b.png"), "not_an_image")


@given(
    corners=st.lists(st.tuples(st.floats(-50, 250), st.floats(-50, 250)), min_size=4, max_size=4),
    size=st.tuples(st.integers(1, 200), st.integers(1, 200)),
)
def test_corners_are_percent_and_within(
    corners: list[tuple[float, float]], size: tuple[int, int]
) -> None:
    line = line_of(" a  b ", 0.987654, corners, size)
    assert (line.text, line.score) == ("a b", 0.9877)
    for (x, y), corner in zip(corners, line.corners, strict=True):
        assert 0 <= corner.x <= 100
        assert 0 <= corner.y <= 100
        if 0 <= x <= size[0]:
            assert abs(corner.x - 100 * x / size[0]) < 0.01
        if 0 <= y <= size[1]:
            assert abs(corner.y - 100 * y / size[1]) < 0.01


def test_no_lines_make_no_text() -> None:
    assert joined(()) == ""


@pytest.mark.slow
def test_a_sign_is_read_where_it_stands() -> None:
    pytest.importorskip("rapidocr")
    sign = Pictures.new("RGB", (640, 400), "white")
    draw = ImageDraw.Draw(sign)
    draw.text((60, 60), "Mill Lake 3 km", fill="black", font=ImageFont.load_default(48))
    draw.text((60, 240), "Old Bridge", fill="black", font=ImageFont.load_default(48))
    lines = RapidOcr().read(np.asarray(sign))
    assert [line.text for line in lines] == ["Mill Lake 3 km", "Old Bridge"]
    left, top = lines[0].corners[0].x, lines[0].corners[0].y
    assert 7 < left < 12
    assert 12 < top < 22
    assert lines[1].corners[0].y > 58
    assert RapidOcr(OcrConfig(min_score=1.1)).read(np.asarray(sign)) == ()
