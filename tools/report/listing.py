"""Which rows a page shows, read from ids alone: their pictures, splits and recordings.

A row's picture is that of the table `images` when it is there, so that subsets about one picture
share one thumbnail, else the one embedded in the release.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow.parquet as pq

from schemas.ids import image_id_of
from schemas.judgment import RejectRow
from schemas.store import Store
from schemas.subsets import SUBSET_OF_CONFIG, SUBSETS, Subset
from tools.report.release_files import ReleaseFile, pieces, read_rows
from tools.report.row_chunks import DroppedRows, ReleaseRows, dropped_row


@dataclass
class Listing:
    """The rows of one page: one entry of `pictures` (key or empty) and `splits` for each.

    `recordings` are ids by row number, for rows that have any; `starts` are the numbers of the
    first rows of the inputs.
    """

    name: str
    subset: Subset
    dropped: bool = False
    inputs: list[ReleaseRows | DroppedRows] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    recordings: dict[int, list[str]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows the page has."""
        return len(self.pictures)


def picture_parts(store: Store) -> dict[str, int]:
    """The part of the table images that each picture is in, by image id."""
    return {
        name: info.number
        for info in store.infos("images")
        for name in store.read("images", info.number, ["image_id"])[0].to_pylist()
    }


def list_release(
    store: Store, config: str, files: list[ReleaseFile], parts: dict[str, int]
) -> Listing:
    """The rows of one config of a release, in the order of its files."""
    listing = Listing(config, SUBSET_OF_CONFIG[config])
    for piece in pieces(files):
        listing.starts.append(piece.start + sum(f.rows for f in files[: files.index(piece.file)]))
        listing.inputs.append(ReleaseRows(piece))
    for file in files:
        listing.splits += [file.split] * file.rows
        _add_recordings(store, file, listing)
        listing.pictures += _pictures(store, file, parts)
    return listing


def _pictures(store: Store, file: ReleaseFile, parts: dict[str, int]) -> Iterator[str]:
    embedded = "image" in file.columns
    own = [embedded_key(file.path, row) if embedded else "" for row in range(file.rows)]
    if "image_url" not in file.columns:
        return iter(own)
    urls = read_rows(store.fs, file.path, ["image_url"], 0, file.rows)[0].to_pylist()
    ids = (image_id_of(url or "") for url in urls)
    return (name if name in parts else key for name, key in zip(ids, own, strict=True))


def embedded_key(path: str, row: int) -> str:
    """The key of a picture that only a file of a release has."""
    return f"{path}#{row}"


def _add_recordings(store: Store, file: ReleaseFile, listing: Listing) -> None:
    if not file.lineage:
        return
    with store.fs.open(file.lineage, "rb") as handle:
        parquet = pq.ParquetFile(handle)
        if "recording_ids" not in parquet.schema_arrow.names:
            return
        spoken = parquet.read(columns=["recording_ids"])[0].to_pylist()
    first = len(listing.pictures)
    listing.recordings |= {first + at: ids for at, ids in enumerate(spoken) if ids}


def list_dropped(store: Store, subset: str, parts: dict[str, int]) -> Listing:
    """The rows that the selection of a subset kept out of the release."""
    table = f"selected/{subset}"
    listing = Listing(f"{subset}-dropped", SUBSETS[subset], dropped=True)
    for info in store.infos(table):
        if not info.rejects:
            continue
        spoken = _spoken(store, table, info.number)
        listing.inputs.append(DroppedRows(info.number, table))
        listing.starts.append(listing.rows)
        for reject in store.records(f"rejects/{table}", info.number, RejectRow):
            row = dropped_row(reject)
            url = str(row.get("image_url", ""))
            image_id = str(row.get("image_id") or (image_id_of(url) if url else reject.key))
            if ids := spoken.get(image_id):
                listing.recordings[listing.rows] = ids
            listing.pictures.append(image_id if image_id in parts else "")
            listing.splits.append("dropped")
    return listing


def _spoken(store: Store, table: str, number: int) -> dict[str, list[str]]:
    if table != "selected/cap" or number not in store.part_numbers("captions"):
        return {}
    return store.read_map("captions", number, "image_id", "recording_ids")
