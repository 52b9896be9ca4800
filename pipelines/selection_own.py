"""The choice of rows whose pictures pixmo made itself: documents and clocks.

Such pictures are in no table of near-duplicates. Of equal files the first by key is chosen, and
splits are drawn per picture by the shares of stage splits. A split that a row was once given is
kept, whatever shares a later run asks for.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from pipelines.selection import Select
from pipelines.stage import Shard
from pipelines.steps.splits import draw_split
from schemas.store import Store


@dataclass(frozen=True)
class SelectOwn(Select):
    """Rows that the policy passes, of distinct pictures; `shares` and `salt` are as in splits."""

    shares: tuple[tuple[str, float], ...] = (("train", 1.0),)
    salt: str = ""

    def settings(self) -> dict[str, Any]:
        """The policy, and how splits are drawn."""
        return {**asdict(self.policy), "shares": self.shares, "salt": self.salt}

    def _losers(self, store: Store) -> dict[str, str]:
        """Pictures whose bytes another usable one has too, and the first of those."""
        first: dict[str, str] = {}
        losers = {}
        for key, checksum in sorted(self._checksums(store)):
            winner = first.setdefault(checksum, key)
            if winner != key:
                losers[key] = winner
        return losers

    def _checksums(self, store: Store) -> Iterator[tuple[str, str]]:
        for number in store.part_numbers(self.feed):
            usable = self._usable_pictures(store, number)
            found = store.read_map(self.feed, number, self.picture, "image_sha256")
            yield from ((key, checksum) for key, checksum in found.items() if key in usable)

    def _splits(self, store: Store, shard: Shard) -> dict[str, str]:
        kept: dict[str, str] = {}
        if store.info(self.table, shard.number):
            kept = store.read_map(self.table, shard.number, "image_id", "split")
        keys = store.read(self.feed, shard.number, [self.picture])[0].to_pylist()
        return {key: kept.get(key) or draw_split(key, self.shares, self.salt) for key in keys}
