"""The report of a large store: seconds, megabytes on disk, and how its pages feel in a browser.

The store is synthetic: JPEGs of 512 to 800 pixels drawn from a few hundred distinct ones (made from
`samples/images` by cropping, with grain, 60 to 100 KB each), captions of 196 words, 1.8 transcripts
per picture with their cleaned texts, words drawn as in English by rank. Limits for 100,000 rows on
two cores: 180 s and 300 MB. First view, scroll and search are timed in headless Chromium.

Run: `python -m benchmarks.report [--rows 1000 10000 100000] [--keep DIR]`; the exit status is 1
when a limit is passed.
"""

import argparse
import dataclasses
import io
import math
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image as Pictures

from schemas.codec import arrow_schema, to_batch
from schemas.ids import content_id, image_id_of
from schemas.judgment import Tag
from schemas.lineage import CaptionLineage
from schemas.part_writer import PartWriter
from schemas.records import Duplicate, Image, Recording, Split
from schemas.release import release_schema, shard_name
from schemas.store import Store
from schemas.subsets import SUBSETS
from tools.report.build import build_report

SAMPLES = Path(__file__).parent.parent / "samples"
CHROMIUM = shutil.which("chromium") or "chromium"
ROWS_PER_PART = 1000
DISTINCT = 300
WORDS = 196
LIMIT_S, LIMIT_MB = 180.0, 300.0
VOCABULARY = 30_000


@dataclass(frozen=True)
class Measured:
    """One size: seconds to write and of processors, megabytes on disk, seconds in the browser."""

    rows: int
    seconds: float
    cpu_seconds: float
    megabytes: float
    first_view: float
    scroll: float
    search: float


def pictures(count: int, seed: int = 0) -> list[tuple[bytes, int, int]]:
    """Distinct JPEGs of about 60 to 100 KB with their widths and heights."""
    rng = np.random.default_rng(seed)
    sources = [
        Pictures.open(path).convert("RGB") for path in sorted((SAMPLES / "images").glob("*.jpg"))
    ]
    made = []
    for at in range(count):
        source = sources[at % len(sources)]
        width, height = (int(side) for side in rng.integers(512, 801, 2))
        share = rng.uniform(0.5, 1.0)
        left, top = (rng.uniform(0, 1 - share) * side for side in source.size)
        box = (left, top, left + share * source.width, top + share * source.height)
        scaled = np.asarray(source.resize((width, height), Pictures.Resampling.BICUBIC, box))
        grain = rng.normal(0, 6, scaled.shape[:2])[..., None]
        noisy = np.clip(scaled + grain, 0, 255).astype(np.uint8)
        out = io.BytesIO()
        Pictures.fromarray(noisy).save(out, "JPEG", quality=80)
        made.append((out.getvalue(), width, height))
    return made


class Speech:
    """Texts whose words have the frequencies of a language: rank r is used 1/r as often."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        letters = np.array(list("etaoinshrdlucmfwypvbgkjqxz"))
        lengths = 2 + np.minimum(self._rng.poisson(np.log2(np.arange(VOCABULARY) + 2) / 2), 12)
        weights = np.arange(26, 0, -1) / sum(range(27))
        self._words = ["".join(self._rng.choice(letters, n, p=weights)) for n in lengths]
        share = 1 / np.arange(1, VOCABULARY + 1)
        self._steps = np.cumsum(share / share.sum())

    def words(self, count: int) -> list[str]:
        """Words, without order."""
        drawn = np.searchsorted(self._steps, self._rng.random(count))
        return [self._words[at] for at in drawn.tolist()]

    def row(self) -> tuple[str, list[str], list[str]]:
        """A caption, transcripts and their cleaned texts: each says much of what others do."""
        cleaned = [
            self.words(WORDS) for _ in range(int(self._rng.choice([1, 2, 3], p=[0.4, 0.4, 0.2])))
        ]
        spoken = [
            " um ".join(" ".join(text[at : at + 20]) for at in range(0, WORDS, 20))
            for text in cleaned
        ]
        parts = [text[at : at + 7] for text in cleaned for at in range(0, WORDS, 14)]
        caption = [word for part in parts for word in part][: WORDS * 2 // 3]
        caption += self.words(WORDS - len(caption))
        return " ".join(caption), spoken, [" ".join(text) for text in cleaned]


def make_store(folder: Path, rows: int, bank: Sequence[tuple[bytes, int, int]]) -> Store:
    """Images, recordings of few rows, duplicates, splits, and a release of URLs with lineage."""
    store = Store(str(folder))
    speech = Speech(1)
    sound = next((SAMPLES / "recordings").glob("astronaut-1.webm")).read_bytes()
    for number in range(math.ceil(rows / ROWS_PER_PART)):
        count = min(ROWS_PER_PART, rows - number * ROWS_PER_PART)
        names = [f"https://host{at % 97}.test/{number}/{at}.jpg" for at in range(count)]
        urls = sorted(names, key=image_id_of)
        _put_images(store, number, urls, bank)
        _put_release(store, number, urls, speech, math.ceil(rows / ROWS_PER_PART))
        _put(store, "recordings", number, Recording, [_recording(url, sound) for url in urls[:20]])
        ids = [image_id_of(url) for url in urls]
        kinds = [
            ("near", ids[at - 1]) if at % 50 == 1 else ("unique", ids[at]) for at in range(count)
        ]
        twins = [
            Duplicate(own, other, kind, 3, 0, 0.05, other, 1)
            for own, (kind, other) in zip(ids, kinds, strict=True)
        ]
        _put(store, "duplicates", number, Duplicate, twins)
        _put(store, "splits", number, Split, [Split(own, "train", own) for own in ids])
    return store


def _put_images(
    store: Store, number: int, urls: Sequence[str], bank: Sequence[tuple[bytes, int, int]]
) -> None:
    rows = []
    for at, url in enumerate(urls):
        data, width, height = bank[(number * 7 + at) % len(bank)]
        sizes = (width, height, "jpeg", 1, "0" * 16, b"\0" * 1024, data)
        rows.append(Image(image_id_of(url), url, url, "0" * 64, *sizes, "", 200, "", ""))
    _put(store, "images", number, Image, rows)


def _recording(url: str, sound: bytes) -> Recording:
    facts = ("webm", 27.3, 48_000, -20.0, 0.2, "en", sound, "")
    image_id = image_id_of(url)
    return Recording(content_id("recording", url), image_id, "a0123456789ab", "0" * 64, *facts)


def _put_release(
    store: Store, number: int, urls: Sequence[str], speech: Speech, total: int
) -> None:
    rng = np.random.default_rng(number)
    rows: list[dict[str, Any]] = []
    lineages = []
    for url in urls:
        caption, transcripts, cleaned = speech.row()
        rows.append({"image_url": url, "caption": caption, "transcripts": transcripts})
        tags = tuple(Tag(f"check_{at}_v1", round(float(rng.random() ** 4), 3)) for at in range(8))
        own = image_id_of(url)
        made = ("large-v3", "llm", "clean_v1", "caption_v1", "url", "0.1.0")
        spoken = (content_id("recording", url),)
        facts = (spoken, ("",), ("0" * 64,), tuple(cleaned), tags)
        lineages.append(CaptionLineage(url, content_id(url) * 2, own, own, *facts, *made))
    name = shard_name("train", number, total)
    schema = release_schema(SUBSETS["cap"].columns, False)
    _write(Path(store.path("release", "cap", name)), pa.Table.from_pylist(rows, schema))
    batch = to_batch(lineages, CaptionLineage)
    table = pa.Table.from_batches([batch], arrow_schema(CaptionLineage))
    _write(Path(store.path("release", "lineage", "cap", name)), table)


def _write(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd")


def _put(store: Store, table: str, number: int, record: type, rows: Sequence[Any]) -> None:
    with PartWriter(store, table, number, record) as writer:
        for row in sorted(
            rows, key=lambda row: str(getattr(row, next(iter(record.__annotations__))))
        ):
            writer.add(row)
        facts = {
            "rows_in": len(rows),
            "seconds": 1.0,
            "code_version": "",
            "config": {},
            "inputs": {},
        }
        writer.commit(fingerprint=content_id(table, str(number)), **facts)


def browse(report: Path) -> tuple[float, float, float]:
    """Seconds until the first row is shown, until a far one is, and until a search has ended."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800}, bypass_csp=True)
        began = time.monotonic()
        page.goto(f"file://{report}/cap.html")
        page.wait_for_function("document.querySelector('#row .prose')", timeout=60_000)
        first = time.monotonic() - began
        began = time.monotonic()
        page.evaluate(
            "(box => { box.scrollTop = box.scrollHeight * 0.7 })(document.getElementById('list'))"
        )
        page.wait_for_function(
            "[...document.querySelectorAll('.excerpt')].every(e => e.textContent !== '…')"
        )
        scroll = time.monotonic() - began
        word = page.evaluate("pixmo.page.shown.b.find(b => b[0] === 'text')[2].split(' ')[5]")
        began = time.monotonic()
        page.fill("#search", word)
        page.wait_for_function("document.getElementById('count').textContent.includes(' of ')")
        search = time.monotonic() - began
        browser.close()
    return first, scroll, search


def measure(
    rows: int, folder: Path, bank: Sequence[tuple[bytes, int, int]], workers: int
) -> Measured:
    """Make a store, time its report, and look at it."""
    store_folder = folder / f"store-{rows}"
    made = store_folder / "release" / "cap"
    store = Store(str(store_folder)) if made.exists() else make_store(store_folder, rows, bank)
    began, worked = time.monotonic(), _cpu_seconds()
    built = build_report(store, f"{store_folder}/report", workers)
    seconds, worked = time.monotonic() - began, _cpu_seconds() - worked
    views = browse(store_folder / "report")
    return Measured(rows, seconds, worked, built.bytes / 1e6, *views)


def _cpu_seconds() -> float:
    """Seconds of processors that this process and its ended children have used."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def main(argv: Sequence[str] | None = None) -> int:
    """Print one line per size; 1 when 100,000 rows pass a limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="a folder for the stores, which stay there")
    options = parser.parse_args(argv)
    bank = pictures(DISTINCT)
    mean = sum(len(data) for data, _, _ in bank) / len(bank) / 1000
    print(f"{DISTINCT} distinct pictures of {mean:.0f} KB on average, {options.workers} workers")
    heads = ("rows", "seconds", "CPU s", "MB", "first view s", "scroll s", "search s")
    print(" ".join(f"{head:>12}" for head in heads))
    passed = True
    with tempfile.TemporaryDirectory() as temporary:
        for rows in options.rows:
            one = measure(rows, options.keep or Path(temporary), bank, options.workers)
            values = (getattr(one, field.name) for field in dataclasses.fields(one))
            print(" ".join(f"{value:12.5g}" for value in values), flush=True)
            passed &= rows > 100_000 or (one.seconds <= LIMIT_S and one.megabytes <= LIMIT_MB)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
