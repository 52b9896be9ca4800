"""Reading every file of a store for traces: the proof at the end of a takedown.

Parquet cells are read decompressed, column by column, names of files and footers too. The denylist,
receipts and leases are left out: they hold salted digests and nothing else, and a takedown under
way keeps what it looks for beside its receipts.
"""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.steps.takedown_traces import Traces, parse_json
from schemas.files import TEMPORARY
from schemas.store import Store

OWN = ("denylist/", "takedowns/", "locks/")
BATCH_ROWS = 1000


def files_below(store: Store, folder: str = "") -> list[str]:
    """The paths of all files of a store, or of a folder of it, relative to the store."""
    store.fs.invalidate_cache()
    where = store.path(folder).rstrip("/") if folder else store.path().rstrip("/")
    root = len(store.path().rstrip("/")) + 1
    return sorted(path[root:] for path in store.fs.find(where)) if store.fs.exists(where) else []


def find_traces(store: Store, traces: Traces, folder: str = "") -> Iterator[tuple[str, str]]:
    """Path and place of whatever is left, at most one place per file."""
    for path in files_below(store, folder):
        if not path.startswith(OWN):
            try:
                place = _place(store, path, traces)
            except FileNotFoundError:
                continue
            if place:
                yield path, place


def _place(store: Store, path: str, traces: Traces) -> str:
    name = path.rsplit("/", 1)[-1]
    if traces.in_text(path):
        return "its name"
    if name.startswith(TEMPORARY):
        return "a half-written file"
    if path.endswith(".parquet"):
        return _place_in_parquet(store, path, traces)
    return "its text" if file_holds(store, path, traces) else ""


def file_holds(store: Store, path: str, traces: Traces) -> bool:
    """Whether a file that is no Parquet names what is looked for."""
    text = store.fs.cat_file(store.path(path)).decode("utf-8", "replace")
    parsed = parse_json(text) if text[:1] in "{[" else None
    if isinstance(parsed, dict | list) and traces.in_json(parsed):
        return True
    return traces.in_text(text)


def _place_in_parquet(store: Store, path: str, traces: Traces) -> str:
    with store.fs.open(store.path(path), "rb") as handle:
        try:
            parquet = pq.ParquetFile(handle)
        except pa.ArrowInvalid:
            return "it is damaged and cannot be read"
        for key, value in (parquet.metadata.metadata or {}).items():
            if traces.in_value(value.decode("utf-8", "replace")) and key != b"ARROW:schema":
                return "its footer"
        columns = _texts(parquet)
        for column in columns:
            for batch in parquet.iter_batches(BATCH_ROWS, columns=[column]):
                if any(_holds(array, traces) for array in batch.columns):
                    return f"column {column}"
    return ""


def _texts(parquet: Any) -> list[str]:
    """The paths of the leaves of a file that hold text."""
    leaves = (parquet.schema.column(at) for at in range(len(parquet.schema)))
    return [leaf.path for leaf in leaves if leaf.logical_type.type == "STRING"]


def _holds(array: pa.Array, traces: Traces) -> bool:
    if pa.types.is_struct(array.type):
        return any(_holds(inner, traces) for inner in array.flatten())
    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        return _holds(array.flatten(), traces)
    if not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
        return False
    return any(value and traces.in_value(value) for value in pc.unique(array).to_pylist())
