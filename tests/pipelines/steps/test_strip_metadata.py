"""Stripping loses every private byte and no pixel."""

import io
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from pipelines.steps.decode import DecodeLimits, ImageFacts, decode_rgb, read_facts
from pipelines.steps.jpeg_segments import scan_jpeg
from pipelines.steps.sniff import sniff_format
from pipelines.steps.strip_metadata import Stripped, strip_metadata
from schemas.judgment import Reject

LIMITS = DecodeLimits()
# Its first frame is whole, a later block is not: it can be decoded but not cut apart.
BROKEN_BEHIND = "mex_adf6f850b13dff73ebb22862c6ab028b.gif"
SECRET = b"do not tell anybody"


def encode(image: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def picture() -> Image.Image:
    noise = np.random.default_rng(3).integers(0, 256, (20, 28, 3), dtype=np.uint8)
    return Image.fromarray(noise)


def secret_exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = SECRET.decode()
    exif.get_ifd(0x8825)[1] = "N"
    return exif.tobytes()


def secret_file(format: str, orientation: int = 6) -> bytes:
    """A small picture with a secret in each place that the format has for it."""
    exif = secret_exif(orientation)
    if format == "JPEG":
        data = encode(picture(), format, exif=exif, comment=SECRET, xmp=SECRET, quality=95)
        payload = b"Photoshop 3.0\0" + SECRET
        iptc = b"\xff\xed" + (len(payload) + 2).to_bytes(2, "big") + payload
        return data[:2] + iptc + data[2:] + SECRET
    if format == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_text("Comment", SECRET.decode())
        info.add_itxt("XML:com.adobe.xmp", SECRET.decode(), zip=True)
        info.add(b"prVt", SECRET)
        return encode(picture(), format, exif=exif, pnginfo=info) + SECRET
    if format == "WEBP":
        return encode(picture(), format, exif=exif, xmp=SECRET, lossless=True)
    assert format == "GIF"
    return encode(picture(), format, comment=SECRET) + SECRET


def strip(data: bytes) -> Stripped:
    stripped = strip_metadata(data, str(sniff_format(data)))
    assert isinstance(stripped, Stripped), stripped
    return stripped


def pixels(data: bytes) -> bytes:
    rgb = decode_rgb(data, LIMITS)
    assert not isinstance(rgb, Reject), rgb
    return repr(rgb.size).encode() + rgb.tobytes()


def exif_tags(data: bytes) -> dict[int, object]:
    with Image.open(io.BytesIO(data)) as image:
        return dict(image.getexif())


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF"])
def test_no_secret_survives_and_no_pixel_changes(format: str) -> None:
    data = secret_file(format)
    stripped = strip(data)
    assert stripped.method == "lossless"
    assert stripped.format == format.lower()
    assert SECRET in data
    for known in (SECRET, zlib.compress(SECRET)[2:-6]):
        assert known not in stripped.data
    assert exif_tags(stripped.data) == ({} if format == "GIF" else {0x0112: 6})
    assert pixels(stripped.data) == pixels(data)
    assert strip(stripped.data).data == stripped.data


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_an_upright_picture_keeps_no_exif_at_all(format: str) -> None:
    stripped = strip(secret_file(format, orientation=1))
    assert exif_tags(stripped.data) == {}
    assert b"Exif" not in stripped.data
    assert b"EXIF" not in stripped.data
    assert b"eXIf" not in stripped.data


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_colour_profile_is_kept(format: str, test_data: Path) -> None:
    source = test_data / "images_odd/exif_orientation/exifsamples_landscape_2.jpg"
    with Image.open(source) as photo:
        profile = photo.info["icc_profile"]
    stripped = strip(encode(picture(), format, icc_profile=profile))
    with Image.open(io.BytesIO(stripped.data)) as image:
        assert image.info["icc_profile"] == profile


def test_a_jfif_thumbnail_is_dropped() -> None:
    data = encode(picture(), "JPEG")
    assert data[2:4] == b"\xff\xe0"
    jfif = b"\xff\xe0" + (16 + 3).to_bytes(2, "big") + data[6:18] + b"\x01\x01abc"
    stripped = strip(data[:2] + jfif + data[20:])
    assert stripped.data == data


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP"])
def test_animations_keep_frames_and_loops(format: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "lime")]
    data = encode(frames[0], format, save_all=True, append_images=frames[1:], duration=70, loop=4)
    with Image.open(io.BytesIO(strip(data).data)) as image:
        assert image.n_frames == 3
        assert image.info["loop"] == 4


@pytest.mark.parametrize("format", ["TIFF", "BMP", "AVIF", "JPEG2000"])
def test_other_formats_become_png(format: str) -> None:
    data = encode(picture(), format)
    stripped = strip(data)
    assert (stripped.format, stripped.method) == ("png", "reencoded_png")
    assert pixels(stripped.data) == pixels(data)


def test_every_odd_picture_is_stripped(test_data: Path) -> None:
    for path in sorted((test_data / "images_odd").rglob("*")):
        data = path.read_bytes() if path.is_file() else b""
        facts = read_facts(data, LIMITS)
        if not isinstance(facts, ImageFacts) or facts.width * facts.height > 8_000_000:
            continue
        stripped = strip(data)
        assert set(exif_tags(stripped.data)) <= {0x0112}, path.name
        assert b"ns.adobe.com" not in stripped.data, path.name
        assert pixels(stripped.data) == pixels(data), path.name
        again = strip(stripped.data)
        assert (again.data, again.method) == (stripped.data, "lossless"), path.name
        lossless = facts.format in ("jpeg", "png", "webp", "gif") and path.name != BROKEN_BEHIND
        assert (stripped.method == "lossless") == lossless, path.name


def test_positions_of_photographs_are_gone(test_data: Path) -> None:
    photos = list((test_data / "images_odd/exif_gps_pii").iterdir())
    assert photos
    for path in photos:
        data = path.read_bytes()
        with Image.open(path) as image:
            assert image.getexif().get_ifd(0x8825)
        stripped = strip(data)
        with Image.open(io.BytesIO(stripped.data)) as image:
            assert not image.getexif().get_ifd(0x8825)
        assert b"WGS-84" in data
        assert b"WGS-84" not in stripped.data


FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
FILES = {format: secret_file(format) for format in FORMATS}


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(FORMATS), st.integers(0, 10_000), st.integers(0, 255))
def test_cut_and_flipped_files_never_raise(format: str, at: int, mask: int) -> None:
    data = bytearray(FILES[format])
    at %= len(data)
    cut = strip_metadata(bytes(data[:at]), format.lower())
    assert isinstance(cut, Stripped | Reject)
    data[at] ^= mask
    flipped = strip_metadata(bytes(data), format.lower())
    assert isinstance(flipped, Stripped | Reject)


def test_nonsense_is_rejected() -> None:
    assert isinstance(strip_metadata(b"", "jpeg"), Reject)
    assert isinstance(strip_metadata(b"<html>", "html"), Reject)
    assert isinstance(strip_metadata(FILES["JPEG"][:200], "jpeg"), Reject)


@settings(deadline=None)
@given(st.lists(st.sampled_from([b"\xff", b"\x00", b"\xd0", b"\xd7", b"\xd9", b"\xda", b"a"])))
def test_markers_are_found_as_the_standard_names_them(pieces: list[bytes]) -> None:
    """Restarts, stuffed zeros and fill bytes are no end of a scan (T.81, B.1.1.2)."""
    scan = b"".join(pieces)
    data = b"\xff\xd8\xff\xda\x00\x02" + scan
    found = re.search(rb"\xff[^\x00\xd0-\xd7\xff]", scan)
    end = 6 + found.start() if found else len(data)
    assert scan_jpeg(data).segments[0].end == end
    assert scan_jpeg(memoryview(data)) == scan_jpeg(data)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_view_is_stripped_like_bytes(format: str) -> None:
    data = FILES[format]
    own, view = (strip_metadata(d, format.lower()) for d in (data, memoryview(data)))
    assert isinstance(own, Stripped)
    assert isinstance(view, Stripped)
    assert (own.data, own.format, own.method) == (view.data, view.format, view.method)
