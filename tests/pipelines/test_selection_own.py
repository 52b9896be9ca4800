"""The choice among pictures that pixmo made: equal files once, splits that stay."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.subsets.clocks import SelectClocks
from schemas.judgment import RejectRow, Tag
from schemas.records import Selected
from schemas.store import Store
from schemas.subset_records import Clock
from tests import sound_subsets
from tests import toy_store as toy

CLOCK = sound_subsets.made_here()["clocks"][0][0]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def put(store: Store, *clocks: tuple[str, str, float]) -> None:
    """Clocks by id, checksum and the score of a rule that some break."""
    rows = [
        replace(CLOCK, example_id=key, image_sha256=sha, tags=(Tag("too_small_v1", score),))
        for key, sha, score in clocks
    ]
    toy.put(store, "clocks", 0, Clock, rows)


def select(store: Store, **settings: object) -> dict[str, str]:
    toy.run(SelectClocks(max_rejects=1.0, **settings), store)  # type: ignore[arg-type]
    rows = store.records("selected/clocks", 0, Selected)
    return {row.row_id: row.split for row in rows}


def test_of_equal_files_the_first_usable_one_is_chosen(store: Store) -> None:
    put(store, ("a", "1", 5.0), ("b", "1", 0.0), ("c", "1", 0.0), ("d", "2", 0.0))
    assert set(select(store)) == {"b", "d"}
    refused = {row.key: row for row in store.records("rejects/selected/clocks", 0, RejectRow)}
    assert {key: row.reason for key, row in refused.items()} == {"a": "policy", "c": "duplicate"}
    assert refused["c"].detail.endswith(" b")


def test_a_split_once_drawn_is_kept(store: Store) -> None:
    put(store, *((f"{n:02d}", str(n), 0.0) for n in range(20)))
    first = select(store, shares=(("train", 0.5), ("validation", 0.5)))
    assert set(first.values()) == {"train", "validation"}
    assert select(store, shares=(("train", 0.1), ("validation", 0.9))) == first
    put(store, *((f"{n:02d}", str(n), 0.0) for n in range(30)))
    grown = select(store, shares=(("train", 1.0),))
    assert {key: grown[key] for key in first} == first
    assert {split for key, split in grown.items() if key not in first} == {"train"}
