"""Who an annotator is: names from the manifest of recordings, and where they must not stand.

A name can be an ordinary word ("Rose"), so that not every place where its letters stand is a leak.
A distinctive name (five characters or more, not one plain word) counts wherever it stands as a word
of its own; any other only where it is a whole value.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

PSEUDONYM = r"\ba[0-9a-f]{12}\b"  # as pipelines.recordings makes them
ADDRESS = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"
_TELLING = re.compile(r"annotator|worker|user|e_?mail|speaker_(id|name)|pseudonym", re.IGNORECASE)
_LEAST_DISTINCTIVE = 5
_SPECIAL = re.compile(r"([\\.+*?()|\[\]{}^$])")
_STRINGS = (pa.types.is_string, pa.types.is_large_string)


@dataclass(frozen=True)
class Names:
    """Annotators' names of a store; `values` and `text` are patterns, empty for no name.

    `values` is for the JSON of a row, where a whole value stands in quotes; `text` for plain texts.
    """

    names: frozenset[str] = frozenset()

    @property
    def any(self) -> str:
        """A pattern that finds every name wherever its letters stand, and is quick to search."""
        return "|".join(_in_json(name) for name in sorted(self.names))

    @property
    def letters(self) -> str:
        """As `any`, for plain texts."""
        return "|".join(_SPECIAL.sub(r"\\\1", name) for name in sorted(self.names))

    @property
    def values(self) -> str:
        """A pattern that finds a name in the JSON of a row, also in JSON within it."""
        whole = [_in_json(name) for name in sorted(self.names) if not is_distinctive(name)]
        words = [_in_json(name) for name in sorted(self.names) if is_distinctive(name)]
        return "|".join([*_whole_values(whole), *_words(words)])

    @property
    def text(self) -> str:
        """A pattern that finds a name in a text or a cell."""
        whole = [_SPECIAL.sub(r"\\\1", n) for n in sorted(self.names) if not is_distinctive(n)]
        words = [_SPECIAL.sub(r"\\\1", n) for n in sorted(self.names) if is_distinctive(n)]
        cells = [f"^(?:{'|'.join(whole)})$"] if whole else []
        return "|".join([*cells, *_words(words)])


def is_distinctive(name: str) -> bool:
    """Whether a name cannot be an ordinary word of a text."""
    return len(name) >= _LEAST_DISTINCTIVE and not name.isalpha()


def _in_json(name: str) -> str:
    return _SPECIAL.sub(r"\\\1", json.dumps(name, ensure_ascii=False)[1:-1])


def _whole_values(names: list[str]) -> Iterator[str]:
    # A key of JSON is followed by a colon, a value by a comma or by a bracket.
    if names:
        yield rf'"(?:{"|".join(names)})\\*"\s*[,}}\]]'


def _words(names: list[str]) -> Iterator[str]:
    if names:
        yield rf"(?:^|[^\pL\pN_])(?:{'|'.join(names)})(?:$|[^\pL\pN_])"


def names_in(rows: Iterable[str]) -> frozenset[str]:
    """The annotators that rows of a manifest (JSON) name."""
    found = (_annotator(row) for row in rows if '"annotator"' in row)
    return frozenset(name for name in found if name)


def _annotator(row: str) -> str:
    try:
        values = json.loads(row)
    except (ValueError, RecursionError):
        return ""
    return str(values.get("annotator") or "").strip() if isinstance(values, dict) else ""


def rows_matching(texts: pa.Array, pattern: str) -> list[int]:
    """Positions of the texts in which a pattern is found."""
    if not pattern or not len(texts):
        return []
    return list(
        pc.indices_nonzero(pc.match_substring_regex(texts, pattern).fill_null(False)).to_pylist()
    )


def rows_naming(rows: pa.Array, names: Names) -> list[int]:
    """Positions of the rows (as JSON) that hold a name.

    Looking for the letters first is ten times faster than looking for words at once.
    """
    return _narrowed(rows, names.any, names.values)


def texts_naming(texts: pa.Array, names: Names) -> list[int]:
    """Positions of the texts that hold a name."""
    return _narrowed(texts, names.letters, names.text)


def _narrowed(texts: pa.Array, quick: str, exact: str) -> list[int]:
    near = rows_matching(texts, quick)
    return [near[at] for at in rows_matching(texts.take(pa.array(near, pa.int64())), exact)]


def telling_columns(schema: pa.Schema) -> list[str]:
    """Columns, nested ones too, whose name says that they tell who somebody is."""
    return [name for field in schema for name in _names_of(field) if _TELLING.search(name)]


def _names_of(field: pa.Field) -> Iterator[str]:
    yield field.name
    kind = field.type
    while pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind = kind.value_type
    if pa.types.is_struct(kind):
        for inner in kind:
            yield from (f"{field.name}.{name}" for name in _names_of(inner))


def texts_of(array: pa.Array) -> Iterator[tuple[pa.Array, pa.Array]]:
    """All texts within a column, with the row that each stands in."""
    yield from _texts_of(array, pa.array(range(len(array)), pa.int64()))


def _texts_of(array: pa.Array, rows: pa.Array) -> Iterator[tuple[pa.Array, pa.Array]]:
    kind = array.type
    if any(is_kind(kind) for is_kind in _STRINGS):
        yield array, rows
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from _texts_of(array.flatten(), rows.take(pc.list_parent_indices(array)))
    elif pa.types.is_struct(kind):
        for inner in array.flatten():
            yield from _texts_of(inner, rows)
