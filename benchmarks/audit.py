"""The audit at one million rows: a store and a release, each proved as `pixmo audit` does it.

The store has a million pictures of about 1 KB (their checks grow with bytes, not with rows), each
with a recording, a transcript of 230 words, a caption of 196 words (PixMo-Cap's mean), duplicates,
splits and a selection: nine tables, nine million rows in. The release has a million rows as URLs.
Both are made once and kept in `benchmarks/.cache/audit` (9 GB, about ten minutes); what is timed is
the whole command with two workers, started anew each time.

Run: `python -m benchmarks.audit [--n 1000000] [--runs 1]`; the exit status is 1 when a promise does
not hold or a run takes longer than the limit.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.release_plan import ExportConfig
from pipelines.stage import whole_table
from pipelines.subsets.cap import SelectCap
from schemas.batch_digest import batch_digests
from schemas.codec import BULK, arrow_schema
from schemas.ids import content_id, image_id_of, sha256_hex
from schemas.judgment import RejectRow
from schemas.release import LINEAGE, release_schema, shard_name
from schemas.store import FOOTER_KEY, PartInfo, Store
from schemas.subsets import SUBSETS
from schemas.tables import TABLES
from tools.release.describe import describe_release

CACHE = Path(__file__).parent / ".cache" / "audit"
ROWS_PER_PART = 1000
TEXTS = 2000
ROWS_PER_SHARD = 100_000
PICTURE_BYTES = 1000
CAPTION_WORDS, SPOKEN_WORDS = 196, 230
TAGS = ("refusal_v1", "caption_added_v1", "caption_missing_v1", "caption_loops_v1")
COMMAND = "import sys; from tools.cli import main; main(sys.argv[1:])"
Columns = dict[str, Any]


@cache
def words() -> list[str]:
    """Four thousand words to draw from."""
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    return ["".join(rng.choice(letters, size)) for size in rng.integers(2, 10, 4000)]


@cache
def known_texts(size: int) -> list[str]:
    """Texts of `size` words, the first of which is left to be drawn."""
    known = words()
    drawn = np.random.default_rng(size).integers(0, len(known), (TEXTS, size - 2))
    return [" ".join(known[at] for at in row) for row in drawn]


def texts(rng: np.random.Generator, rows: int, size: int) -> list[str]:
    """Texts of `size` words, no two of them the same."""
    known = known_texts(size)
    drawn = zip(rng.integers(0, 2**40, rows), rng.integers(0, TEXTS, rows), strict=True)
    return [f"number {first} {known[at]}" for first, at in drawn]


def part_columns(number: int, rows: int) -> dict[str, Columns]:
    """The columns of one part of every table but the sources, in the order of image ids."""
    rng = np.random.default_rng(number)
    urls = [f"https://example.org/{number}/{at}.jpg" for at in range(rows)]
    ids, urls = zip(*sorted((image_id_of(url), url) for url in urls), strict=True)
    pictures = [rng.bytes(PICTURE_BYTES) for _ in range(rows)]
    said, written = texts(rng, rows, SPOKEN_WORDS), texts(rng, rows, CAPTION_WORDS)
    recordings = sorted(content_id("recording", url) for url in urls)
    sounds = [rng.bytes(100) for _ in range(rows)]
    heard = [sha256_hex(sound) for sound in sounds]
    scores = np.round(rng.random((rows, len(TAGS))) * 0.4, 4).tolist()
    tags = [[{"name": n, "score": s} for n, s in zip(TAGS, row, strict=True)] for row in scores]
    spoken = {"image_id": ids, "annotator_id": ["a0123456789ab"] * rows, "audio_sha256": heard}
    split = np.where(rng.random(rows) < 0.01, "validation", "train").tolist()
    return {
        "images": {
            "image_id": ids,
            "image_url": urls,
            "final_url": urls,
            "bytes": pictures,
            "image_sha256": [sha256_hex(data) for data in pictures],
            "phash": [data[:8].hex() for data in pictures],
            "grey32": [data + data[:24] for data in pictures],
        },
        "recordings": {"recording_id": recordings, **spoken, "audio": sounds},
        "transcripts": {
            "recording_id": recordings,
            **spoken,
            "text": said,
            "tags": tags,
            "model": ["whisper@0"] * rows,
        },
        "captions": {
            "image_id": ids,
            "image_url": urls,
            "caption": written,
            "tags": tags,
            "transcripts": [[text] for text in said],
            "cleaned": [[text[:-1]] for text in said],
            "recording_ids": [[own] for own in recordings],
            "model": ["m"] * rows,
            "speech_model": ["whisper@0"] * rows,
            "clean_prompt": ["clean_v1"] * rows,
            "caption_prompt": ["caption_v1"] * rows,
        },
        "duplicates": {"image_id": ids, "representative_id": ids, "component_id": ids},
        "splits": {"image_id": ids, "split": split, "component_id": ids},
        "selected/cap": {"row_id": ids, "image_id": ids, "split": split},
        "sources/images": {"key": ids, "row": [f'{{"image_url":"{url}"}}' for url in urls]},
        "sources/recordings": {
            "key": recordings,
            "row": [f'{{"annotator":"speaker-{at % 50}"}}' for at in range(rows)],
        },
    }


def filled(columns: Columns, schema: pa.Schema, rows: int) -> pa.RecordBatch:
    """The columns as a batch of the whole schema; what is not given is 0, empty or false."""
    arrays = []
    for field in schema:
        values = columns.get(field.name)
        arrays.append(
            pa.array(values if values is not None else [_empty(field)] * rows, field.type)
        )
    return pa.record_batch(arrays, schema=schema)


def _empty(field: pa.Field) -> Any:
    kind = field.type
    if pa.types.is_list(kind):
        return []
    if pa.types.is_binary(kind):
        return b""
    return "" if pa.types.is_string(kind) else 0


def write_part(
    store: Store, table: str, number: int, columns: Columns, inputs: dict[str, str]
) -> str:
    """Write one part as `PartWriter` does, from columns; returns its content."""
    schema, rows = arrow_schema(TABLES[table].record), len(next(iter(columns.values())))
    batch = filled(columns, schema, rows)
    content = sha256_hex("".join(batch_digests(batch)).encode())[:32]
    config = SelectCap().settings() if table.startswith("selected/") else {}
    commit = content_id("f", content, sha256_hex(b"")[:32])
    numbers = (rows, rows, {}, 0, 0.0, "bench", config, inputs)
    info = PartInfo(table, number, "f", content, commit, *numbers)
    footer = {FOOTER_KEY: json.dumps(asdict(info)).encode()}
    rejects = pa.table([[]] * 6, schema=arrow_schema(RejectRow))
    for name, data in ((f"rejects/{table}", rejects), (table, pa.Table.from_batches([batch]))):
        path = Path(store.part_path(name, number))
        path.parent.mkdir(parents=True, exist_ok=True)
        bulk = [own for own in data.schema.names if own in BULK]
        pq.write_table(
            data.replace_schema_metadata(footer),
            path,
            row_group_size=100,
            compression={own: "none" if own in bulk else "zstd" for own in data.schema.names},
            use_dictionary=[own for own in data.schema.names if own not in bulk],
        )
    return content


def write_parts(job: tuple[str, int, int]) -> None:
    """Write one part of every table that depends on no whole table."""
    url, number, rows = job
    store, found = Store(url), part_columns(number, rows)
    contents: dict[str, str] = {}
    for table in TABLES:
        if table not in found or table == "splits":
            continue
        feeds = ["transcripts"] if table == "captions" else [TABLES[table].fed_by]
        inputs = {f"{feed}/{number}": contents[feed] for feed in feeds if feed in contents}
        contents[table] = write_part(store, table, number, found[table], inputs)


def write_splits(job: tuple[str, int, int, str]) -> None:
    """Write one part of splits, which depend on all duplicates."""
    url, number, rows, whole = job
    columns = part_columns(number, rows)["splits"]
    write_part(Store(url), "splits", number, columns, {"duplicates": whole})


def write_shard(job: tuple[str, str, int, int, list[int]]) -> None:
    """Write one shard of the release and its lineage, from parts of the store."""
    url, split, index, total, numbers = job
    store = Store(url)
    name = shard_name(split, index, total)
    subset = SUBSETS["cap"]
    paths = [Path(url, "release", *more, name) for more in (("cap",), ("lineage", "cap"))]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
    schemas = (release_schema(subset.columns, False), LINEAGE["cap"])
    with (
        pq.ParquetWriter(paths[0], schemas[0], compression="zstd") as release,
        pq.ParquetWriter(paths[1], schemas[1], compression="zstd") as lineage,
    ):
        for rows in (table for number in numbers for table in release_rows(store, number, split)):
            release.write_table(rows.select(schemas[0].names).cast(schemas[0]))
            lineage.write_table(rows.select(schemas[1].names).cast(schemas[1]))


def release_rows(store: Store, number: int, split: str) -> Iterator[pa.Table]:
    """The rows of one part that go into a split, with all columns of release and lineage."""
    rows = store.read("captions", number)
    size = len(rows)
    chosen = pa.compute.equal(store.read("splits", number)["split"], split)
    sums = store.read("transcripts", number, ["audio_sha256"])[0].to_pylist()
    more = {
        "image_sha256": store.read("images", number, ["image_sha256"])[0],
        "component_id": rows["image_id"],
        "audio_sha256": pa.array([[own] for own in sums]),
        "image_bytes": pa.array(["url"] * size),
        "code_version": pa.array(["bench"] * size),
    }
    for name, values in more.items():
        rows = rows.append_column(name, values)
    yield rows.filter(chosen)


def build(n: int, workers: int) -> Path:
    """The store and its release, made once for each size."""
    folder = CACHE / f"{n}"
    if (folder / "done").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    url, parts = str(folder / "store"), -(-n // ROWS_PER_PART)
    sizes = [min(ROWS_PER_PART, n - at * ROWS_PER_PART) for at in range(parts)]
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        list(pool.map(write_parts, [(url, at, size) for at, size in enumerate(sizes)]))
        whole = whole_table("duplicates", Store(url).infos("duplicates"))[0][1]
        list(pool.map(write_splits, [(url, at, size, whole) for at, size in enumerate(sizes)]))
        per_shard = ROWS_PER_SHARD // ROWS_PER_PART
        cuts = [list(range(at, min(at + per_shard, parts))) for at in range(0, parts, per_shard)]
        jobs = [(url, "train", at, len(cuts), cut) for at, cut in enumerate(cuts)]
        list(pool.map(write_shard, [*jobs, (url, "validation", 0, 1, list(range(parts)))]))
    describe(folder)
    (folder / "done").touch()
    return folder


def describe(folder: Path) -> None:
    """Card, Croissant metadata and manifest, written in a store that holds nothing but the release:
    how long it takes to count the origins of a million rows is not what is measured here."""
    release, alone = folder / "store" / "release", folder / "alone"
    alone.mkdir(exist_ok=True)
    release.rename(alone / "release")
    describe_release(Store(str(alone)), ExportConfig("url", license="cc0-1.0"))
    (alone / "release").rename(release)
    shutil.rmtree(alone)


def measure(words_: list[str]) -> tuple[float, float, float, str]:
    """Run the command: wall seconds, CPU seconds, MB at peak of all its processes, last line."""
    began, peak, cpu = time.perf_counter(), 0, 0.0
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *words_], stdout=subprocess.PIPE, text=True
    )
    own = psutil.Process(process.pid)
    seconds: dict[int, float] = {}
    while process.poll() is None:
        try:
            tree = [own, *own.children(recursive=True)]
            peak = max(peak, sum(one.memory_info().rss for one in tree))
            seconds |= {one.pid: sum(one.cpu_times()[:2]) for one in tree}
        except psutil.Error:
            pass  # it ended between listing and asking
        time.sleep(0.1)
    cpu = sum(seconds.values())
    assert process.stdout is not None
    said = process.stdout.read().strip().splitlines()
    if process.returncode:
        print("\n".join(said))
    return time.perf_counter() - began, cpu, peak / 2**20, said[-1] if said else "nothing"


def main() -> int:
    """Build, run, print the figures, check them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--n", type=int, default=1_000_000, help="pictures, and rows of the release"
    )
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--max-seconds", type=float, default=120.0)
    options = parser.parse_args()
    began = time.perf_counter()
    folder = build(options.n, options.workers)
    print(f"made in {time.perf_counter() - began:.0f} s: {folder}")
    good = True
    for kind, url in (("store", folder / "store"), ("release", folder / "store" / "release")):
        flags = ["audit", f"--{kind}", str(url), "--workers", str(options.workers)]
        runs = [measure(flags) for _ in range(options.runs)]
        wall = [run[0] for run in runs]
        middle, spread = statistics.median(wall), max(wall) - min(wall)
        print(
            f"{kind}: {runs[-1][3]}: {middle:.1f} s, spread {spread:.1f} s over {len(runs)} runs "
            f"(limit {options.max_seconds:g}), {runs[-1][1]:.1f} CPU s, {runs[-1][2]:.0f} MB peak"
        )
        good &= all(run[3].endswith(" 0 findings") for run in runs)
        good &= max(wall) <= options.max_seconds
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
