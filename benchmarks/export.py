"""Export against plain pyarrow: MB/s of writing the same rows, with pictures and with URLs alone.

A store of captioned JPEGs (100 to 300 KB with EXIF, a thumbnail and GPS; 196 words a caption, two
transcripts) is exported by `export_subset`, with metadata cut out, lineage written beside, checks
before and fsync after. Three sides stand against it:

- plain: a script that reads the same columns from the same parts, picks the selected rows and
  writes them with the same compression and row groups; no stripping, no lineage, no fsync;
- synced: the same, and its files are on the disk at the end, as those of pixmo are;
- memory: `pq.write_table` alone, of rows that are already in memory: no reading either.

The sides alternate, after one round that does not count (in it Beam is imported). MB/s are those of
what a side writes, as it lies in Arrow: for pixmo the lineage too, which is next to nothing beside
pictures and nearly as much as the rows without them; the ratio of rows alone is printed as well.

Run: `python -m benchmarks.export [--pictures 6000]`; the exit status is 1 when the median is below
`--least` of plain's in a mode.
"""

import argparse
import io
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from PIL import Image as Pictures

from benchmarks.pictures import make_pictures, picture_names
from pipelines.engine import BeamEngine
from pipelines.export import export_subset
from pipelines.release_plan import ExportConfig
from pipelines.subsets.cap import CAP
from schemas.ids import content_id, image_id_of, sha256_hex
from schemas.judgment import Tag
from schemas.part_writer import PartWriter
from schemas.records import Caption, Image, Segment, Selected, Split, Transcript
from schemas.store import Store
from schemas.subsets import IMAGE_TYPE, SUBSETS

PER_PART = 1000
DISTINCT = 150
WORDS = 196
MEGABYTE = 1e6
COLUMNS = SUBSETS["cap"].columns.names


@dataclass(frozen=True)
class Side:
    """A way to write the release; it starts with nothing there and returns nothing."""

    name: str
    write: Callable[[], None]


def with_metadata(data: bytes, rng: random.Random) -> bytes:
    """The picture saved as a camera does: some quality, EXIF with GPS, a thumbnail's worth."""
    exif = Pictures.Exif()
    exif[0x010F], exif[0x0110], exif[0x9286] = "Sample", "Camera", "x" * rng.randint(2000, 12000)
    exif.get_ifd(0x8825)[2] = (52.0, 30.0, rng.random())
    out = io.BytesIO()
    Pictures.open(io.BytesIO(data)).save(out, "JPEG", quality=rng.randint(80, 95), exif=exif)
    return out.getvalue()


def camera_files() -> list[bytes]:
    """Some JPEGs as cameras write them."""
    rng, folder = random.Random(0), make_pictures(DISTINCT)
    files = [with_metadata((folder / name).read_bytes(), rng) for name in picture_names(folder)]
    sizes = [len(data) / 1000 for data in files]
    mean = statistics.mean(sizes)
    print(f"pictures: {min(sizes):.0f} to {max(sizes):.0f} KB, {mean:.0f} KB on average")
    return files


def make_store(store: Store, count: int, files: list[bytes]) -> None:
    """Images (one of `files` each), transcripts, captions, splits and a selection of them."""
    rng = random.Random(0)
    words = [
        "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(5000)
    ]
    for number, start in enumerate(range(0, count, PER_PART)):
        urls = [f"https://pics.test/{n}.jpg" for n in range(start, min(start + PER_PART, count))]
        urls.sort(key=image_id_of)
        texts = [[" ".join(rng.choices(words, k=WORDS)) for _ in range(3)] for _ in urls]
        _put(store, "images", number, Image, (_image(u, rng.choice(files)) for u in urls))
        spoken = sorted(
            (s for u, t in zip(urls, texts, strict=True) for s in _transcripts(u, t[1:])),
            key=lambda row: row.recording_id,
        )
        made = _put(store, "transcripts", number, Transcript, iter(spoken))
        captions = (_caption(u, t) for u, t in zip(urls, texts, strict=True))
        _put(store, "captions", number, Caption, captions, {f"transcripts/{number}": made})
        ids = [image_id_of(url) for url in urls]
        _put(store, "splits", number, Split, (Split(i, "train", i) for i in ids))
        kept = (Selected(i, i, "train") for i in ids if int(i[0], 16))  # one in sixteen is not
        _put(store, "selected/cap", number, Selected, kept)


def _put(store, table, number, record, rows, inputs=None) -> str:  # type: ignore[no-untyped-def]
    with PartWriter(store, table, number, record) as writer:
        count = 0
        for row in rows:
            writer.add(row)
            count += 1
        info = writer.commit(
            fingerprint="benchmark",
            rows_in=count,
            seconds=0.0,
            code_version="",
            config={},
            inputs=inputs or {},
        )
    return info.content


def _image(url: str, data: bytes) -> Image:
    key = image_id_of(url)
    facts = (1024, 768, "jpeg", 1, "0" * 16, bytes(1024), data, "", 200, "", "")
    return Image(key, url, url, sha256_hex(key.encode()), *facts)


def _transcripts(url: str, texts: list[str]) -> Iterator[Transcript]:
    for n, text in enumerate(texts):
        yield Transcript(
            recording_id=content_id(url, str(n)),
            image_id=image_id_of(url),
            annotator_id="a",
            audio_sha256=sha256_hex(f"{url}{n}".encode()),
            text=text,
            language="en",
            language_probability=1.0,
            duration_s=60.0,
            segments=(Segment(0.0, 60.0, text, 0.0, 0.0, 1.0),),
            tags=(),
            model="m",
        )


def _caption(url: str, texts: list[str]) -> Caption:
    tags = tuple(Tag(f"tag_{n}_v1", 0.1) for n in range(11))
    recordings = tuple(content_id(url, str(n)) for n in range(2))
    said = tuple(texts[1:])
    made_by = ("m", "s", "clean_v1", "caption_v1", 10, 10)
    return Caption(image_id_of(url), url, texts[0], said, said, recordings, (), tags, *made_by)


def plain_rows(store: Store, embed: bool) -> Iterator[pa.Table]:
    """The selected rows, part by part, or row group by row group with pictures."""
    for number in store.part_numbers("selected/cap"):
        wanted = pq.read_table(store.part_path("selected/cap", number), columns=["image_id"])[0]
        captions = pq.read_table(
            store.part_path("captions", number), columns=["image_id", *COLUMNS]
        )
        captions = captions.filter(pc.is_in(captions["image_id"], wanted.combine_chunks()))
        if not embed:
            yield captions.select(COLUMNS)
            continue
        pictures = pq.ParquetFile(store.part_path("images", number))
        for group in range(pictures.num_row_groups):
            found = pictures.read_row_group(group, columns=["image_id", "bytes"])
            found = found.filter(pc.is_in(found["image_id"], wanted.combine_chunks()))
            at = pc.index_in(found["image_id"], captions["image_id"].combine_chunks())
            data, ids = (found[name].combine_chunks() for name in ("bytes", "image_id"))
            image = pa.StructArray.from_arrays([data, ids], fields=list(IMAGE_TYPE))
            yield captions.take(at).select(COLUMNS).append_column("image", image)


def plain_write(tables: Iterator[pa.Table], folder: Path, rows_per_file: int, embed: bool) -> None:
    """Rows to files as an export has them."""
    folder.mkdir()
    writer, room, number = None, 0, 0
    for table in tables:
        while len(table):
            if writer is None:
                codecs = {name: "zstd" for name in COLUMNS}
                codecs |= {"image": "none"} if embed else {}
                writer = pq.ParquetWriter(
                    folder / f"{number}.parquet",
                    table.schema,
                    compression=codecs,
                    use_dictionary=COLUMNS,
                    write_page_index=True,
                )
                room, number = rows_per_file, number + 1
            piece, table = table.slice(0, room), table.slice(room)
            writer.write_table(piece, row_group_size=100 if embed else 10_000)
            room -= len(piece)
            if not room:
                writer.close()
                writer = None
    if writer:
        writer.close()


def sides(store: Store, embed: bool, workers: int, folder: Path) -> tuple[list[Side], float]:
    """The four ways, and the megabytes that each writes."""
    config = ExportConfig(images="embed" if embed else "url")
    held = list(plain_rows(store, embed))
    size = sum(table.nbytes for table in held) / MEGABYTE
    rows = config.shard_rows

    def pixmo() -> None:
        export_subset(store, CAP, config, BeamEngine(workers))

    def plain() -> None:
        plain_write(plain_rows(store, embed), folder / "plain", rows, embed)

    def synced() -> None:
        plain()
        for path in (folder / "plain").iterdir():
            with open(path, "rb+") as handle:
                os.fsync(handle.fileno())

    def memory() -> None:
        plain_write(iter(held), folder / "plain", rows, embed)

    each = {"pixmo": pixmo, "plain": plain, "synced": synced, "memory": memory}
    return [Side(name, write) for name, write in each.items()], size


def measure(each: list[Side], size: float, rounds: int, folders: list[Path]) -> dict[str, float]:
    """The median MB/s of each side, all printed; the first round warms up."""
    found: dict[str, list[float]] = {side.name: [] for side in each}
    for turn in range(rounds + 1):
        for side in each[turn % len(each) :] + each[: turn % len(each)]:
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)
            began = time.perf_counter()
            side.write()
            if turn:
                found[side.name].append(size / (time.perf_counter() - began))
    for name, rates in found.items():
        print(
            f"  {name:<7} {statistics.median(rates):6.0f} MB/s "
            f"(from {min(rates):.0f} to {max(rates):.0f})"
        )
    return {name: statistics.median(rates) for name, rates in found.items()}


def main() -> int:
    """Make the store, run the sides in both modes, judge."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pictures", type=int, default=6000, help="rows to embed")
    parser.add_argument("--rows", type=int, default=40_000, help="rows with URLs alone")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1, help="one keeps two cores busy")
    parser.add_argument("--least", type=float, default=0.8, help="share of plain pyarrow's MB/s")
    options = parser.parse_args()
    embedded = compare(True, options.pictures, camera_files(), options)
    ratios = {"embed": embedded, "url": compare(False, options.rows, [b"-"], options)}
    return 0 if min(ratios.values()) >= options.least else 1


def compare(embed: bool, count: int, files: list[bytes], options: argparse.Namespace) -> float:
    """What pixmo reaches of plain pyarrow's MB/s in one mode."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = Store(str(folder / "store"))
        make_store(store, count, files)
        each, size = sides(store, embed, options.workers, folder)
        print(f"{'embed' if embed else 'url'}: {size:.0f} MB, {options.workers} worker(s)")
        places = [folder / "plain", folder / "store" / "release"]
        rates = measure(each, size, options.rounds, places)
        each[0].write()
        lineage = sum(pq.read_table(path).nbytes for path in places[1].glob("lineage/cap/*"))
    rows: float = rates["pixmo"] / rates["plain"]
    ratio: float = rows * (1 + lineage / MEGABYTE / size)
    print(f"  pixmo writes {ratio:.2f} of plain's MB/s (at least {options.least:g})")
    print(f"  of rows alone, without the lineage beside them: {rows:.2f}")
    print(f"  of plain's with fsync: {ratio * rates['plain'] / rates['synced']:.2f}")
    return ratio


if __name__ == "__main__":
    sys.exit(main())
