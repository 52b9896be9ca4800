"""The evaluation set captions on disk: a folder that `datasets.load_dataset` opens.

    <folder>/README.md                                   the card, with the splits as its configs
    <folder>/data/<split>-00000-of-00001.parquet         one row per picture
    <folder>/lineage/<split>-00000-of-00001.parquet      what made each row, in the same order
    <folder>/rejects.parquet                             pictures and statements that are not in it
    <folder>/prompts/                                    what was asked, what a judge is to be asked

Each file is written whole or not at all, the card last. The same set gives the same bytes.
"""

import contextlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.eval_sets.captions import Made, ReferenceLineage
from pipelines.steps.prompts import prompt_text
from pipelines.steps.statements import Statements, Verdict
from pipelines.steps.strip_metadata import strip_metadata
from pipelines.steps.structured import form_schema
from schemas.codec import arrow_schema
from schemas.errors import StageError, UsageError
from schemas.files import open_fs, whole_file, write_text
from schemas.judgment import Reject, RejectRow
from schemas.release import release_schema, shard_name
from schemas.store import Store

CARD = "README.md"
MARK = "<!-- pixmo eval-set captions -->"
JUDGES = ("judge_stated_v1", "judge_supported_v1")
_ROWS_PER_GROUP = 100
_COLUMNS = pa.schema(
    [
        ("image_url", pa.string()),
        ("image_sha256", pa.string()),
        ("transcripts", pa.list_(pa.string())),
        ("statements", pa.list_(pa.string())),
        ("statement_transcripts", pa.list_(pa.list_(pa.int32()))),
    ]
)


@dataclass(frozen=True)
class SetFolder:
    """A folder for one set, whose card has this mark; UsageError where something else lies."""

    url: str
    mark: str = MARK

    def __post_init__(self) -> None:
        fs, root = open_fs(self.url)
        if not fs.exists(root) or not fs.ls(root, detail=False):
            return
        card = f"{root.rstrip('/')}/{CARD}"
        if not fs.exists(card) or self.mark not in fs.cat_file(card).decode("utf-8", "replace"):
            raise UsageError(f"{self.url} holds something else: name a new or empty folder")

    @property
    def place(self) -> tuple[Any, str]:
        """Its file system, and its path there."""
        fs, root = open_fs(self.url)
        return fs, root.rstrip("/")


def write_set(
    store: Store, folder: SetFolder, made: Sequence[Made], rejects: Sequence[RejectRow], embed: bool
) -> list[str]:
    """Write everything but the card; returns the names of the splits that have rows."""
    fs, root = folder.place
    by_split: dict[str, dict[str, Made]] = defaultdict(dict)
    for one in made:
        by_split[one.reference.split][one.reference.image_id] = one
    names = {split: shard_name(split, 0, 1) for split in sorted(by_split)}
    for split, name in names.items():
        with (
            whole_file(fs, f"{root}/data/{name}") as data,
            whole_file(fs, f"{root}/lineage/{name}") as lineage,
        ):
            _write_split(store, by_split[split], embed, data, lineage)
    for kind in ("data", "lineage"):
        drop_others(fs, f"{root}/{kind}", set(names.values()))
    rows = sorted(rejects, key=lambda row: (row.key, row.reason, row.row))
    with whole_file(fs, f"{root}/rejects.parquet") as path:
        _write_records(path, RejectRow, rows)
    return sorted(names)


def write_prompts(folder: SetFolder, statements_prompt: str) -> None:
    """The prompts as they were asked, those for judging, and the form of each answer."""
    fs, root = folder.place
    forms = {statements_prompt: Statements, **dict.fromkeys(JUDGES, Verdict)}
    for name, form in forms.items():
        write_text(fs, f"{root}/prompts/{name}.md", prompt_text(name))
        schema = json.dumps(json.loads(form_schema(form)), indent=2, sort_keys=True) + "\n"
        write_text(fs, f"{root}/prompts/{name}.schema.json", schema)


def write_card(folder: SetFolder, text: str) -> None:
    """The card, which says that the set is whole."""
    fs, root = folder.place
    write_text(fs, f"{root}/{CARD}", text)


def _write_split(store: Store, made: dict[str, Made], embed: bool, data: str, lineage: str) -> None:
    schema = release_schema(_COLUMNS, embed)
    behind: list[ReferenceLineage] = []
    with pq.ParquetWriter(data, schema, compression="zstd") as writer:
        for rows in _chunks(_rows(store, made, embed)):
            writer.write_table(pa.Table.from_pylist(rows, schema))
            behind += [made[row["image_id"]].lineage for row in rows]
    if len(behind) != len(made):
        raise StageError("pictures have left the store meanwhile: run the same command again")
    _write_records(lineage, ReferenceLineage, behind)


def _rows(store: Store, made: dict[str, Made], embed: bool) -> Iterator[dict[str, Any]]:
    """Rows in the order of the parts of images."""
    columns = ["image_id", "image_sha256", *(["format", "bytes"] if embed else [])]
    for number in store.part_numbers("images"):
        for batch in store.batches("images", number, columns):
            for at, image_id in enumerate(batch["image_id"].to_pylist()):
                if image_id in made:
                    picture = {name: batch[name][at].as_py() for name in columns}
                    yield _row(made[image_id], picture, embed)


def _row(one: Made, picture: dict[str, Any], embed: bool) -> dict[str, Any]:
    row = asdict(one.reference) | {"image_sha256": picture["image_sha256"]}
    if embed:
        row["image"] = stripped_picture(picture)
    return row


def stripped_picture(picture: dict[str, Any]) -> dict[str, Any] | None:
    """The picture without metadata; None for one that cannot be stripped."""
    made = strip_metadata(picture["bytes"], picture["format"])
    if isinstance(made, Reject):
        return None
    return {"bytes": made.data, "path": f"{picture['image_id']}.{made.format}"}


def _chunks(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    held: list[dict[str, Any]] = []
    for row in rows:
        held.append(row)
        if len(held) == _ROWS_PER_GROUP:
            yield held
            held = []
    if held:
        yield held


def _write_records(path: str, record: type, rows: Sequence[Any]) -> None:
    table = pa.Table.from_pylist([asdict(row) for row in rows], arrow_schema(record))
    pq.write_table(table, path, compression="zstd")


def drop_others(fs: Any, folder: str, wanted: set[str]) -> None:
    fs.invalidate_cache(folder)
    for path in fs.ls(folder, detail=False) if fs.exists(folder) else []:
        if Path(path).name not in wanted:
            with contextlib.suppress(FileNotFoundError):
                fs.rm(path)
