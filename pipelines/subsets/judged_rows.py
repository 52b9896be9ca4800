"""What exporters of rows about pictures of the store have in common: nothing but images beside."""

from collections.abc import Sequence

import pyarrow as pa

from pipelines.release_plan import column_of, look_up
from schemas.store import Store


def own_rows(
    store: Store, feed: str, number: int, keys: pa.Array, columns: Sequence[str]
) -> pa.Table:
    """Columns of the rows of a part with these keys, the key column first, in their order."""
    return look_up(store.read(feed, number, list(dict.fromkeys(columns))), keys, columns[0])


def with_checksums(store: Store, number: int, rows: pa.Table) -> pa.Table:
    """The rows with `image_sha256` of the pictures that the store holds, by their `image_id`."""
    pictures = store.read("images", number, ["image_id", "image_sha256"])
    held = look_up(pictures, rows["image_id"], "image_id")["image_sha256"]
    return rows.append_column("image_sha256", held)


def all_keys(store: Store, feed: str, number: int, key: str) -> set[str]:
    """The keys of a part: its rows need nothing but their picture."""
    return set(column_of(store, feed, number, key))
