"""Stage dedupe on toy pictures, and on foreign near-duplicates with their ground truth."""

import csv
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.dedupe import Dedupe
from pipelines.engine import BeamEngine
from pipelines.run_stage import RunOptions, plan_stage, run_stage
from pipelines.steps.phash import ORIENTATIONS
from schemas.records import Duplicate, DuplicatePair, Image
from schemas.store import Store
from tests import toy_store as toy
from tests.pipelines.toy_stage import options
from tests.toy_store import blank, encode, id_of, picture, pixels

WAYS = {
    "identity": lambda p: p,
    "mirror_horizontal": np.fliplr,
    "rotate_180": lambda p: np.rot90(p, 2),
    "mirror_vertical": np.flipud,
    "transpose": lambda p: p.transpose(1, 0, 2),
    "rotate_90_clockwise": lambda p: np.rot90(p, -1),
    "transverse": lambda p: np.rot90(p, 2).transpose(1, 0, 2),
    "rotate_90_counterclockwise": np.rot90,
}


def store_of(folder: Path, *parts: Mapping[str, bytes]) -> Store:
    store = Store(str(folder))
    toy.put_images(store, *parts)
    return store


def deduped(folder: Path, *parts: Mapping[str, bytes], **settings: Any) -> dict[str, Duplicate]:
    """The verdict on each picture, by its id."""
    store = store_of(folder, *parts)
    toy.run(Dedupe(**settings), store)
    assert not toy.leftovers(folder)
    return {row.image_id: row for row in toy.rows(store, "duplicates", Duplicate)}


def pairs_of(folder: Path) -> list[DuplicatePair]:
    return toy.rows(Store(str(folder)), "duplicate_pairs", DuplicatePair)


def stars(found: Mapping[str, Duplicate]) -> set[frozenset[str]]:
    """The clusters, each as the set of its image ids."""
    members: dict[str, set[str]] = {}
    for row in found.values():
        members.setdefault(row.representative_id, set()).add(row.image_id)
    return {frozenset(ids) for ids in members.values()}


def mixed() -> dict[str, bytes]:
    """Pictures of every kind: near, exact, turned, blank, alone."""
    return {
        "a.png": picture(1, width=192, height=144),
        "a-small.jpg": picture(1, "JPEG"),
        "a-turned.png": encode(np.rot90(pixels(1))),
        "b.png": picture(2),
        "b-again.png": picture(2),
        "white.png": blank(255),
        "black.png": blank(0),
        "grey.png": blank(128),
        "grey-again.png": blank(128),
        "c.png": picture(3),
    }


def test_each_picture_has_one_verdict(tmp_path: Path) -> None:
    found = deduped(tmp_path, mixed())
    kinds = {name: found[id_of(name)].kind for name in mixed()}
    best_b = min(("b.png", "b-again.png"), key=id_of)
    best_grey = min(("grey.png", "grey-again.png"), key=id_of)
    assert kinds == {
        "a.png": "unique",
        "a-small.jpg": "near",
        "a-turned.png": "near",
        "b.png": "unique" if best_b == "b.png" else "exact",
        "b-again.png": "exact" if best_b == "b.png" else "unique",
        "white.png": "blank",
        "black.png": "blank",
        "grey.png": "blank" if best_grey == "grey.png" else "exact",
        "grey-again.png": "exact" if best_grey == "grey.png" else "blank",
        "c.png": "unique",
    }
    assert found[id_of("a-small.jpg")].representative_id == id_of("a.png"), "the largest"
    assert {row.cluster_size for row in found.values()} == {1, 2, 3}
    assert not toy.findings(Store(str(tmp_path)), "images")


def test_blank_pictures_are_not_one_cluster(tmp_path: Path) -> None:
    found = deduped(tmp_path, {f"{level}.png": blank(level) for level in range(0, 250, 10)})
    assert {row.kind for row in found.values()} == {"blank"}
    assert len(stars(found)) == 25
    assert not pairs_of(tmp_path)


def test_blank_pictures_of_the_same_bytes_are_exact_duplicates(tmp_path: Path) -> None:
    found = deduped(tmp_path, {"a.png": blank(), "b.png": blank()}, {"c.png": blank()})
    assert sorted(row.kind for row in found.values()) == ["blank", "exact", "exact"]
    assert len({row.component_id for row in found.values()}) == 1


@pytest.mark.parametrize("way", ORIENTATIONS)
def test_a_turned_copy_is_found_and_the_evidence_says_how(tmp_path: Path, way: str) -> None:
    turned = np.ascontiguousarray(WAYS[way](pixels(5, 96, 96)))
    files = {"upright.png": picture(5, width=120, height=120), "turned.png": encode(turned)}
    found = deduped(tmp_path, files)
    assert found[id_of("turned.png")].representative_id == id_of("upright.png")
    (pair,) = pairs_of(tmp_path)
    undo = WAYS[ORIENTATIONS[pair.orientation]]
    left, right = (pixels(5, 96, 96), turned)[:: 1 if pair.left_id == id_of("upright.png") else -1]
    assert np.array_equal(undo(left), right), "the orientation is what was done to the left one"
    assert pair.verified
    # The verdict speaks of the picture itself: turned so, it is its representative.
    own = WAYS[ORIENTATIONS[found[id_of("turned.png")].orientation]]
    assert np.array_equal(own(turned), pixels(5, 96, 96))


def test_turned_copies_are_left_alone_without_orientations(tmp_path: Path) -> None:
    files = {"a.png": picture(5), "turned.png": encode(np.rot90(pixels(5)))}
    found = deduped(tmp_path / "off", files, orientations=False)
    assert [row.kind for row in found.values()] == ["unique", "unique"]
    again = deduped(tmp_path / "on", files)
    assert sorted(row.kind for row in again.values()) == ["near", "unique"]


def chain(steps: int) -> dict[str, bytes]:
    """Pictures that turn into another one, each near the next and the ends far apart."""
    first, last = pixels(11).astype(float), pixels(12).astype(float)
    shares = np.linspace(0, 1, steps)
    return {
        f"{n}.png": encode(((1 - share) * first + share * last).astype(np.uint8))
        for n, share in enumerate(shares)
    }


def test_clusters_are_stars_and_components_are_chains(tmp_path: Path) -> None:
    found = deduped(tmp_path, chain(24))
    near = {(p.left_id, p.right_id) for p in pairs_of(tmp_path) if p.verified}
    members = [row for row in found.values() if row.image_id != row.representative_id]
    for row in members:
        assert tuple(sorted((row.image_id, row.representative_id))) in {
            tuple(sorted(pair)) for pair in near
        }, "a member is a neighbour of what stands for it"
    assert len(stars(found)) > 1
    assert len({row.component_id for row in found.values()}) < len(stars(found))
    assert all(row.component_id <= row.image_id for row in found.values())


def test_the_order_and_the_parts_do_not_matter(tmp_path: Path) -> None:
    files = mixed() | chain(12) | {f"t{n}.png": encode(np.rot90(pixels(n))) for n in range(40, 44)}
    files |= {f"u{n}.jpg": picture(n, "JPEG") for n in range(40, 44)}
    names = sorted(files)
    rng = np.random.default_rng(0)
    found, pairs = [], []
    for turn in range(4):
        shuffled = [names[at] for at in rng.permutation(len(names))]
        parts = [shuffled[at :: turn + 1] for at in range(turn + 1)]
        folder = tmp_path / str(turn)
        found.append(deduped(folder, *({name: files[name] for name in part} for part in parts)))
        pairs.append(
            {
                (frozenset((p.left_id, p.right_id)), p.distance, p.grey_difference, p.verified)
                for p in pairs_of(folder)
            }
        )
    for other in found[1:]:
        assert other == found[0]
    assert all(other == pairs[0] for other in pairs[1:])


def test_many_equal_hashes_are_one_star_wherever_the_best_one_lies(tmp_path: Path) -> None:
    base = pixels(7, 64, 64)
    copies = {f"{n}.png": encode(base, compress_level=n % 10, dpi=(n + 1, 72)) for n in range(150)}
    best = {"best.png": picture(7, width=128, height=128)}
    found = deduped(tmp_path, copies, best)
    assert len({row.representative_id for row in found.values()}) == 1
    assert found[id_of("best.png")].cluster_size == 151


def test_a_large_cluster_is_reported_and_alarmed(tmp_path: Path) -> None:
    deduped(tmp_path, {f"{n}.png": picture(7, width=80 + n) for n in range(6)}, alarm_size=5)
    largest = json.loads((tmp_path / "duplicates" / "_largest.json").read_text())
    assert largest["pictures"] == 6
    assert largest["alarm"] is True


def test_no_picture_and_one_picture(tmp_path: Path) -> None:
    assert toy.run(Dedupe(), Store(str(tmp_path / "none"))).records == 0
    assert deduped(tmp_path / "empty", {}) == {}
    (only,) = deduped(tmp_path / "one", {"a.png": picture(1)}).values()
    assert (only.kind, only.cluster_size, only.representative_id) == ("unique", 1, only.image_id)
    assert len(deduped(tmp_path / "gap", {}, {"a.png": picture(1)}, {})) == 1


def test_what_is_near_but_unlike_is_kept_as_evidence_and_not_joined(tmp_path: Path) -> None:
    found = deduped(
        tmp_path, {"a.png": picture(1), "b.jpg": picture(1, "JPEG")}, max_grey_difference=-1
    )
    assert [row.kind for row in found.values()] == ["unique", "unique"]
    (pair,) = pairs_of(tmp_path)
    assert not pair.verified
    assert 0 <= pair.grey_difference < 0.05


def test_the_same_again_does_nothing_and_new_pictures_redo_all(tmp_path: Path) -> None:
    store = store_of(tmp_path, {"a.png": picture(1)}, {"b.png": picture(2)})
    assert toy.run(Dedupe(), store).ran == 2
    before = toy.stamps(tmp_path / "duplicates")
    assert toy.run(Dedupe(), store).ran == 0
    assert toy.stamps(tmp_path / "duplicates") == before
    digests = toy.contents(store)
    toy.put(store, "images", 2, Image, [toy.image("c.png", picture(3))])
    assert toy.run(Dedupe(), store).ran == 3, "any picture can be near any other"
    assert digests.items() <= toy.contents(store).items(), "but nothing changed for the old ones"


def test_a_second_run_in_one_process_matches_the_hashes_of_today(tmp_path: Path) -> None:
    """Once it looked new hashes up among those of the run before, kept in memory by their path."""
    store = store_of(tmp_path, {"a.png": picture(0), "turned.png": encode(np.fliplr(pixels(2)))})
    toy.run(Dedupe(), store)
    # Its id is the smallest, so that it moves the others to other places.
    own = min((f"{n}.png" for n in range(50)), key=id_of)
    toy.put(store, "images", 1, Image, [toy.image(own, picture(2))])
    toy.run(Dedupe(), store)
    kinds = {row.image_id: row.kind for row in toy.rows(store, "duplicates", Duplicate)}
    assert sorted(kinds[id_of(name)] for name in (own, "turned.png")) == ["near", "unique"]


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        ({"radius": 4}, True),
        ({"orientations": False}, True),
        ({"max_grey_difference": 0.1}, True),
        ({"alarm_size": 2}, False),
        ({"pieces": 2}, False),
    ],
)
def test_settings_that_decide_pairs_are_in_the_fingerprint(
    tmp_path: Path, changed: dict[str, Any], again: bool
) -> None:
    store = store_of(tmp_path, {"a.png": picture(1)})
    toy.run(Dedupe(), store)
    works, _ = plan_stage(Dedupe(**changed), store, options())
    assert bool(works) is again


def test_pieces_do_not_change_the_verdicts(tmp_path: Path) -> None:
    files = mixed() | chain(12)
    assert deduped(tmp_path / "1", files, pieces=1) == deduped(tmp_path / "5", files, pieces=5)


def test_beam_comes_to_the_same_verdicts(tmp_path: Path) -> None:
    store = store_of(tmp_path / "beam", mixed())
    run_stage(Dedupe(), store, RunOptions(BeamEngine(1)))
    other = deduped(tmp_path / "here", mixed())
    assert {row.image_id: row for row in toy.rows(store, "duplicates", Duplicate)} == other


# --- foreign near-duplicates


def truth(test_data: Path) -> dict[str, str]:
    """The cluster of each labelled file that can be decoded."""
    with (test_data / "neardup" / "groundtruth.csv").open() as file:
        labelled = {row["file"]: row["cluster"] for row in csv.DictReader(file)}
    return {f: c for f, c in labelled.items() if not f.endswith("_corrupt.jpg")}


def joined(groups: Mapping[str, str]) -> set[frozenset[str]]:
    """The pairs of names that share a group."""
    return {
        frozenset(pair)
        for pair in itertools.combinations(sorted(groups), 2)
        if groups[pair[0]] == groups[pair[1]]
    }


FLIPPED = frozenset(
    f"neardup/imagededup/mixed_images/ukbench00120{end}.jpg" for end in ("", "_hflip")
)


@pytest.mark.parametrize(("orientations", "recall"), [(True, 0.9), (False, 0.85)])
def test_foreign_near_duplicates(
    tmp_path: Path, test_data: Path, orientations: bool, recall: float
) -> None:
    clusters = truth(test_data)
    files = {name: (test_data / name).read_bytes() for name in clusters}
    found = deduped(tmp_path, files, orientations=orientations)
    wanted = joined(clusters)
    for group in ("component_id", "representative_id"):
        pairs = joined({name: getattr(found[id_of(name)], group) for name in files})
        assert not pairs - wanted, "pictures that nobody labelled as alike"
        # 100 and 95 of 109 were found; what is missing is turned by odd angles or repainted.
        assert len(pairs & wanted) >= recall * len(wanted)
        assert (FLIPPED in pairs) is orientations
