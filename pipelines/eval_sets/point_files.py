"""The evaluation set points on disk: a folder that `datasets.load_dataset` opens, split `test`.

    <folder>/README.md                                 the card
    <folder>/data/test-00000-of-00001.parquet          the columns of PixMo-Points-Eval, and `image`
    <folder>/lineage/test-00000-of-00001.parquet       what made each row, in the same order
    <folder>/rejects.parquet                           rows and masks that are not in it

Each file is written whole or not at all, the card last. `masks` is a list of rows of pixels of a
list of masks, bool [n, height, width], in the order of the points; empty where there are none.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.eval_sets.caption_files import SetFolder, stripped_picture
from pipelines.eval_sets.points import PointCase, PointCases, PointLineage, lineage_of
from pipelines.steps.masks import Mask
from pipelines.steps.published_rows import Held
from schemas.codec import arrow_schema, to_batch
from schemas.errors import StageError
from schemas.files import whole_file
from schemas.judgment import RejectRow
from schemas.release import release_schema, shard_name
from schemas.store import Store
from schemas.subsets import SUBSETS

MARK = "<!-- pixmo eval-set points -->"
FILE = shard_name("test", 0, 1)
_MASKS = pa.list_(pa.list_(pa.list_(pa.bool_())))
COLUMNS = pa.schema(
    [
        *(SUBSETS["points"].columns.field(n) for n in ("image_url", "image_sha256", "label")),
        SUBSETS["points"].columns.field("points"),
        pa.field("masks", _MASKS),
    ]
)
_ROWS_PER_GROUP = 100
_CELLS_PER_GROUP = 2**26


def write_point_set(cases: PointCases, folder: SetFolder, embed: bool) -> Counter[str]:
    """Write everything but the card; how many rows there are of each case.

    StageError when there is none: then nothing is left in place of a set that was there.
    """
    fs, root = folder.place
    counts: Counter[str] = Counter()
    with (
        whole_file(fs, f"{root}/data/{FILE}") as data,
        whole_file(fs, f"{root}/lineage/{FILE}") as lineage,
    ):
        behind = _write_rows(cases, data, embed)
        if not behind:
            raise StageError(_none_left(cases.rejects))
        _write_records(lineage, PointLineage, behind)
    counts.update(one.case for one in behind)
    rows = sorted(cases.rejects, key=lambda row: (row.key, row.reason, row.row))
    with whole_file(fs, f"{root}/rejects.parquet") as path:
        _write_records(path, RejectRow, rows)
    return counts


def _none_left(rejects: Sequence[RejectRow]) -> str:
    found = Counter(row.reason for row in rejects).most_common(3)
    told = ", ".join(f"{reason} {count}" for reason, count in found)
    return f"no held-out row can be in the set: {told}"


def _write_records(path: str, record: type, rows: Sequence[Any]) -> None:
    table = pa.Table.from_batches([to_batch(rows, record)], arrow_schema(record))
    pq.write_table(table, path, compression="zstd")


def _write_rows(cases: PointCases, path: str, embed: bool) -> list[PointLineage]:
    """The rows in groups that fit into memory."""
    schema, behind = release_schema(COLUMNS, embed), []
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in _groups(cases):
            writer.write_table(_table(cases.store, group, schema, embed))
            behind += [lineage_of(case) for case, _ in group]
    return behind


def _groups(cases: Iterable[tuple[PointCase, Held]]) -> Iterator[list[tuple[PointCase, Held]]]:
    held: list[tuple[PointCase, Held]] = []
    cells = 0
    for case, picture in cases:
        own = len(case.masks) * picture.width * picture.height
        if held and (len(held) == _ROWS_PER_GROUP or cells + own > _CELLS_PER_GROUP):
            yield held
            held, cells = [], 0
        held.append((case, picture))
        cells += own
    if held:
        yield held


def _table(
    store: Store, group: list[tuple[PointCase, Held]], schema: pa.Schema, embed: bool
) -> pa.Table:
    points = [[asdict(point) for point in case.row.points] for case, _ in group]
    columns: dict[str, Any] = {
        "image_url": [case.row.image_url for case, _ in group],
        "image_sha256": [held.sha256 for _, held in group],
        "label": [case.row.label for case, _ in group],
        "points": pa.array(points, schema.field("points").type),
        "masks": masks_column([case.masks for case, _ in group]),
    }
    if embed:
        files = _pictures(store, {held.image_id for _, held in group})
        images = [files[held.image_id] for _, held in group]
        columns["image"] = pa.array(images, schema.field("image").type)
    return pa.table(columns, schema=schema)


def masks_column(rows: Sequence[Sequence[Mask]]) -> pa.ListArray:
    """Rows of masks as one Arrow column, without a Python object per pixel."""
    masks = [mask for row in rows for mask in row]
    cells = np.concatenate([np.empty(0, bool), *(mask.ravel() for mask in masks)])
    widths = [mask.shape[1] for mask in masks for _ in range(mask.shape[0])]
    lines = _listed(pa.array(cells), widths)
    pictures = _listed(lines, [mask.shape[0] for mask in masks])
    return _listed(pictures, [len(row) for row in rows])


def _listed(values: pa.Array, lengths: Sequence[int]) -> pa.ListArray:
    ends = np.cumsum([0, *lengths], dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), values)


def _pictures(store: Store, wanted: set[str]) -> dict[str, dict[str, Any] | None]:
    """The files of some pictures without metadata; None for one that cannot be stripped."""
    found: dict[str, dict[str, Any] | None] = {}
    columns = ["image_id", "format", "bytes"]
    for number in store.part_numbers("images"):
        if wanted.isdisjoint(store.read("images", number, ["image_id"])[0].to_pylist()):
            continue
        for batch in store.batches("images", number, columns):
            for at, image_id in enumerate(batch["image_id"].to_pylist()):
                if image_id in wanted:
                    found[image_id] = stripped_picture({n: batch[n][at].as_py() for n in columns})
    return found
