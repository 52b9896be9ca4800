"""Where the masks of an evaluation set of points come from: rows of a file, one row per object.

A source is a folder with `masks.jsonl` and the PNG files that its rows name, or a Parquet, CSV or
JSON lines file, or a folder of Parquet files. A row has

- `image_url`, `image_id` or `image_sha256`: the picture
- `label`: the phrase, however it is spelled
- `png` (a path beside the file, or the file itself), `rle` or `polygons` (COCO's), in pixels of the
  upright picture

Rows are read when the source is opened; a mask is decoded when its row of the set is written.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.stage import reject_row
from pipelines.steps.masks import Mask, mask_of_png, mask_of_polygons, mask_of_rle
from pipelines.steps.phrases import folded, normal_phrase
from pipelines.steps.published_rows import Held
from pipelines.steps.read_rows import InputRow, read_rows, row_json
from schemas.errors import UsageError
from schemas.files import open_fs
from schemas.ids import image_id_of
from schemas.judgment import Reject, RejectRow

STAGE = "eval-set-points"
LIST = "masks.jsonl"
_FORMS = ("png", "rle", "polygons")
Name = tuple[str, str]


@dataclass(frozen=True)
class MaskRow:
    """One object: the row it stands in, and its mask as it was given."""

    number: int
    values: dict[str, Any]


class MaskSource:
    """The masks of a file or folder by picture and phrase."""

    def __init__(self, url: str, held: Iterable[Held]) -> None:
        """UsageError when nothing of a known kind lies there."""
        self._fs, self._root, listed = _opened(url)
        by_id = {one.image_id: one for one in held}
        by_sha = {one.sha256: one for one in by_id.values()}
        self.rejects: list[RejectRow] = []
        self._rows: dict[Name, list[MaskRow]] = defaultdict(list)
        self._held = by_id
        for row in read_rows(listed):
            found = _named(row, by_id, by_sha)
            if isinstance(found, Reject):
                self._refuse(row.number, row_json(row.values or {"text": row.text}), found)
            else:
                self._rows[found].append(MaskRow(row.number, row.values or {}))
        self._asked: set[Name] = set()

    def masks(self, image_id: str, label: str) -> list[Mask] | Reject:
        """The masks of a phrase in a picture, none of them where a row of it cannot be read."""
        name = image_id, _key(label)
        self._asked.add(name)
        rows, found, refused = self._rows.get(name, []), [], Reject("no_mask", "no mask of it")
        for row in rows:
            mask = self._decoded(row.values, self._held[image_id])
            if isinstance(mask, Reject):
                self._refuse(row.number, row_json(row.values), mask)
                refused = Reject("no_mask", f"row {row.number} of the masks: {mask.detail}")
            else:
                found.append(mask)
        return found if rows and len(found) == len(rows) else refused

    def unused(self) -> Iterator[RejectRow]:
        """Rows about phrases that were not asked for."""
        for name, rows in sorted(self._rows.items()):
            for row in rows if name not in self._asked else ():
                why = Reject("unused_mask", "no held-out row with points has this phrase")
                yield reject_row(STAGE, _row_key(row.number), why, row_json(row.values))

    def _refuse(self, number: int, text: str, why: Reject) -> None:
        self.rejects.append(reject_row(STAGE, _row_key(number), why, text))

    def _decoded(self, values: Mapping[str, Any], held: Held) -> Mask | Reject:
        size = held.width, held.height
        if values.get("rle") is not None:
            return mask_of_rle(values["rle"], *size)
        if values.get("polygons") is not None:
            return mask_of_polygons(values["polygons"], *size)
        data = self._file(values.get("png"))
        return data if isinstance(data, Reject) else mask_of_png(data, *size)

    def _file(self, png: Any) -> bytes | Reject:
        if isinstance(png, bytes):
            return png
        name = str(png)
        if name.startswith(("/", "\\")) or ".." in name.split("/") or "://" in name:
            return Reject("unreadable_mask", f"{name} is not beside or below the list of masks")
        try:
            return bytes(self._fs.cat_file(f"{self._root}/{name}"))
        except OSError:
            return Reject("unreadable_mask", f"no file {name} beside the list of masks")


def _opened(url: str) -> tuple[Any, str, str]:
    """The file system, the folder that paths start from, and the list to read."""
    fs, path = open_fs(url)
    if not fs.exists(path):
        raise UsageError(f"{url}: no such file or folder of masks")
    if not fs.isdir(path):
        return fs, path.rpartition("/")[0], url
    listed = f"{path.rstrip('/')}/{LIST}"
    if fs.exists(listed):
        return fs, path.rstrip("/"), f"{url.rstrip('/')}/{LIST}"
    if not any(name.endswith(".parquet") for name in fs.find(path)):
        raise UsageError(f"{url}: neither {LIST} nor a Parquet file of masks in this folder")
    return fs, path.rstrip("/"), url


def _named(row: InputRow, by_id: dict[str, Held], by_sha: dict[str, Held]) -> Name | Reject:
    """Picture and phrase of a row."""
    values = row.values
    if values is None:
        return Reject("bad_row", row.error)
    label = values.get("label")
    if not isinstance(label, str) or not _key(label):
        return Reject("empty_label", "the label is empty")
    if sum(values.get(name) is not None for name in _FORMS) != 1:
        return Reject("bad_row", f"a mask has one of {', '.join(_FORMS)}")
    url, image_id = values.get("image_url"), values.get("image_id")
    if isinstance(url, str) and url.strip():
        image_id = image_id_of(url.strip())
    held = by_id.get(str(image_id)) or by_sha.get(str(values.get("image_sha256")).lower())
    if held is None:
        return Reject("unused_mask", "no picture of a held-out row has this name")
    return held.image_id, _key(label)


def _key(label: str) -> str:
    return folded(normal_phrase(label))


def _row_key(number: int) -> str:
    return f"row-{number:09d}"
