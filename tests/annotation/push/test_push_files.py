"""What push leaves in the campaign's folder: copies of pictures and sounds, known answers."""

import io
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageCms

from annotation.home import Home
from annotation.push.gold_file import add_gold, gold_path, load_gold
from annotation.push.guideline_page import guideline_html
from annotation.push.pictures import LONGEST_SIDE, make_pictures, upright_jpeg
from annotation.push.sounds import make_sounds
from annotation.push.tasks.task import KnownAnswer
from schemas.errors import UsageError
from schemas.judgment import Reject
from schemas.records import Recording
from schemas.store import Store
from tests import toy_store as toy

SAMPLES = Path(__file__).parents[3] / "samples"
CORNERS = np.zeros((40, 60, 3), np.uint8)
CORNERS[:20, :30], CORNERS[:20, 30:] = (250, 0, 0), (0, 250, 0)
CORNERS[20:, :30], CORNERS[20:, 30:] = (0, 0, 250), (250, 250, 0)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.make()
    return made


def opened(data: bytes | Reject) -> Image.Image:
    assert isinstance(data, bytes), data
    image = Image.open(io.BytesIO(data))
    assert (image.format, image.mode) == ("JPEG", "RGB")
    return image


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_stand_upright(orientation: int) -> None:
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose that a camera's turn is
    stored = Image.fromarray(CORNERS)
    if orientation > 1:
        stored = stored.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "a camera's maker"
    out = io.BytesIO()
    stored.save(out, "JPEG", quality=95, subsampling=0, exif=exif)
    made = upright_jpeg(out.getvalue())
    image = opened(made)
    assert image.size == (60, 40)
    assert np.abs(np.asarray(image, int) - CORNERS)[[10, 10, 30, 30], [10, 50, 10, 50]].max() < 12
    assert isinstance(made, bytes)
    assert b"maker" not in made
    assert not image.getexif()


def _encoded(image: Image.Image, kind: str, **settings: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **settings)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["cmyk", "tiff", "heic", "16bit", "animated", "alpha", "palette"])
def test_every_browser_can_show_it(kind: str) -> None:
    plain = Image.fromarray(CORNERS)
    made = {
        "cmyk": lambda: _encoded(plain.convert("CMYK"), "JPEG"),
        "tiff": lambda: _encoded(plain, "TIFF"),
        "heic": lambda: _heic(plain),
        "16bit": lambda: _encoded(Image.fromarray(np.full((40, 60), 60_000, np.uint16)), "PNG"),
        "animated": lambda: _encoded(plain, "GIF", save_all=True, append_images=[plain] * 2),
        "alpha": lambda: _encoded(plain.convert("RGBA"), "PNG"),
        "palette": lambda: _encoded(plain.quantize(8), "PNG"),
    }[kind]()
    assert opened(upright_jpeg(made)).size == (60, 40)


def _heic(image: Image.Image) -> bytes:
    import pillow_heif

    out = io.BytesIO()
    pillow_heif.from_pillow(image).save(out)
    return out.getvalue()


def test_colours_are_those_of_srgb() -> None:
    lab = ImageCms.createProfile("LAB")
    assert lab
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = opened(upright_jpeg(_encoded(Image.fromarray(CORNERS), "PNG", icc_profile=profile)))
    assert "icc_profile" not in image.info


@pytest.mark.parametrize(
    ("size", "longest"),
    [((4000, 100), 2000), ((2500, 50), 2048), ((100, 5000), 2048), ((2048, 60), 2048)],
)
def test_large_pictures_are_made_smaller(size: tuple[int, int], longest: int) -> None:
    image = opened(upright_jpeg(_encoded(Image.new("RGB", size, "red"), "JPEG")))
    assert max(image.size) == longest <= LONGEST_SIDE
    assert min(image.size) == pytest.approx(min(size) * longest / max(size), abs=1)


def test_what_is_no_picture_is_refused() -> None:
    assert upright_jpeg(b"<html>") == Reject("not_an_image", "the bytes are html")
    cut = upright_jpeg(toy.picture(1)[:200])
    assert isinstance(cut, Reject)


def test_copies_are_made_once(tmp_path: Path, home: Home) -> None:
    store = Store(str(tmp_path / "store"))
    toy.put_images(store, {"a": toy.picture(1), "b": toy.picture(2)}, {"c": toy.picture(3)})
    counted: list[int] = []
    refused = make_pictures(store, home, {toy.id_of("a"), toy.id_of("c"), "gone"}, counted.append)
    assert {key: one.reason for key, one in refused.items()} == {"gone": "no_picture"}
    assert sum(counted) == 3
    names = sorted(path.name for path in home.pictures.iterdir())
    assert names == sorted(f"{toy.id_of(name)}.jpg" for name in "ac")
    before = toy.stamps(home.pictures)
    make_pictures(store, home, {toy.id_of("a"), toy.id_of("b")}, counted.append)
    assert before.items() <= toy.stamps(home.pictures).items()
    assert len(toy.stamps(home.pictures)) == 3


def test_sounds_know_their_length(tmp_path: Path, home: Home) -> None:
    recorded = (SAMPLES / "recordings" / "astronaut-1.webm").read_bytes()
    with av.open(io.BytesIO(recorded)) as raw:
        assert raw.duration is None
    store = Store(str(tmp_path / "store"))
    audio = {"webm": recorded, "wav": toy.sound(2.0), "junk": b"junk", "empty": b""}
    rows = {name: toy.recording(name, "1", data) for name, data in audio.items()}
    toy.put(store, "recordings", 0, Recording, list(rows.values()))
    wanted = {row.recording_id for row in rows.values()} | {"gone"}
    refused = make_sounds(store, home, wanted, lambda count: None)
    names = {row.recording_id: name for name, row in rows.items()}
    assert {names.get(key, key): one.reason for key, one in refused.items()} == {
        "junk": "undecodable_audio",
        "empty": "empty",
        "gone": "no_recording",
    }
    webm = home.sounds / f"{rows['webm'].recording_id}.webm"
    with av.open(str(webm)) as copy:
        assert copy.duration == pytest.approx(26.8e6, rel=0.01)
    wav = home.sounds / f"{rows['wav'].recording_id}.wav"
    assert wav.read_bytes() == audio["wav"]


def test_known_answers_are_kept_apart_and_once(home: Home) -> None:
    cat = KnownAnswer("k1", {"label": "cat", "points": []})
    dog = KnownAnswer("k1", {"label": "dog", "points": []})
    add_gold(home, "points", [dog, cat])
    add_gold(home, "points", [KnownAnswer("k1", {"label": "dog", "points": [{"x": 1, "y": 1}]})])
    assert [one.expected["label"] for one in load_gold(home, "points")] == ["cat", "dog"]
    assert load_gold(home, "points")[1].expected["points"]
    assert gold_path(home, "points").stat().st_mode & 0o777 == 0o600
    assert load_gold(home, "count") == []
    gold_path(home, "count").write_text('{"key": "k"}\n', encoding="utf-8")
    with pytest.raises(UsageError, match="line 1"):
        load_gold(home, "count")


def test_guidelines_carry_no_script() -> None:
    page = guideline_html(
        "# Speak\n\n1. **One**\n\n<script>alert(1)</script> [x](javascript:alert(1))\n\n"
        "![p](javascript:y) <img src=x onerror=y>\n\n|a|b|\n|-|-|\n|1|2|\n"
    )
    assert "<h1>Speak</h1>" in page
    assert "<strong>One</strong>" in page
    assert "<table>" in page
    for unwanted in ("<script", "<img", "href="):
        assert unwanted not in page
