"""What a takedown has found so far, and the narrow reads that it searches with."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pipelines.steps.takedown_rows import Doomed
from pipelines.steps.takedown_traces import Traces, normal_urls, parse_json, text_digest
from schemas.store import Store


@dataclass
class Found:
    """What a search has found so far; `texts` are whole, `greys` the 32x32 pictures of
    some of them, to look for others like them."""

    image_ids: set[str] = field(default_factory=set)
    recording_ids: set[str] = field(default_factory=set)
    item_ids: set[str] = field(default_factory=set)
    urls: set[str] = field(default_factory=set)
    sha256s: set[str] = field(default_factory=set)
    digests: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    pseudonyms: set[str] = field(default_factory=set)
    orphans: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    denied: set[tuple[str, str, int]] = field(default_factory=set)
    greys: list[bytes] = field(default_factory=list)
    pictures: int = 0

    def doomed(self, hosts: frozenset[str], still: frozenset[str] = frozenset()) -> Doomed:
        """All of it as a value; `still` are traces that rows which stay hold too."""
        values = self.image_ids | self.recording_ids | self.item_ids
        values |= self.digests | self.pseudonyms
        traces = Traces(
            values=frozenset(values - still),
            urls=normal_urls(self.urls) - still,
            texts=frozenset(map(text_digest, self.texts)) - still,
            names=frozenset(self.names),
        )
        return Doomed(
            image_ids=frozenset(self.image_ids),
            recording_ids=frozenset(self.recording_ids),
            item_ids=frozenset(self.item_ids),
            sha256s=frozenset(self.sha256s),
            hosts=hosts,
            orphans=frozenset(self.orphans),
            traces=traces,
        )


def rows_of(store: Store, table: str, columns: list[str]) -> Iterator[dict[str, Any]]:
    """Some columns of all rows of a table, as mappings."""
    for number in store.part_numbers(table):
        for batch in store.batches(table, number, columns):
            yield from batch.to_pylist()


def source_rows(store: Store, table: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Key (empty for what was refused) and row of all inputs that can be read as objects."""
    for name, columns in ((table, ["key", "row"]), (f"rejects/{table}", ["row"])):
        for row in rows_of(store, name, columns):
            if isinstance(values := parse_json(row["row"]), dict):
                yield row.get("key", ""), values
