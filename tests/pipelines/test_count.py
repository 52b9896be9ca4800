"""Stage count: detections and people's counts, picture by picture, wherever they lie."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.count import Count
from pipelines.steps.count_rules import CountConfig
from schemas.annotations import CountAnnotation, Point, Work
from schemas.store import Store
from schemas.subset_records import DetectedBox, Detections, ObjectCount
from tests import toy_store as toy
from tests.toy_store import id_of

STAGE = Count(CountConfig(threshold=0.5))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "store"))
    names = {"a": toy.picture(1), "b": toy.picture(2)}, {"c": toy.picture(3, width=48)}
    toy.put_images(made, *names)
    return made


def detections(name: str, *labels: str, score: float = 0.9) -> Detections:
    boxes = [
        DetectedBox(label, score, 10 * n, 0, 10 * n + 10, 50) for n, label in enumerate(labels)
    ]
    return Detections(id_of(name), tuple(boxes), "toy@1")


def put_detections(store: Store, *parts: list[Detections]) -> None:
    for number, rows in enumerate(parts):
        toy.put(store, "detections", number, Detections, rows)


def person(name: str, count: int, label: str = "dog", who: str = "ada") -> CountAnnotation:
    points = tuple(Point(10.0 * n, 1.0) for n in range(count))
    work = Work("1:1", "key", who, "count_v1", 2.0, "2026-01-01")
    return CountAnnotation(f"{who}-{name}", id_of(name), label, count, 1, points, "test", work)


def counts(store: Store) -> dict[str, ObjectCount]:
    return {row.image_id: row for row in toy.rows(store, "count", ObjectCount)}


def test_each_part_of_images_has_its_counts(store: Store) -> None:
    put_detections(
        store, [detections("a", "cat", "dog", "cat"), detections("b")], [detections("c", "cup")]
    )
    result = toy.run(STAGE, store)
    assert (result.rows_in, result.records) == (3, 2)
    a = counts(store)[id_of("a")]
    assert (a.label, a.count, a.predicted_count, a.checked) == ("cat", 2, 2, False)
    assert a.points == (Point(5, 25), Point(25, 25))
    assert (a.width, a.height, a.image_url) == (96, 72, toy.url_of("a"))
    assert (a.detector, a.item_ids) == ("toy@1", ())
    assert counts(store)[id_of("c")].width == 48
    (row,) = toy.rejects(store, "count")
    assert (row.key, row.reason) == (id_of("b"), "nothing_detected")
    assert json.loads(row.row)["image_url"] == toy.url_of("b")
    assert toy.run(STAGE, store).ran == 0
    assert not toy.findings(store, "images")


def test_what_people_counted_comes_in_from_parts_of_its_own(store: Store) -> None:
    put_detections(store, [detections("a", "cat"), detections("b")], [detections("c", "cup")])
    toy.run(STAGE, store)
    rows = [person("a", 3), person("b", 0), person("gone", 2)]
    toy.put(store, "annotations/count", 0, CountAnnotation, rows)
    result = toy.run(STAGE, store)
    assert (result.ran, result.rows_in) == (1, 3), "only the part that they are about"
    found = counts(store)
    a, b = found[id_of("a")], found[id_of("b")]
    assert (a.label, a.count, a.checked, a.item_ids) == ("dog", 3, True, ("ada-a",))
    assert (b.count, b.points, b.checked, b.predicted_count) == (0, (), True, 1)
    assert not toy.rejects(store, "count")
    assert toy.run(STAGE, store).ran == 0


def test_people_need_no_detector(store: Store) -> None:
    toy.put(store, "annotations/count", 0, CountAnnotation, [person("c", 4)])
    assert toy.run(STAGE, store).rows_in == 1
    assert counts(store)[id_of("c")].detector == ""


def test_annotators_who_differ_are_told_by_a_tag(store: Store) -> None:
    late = replace(person("a", 5, who="bob"), work=replace(person("a", 5).work, annotator_id="bob"))
    toy.put(store, "annotations/count", 0, CountAnnotation, [person("a", 3), late])
    toy.run(STAGE, store)
    row = counts(store)[id_of("a")]
    assert {tag.name: tag.score for tag in row.tags}["counts_differ_v1"] == 2.0
    assert len(row.item_ids) == 2


def test_the_threshold_is_a_setting_and_rules_of_the_release_change_no_row(store: Store) -> None:
    put_detections(store, [detections("a", "cat", score=0.6)])
    toy.run(STAGE, store)
    before = toy.contents(store)
    assert toy.run(Count(CountConfig(threshold=0.5, per_count=3)), store).ran == 1
    assert toy.contents(store) == before, "what comes behind has nothing to do"
    assert toy.run(Count(CountConfig(threshold=0.6)), store).records == 0


def test_more_than_are_published_are_counted_too(store: Store) -> None:
    boxes = [DetectedBox("bird", 0.9, n % 10, n // 10, n % 10 + 1, n // 10 + 1) for n in range(57)]
    put_detections(store, [Detections(id_of("a"), tuple(boxes), "toy@1")])
    toy.run(STAGE, store)
    row = counts(store)[id_of("a")]
    assert row.count == len(row.points) == 57
