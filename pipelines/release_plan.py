"""Which files a release of a subset is made of: the selected rows, cut into shards by split.

A shard's fingerprint holds the contents of every part that its rows are read from, so that a
picture fetched anew or an annotator named anew reaches the release too; other shards stay.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.stage import CODE_VERSION
from schemas.errors import StageError, UsageError
from schemas.ids import config_digest
from schemas.release import shard_name
from schemas.store import PartInfo, Store
from schemas.subsets import SUBSETS, Subset


@dataclass(frozen=True)
class ExportConfig:
    """`images` embeds the pictures or leaves URLs; `rows_per_shard` bounds a file (0: by mode).

    `embedding_right` states why embedded pictures may be published; empty: nothing is stated.
    """

    images: Literal["embed", "url"] = "embed"
    rows_per_shard: int = 0
    license: str = "unknown"
    title: str = "A PixMo class dataset"
    embedding_right: str = ""

    @property
    def shard_rows(self) -> int:
        """Rows per shard: about 400 MB with pictures, about 100 MB of text without."""
        return self.rows_per_shard or (2000 if self.images == "embed" else 100_000)


@dataclass(frozen=True)
class Rows:
    """Some rows: the columns of a release, and beside them those of their lineage."""

    columns: pa.Table
    lineage: pa.Table


@dataclass(frozen=True)
class Pictures:
    """The table that the pictures of a subset lie in, and the column that names them there.

    It has `image_sha256`, `format` and `bytes`. `drawn` says that their splits are in `splits/`;
    pictures that a subset made itself get theirs when rows are selected.
    """

    table: str = "images"
    key: str = "image_id"
    drawn: bool = True


@dataclass(frozen=True)
class Exporter:
    """What one subset adds to the export: where its rows lie and how they become a release's.

    `feed` is its table and `lineage` the record beside each row; `version` is raised when the same
    rows would be exported otherwise. `sources` names the further parts that a part of the feed was
    made from; `whole` the keys of a part whose sources are all there; `read` gives the rows with
    these keys, in their order, without what the picture adds (`image`, its id and checksum).
    Of a subset with several configs each has an exporter: `own_config` is its name, and `belongs`
    the keys of a part's rows that are its.
    """

    name: str
    feed: str
    lineage: type
    version: str
    sources: Callable[[Store, int], Sequence[tuple[str, int]]]
    whole: Callable[[Store, int], set[str]]
    read: Callable[[Store, int, pa.Array], Rows]
    pictures: Pictures = Pictures()
    own_config: str = ""
    belongs: Callable[[Store, int], pa.Array] | None = None

    @property
    def subset(self) -> Subset:
        """The columns that PixMo publishes."""
        return SUBSETS[self.name]

    @property
    def config(self) -> str:
        """The config of the release."""
        return self.own_config or self.subset.config_names[0]

    def embeds(self, config: ExportConfig) -> bool:
        """Whether pictures go into the files: as asked for, or since PixMo publishes them so."""
        return config.images == "embed" or "image" in self.subset.columns.names

    def where(self, part: int) -> tuple[str, int, str]:
        """Table, part and column of the names of the pictures of a part."""
        return self.pictures.table, part, self.pictures.key

    def chosen(self, store: Store, part: int, columns: Sequence[str]) -> pa.Table:
        """Columns of the selected rows of a part that are of this config."""
        rows = store.read(self.selected, part, list(dict.fromkeys(["row_id", *columns])))
        if self.belongs is None:
            return rows
        return rows.filter(pc.is_in(rows["row_id"], value_set=self.belongs(store, part)))

    @property
    def selected(self) -> str:
        """The table of the selected rows."""
        return f"selected/{self.name}"


@dataclass(frozen=True)
class ReleaseShard:
    """One file of a release: the rows `start` to `stop` of a split, from these selected parts."""

    split: str
    index: int
    total: int
    slices: tuple[tuple[int, int, int], ...]
    embed: bool
    fingerprint: str

    @property
    def name(self) -> str:
        """The file name."""
        return shard_name(self.split, self.index, self.total)

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return sum(stop - start for _, start, stop in self.slices)


def plan_release(store: Store, exporter: Exporter, config: ExportConfig) -> list[ReleaseShard]:
    """The files that the selected rows make, in the order of parts and picture ids."""
    infos = store.infos(exporter.selected)
    content = {info.number: _contents(store, exporter, info) for info in infos}
    embed = exporter.embeds(config)
    own = {"embed": embed, "code": CODE_VERSION, "version": exporter.version}
    shards = []
    for split, runs in sorted(_rows_by_split(store, exporter, infos).items()):
        cuts = list(_cut(runs, config.shard_rows))
        for index, slices in enumerate(cuts):
            made_from = {str(part): content[part] for part, _, _ in slices}
            place = {"slices": slices, "of": len(cuts), "split": split}
            digest = config_digest(own | place | {"content": made_from})
            shards.append(ReleaseShard(split, index, len(cuts), slices, embed, digest))
    return shards


def select_rows(store: Store, exporter: Exporter, part: int, split: str) -> pa.Table:
    """The keys and picture ids of a part's rows in a split, by picture and then by key.

    That is the order of a release: pictures can be read as they lie, whatever the keys are.
    """
    found = exporter.chosen(store, part, ["image_id", "split"])
    mine = found.filter(pc.equal(found["split"], split))
    return mine.sort_by([("image_id", "ascending"), ("row_id", "ascending")])


def check_sources(store: Store, exporter: Exporter) -> None:
    """UsageError when a selected row, its picture or what it was made from is there no more.

    That happens when an earlier stage ran again and the later ones have not followed yet.
    """
    for n in store.part_numbers(exporter.selected):
        rows = exporter.chosen(store, n, ["image_id"]).to_pydict()
        lost = set(rows["row_id"]) - exporter.whole(store, n)
        lost |= set(rows["image_id"]) - set(column_of(store, *exporter.where(n)))
        if lost:
            raise UsageError(
                f"{exporter.name}: {len(lost)} selected rows, such as {min(lost)}, have lost what "
                f"they were made from: run all stages again before the export"
            )


def look_up(table: pa.Table, keys: pa.Array | pa.ChunkedArray, key: str) -> pa.Table:
    """The rows of `table` with these values of its column `key`, in the order of `keys`.

    StageError when one is not there: then the store has changed since the plan was made.
    """
    at = pc.index_in(keys, value_set=table[key].combine_chunks())
    if at.null_count:
        lost = keys.filter(pc.is_null(at))[0].as_py()
        raise StageError(f"{key} {lost} is gone since the export began: run the same command again")
    return table.take(at)


def column_of(store: Store, table: str, number: int, name: str) -> list[Any]:
    """One column of a part; empty where the part is absent."""
    try:
        return store.read(table, number, [name])[0].to_pylist()
    except FileNotFoundError:
        return []


def _contents(store: Store, exporter: Exporter, own: PartInfo) -> dict[str, str]:
    """The contents of all parts that one part of the selected rows is exported from."""
    n = own.number
    parts = [(exporter.feed, n), (exporter.pictures.table, n), *exporter.sources(store, n)]
    parts += [("splits", n)] if exporter.pictures.drawn else []
    infos = [own, *(store.info(table, number) for table, number in parts)]
    return {f"{info.table}/{info.number}": info.content for info in infos if info}


def _rows_by_split(
    store: Store, exporter: Exporter, infos: list[PartInfo]
) -> dict[str, list[tuple[int, int]]]:
    """For each split the parts with their numbers of selected rows."""
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for info in infos:
        splits = exporter.chosen(store, info.number, ["split"])["split"].to_pylist()
        for split in sorted(set(splits)):
            found[split].append((info.number, splits.count(split)))
    return found


def _cut(runs: list[tuple[int, int]], rows: int) -> Iterator[tuple[tuple[int, int, int], ...]]:
    """Slices (part, start, stop) for files of `rows` rows each."""
    slices: list[tuple[int, int, int]] = []
    room = rows
    for part, count in runs:
        start = 0
        while start < count:
            take = min(room, count - start)
            slices.append((part, start, start + take))
            start, room = start + take, room - take
            if room == 0:
                yield tuple(slices)
                slices, room = [], rows
    if slices:
        yield tuple(slices)
