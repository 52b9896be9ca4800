"""What comes near an evaluation picture is tagged with the evidence; what does not is not."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.decontaminate import Decontaminate
from pipelines.engine import BeamEngine
from pipelines.evaluation import Evaluation, evaluation_import
from pipelines.run_stage import RunOptions, plan_stage, run_stage
from pipelines.sources import import_source
from pipelines.steps.contamination import PICTURE_TAG
from pipelines.steps.phash import ORIENTATIONS
from schemas.records import Contamination, Image
from schemas.store import Store
from tests import toy_store as toy
from tests.pipelines.test_dedupe import WAYS
from tests.pipelines.toy_stage import options
from tests.toy_store import blank, encode, id_of, picture, pixels

LARGE = {"width": 240, "height": 180}


def prepared(folder: Path, theirs: Mapping[str, bytes], *ours: Mapping[str, bytes]) -> Store:
    """A store with pictures and an evaluation set."""
    store, bench = Store(str(folder / "store")), folder / "bench"
    toy.put_images(store, *ours)
    bench.mkdir(parents=True)
    for name, data in theirs.items():
        (bench / name).write_bytes(data)
    if theirs:
        import_source(store, evaluation_import(str(bench), 3))
    toy.run(Evaluation(), store)
    return store


def found(store: Store, **settings: Any) -> dict[str, Contamination]:
    toy.run(Decontaminate(**settings), store)
    rows = toy.rows(store, "contamination/images", Contamination)
    assert all(bool(row.tags) == bool(row.matches) for row in rows)
    return {row.row_id: row for row in rows}


def cut(seed: int, left: int, top: int, width: int, height: int) -> bytes:
    return encode(pixels(seed, **LARGE)[top : top + height, left : left + width], "JPEG")


def test_every_kind_of_nearness_has_its_evidence(tmp_path: Path) -> None:
    theirs = {
        "same.png": picture(1),
        "near.jpg": picture(2, "JPEG"),
        "turned.png": encode(np.rot90(pixels(3))),
        "whole.png": picture(4, **LARGE),
        "part.jpg": cut(5, 30, 20, 180, 135),
        "blank.png": blank(200),
    }
    ours = {
        "same.png": picture(1),
        "near.png": picture(2, width=192, height=144),
        "turned.png": picture(3),
        "part.jpg": cut(4, 30, 20, 180, 135),
        "whole.png": picture(5, **LARGE),
        "blank.png": blank(200),
        "nearly-blank.png": blank(201),
        "unlike.png": picture(6),
    }
    rows = found(prepared(tmp_path, theirs, ours))
    assert set(rows) == {id_of(name) for name in ours}
    seen = {name: [(m.place, m.kind) for m in rows[id_of(name)].matches] for name in ours}
    assert seen == {
        "same.png": [("same.png", "exact")],
        "near.png": [("near.jpg", "near")],
        "turned.png": [("turned.png", "near")],
        "part.jpg": [("whole.png", "crop")],
        "whole.png": [("part.jpg", "crop")],
        "blank.png": [("blank.png", "exact")],
        "nearly-blank.png": [],
        "unlike.png": [],
    }
    scores = {name: [tag.score for tag in rows[id_of(name)].tags] for name in ours}
    assert scores["same.png"] == [1.0]
    assert scores["near.png"][0] > 0.95
    assert scores["part.jpg"][0] > 0.95
    assert {t.name for row in rows.values() for t in row.tags} == {PICTURE_TAG}
    detail = rows[id_of("part.jpg")].matches[0].detail
    assert detail.startswith("this is 7"), detail
    assert rows[id_of("whole.png")].matches[0].detail.startswith("of this one it is ")
    assert {m.benchmark for row in rows.values() for m in row.matches} == {"bench"}


@pytest.mark.parametrize("way", ORIENTATIONS)
def test_the_orientation_is_what_was_done_to_our_picture(tmp_path: Path, way: str) -> None:
    turned = np.ascontiguousarray(WAYS[way](pixels(5, 96, 96)))
    store = prepared(tmp_path, {"e.png": encode(turned)}, {"o.png": encode(pixels(5, 96, 96))})
    (match,) = found(store)[id_of("o.png")].matches
    if way == "identity":
        assert (match.kind, match.orientation) == ("exact", 0)
    else:
        assert match.kind == "near"
        assert np.array_equal(WAYS[ORIENTATIONS[match.orientation]](pixels(5, 96, 96)), turned)


def test_without_crops_none_is_looked_for(tmp_path: Path) -> None:
    ours = {"part.jpg": cut(4, 30, 20, 180, 135)}
    store = prepared(tmp_path, {"whole.png": picture(4, **LARGE)}, ours)
    assert not found(store, crops=False)[id_of("part.jpg")].tags
    assert found(store)[id_of("part.jpg")].tags


def test_a_part_depends_on_itself_and_on_the_whole_evaluation_set(tmp_path: Path) -> None:
    store = prepared(tmp_path, {"a.png": picture(1)}, {"a.png": picture(1)}, {"b.png": picture(2)})
    found(store)
    assert toy.run(Decontaminate(), store).ran == 0
    toy.put(store, "images", 2, Image, [toy.image("c.png", picture(3))])
    assert toy.run(Decontaminate(), store).ran == 1, "new pictures leave the others alone"
    more = tmp_path / "more"
    more.mkdir()
    (more / "b.png").write_bytes(picture(2))
    import_source(store, evaluation_import(str(more), 3))
    toy.run(Evaluation(), store)
    assert toy.run(Decontaminate(), store).ran == 3, "a new benchmark concerns all"
    rows = toy.rows(store, "contamination/images", Contamination)
    assert [m.benchmark for row in rows for m in row.matches] in (
        ["bench", "more"],
        ["more", "bench"],
    )
    assert not toy.findings(store, "images")


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        ({"radius": 4}, True),
        ({"crops": False}, True),
        ({"max_grey_difference": 0.1}, True),
        ({"max_crop_difference": 0.05}, True),
        ({"max_rejects": 0.5}, False),
    ],
)
def test_settings_that_decide_are_in_the_fingerprint(
    tmp_path: Path, changed: dict[str, Any], again: bool
) -> None:
    store = prepared(tmp_path, {"a.png": picture(1)}, {"a.png": picture(1)})
    found(store)
    works, _ = plan_stage(Decontaminate(**changed), store, options())
    assert bool(works) is again


def test_no_evaluation_set_and_no_picture(tmp_path: Path) -> None:
    store = prepared(tmp_path / "none", {}, {"a.png": picture(1)}, {})
    assert [row.matches for row in found(store).values()] == [()]
    store = prepared(
        tmp_path / "blank", {"e.png": blank()}, {"a.png": blank(), "b.png": picture(1)}
    )
    assert [len(row.matches) for row in found(store).values()].count(1) == 1
    only_text = Store(str(tmp_path / "text" / "store"))
    toy.put_images(only_text, {"a.png": picture(1)})
    (tmp_path / "text" / "q.jsonl").write_text('{"q": "what"}\n')
    import_source(only_text, evaluation_import(str(tmp_path / "text" / "q.jsonl"), 3))
    toy.run(Evaluation(), only_text)
    assert not found(only_text)[id_of("a.png")].tags


def test_many_copies_in_a_benchmark_leave_bounded_evidence(tmp_path: Path) -> None:
    theirs = {f"{n:03}.png": picture(7, width=60 + n) for n in range(40)}
    store = prepared(tmp_path, theirs, {"o.png": picture(7)})
    matches = found(store)[id_of("o.png")].matches
    assert len(matches) == 20
    assert [m.grey_difference for m in matches] == sorted(m.grey_difference for m in matches)


def test_beam_and_a_remote_store_come_to_the_same(tmp_path: Path) -> None:
    ours = ({"a.png": picture(1), "b.jpg": cut(4, 30, 20, 180, 135)}, {"c.png": picture(9)})
    theirs = {"a.jpg": picture(1, "JPEG"), "w.png": picture(4, **LARGE)}
    store = prepared(tmp_path, theirs, *ours)
    run_stage(Decontaminate(), store, RunOptions(BeamEngine(1)))
    remote = Store(f"memory://decontaminate-{tmp_path.name}")
    toy.put_images(remote, *ours)
    import_source(remote, evaluation_import(str(tmp_path / "bench"), 3))
    toy.run(Evaluation(), remote)
    here = {row.row_id: row for row in toy.rows(store, "contamination/images", Contamination)}
    assert found(remote) == here
    assert sum(bool(row.tags) for row in here.values()) == 2
