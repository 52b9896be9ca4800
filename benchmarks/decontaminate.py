"""One million pictures against 100,000 evaluation pictures: seconds, memory, and what is found.

The whole stage as it runs: parts of 1000 rows read from Parquet, the index of evaluation pictures
built in each of two workers, all eight orientations, a row with its evidence written per picture.
Without crops, then with crops both ways. Pictures are random with the spectrum of photographs
(amplitude falls with frequency to the power 1.5), 32x32 grey, since that is all that the stage
reads; bytes and decoding are left out, because ingest and import have done them. Planted: turned,
lightened and noisy copies, and crops both ways; how many of them are found is part of the table.
Then captions of 196 words against as many questions of 20, in rows a second of one core.

Run: `python -m benchmarks.decontaminate [--n 1000000] [--evaluation 100000] [--runs 2]`; the exit
status is 1 when a limit is passed or a turned copy is missed. The store (1.6 GB) is temporary.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures

from benchmarks.dedupe import MEGABYTE, cpu_seconds, watch_memory
from pipelines.decontaminate import Decontaminate
from pipelines.engine import BeamEngine
from pipelines.run_stage import RunOptions, run_stage
from pipelines.steps.crops import crop_hashes
from pipelines.steps.ngrams import words_in
from pipelines.steps.phash import orient_grey, phash_bits, uint64_to_hex
from pipelines.steps.text_index import TextIndex, TextRules
from schemas.ids import content_id
from schemas.part_writer import PartWriter
from schemas.records import Contamination, EvaluationItem, Image
from schemas.store import Store

Grey = NDArray[np.uint8]
ROWS = 1000
SIDE = 64  # of the pictures that crops are cut from
PLANTED = ("turned",) * 10 + ("crop of it",) * 5 + ("holds it",) * 5  # among the rows of a part


@dataclass(frozen=True)
class Round:
    """One run of the stage: wall and CPU seconds, peak memory, and planted rows found, by kind."""

    seconds: float
    cpu: float
    memory: int
    found: dict[str, float]
    false: int


def photographs(seed: int, count: int, side: int = 32) -> Grey:
    """Random grey pictures (count, side, side) with the spectrum of photographs."""
    noise = np.random.default_rng(seed).standard_normal((count, side, side), dtype=np.float32)
    rows, columns = np.fft.fftfreq(side)[:, None] * side, np.fft.rfftfreq(side)[None] * side
    falling = np.maximum(np.hypot(rows, columns), 1) ** -1.5
    values = np.fft.irfft2(np.fft.rfft2(noise) * falling, s=(side, side))
    values *= 45 / values.std(axis=(1, 2), keepdims=True)
    return np.clip(values + 128, 0, 255).astype(np.uint8)


def shrink(pictures: Grey, boxes: NDArray[np.float64] | None = None) -> Grey:
    """To 32x32, as ingest does it; of each picture the box, in pixels, where there are boxes."""
    cuts = [None] * len(pictures) if boxes is None else [tuple(box) for box in boxes.tolist()]
    how = Pictures.Resampling.LANCZOS
    shrunk = [
        np.asarray(Pictures.fromarray(picture).resize((32, 32), how, box))
        for picture, box in zip(pictures, cuts, strict=True)
    ]
    return np.array(shrunk, np.uint8).reshape(-1, 32, 32)


def random_boxes(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Boxes of 60% to 95% of the area, of the picture's own shape."""
    side = np.sqrt(rng.uniform(0.6, 0.95, count)) * SIDE
    left, top = rng.uniform(0, SIDE - side), rng.uniform(0, SIDE - side)
    return np.stack([left, top, left + side, top + side], axis=1)


def planted(part: int, originals: Grey) -> tuple[Grey, Grey]:
    """What the planted rows of a part are, and the evaluation pictures that they come near."""
    rng = np.random.default_rng(10**6 + part)
    kinds = np.array(PLANTED)
    own = originals[: len(PLANTED)]
    whole, cut = shrink(own), shrink(own, random_boxes(rng, len(own)))
    turned = np.stack([orient_grey(grey, n % 8) for n, grey in enumerate(whole)])
    noise = rng.normal(10, 4, turned.shape)
    lighter = np.clip(0.9 * turned + noise, 0, 255).astype(np.uint8)
    is_cut, is_turned = (kinds == "crop of it")[:, None, None], (kinds == "turned")[:, None, None]
    holds = (kinds == "holds it")[:, None, None]
    return np.where(is_turned, lighter, np.where(is_cut, cut, whole)), np.where(holds, cut, whole)


def training_ids(part: int) -> list[str]:
    """The ids of a part, in order; the first rows are the planted ones."""
    return [f"{part:08x}{row:08x}{'0' * 16}" for row in range(ROWS)]


def write(store: Store, parts: int, items: int) -> None:
    """Parts of images, and of evaluation items that the planted rows come near."""
    per_chunk = items // parts
    for part in range(parts):
        near, targets = planted(part, photographs(10**7 + part, len(PLANTED), SIDE))
        others = photographs(part, ROWS - len(PLANTED))
        images(store, part, np.concatenate([near, others]))
        more = photographs(2 * 10**7 + part, per_chunk - len(PLANTED))
        evaluation(store, part, np.concatenate([targets, more]))


def images(store: Store, part: int, grey: Grey) -> None:
    """One part of images, without bytes."""
    hashes = uint64_to_hex(phash_bits(grey))
    facts = ("u", "u")
    rows = (
        Image(key, *facts, content_id(key) * 2, 9, 9, "jpeg", 1, phash, one.tobytes(), b"", *_REST)
        for key, phash, one in zip(training_ids(part), hashes, grey, strict=True)
    )
    commit(store, "images", part, Image, rows)


def evaluation(store: Store, part: int, grey: Grey) -> None:
    """One part of evaluation pictures."""
    hashes, crops = uint64_to_hex(phash_bits(grey)), crop_hashes(grey).astype(">u8")
    rows = (
        EvaluationItem(
            key, "bench", "row", "picture", key * 2, phash, one.tobytes(), crop.tobytes(), ""
        )
        for key, phash, one, crop in zip(training_ids(part), hashes, grey, crops, strict=False)
    )
    commit(store, "evaluation", part, EvaluationItem, rows)


_REST = ("2026-01-01T00:00:00Z", 200, "", "")


def commit(store: Store, table: str, part: int, record: type, rows: Iterator[object]) -> None:
    """Write one part."""
    with PartWriter(store, table, part, record) as writer:
        count = 0
        for row in rows:
            writer.add(row)
            count += 1
        facts = {"seconds": 0.0, "code_version": "bench", "config": {}, "inputs": {}}
        writer.commit(fingerprint=f"{table}{part}", rows_in=count, **facts)


def run(store: Store, crops: bool, workers: int) -> Round:
    """The stage from nothing, on its engine."""
    table = Decontaminate.table
    if store.part_numbers(table):
        store.fs.rm(store.path("contamination"), recursive=True)
        store.fs.rm(store.path("rejects", "contamination"), recursive=True)
    begin, cpu = time.perf_counter(), cpu_seconds()
    with watch_memory() as memory:
        run_stage(Decontaminate(crops=crops), store, RunOptions(BeamEngine(workers)))
    seconds, cpu = time.perf_counter() - begin, cpu_seconds() - cpu
    return Round(seconds, cpu, memory.peak, *count_found(store))


def count_found(store: Store) -> tuple[dict[str, float], int]:
    """The share of planted rows that are tagged with their own item, and how many others are."""
    hits, false, parts = dict.fromkeys(PLANTED, 0), 0, store.part_numbers(Decontaminate.table)
    for part in parts:
        place = {key: at for at, key in enumerate(training_ids(part))}
        for row in store.records(Decontaminate.table, part, Contamination):
            at = place[row.row_id]
            if at < len(PLANTED) and row.row_id in {match.item_id for match in row.matches}:
                hits[PLANTED[at]] += 1
            elif row.matches:
                false += 1
    return {kind: n / (len(parts) * PLANTED.count(kind)) for kind, n in hits.items()}, false


def show(name: str, rounds: list[Round], limit: float) -> None:
    """Print one line of the table."""
    walls = [one.seconds for one in rounds]
    last, cpu = rounds[-1], statistics.median(one.cpu for one in rounds)
    found = ", ".join(f"{kind} {share:.1%}" for kind, share in last.found.items())
    print(
        f"{name:14} {statistics.median(walls):7.1f} s ({min(walls):.1f} to {max(walls):.1f}, limit "
        f"{limit:g}) {cpu:7.1f} CPU s  {max(one.memory for one in rounds) / MEGABYTE:6.0f} MB  "
        f"found: {found}; others tagged: {last.false}"
    )


def text_rate(questions: int, rows: int = 20_000) -> float:
    """Captions a second of CPU that are held against evaluation texts, their words split too."""
    rng = np.random.default_rng(0)
    known = [f"word{n}" for n in range(30_000)]
    lengths = [20] * questions + [196] * rows
    # Words are as unequal as in language: the k-th most frequent is used 1/k times as often.
    drawn = np.exp(rng.random(sum(lengths)) * np.log(len(known))).astype(int) - 1
    texts = np.split(np.array(known, object)[drawn], np.cumsum(lengths)[:-1])
    index = TextIndex([[text.tolist()] for text in texts[:questions]], TextRules())
    captions = [" ".join(text) + "." for text in texts[questions:]]
    begin = time.process_time()
    for at in range(0, rows, ROWS):
        index.overlaps([[words_in(text)] for text in captions[at : at + ROWS]])
    return rows / (time.process_time() - begin)


def main() -> int:
    """Run, print the table, check it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n", type=int, default=1_000_000, help="pictures, a multiple of 1000")
    parser.add_argument("--evaluation", type=int, default=100_000, help="evaluation pictures")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--max-seconds", type=float, default=120.0, help="without crops")
    parser.add_argument("--max-seconds-crops", type=float, default=240.0, help="with crops")
    options = parser.parse_args()
    if options.evaluation > options.n:
        parser.error("--evaluation is at most --n: each part of pictures has one of its own")
    parts = options.n // ROWS
    limits = {False: options.max_seconds, True: options.max_seconds_crops}
    ok = True
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        write(store, parts, max(options.evaluation, parts * len(PLANTED)))
        print(f"decontaminate: {parts * ROWS} pictures against {options.evaluation}")
        for crops, limit in limits.items():
            rounds = [run(store, crops, options.workers) for _ in range(options.runs)]
            show("with crops" if crops else "without crops", rounds, limit)
            ok &= statistics.median(one.seconds for one in rounds) <= limit
            ok &= rounds[-1].found["turned"] >= 0.999
    print(f"texts          {text_rate(options.evaluation):7.0f} captions of 196 words a CPU second")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
