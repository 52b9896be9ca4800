"""The work of stage dedupe that runs on workers: hash a part, match a block of hashes.

Arrays that workers share lie in `scratch/dedupe/` of the store; only numbers and job descriptors
cross a shuffle.
"""

import dataclasses
import functools

import numpy as np
from numpy.typing import NDArray

from pipelines.stage import Engine
from pipelines.steps import near_duplicates as near
from pipelines.steps.hash_jobs import MatchJob, plan_queries, plan_self
from pipelines.steps.hash_match import (
    HashGroups,
    Matches,
    group_equal,
    match_block,
    merge_matches,
)
from pipelines.steps.phash import blank_mask, oriented_hashes
from schemas.arrays import load_arrays, save_arrays
from schemas.ids import sha256_hex
from schemas.store import Store

SCRATCH = "scratch/dedupe"
COLUMNS = ["image_id", "image_sha256", "width", "height", "grey32"]
LIGHT_PAIRS = 10**9  # fewer comparisons than this take a second: no worker processes for them
Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]


def _hashes_path(number: int) -> str:
    return f"{SCRATCH}/hashes-{number:05d}.npz"


@dataclasses.dataclass(frozen=True)
class HashPart:
    """Reads one part of images and leaves its ids, checksums, areas and hashes as arrays."""

    store: Store
    orientations: bool

    def __call__(self, number: int) -> None:
        """Do one part."""
        table = self.store.read("images", number, COLUMNS)
        columns = {name: table.column(name).to_pylist() for name in COLUMNS}
        grey = grey_array(columns["grey32"])
        hashes = oriented_hashes(grey)
        save_arrays(
            self.store,
            _hashes_path(number),
            ids=np.array(columns["image_id"], dtype="S32"),
            sha256=np.array(columns["image_sha256"], dtype="S64"),
            area=np.array(columns["width"], np.int64) * np.array(columns["height"], np.int64),
            blank=blank_mask(grey),
            hashes=hashes if self.orientations else hashes[:, :1],
        )


@dataclasses.dataclass(frozen=True)
class Search:
    """One search of a plan: orientation `way` of all hashes against the upright ones."""

    way: int
    number: int
    job: MatchJob

    @property
    def result(self) -> str:
        """Where the pairs of this job are left."""
        return f"{SCRATCH}/found-{self.way}-{self.number}.npz"


@dataclasses.dataclass(frozen=True)
class MatchBlock:
    """Runs one matching job and leaves its pairs as arrays; `digest` is that of all hashes."""

    store: Store
    digest: str

    def __call__(self, search: Search) -> None:
        """Do one job."""
        queries = _unique_hashes(self.store.url, search.way, self.digest)
        index = _unique_hashes(self.store.url, 0, self.digest)
        found = match_block(search.job, queries, index)
        save_arrays(self.store, search.result, **dataclasses.asdict(found))


def _unique_path(way: int) -> str:
    return f"{SCRATCH}/unique-{way}.npz"


@functools.lru_cache(maxsize=2)
def _unique_hashes(url: str, way: int, digest: str) -> Hashes:
    """Read once per process and run: a later run on the same store has other hashes there."""
    return load_arrays(Store(url), _unique_path(way))["values"]


def hash_parts(
    store: Store, engine: Engine, numbers: list[int], orientations: bool
) -> tuple[near.Pictures, Hashes]:
    """All pictures in order of part and row, and their hashes, shape (n, 8) or (n, 1)."""
    engine.map("Hash", HashPart(store, orientations), numbers, light=len(numbers) < 20)
    parts = [load_arrays(store, _hashes_path(number)) for number in numbers]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    pictures = near.Pictures(joined["ids"], joined["sha256"], joined["area"], joined["blank"])
    return pictures, joined["hashes"]


def match_pictures(
    store: Store, engine: Engine, pictures: near.Pictures, hashes: Hashes, radius: int, pieces: int
) -> tuple[Ints, Ints, Ints]:
    """Candidate pairs of pictures with unlike bytes: the better one, the other, how the better one
    was turned.

    Blank pictures take no part. Each orientation is one search of turned against upright hashes.
    """
    first, _ = near.exact_groups(pictures)
    items = near.best_first(pictures, first[~pictures.blank[first]])
    groups = [group_equal(hashes[items, way]) for way in range(hashes.shape[1])]
    for way, group in enumerate(groups):
        save_arrays(store, _unique_path(way), values=group.values)
    searches = _plan_searches(groups, radius, pieces)
    light = len(items) ** 2 * len(groups) < LIGHT_PAIRS
    digest = sha256_hex(b"".join(group.values.tobytes() for group in groups))
    engine.map("Match", MatchBlock(store, digest), searches, light=light)
    found = [_ordered(*_members(store, groups, way, searches), way) for way in range(len(groups))]
    left, right, ways = (np.concatenate([part[n] for part in found]) for n in range(3))
    return items[left], items[right], ways


def _plan_searches(groups: list[HashGroups], radius: int, pieces: int) -> list[Search]:
    upright = len(groups[0].values)
    searches = [Search(0, n, job) for n, job in enumerate(plan_self(upright, radius, pieces))]
    for way, group in enumerate(groups[1:], 1):
        jobs = plan_queries(len(group.values), upright, radius, pieces)
        searches += [Search(way, n, job) for n, job in enumerate(jobs)]
    return searches


def _members(
    store: Store, groups: list[HashGroups], way: int, searches: list[Search]
) -> tuple[Ints, Ints]:
    """Pairs of items found in one orientation, from the pairs of unique hashes."""
    results = (load_arrays(store, search.result) for search in searches if search.way == way)
    found = merge_matches(Matches(**arrays) for arrays in results)
    if way == 0:
        return near.expand_equal(groups[0].group, found.left, found.right)
    return near.expand_between(groups[way].group, groups[0].group, found.left, found.right)


def _ordered(left: Ints, right: Ints, way: int) -> tuple[Ints, Ints, Ints]:
    """The better item first; where the two change places, the inverse orientation is meant."""
    apart = left != right
    left, right = left[apart], right[apart]
    ways = np.where(left < right, way, near.inverse_orientations()[way])
    return np.minimum(left, right), np.maximum(left, right), ways


def read_grey(store: Store, parts: list[tuple[int, int, int]], wanted: Ints) -> NDArray[np.uint8]:
    """The 32x32 grey pictures of sorted positions; `parts` are (number, start, rows)."""
    pieces: list[NDArray[np.uint8]] = [np.empty((0, 32, 32), np.uint8)]
    for number, start, rows in parts:
        own = wanted[(wanted >= start) & (wanted < start + rows)] - start
        if len(own):
            column = store.read("images", number, ["grey32"])[0]
            pieces.append(grey_array(column.take(own).to_pylist()))
    return np.concatenate(pieces)


def grey_array(values: list[bytes]) -> NDArray[np.uint8]:
    """Stored grey pictures as an array of shape (n, 32, 32)."""
    return np.frombuffer(b"".join(values), np.uint8).reshape(-1, 32, 32)
