"""The samples keep their promises: files, hashes, licences, lengths, and failures as planned."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageOps

from pipelines.services.sample_server import load_faults
from pipelines.steps.ngrams import longest_run, words_in

SAMPLES = Path(__file__).parents[1] / "samples"
HOST = "samples.pixmo.test"
RATE_HZ = 48_000
BAD_RECORDINGS = {"retina-short.webm", "hubble-silent.webm", "tissue-noise.webm"}


def rows_of(name: str) -> list[dict[str, Any]]:
    lines = (SAMPLES / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


URLS = pq.read_table(SAMPLES / "urls.parquet").to_pylist()
SPOKEN = rows_of("spoken.jsonl")
MANIFEST = rows_of("recordings.jsonl")
FAULTS = load_faults(SAMPLES / "faults.yaml")
PICTURES = sorted((SAMPLES / "images").iterdir())
RECORDINGS = sorted((SAMPLES / "recordings").iterdir())
EVALUATION = sorted((SAMPLES / "evaluation").iterdir())


def path_of(url: str) -> str:
    return urlsplit(url).path


def file_of(url: str) -> Path:
    fault = FAULTS.get(path_of(url))
    name = (fault.file if fault else None) or path_of(url).lstrip("/")
    return SAMPLES / "images" / name


def good_urls() -> set[str]:
    return {row["image_url"] for row in URLS if path_of(row["image_url"]) not in FAULTS}


def decode(path: Path) -> np.ndarray[Any, Any]:
    resample = av.AudioResampler(format="flt", layout="mono", rate=RATE_HZ)
    with av.open(str(path)) as container:
        frames = [each for frame in container.decode(audio=0) for each in resample.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def test_the_samples_are_enough_and_small() -> None:
    assert len(PICTURES) >= 18
    assert len(RECORDINGS) >= 17
    sizes = [path.stat().st_size for path in SAMPLES.rglob("*") if path.is_file()]
    assert sum(sizes) < 9e6


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_a_picture_opens_and_is_small(path: Path) -> None:
    with Image.open(path) as picture:
        picture.load()
        assert max(picture.size) <= 1024
    assert path.stat().st_size < 300_000


def test_one_picture_is_turned_and_one_carries_a_position() -> None:
    with Image.open(SAMPLES / "images/hopper.jpg") as picture:
        assert picture.getexif()[0x0112] == 6
        assert picture.width > picture.height
        assert ImageOps.exif_transpose(picture).height > picture.height
    with Image.open(SAMPLES / "images/coffee.jpg") as picture:
        assert 2 in picture.getexif().get_ifd(0x8825)


def test_urls_name_files_hashes_and_planned_failures() -> None:
    assert [*URLS[0]] == ["image_url", "image_sha256", "topic"]
    assert {urlsplit(row["image_url"]).netloc for row in URLS} == {HOST}
    assert len({row["image_url"] for row in URLS}) == len(URLS)
    assert {path_of(row["image_url"]) for row in URLS} >= FAULTS.keys()
    assert {file_of(url) for url in good_urls()} == set(PICTURES)
    wrong = set()
    for row in URLS:
        if row["image_sha256"]:
            content = file_of(row["image_url"]).read_bytes()
            if hashlib.sha256(content).hexdigest() != row["image_sha256"]:
                wrong.add(path_of(row["image_url"]))
    assert wrong == {"/swapped.jpg"}
    assert sum(row["image_sha256"] is not None for row in URLS) > len(URLS) / 2


def test_every_kind_of_failure_is_planned() -> None:
    assert {fault.status for fault in FAULTS.values()} == {200, 404, 429}
    assert FAULTS["/busy.jpg"].retry_after == 86400
    assert FAULTS["/login.jpg"].content_type == "text/html"
    assert FAULTS["/broken-off.jpg"].truncate
    assert FAULTS["/cut.jpg"].cut
    assert FAULTS["/reserved.jpg"].headers == {"X-Robots-Tag": "noai"}
    for fault in FAULTS.values():
        assert fault.file is None or (SAMPLES / "images" / fault.file).is_file()


def test_the_manifest_names_recordings_and_one_unknown_picture() -> None:
    assert {row["audio"] for row in MANIFEST} == {f"recordings/{path.name}" for path in RECORDINGS}
    assert {row["audio"] for row in MANIFEST} == {row["audio"] for row in SPOKEN}
    unknown = {row["image_url"] for row in MANIFEST} - {row["image_url"] for row in URLS}
    assert unknown == {f"http://{HOST}/not-in-the-list.jpg"}
    for row in MANIFEST:
        assert row.keys() == {"audio", "image_url", "annotator", "language"}


def test_enough_pictures_are_described_well() -> None:
    speakers: dict[str, set[str]] = {}
    for row in MANIFEST:
        if Path(row["audio"]).name not in BAD_RECORDINGS and row["image_url"] in good_urls():
            speakers.setdefault(row["image_url"], set()).add(row["annotator"])
    assert len(speakers) >= 11
    assert sorted(map(len, speakers.values()))[-2:] == [3, 3]
    near = {f"http://{HOST}/{name}.jpg" for name in ("astronaut-small", "chelsea-mirrored")}
    assert near < good_urls()
    assert not near & speakers.keys()


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name)
def test_a_recording_is_as_a_browser_writes_it(path: Path) -> None:
    assert path.stat().st_size < 400_000
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        assert "webm" in container.format.name
        assert stream.codec_context.name in {"opus", "libopus"}
        assert (stream.rate, stream.channels) == (RATE_HZ, 1)
        assert container.duration is None
        assert stream.duration is None


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name)
def test_a_recording_has_the_length_and_loudness_it_should(path: Path) -> None:
    sound = decode(path)
    seconds = len(sound) / RATE_HZ
    loudness_dbfs = 20 * np.log10(np.sqrt(np.mean(np.square(sound))) + 1e-12)
    if path.name == "retina-short.webm":
        assert 2 < seconds < 10
    else:
        assert 20 <= seconds <= 90
    if path.name == "hubble-silent.webm":
        assert loudness_dbfs < -70
    else:
        assert -40 < loudness_dbfs < -10


def test_the_evaluation_set_holds_what_it_says() -> None:
    def size(name: str) -> tuple[int, int]:
        with Image.open(SAMPLES / name) as picture:
            return picture.size

    assert size("evaluation/mirrored.jpg") == size("images/photographer.jpg")
    pairs = zip(size("evaluation/cropped.jpg"), size("images/rocket.jpg"), strict=True)
    assert np.allclose([part / whole for part, whole in pairs], (0.80, 0.85), atol=0.01)
    cut = (SAMPLES / "evaluation/cut-short.jpg").read_bytes()
    assert (SAMPLES / "images/brick.jpg").read_bytes().startswith(cut)
    with Image.open(io.BytesIO(cut)) as picture, pytest.raises(OSError, match="truncated"):
        picture.load()
    shared = words_in(rows_of("evaluation/questions.jsonl")[0]["question"])
    spoken = next(row["text"] for row in SPOKEN if row["audio"].endswith("chart-1.webm"))
    assert longest_run(shared, words_in(spoken))[1] == 16


def test_licences_name_every_file() -> None:
    text = (SAMPLES / "LICENSES.md").read_text(encoding="utf-8")
    for path in PICTURES + RECORDINGS + EVALUATION:
        assert f"`{path.parent.name}/{path.name}`" in text
    for path in SAMPLES.iterdir():
        if path.is_file() and path.suffix not in {".py", ".md"}:
            assert f"`{path.name}`" in text
