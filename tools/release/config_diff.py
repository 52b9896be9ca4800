"""What changed in one config between two releases, on digests of rows.

They take 8 bytes per row for key, content and split each, and 4 per column to tell which column
changed: a million rows take some hundred megabytes, whatever is in them.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tools.release.column_digests import mix, text_digest
from tools.release.contents import DataFile, sort_splits
from tools.release.diff_examples import (
    URL,
    Chosen,
    Column,
    Example,
    Files,
    pair_examples,
    single_examples,
)
from tools.release.diff_side import Side, SideConfig, read_digests
from tools.release.row_matching import Matched, Places, Rows, match_rows

ROW_KEY, PICTURE = "row_id", "image_id"
_ROW_COLUMNS = ("question", "label", "collection_method")  # tell rows of one picture apart
_OWN_KEYS = ("example_id", "image_id", "id")
_NOTHING = SideConfig((), pa.schema([]), None)
Narrow = NDArray[np.uint32]


@dataclass(frozen=True)
class ConfigDiff:
    """What changed in one config.

    `changed` rows differ in a column of the data, `remade` ones in their lineage alone; `columns`
    and `lineage` count the differing rows by column. `moved` rows changed their split.
    """

    config: str
    key: tuple[str, ...]
    old_rows: dict[str, int]
    new_rows: dict[str, int]
    unchanged: int
    added: int
    removed: int
    changed: int
    moved: dict[str, int]
    remade: int
    columns: dict[str, int]
    lineage: dict[str, int]
    columns_added: tuple[str, ...]
    columns_removed: tuple[str, ...]
    columns_retyped: dict[str, tuple[str, str]]
    examples: tuple[Example, ...]

    @property
    def same(self) -> bool:
        """Whether nothing changed, neither rows nor columns nor lineage."""
        counts = self.added + self.removed + self.changed + sum(self.moved.values()) + self.remade
        return not (counts or self.columns_added or self.columns_removed or self.columns_retyped)


@dataclass(frozen=True)
class _Shared:
    """What both sides have: columns of the data and of the lineage, and those that make the key."""

    data: tuple[str, ...]
    lineage: tuple[str, ...]
    key: tuple[Column, ...]


@dataclass(frozen=True)
class _Digested:
    """One side of a config: digests of rows, and of each column."""

    rows: Rows
    columns: dict[Column, Narrow]


@dataclass(frozen=True)
class _Changes:
    """What became of the paired rows, bool [pairs] each; `columns` says it by column."""

    data: NDArray[np.bool_]
    lineage: NDArray[np.bool_]
    split: NDArray[np.bool_]
    columns: dict[Column, NDArray[np.bool_]]


def diff_config(left: Side, right: Side, name: str, examples: int) -> ConfigDiff:
    """Compare a config of two sides; one that a side lacks has no rows there."""
    old, new = left.configs.get(name, _NOTHING), right.configs.get(name, _NOTHING)
    shared = _shared(old, new)
    same = _equal_files(left, old, right, new)
    before = Files(left, tuple(file for file in old.files if file.path not in same))
    after = Files(right, tuple(file for file in new.files if file.path not in same.values()))
    matched, changes = _compare(before, after, shared)
    untouched = int((~(changes.data | changes.lineage | changes.split)).sum())
    return ConfigDiff(
        config=name,
        key=tuple(column for column, _ in shared.key),
        old_rows=_rows(old.files),
        new_rows=_rows(new.files),
        unchanged=untouched + sum(file.rows for file in old.files if file.path in same),
        added=len(matched.added),
        removed=len(matched.removed),
        changed=int(changes.data.sum()),
        moved=_moves(before, after, matched, changes),
        remade=int((changes.lineage & ~changes.data).sum()),
        columns=_count(changes, False),
        lineage=_count(changes, True),
        columns_added=_only_in(new, old),
        columns_removed=_only_in(old, new),
        columns_retyped=_retyped(old, new),
        examples=_examples(before, after, shared, (matched, changes), examples),
    )


def _rows(files: Iterable[DataFile]) -> dict[str, int]:
    files = tuple(files)
    names = sort_splits(file.split for file in files)
    return {name: sum(file.rows for file in files if file.split == name) for name in names}


def _only_in(one: SideConfig, other: SideConfig) -> tuple[str, ...]:
    """Columns of one side alone; a config that the other lacks has none to compare."""
    if not (one.files and other.files):
        return ()
    return tuple(name for name in one.schema.names if name not in other.schema.names)


def _retyped(old: SideConfig, new: SideConfig) -> dict[str, tuple[str, str]]:
    types = {
        f.name: (str(f.type), str(new.schema.field(f.name).type))
        for f in old.schema
        if f.name in new.schema.names
    }
    return {name: pair for name, pair in types.items() if pair[0] != pair[1]}


def _shared(old: SideConfig, new: SideConfig) -> _Shared:
    data = tuple(name for name in old.schema.names if name in new.schema.names)
    lineage: tuple[str, ...] = ()
    if old.lineage is not None and new.lineage is not None:
        lineage = tuple(name for name in old.lineage.names if name in new.lineage.names)
    return _Shared(
        data, lineage, _key(data or tuple(old.schema.names or new.schema.names), lineage)
    )


def _key(data: tuple[str, ...], lineage: tuple[str, ...]) -> tuple[Column, ...]:
    """The row's own key from the lineage; else the picture and what its rows differ in."""
    if ROW_KEY in lineage:
        return ((ROW_KEY, True),)
    more = tuple((name, False) for name in _ROW_COLUMNS if name in data)
    if PICTURE in lineage:
        return ((PICTURE, True), *more)
    own = next((name for name in (URL, *_OWN_KEYS) if name in data), None)
    return ((own, False), *more) if own else tuple((name, False) for name in data)


def _equal_files(left: Side, old: SideConfig, right: Side, new: SideConfig) -> dict[str, str]:
    """Files of the old side whose bytes, and those of their lineage, the new side has as well."""
    before, after = _checksums(left, old), _checksums(right, new)
    places: dict[tuple[str, ...], list[str]] = {}
    for path, known in after.items():
        places.setdefault(known, []).append(path)
    found = {}
    for path, known in before.items():
        if places.get(known):
            found[path] = places[known].pop()
    return found


def _checksums(side: Side, config: SideConfig) -> dict[str, tuple[str, ...]]:
    """Checksums of each file and its lineage, with its split, where a manifest gives them."""
    if side.manifest is None:
        return {}
    listed = {file.path: file for file in side.manifest.files}
    found: dict[str, tuple[str, ...]] = {}
    for file in config.files:
        own, beside = listed.get(file.path), listed.get(f"lineage/{file.path}")
        if own and side.fs.size(side.path(file)) == own.bytes:
            found[file.path] = (own.sha256, beside.sha256 if beside else "", file.split)
    return found


def _compare(before: Files, after: Files, shared: _Shared) -> tuple[Matched, _Changes]:
    if before.files and after.files and shared.data:
        old, new = _digest(before, shared), _digest(after, shared)
        matched = match_rows(old.rows, new.rows)
        return matched, _changes(old, new, matched, shared)
    counts = [sum(file.rows for file in side.files) for side in (before, after)]
    none: Places = np.empty(0, np.int64)
    nothing = np.empty(0, np.bool_)
    matched = Matched(none, none, np.arange(counts[0]), np.arange(counts[1]))
    return matched, _Changes(nothing, nothing, nothing, {})


def _digest(files: Files, shared: _Shared) -> _Digested:
    """Read column by column; of each only half of its digest is kept."""
    rows = sum(file.rows for file in files.files)
    key, content = np.zeros(rows, np.uint64), np.zeros(rows, np.uint64)
    columns: dict[Column, Narrow] = {}
    wanted = [*((name, False) for name in shared.data), *((name, True) for name in shared.lineage)]
    for column in wanted:
        found = read_digests(files.side, list(files.files), *column)
        spread = mix(found ^ text_digest(column[0]))
        key += spread if column in shared.key else np.uint64(0)
        content += spread if not column[1] else np.uint64(0)
        columns[column] = (found >> np.uint64(32)).astype(np.uint32)
    splits = [np.full(file.rows, text_digest(file.split)) for file in files.files]
    return _Digested(Rows(key, content, np.concatenate(splits)), columns)


def _changes(old: _Digested, new: _Digested, matched: Matched, shared: _Shared) -> _Changes:
    at, to = matched.old, matched.new
    columns = {name: old.columns[name][at] != new.columns[name][to] for name in old.columns}
    lineage = np.zeros(len(at), np.bool_)
    for name in shared.lineage:
        lineage |= columns[name, True]
    return _Changes(
        data=old.rows.content[at] != new.rows.content[to],
        lineage=lineage,
        split=old.rows.split[at] != new.rows.split[to],
        columns={name: mask for name, mask in columns.items() if mask.any()},
    )


def _count(changes: _Changes, lineage: bool) -> dict[str, int]:
    """Differing rows by column, most first."""
    found = {
        name: int(mask.sum()) for (name, own), mask in changes.columns.items() if own == lineage
    }
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))


def _moves(before: Files, after: Files, matched: Matched, changes: _Changes) -> dict[str, int]:
    """Rows that changed their split, by `old -> new`."""
    old = before.splits(matched.old[changes.split])
    new = after.splits(matched.new[changes.split])
    return dict(sorted(Counter(f"{a} -> {b}" for a, b in zip(old, new, strict=True)).items()))


def _examples(
    before: Files, after: Files, shared: _Shared, pairs: tuple[Matched, _Changes], limit: int
) -> tuple[Example, ...]:
    """The first rows of each kind of change, or all of them where the limit is 0."""
    matched, changes = pairs
    stop = limit or None
    found = [
        *single_examples("removed", before, matched.removed[:stop], shared.key),
        *single_examples("added", after, matched.added[:stop], shared.key),
    ]
    data = {name: mask for (name, of_lineage), mask in changes.columns.items() if not of_lineage}
    for kind, mask in (("changed", changes.data), ("moved", changes.split & ~changes.data)):
        at = np.flatnonzero(mask)[:stop]
        differing = {name: own[at] for name, own in data.items() if own[at].any()}
        old, new = Chosen(before, matched.old[at]), Chosen(after, matched.new[at])
        found += pair_examples(kind, (old, new), shared.key, differing)
    return tuple(found)
