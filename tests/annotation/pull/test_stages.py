"""From items to records, part by part: what is superseded, gone, or about what the store lacks."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from annotation.pull.checks import CheckRules
from annotation.pull.pull import item_key
from annotation.pull.stages import ANNOTATION_STAGES, PointsStage, PreferenceStage, ReviewStage
from pipelines.run_stage import retry_stage
from schemas.annotations import PointAnnotation, Preference, PreferencePair, TranscriptReview
from schemas.records import Source
from schemas.store import Store
from schemas.tables import TABLES
from tests import toy_store as toy
from tests.annotation.pull.studio_page import KEY, MADE_AT, PERSON, clock
from tests.pipelines.toy_stage import options

FEED = "sources/annotations/points"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def item(annotation: int, at: float = 0, label: str = "cup", **more: Any) -> dict[str, Any]:
    base = {
        "annotation": f"1:{annotation}",
        "project_created_at": MADE_AT,
        "revision": clock(at),
        "item": 0,
        "annotator_id": PERSON,
        "task_key": KEY,
        "image_id": toy.id_of("a.png"),
        "guideline": "points_v1",
        "seconds": 9.0,
        "submitted_at": clock(at),
        "skipped": False,
        "deleted": False,
    }
    points = {"label": label, "points": [[1, 2]], "absent": False, "collection_method": "pointing"}
    return {**base, **points, "shown": [[96, 72, 0]], **more}


def put_items(store: Store, *parts: list[dict[str, Any]], feed: str = FEED) -> None:
    for number, rows in enumerate(parts):
        sources = [Source(item_key(row), json.dumps(row), "") for row in rows]
        toy.put(store, feed, number, Source, sources)


def labels(store: Store) -> list[str]:
    return [row.label for row in toy.rows(store, "annotations/points", PointAnnotation)]


def test_every_kind_has_a_stage_for_its_table() -> None:
    for kind, stage in ANNOTATION_STAGES.items():
        table = TABLES[f"annotations/{kind}"]
        assert stage.table == f"annotations/{kind}"
        assert (stage.name, stage.record) == (table.made_by, table.record)
        assert stage().feed == table.fed_by
        assert re.fullmatch(r"annotations-\w+", stage.name)


def test_items_become_records_part_by_part(store: Store) -> None:
    toy.put_images(store, {"a.png": toy.picture(1)})
    put_items(store, [item(1), item(2, label="")], [item(3, label="spoon")])
    result = toy.run(PointsStage(), store)
    assert (result.records, result.reasons) == (2, {"no_phrase": 1})
    assert sorted(labels(store)) == ["cup", "spoon"]
    (record,) = toy.rows(store, "annotations/points", PointAnnotation)[:1]
    assert record.item_id in {item_key(item(1)), item_key(item(3))}
    assert toy.run(PointsStage(), store).ran == 0
    assert toy.findings(store, "images/") == []


def test_a_later_revision_redoes_only_the_part_that_it_supersedes(store: Store) -> None:
    toy.put_images(store, {"a.png": toy.picture(1)})
    put_items(store, [item(1)], [item(2)])
    toy.run(PointsStage(), store)
    put_items(store, [item(1)], [item(2)], [item(1, at=5, label="mug")])
    assert toy.run(PointsStage(), store).ran == 2
    assert sorted(labels(store)) == ["cup", "mug"]
    assert toy.reasons(store, "annotations/points") == {"superseded": 1}


def test_what_was_deleted_goes_with_all_its_revisions(store: Store) -> None:
    toy.put_images(store, {"a.png": toy.picture(1)})
    gone = {**item(1, at=9), "deleted": True}
    put_items(store, [item(1)], [item(1, at=5), item(2)], [gone])
    result = toy.run(PointsStage(), store)
    assert (result.records, result.reasons) == (1, {"deleted": 3})


def test_equal_numbers_of_another_studio_are_other_annotations(store: Store) -> None:
    toy.put_images(store, {"a.png": toy.picture(1)})
    put_items(store, [item(1), item(1, at=5, label="mug", project_created_at="2027")])
    assert toy.run(PointsStage(), store).records == 2


def test_a_picture_that_comes_later_is_taken_in(store: Store) -> None:
    put_items(store, [item(1)])
    assert toy.run(PointsStage(), store).reasons == {"unknown_task": 1}
    (reject,) = toy.rejects(store, "annotations/points")
    assert reject.retryable
    retry_stage(PointsStage(), store, options(), set())
    assert toy.reasons(store, "annotations/points") == {"unknown_task": 1}
    toy.put_images(store, {"a.png": toy.picture(1)})
    assert toy.run(PointsStage(), store).records == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_points_are_percent_of_the_upright_picture(store: Store, orientation: int) -> None:
    """The picture is stored 96 x 72 and turned by its EXIF; upright it may be 72 x 96."""
    exif = toy.Pictures.Exif()
    exif[0x0112] = orientation
    data = toy.encode(toy.pixels(1), "JPEG", exif=exif)
    toy.put_images(store, {"a.png": data})
    sides = (72, 96) if orientation >= 5 else (96, 72)
    upright, turned = item(1, shown=[[*sides, 0]]), item(2, shown=[[*sides[::-1], 0]])
    put_items(store, [upright, turned, item(3, shown=[[sides[0] // 2, sides[1] // 2, 0]])])
    result = toy.run(PointsStage(), store)
    assert (result.records, result.reasons) == (2, {"other_shape": 1})
    points = [row.points[0] for row in toy.rows(store, "annotations/points", PointAnnotation)]
    assert {(point.x, point.y) for point in points} == {(1.0, 2.0)}


def test_a_picture_turned_by_hand_is_not_upright(store: Store) -> None:
    toy.put_images(store, {"a.png": toy.picture(1)})
    shown: list[Any] = [[[96, 72, 90]], [[96, 72, 360]], [[100, 100, 0]], ["?"], [[0, 0, 0]]]
    put_items(store, [item(at, shown=some) for at, some in enumerate(shown, 1)])
    result = toy.run(PointsStage(), store)
    assert (result.records, result.reasons) == (1, {"other_shape": 4})


def test_other_rules_check_again(store: Store) -> None:
    toy.put_images(store, {"a.png": toy.picture(1)})
    put_items(store, [item(1, points=[[1, 1], [2, 2]])])
    assert toy.run(PointsStage(), store).records == 1
    stage = PointsStage(CheckRules(duplicate_percent=5.0))
    assert toy.run(stage, store).reasons == {"duplicate_click": 1}


def test_reviews_are_of_recordings_that_the_store_has(store: Store) -> None:
    feed = "sources/annotations/transcript_review"
    spoken = toy.transcript("a.png", "a read cup")
    rows = [
        item(1, recording_id=spoken.recording_id, text="a red cup", draft=spoken.text),
        item(2, recording_id="f" * 32, text="a red cup", draft=""),
    ]
    put_items(store, rows, feed=feed)
    assert toy.run(ReviewStage(), store).reasons == {"missing_recording": 2}
    toy.put_transcripts(store, [spoken])
    assert toy.run(ReviewStage(), store).reasons == {"missing_recording": 1}
    (made,) = toy.rows(store, "annotations/transcript_review", TranscriptReview)
    assert (made.text, made.changed) == ("a red cup", True)


def test_preferences_are_turned_back_by_their_pair(store: Store) -> None:
    pairs = [
        PreferencePair(f"p{at}", "q", "", "Which?", "m", "A", "n", "B", bool(at)) for at in (0, 1)
    ]
    toy.put(store, "preference_pairs", 0, PreferencePair, pairs)
    rows = [item(at + 1, pair_id=f"p{at}", choice="left", image_id="") for at in range(3)]
    put_items(store, rows, feed="sources/annotations/preference")
    result = toy.run(PreferenceStage(), store)
    assert (result.records, result.reasons) == (2, {"unknown_task": 1})
    found = toy.rows(store, "annotations/preference", Preference)
    assert {row.pair_id: row.choice for row in found} == {"p0": "a", "p1": "b"}


def test_a_row_without_an_annotation_is_a_reject(store: Store) -> None:
    toy.put(store, FEED, 0, Source, [Source("k" * 32, '{"label": "cup"}', "")])
    assert toy.run(PointsStage(), store).reasons == {"bad_row": 1}
