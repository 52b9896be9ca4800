"""Pairs of answers for kind preference: drawn from a file, kept in the store's `preference_pairs`.

The table is the only place that knows which model is behind which side, so that it is written
before Label Studio hears of a pair. Pairs that it has already are not written again.
"""

import time
from collections.abc import Sequence

from annotation.push.preference_pairs import DrawnPairs, draw_pairs, read_answers
from pipelines.stage import CODE_VERSION
from schemas.annotations import PreferencePair
from schemas.ids import content_id
from schemas.locks import hold
from schemas.part_writer import PartWriter
from schemas.store import Store

TABLE = "preference_pairs"


def drawn_from(url: str, salt: str) -> DrawnPairs:
    """The pairs of a file of answers; UsageError names file and row of what is no answer."""
    return draw_pairs(read_answers(url), salt) if url else DrawnPairs((), {})


def keep_pairs(store: Store, pairs: Sequence[PreferencePair]) -> int:
    """Append the pairs that the table does not have as a part of their own; how many."""
    with hold(store, "push-preference"):
        began = time.monotonic()
        numbers = store.part_numbers(TABLE)
        known = {key for n in numbers for key in store.read(TABLE, n, ["pair_id"])[0].to_pylist()}
        fresh = sorted(
            (pair for pair in pairs if pair.pair_id not in known), key=lambda pair: pair.pair_id
        )
        if fresh:
            _append(store, max(numbers, default=-1) + 1, fresh, began)
        return len(fresh)


def _append(store: Store, number: int, pairs: list[PreferencePair], began: float) -> None:
    with PartWriter(store, TABLE, number, PreferencePair) as writer:
        for pair in pairs:
            writer.add(pair)
        writer.commit(
            fingerprint=content_id(TABLE, *(pair.pair_id for pair in pairs)),
            rows_in=len(pairs),
            seconds=round(time.monotonic() - began, 3),
            code_version=CODE_VERSION,
            config={"stage": "push-preference", "version": "1"},
            inputs={},
        )
