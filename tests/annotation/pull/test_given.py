"""Files of annotations that somebody gives: rows of a pull, exports, and anything else."""

import json
from pathlib import Path
from typing import Any

import pytest

from annotation.pull.given import given_import, given_key, given_rows
from annotation.pull.pull import item_key
from annotation.pull.stages import ANNOTATION_STAGES, PointsStage
from pipelines.sources import import_source
from schemas.annotations import PointAnnotation
from schemas.errors import UsageError
from schemas.judgment import Reject
from schemas.records import Source
from schemas.store import Store
from tests import toy_store as toy

FIXTURE = Path(__file__).parents[1] / "fixtures" / "points_annotation.json"
KINDS = ("points", "point_explanations", "ask_model_anything", "count")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "store"))
    toy.put_images(made, {"a.png": toy.picture(1, width=64, height=64)})
    return made


def export(*annotations: Any, key: str = "k1") -> list[dict[str, Any]]:
    data = {"key": key, "image_id": toy.id_of("a.png"), "collection_method": "pointing"}
    return [{"id": 7, "project": 4, "data": data, "annotations": list(annotations)}]


def given(folder: Path, value: Any, name: str = "export.json") -> str:
    path = folder / name
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return str(path)


def imported(store: Store, url: str, kind: str = "points") -> None:
    import_source(store, given_import(kind, url, 100, "salt"))


def test_an_export_becomes_the_items_of_a_pull(store: Store, tmp_path: Path) -> None:
    annotation = json.loads(FIXTURE.read_text(encoding="utf-8"))
    imported(store, given(tmp_path, export(annotation)))
    result = toy.run(PointsStage(), store)
    assert result.records > 0
    assert result.reasons == {}
    records = toy.rows(store, "annotations/points", PointAnnotation)
    assert "people on the stairs" in {record.label for record in records}
    works = {record.work for record in records}
    assert {work.annotation for work in works} == {"4:4"}
    assert {work.task_key for work in works} == {"k1"}
    assert all(work.annotator_id.startswith("a") for work in works)
    rows = [source.row for source in toy.rows(store, "sources/annotations/points", Source)]
    assert not any("pia" in row for row in rows)
    imported(store, given(tmp_path, export(annotation)))
    assert toy.run(PointsStage(), store).ran == 0


def test_the_number_of_a_person_may_stand_alone(tmp_path: Path) -> None:
    found = []
    for person in (3, {"id": 3, "email": "x@y.test"}, None, "three"):
        url = given(tmp_path, export({"id": 1, "completed_by": person, "result": []}))
        (row,) = given_rows("points", "salt", url)
        found.append((row.values or {})["annotator_id"])
    assert found[0] == found[1] != ""
    assert found[2:] == ["", ""]


def test_rows_of_a_pull_keep_their_ids(store: Store, tmp_path: Path) -> None:
    row = {
        "annotation": "1:2",
        "project_created_at": "2026-01-01",
        "revision": "2026-01-02",
        "deleted": False,
        "item": 0,
    }
    assert given_key(row) == item_key(row)
    lines = [json.dumps(row), json.dumps({"a": 1}), "no JSON", json.dumps(row | {"label": "x"})]
    imported(store, given(tmp_path, "\n".join(lines), "rows.jsonl"))
    assert [s.key for s in toy.rows(store, "sources/annotations/points", Source)] == [item_key(row)]
    assert toy.reasons(store, "sources/annotations/points") == {"bad_row": 2, "duplicate_row": 1}


@pytest.mark.parametrize(
    "name", ["project_created_at", "deleted", "item", "revision", "annotation"]
)
def test_a_row_that_lacks_what_names_it_is_refused(name: str) -> None:
    row = {"annotation": "1:2", "project_created_at": "", "revision": "", "deleted": 0, "item": 0}
    assert isinstance(given_key(row), str)
    del row[name]
    found = given_key(row)
    assert isinstance(found, Reject)
    assert found.reason == "bad_row"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"a": 1}', "not a list of tasks"),
        ("3", "not a list of tasks"),
    ],
)
def test_what_is_no_export_is_said_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        given_rows("points", "salt", given(tmp_path, text))


@pytest.mark.parametrize("name", ["none.json", "none.jsonl", "none.txt"])
def test_what_is_not_there_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        given_rows("points", "salt", str(tmp_path / name))


BAD: list[Any] = [
    {},
    [],
    None,
    3,
    {"annotations": []},
    {"annotations": "x"},
    {"annotations": [None]},
    {"annotations": [{"id": "1"}]},
    {"annotations": [{"id": True}]},
    {"annotations": [{"id": 1}]},
    {"annotations": [{"id": 1, "result": "x"}], "data": 3},
    {"annotations": [{"id": 1, "result": [None, {"value": 3}]}], "data": {"key": 1}},
    {"annotations": [{"id": 2, "lead_time": "x", "updated_at": 3, "was_cancelled": "yes"}]},
]


@pytest.mark.parametrize("kind", KINDS)
def test_everything_in_an_export_ends_somewhere(kind: str, store: Store, tmp_path: Path) -> None:
    imported(store, given(tmp_path, BAD), kind)
    table = f"sources/annotations/{kind}"
    (info,) = store.infos(table)
    assert info.records + info.rejects == info.rows_in >= len(BAD)
    result = toy.run(ANNOTATION_STAGES[kind](), store)
    assert (result.records, sum(result.reasons.values())) == (0, info.records)


def keypoint(x: Any, y: Any, region: str = "r") -> list[dict[str, Any]]:
    sides = {"original_width": 64, "original_height": 64, "image_rotation": 0}
    point = {"from_name": "point", "id": region, "type": "keypoint", "value": {"x": x, "y": y}}
    phrase = {"from_name": "phrase", "id": region, "type": "textarea", "value": {"text": ["cup"]}}
    return [point | sides, phrase | sides]


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (keypoint("45.6", 20), "out_of_range"),
        (keypoint(float("nan"), 20), "out_of_range"),
        (keypoint(101, 20), "out_of_range"),
        (keypoint(None, 20), "out_of_range"),
        (keypoint(1, 1) + keypoint(1.1, 1, "s"), "duplicate_click"),
        (
            [r for n in range(10_000) for r in keypoint(n % 100, n // 100, str(n))],
            "too_many_points",
        ),
    ],
)
def test_bad_points_of_an_export(store: Store, tmp_path: Path, result: Any, reason: str) -> None:
    one = {"id": 1, "completed_by": 3, "result": result, "updated_at": "2026-01-01"}
    imported(store, given(tmp_path, export(one)))
    assert toy.run(PointsStage(), store).reasons == {reason: 1}


@pytest.mark.parametrize("kind", KINDS)
def test_exports_of_other_projects_end_as_rejects(
    kind: str, store: Store, test_data: Path, tmp_path: Path
) -> None:
    """Files that nobody here wrote: none of their tasks has a key of ours."""
    files = sorted((test_data / "labelstudio").rglob("*.json"))
    assert len(files) > 5
    for path in files:
        imported(store, str(path), kind)
    stage = ANNOTATION_STAGES[kind](max_rejects=1.0)
    result = toy.run(stage, store)
    assert result.records == 0
    refused = toy.reasons(store, f"sources/annotations/{kind}")
    assert sum(refused.values()) + sum(result.reasons.values()) >= len(files)
    assert set(result.reasons) <= {"skipped", "unknown_task"}
    assert set(refused) <= {"bad_row", "duplicate_row"}
