"""Hashes that many small batches are looked up in: the tables of `hash_jobs`, built once.

`hash_match` sorts both sides for every job, which pays when both are large. Here one side stays:
a process builds the index once and asks it about one part after another. Exact, like the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.steps.hash_jobs import (
    CANDIDATE_NS,
    CHUNK_COUNTS,
    PAIR_NS,
    PROBE_NS,
    Chunk,
    MatchJob,
    Span,
    chunks_of,
    flip_masks,
    mask_count,
)
from pipelines.steps.hash_match import Matches, match_block, merge_matches
from pipelines.steps.hash_probe import SLICE, Pairs, Runs, spread

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class _Table:
    """The hashes in the order of one chunk; those with key k begin at `starts[k]`."""

    chunk: Chunk
    masks: NDArray[np.intp]
    starts: NDArray[np.int32]
    occupied: NDArray[np.bool_]
    place: NDArray[np.int32]


class HashIndex:
    """All pairs of a query and an indexed hash within `radius` bits; equal hashes count each."""

    def __init__(self, hashes: Hashes, radius: int) -> None:
        self._hashes, self._radius = hashes, radius
        self._chunks = (
            chunks_of(radius, count) if (count := _chunk_count(len(hashes), radius)) else ()
        )
        self._tables = [_table(chunk, hashes) for chunk in self._chunks if chunk.allowance >= 0]

    def query(self, queries: Hashes) -> Matches:
        """Pairs of positions in `queries` and in the index, sorted, with their distances."""
        if not self._tables:
            every = Span(0, len(queries)), Span(0, len(self._hashes))
            job = MatchJob(self._radius, 0, 0, Span(0, 1), *every, mirrored=False)
            return (
                match_block(job, queries, self._hashes) if len(self._hashes) else merge_matches([])
            )
        found = [self._near(queries, table, n) for n, table in enumerate(self._tables)]
        return merge_matches(found)

    def _near(self, queries: Hashes, table: _Table, number: int) -> Matches:
        rows: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
        places: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
        for row, column in _candidates(queries, table):
            place = table.place[column].astype(np.int64)
            apart = queries[row] ^ self._hashes[place]
            near = np.flatnonzero(np.bitwise_count(apart) <= self._radius)
            near = near[_first_seen(apart[near], self._chunks[:number])]
            rows.append(row[near])
            places.append(place[near])
        left, right = np.concatenate(rows), np.concatenate(places)
        return Matches(left, right, np.bitwise_count(queries[left] ^ self._hashes[right]))


def nearest_matches(found: Matches, most: int) -> Matches:
    """Of each left position at most so many pairs, those with the smallest distances."""
    order = np.lexsort((found.right, found.distance, found.left))
    left = found.left[order]
    start = np.flatnonzero(np.diff(left, prepend=-1))
    rank = np.arange(len(left)) - np.repeat(start, np.diff([*start, len(left)]))
    kept = order[rank < most]
    return Matches(found.left[kept], found.right[kept], found.distance[kept])


def runs_within(runs: Runs, most: int = SLICE) -> Iterator[Pairs]:
    """The pairs of runs, in portions of about `most`: full buckets cost time, not memory."""
    some = np.flatnonzero(runs.end > runs.begin)
    rows, begin, end = runs.rows[some], runs.begin[some], runs.end[some]
    total = np.cumsum(end - begin)
    at = 0
    while at < len(rows):
        done = total[at - 1] if at else 0
        upto = max(at + 1, int(np.searchsorted(total, done + most, side="right")))
        yield spread(Runs(rows[at:upto], begin[at:upto], end[at:upto]))
        at = upto


def _chunk_count(n: int, radius: int) -> int:
    """The number of chunks with the least estimated cost per query; 0 means compare in full."""
    costs = {0: n * PAIR_NS}
    for count in CHUNK_COUNTS:
        seen = [chunk for chunk in chunks_of(radius, count) if chunk.allowance >= 0]
        costs[count] = sum(
            mask_count(chunk) * (PROBE_NS + n * CANDIDATE_NS / (1 << chunk.bits)) for chunk in seen
        )
    return min(costs, key=lambda count: costs[count])


def _table(chunk: Chunk, hashes: Hashes) -> _Table:
    packed = (_part(chunk, hashes) << 32) | np.arange(len(hashes))
    packed.sort()
    starts = np.zeros((1 << chunk.bits) + 1, dtype=np.int32)
    np.cumsum(np.bincount(packed >> 32, minlength=1 << chunk.bits), out=starts[1:])
    place = (packed & 0xFFFFFFFF).astype(np.int32)
    return _Table(chunk, flip_masks(chunk), starts, starts[1:] > starts[:-1], place)


def _part(chunk: Chunk, hashes: Hashes) -> NDArray[np.int64]:
    mask = np.uint64((1 << chunk.bits) - 1)
    return ((hashes >> np.uint64(chunk.shift)) & mask).astype(np.int64)


def _candidates(queries: Hashes, table: _Table) -> Iterator[Pairs]:
    """Queries and places in the table whose chunks differ by a flip mask."""
    keys = _part(table.chunk, queries)
    step = max(1, SLICE // len(table.masks))
    for at in range(0, len(keys), step):
        wanted = (keys[at : at + step, np.newaxis] ^ table.masks).ravel()
        hits = np.flatnonzero(table.occupied[wanted])  # small enough for a cache, mostly no
        rows, found = hits // len(table.masks) + at, wanted[hits]
        begin, end = table.starts[found].astype(np.intp), table.starts[found + 1].astype(np.intp)
        yield from runs_within(Runs(rows, begin, end))


def _first_seen(difference: Hashes, earlier: tuple[Chunk, ...]) -> NDArray[np.bool_]:
    """Whether no earlier chunk is within its allowance, that is, sees the pair too."""
    fresh = np.ones(len(difference), dtype=np.bool_)
    for chunk in earlier:
        fresh &= np.bitwise_count(_part(chunk, difference)) > chunk.allowance
    return fresh
