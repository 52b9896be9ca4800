"""From annotations and published files to tables and releases of the three subsets."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.ask_model_anything import AskModelAnything
from pipelines.denylist import add_denied
from pipelines.point_explanations import PointExplanations
from pipelines.points import PointsStage
from pipelines.published import PUBLISHED_STAGES, published_import, published_key
from pipelines.run_stage import retry_stage
from pipelines.sources import import_source
from schemas.annotations import (
    Point,
    PointAnnotation,
    PointExplanation,
    QuestionAnnotation,
    Turn,
    Work,
)
from schemas.errors import UsageError
from schemas.records import Image
from schemas.store import Store
from schemas.subset_records import AskedQuestion, ExplainedQuestion, PointSet
from schemas.subsets import SUBSETS
from tests import toy_store as toy
from tests.pipelines.toy_stage import options

WORK = Work("1:1", "key", "a1", "guide_v1", 3.0, "2026-01-01")
TURN = Turn("draft", "", "llm", "ask_v1", 1.0, "2026")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "store"))
    toy.put_images(
        made, {"a.png": toy.picture(1), "b.png": toy.picture(2)}, {"c.png": toy.picture(3)}
    )
    return made


def pointed(item_id: str, name: str, label: str, *places: tuple[float, float]) -> PointAnnotation:
    points = tuple(Point(x, y) for x, y in places)
    return PointAnnotation(item_id, toy.id_of(name), label, points, "pointing", WORK)


def asked(item_id: str, name: str, question: str, answer: str) -> QuestionAnnotation:
    return QuestionAnnotation(item_id, toy.id_of(name), question, answer, True, (TURN,), WORK)


def explained(item_id: str, name: str, answer: str) -> PointExplanation:
    points, labels = (Point(1, 2), Point(3, 4)), ("cup", "spoon")
    return PointExplanation(
        item_id, toy.id_of(name), "Where?", answer, False, points, labels, (), WORK
    )


def put(store: Store, table: str, *rows: Any) -> None:
    toy.put(store, table, 0, type(rows[0]), rows)


# --- the stages


def test_points_of_a_picture_lie_with_it(store: Store) -> None:
    put(
        store,
        "annotations/points",
        pointed("1", "a.png", "cup", (80, 2), (10, 20)),
        pointed("2", "a.png", "Cup.", (10, 20.5), (80, 2)),
        pointed("3", "c.png", "dog"),
        pointed("4", "b.png", " . ", (1, 1)),
    )
    result = toy.run(PointsStage(), store)
    assert [info.number for info in result.infos] == [0, 1]
    assert result.rows_in == 4
    assert (result.records, result.reasons) == (2, {"empty_label": 1, "merged": 1})
    cup, dog = toy.rows(store, "points", PointSet)
    assert cup.points == (Point(10, 20), Point(80, 2))
    assert (cup.item_ids, cup.image_url) == (("1", "2"), toy.url_of("a.png"))
    assert (dog.label, dog.count) == ("dog", 0)
    assert toy.run(PointsStage(), store).ran == 0
    (refused, _) = sorted(toy.rejects(store, "points"), key=lambda row: row.reason != "merged")
    assert json.loads(refused.row)["label"] == "Cup."
    assert refused.detail == f"into {cup.point_set_id}"


def test_a_new_annotation_redoes_its_picture_alone(store: Store) -> None:
    put(
        store,
        "annotations/points",
        pointed("1", "a.png", "cup", (1, 2)),
        pointed("2", "c.png", "x"),
    )
    toy.run(PointsStage(), store)
    more = pointed("3", "c.png", "dog", (5, 5))
    toy.put(store, "annotations/points", 1, PointAnnotation, [more])
    assert toy.run(PointsStage(), store).ran == 1
    assert len(toy.rows(store, "points", PointSet)) == 3


def test_when_its_annotations_go_a_part_empties(store: Store) -> None:
    put(store, "annotations/points", pointed("1", "a.png", "cup", (1, 2)))
    toy.run(PointsStage(), store)
    toy.put(store, "annotations/points", 0, PointAnnotation, [])
    result = toy.run(PointsStage(), store)
    assert (result.ran, result.records) == (1, 0)


def test_questions_with_one_answer_are_one(store: Store) -> None:
    put(
        store,
        "annotations/ask_model_anything",
        asked("1", "a.png", "What?", "A cup."),
        asked("2", "a.png", "what?", "a  cup."),
        asked("3", "a.png", "What?", "I'm sorry, I can't see it."),
        asked("4", "b.png", "What?", "A cup."),
    )
    result = toy.run(AskModelAnything(), store)
    assert (result.records, result.reasons) == (3, {"merged": 1})
    rows = {row.item_ids: row for row in toy.rows(store, "ask_model_anything", AskedQuestion)}
    assert set(rows) == {("1", "2"), ("3",), ("4",)}
    first = rows["1", "2"]
    assert (first.question, first.answer, first.model, first.prompt) == (
        *("What?", "A cup."),
        *("llm", "ask_v1"),
    )
    assert [tag.name for tag in rows["3",].tags] == ["refusal_v1"]


def test_explanations_are_written_out_and_with_placeholders(store: Store) -> None:
    put(
        store,
        "annotations/point_explanations",
        explained("1", "a.png", "The [cup](1) and the [spoon](2)."),
        explained("2", "a.png", "The [cup and spoon](1,2)."),
        explained("3", "a.png", "the [cup](1) AND the [spoon](2)."),
        explained("4", "b.png", "The [cup](3)."),
    )
    result = toy.run(PointExplanations(), store)
    assert (result.records, result.reasons) == (2, {"bad_citation": 1, "merged": 1})
    rows = toy.rows(store, "point_explanations", ExplainedQuestion)
    row = next(row for row in rows if len(row.cited) == 2)
    assert row.parsed_response == "The <|POINT|> and the <|POINT|>."
    assert row.response == (
        'The <point x="1.0" y="2.0" alt="cup">cup</point> and the '
        '<point x="3.0" y="4.0" alt="spoon">spoon</point>.'
    )


# --- published files


def write_points(path: Path, rows: Sequence[dict[str, Any]]) -> str:
    schema = SUBSETS["points"].columns
    whole = {"image_sha256": None, "count": None, "collection_method": "pointing"}
    pq.write_table(pa.Table.from_pylist([whole | row for row in rows], schema), path)
    return str(path)


def published(store: Store, subset: str, url: str, rows_per_part: int = 100) -> None:
    import_source(store, published_import(subset, url, rows_per_part))


def test_published_rows_become_annotations_one_to_one(store: Store, tmp_path: Path) -> None:
    held = {row.image_id: row.image_sha256 for row in toy.rows(store, "images", Image)}
    own = held[toy.id_of("a.png")]
    rows: list[dict[str, Any]] = [
        {"image_url": toy.url_of("a.png"), "points": [{"x": 1, "y": 2}], "label": "cup"},
        {"image_url": toy.url_of("a.png"), "points": [], "label": "dog", "image_sha256": own},
        {"image_url": toy.url_of("a.png"), "points": [{"x": math.nan, "y": 2}], "label": "x"},
        {"image_url": toy.url_of("z.png"), "points": [], "label": "later"},
        {"image_url": " ", "points": [], "label": "nowhere"},
        {"image_url": toy.url_of("b.png"), "points": [], "label": "o", "image_sha256": "00"},
    ]
    published(store, "points", write_points(tmp_path / "p.parquet", rows), rows_per_part=4)
    assert toy.reasons(store, "sources/published/points") == {"missing_url": 1}
    stage = PUBLISHED_STAGES["points"]()
    result = toy.run(stage, store)
    assert (result.rows_in, result.records) == (5, 3)
    assert result.reasons == {"out_of_range": 1, "unknown_image": 1}
    records = {r.label: r for r in toy.rows(store, "published/points", PointAnnotation)}
    assert [tag.name for tag in records["o"].tags] == ["other_bytes_v1"]
    assert records["dog"].tags == ()
    assert toy.run(stage, store).ran == 0
    toy.put(store, "images", 2, Image, [toy.image("z.png", toy.picture(9))])
    assert toy.run(stage, store).ran == 1
    assert toy.reasons(store, "published/points") == {"out_of_range": 1}


def test_a_retry_does_what_may_work_now(store: Store, tmp_path: Path) -> None:
    rows = [{"image_url": toy.url_of("z.png"), "points": [], "label": "later"}]
    published(store, "points", write_points(tmp_path / "p.parquet", rows))
    stage = PUBLISHED_STAGES["points"]()
    toy.run(stage, store)
    toy.put(store, "images", 2, Image, [toy.image("z.png", toy.picture(9))])
    retry_stage(stage, store, options(), set())
    assert [r.label for r in toy.rows(store, "published/points", PointAnnotation)] == ["later"]


def test_a_folder_of_published_files(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "published"
    folder.mkdir()
    for n, label in enumerate(("cup", "dog")):
        row = {"image_url": toy.url_of("a.png"), "points": [], "label": label}
        write_points(folder / f"train-{n}.parquet", [row, row])
    published(store, "points", str(folder))
    assert toy.reasons(store, "sources/published/points") == {"duplicate_row": 2}
    assert toy.run(PUBLISHED_STAGES["points"](), store).records == 2


def test_what_is_denied_does_not_come_in_with_a_published_file(
    store: Store, tmp_path: Path
) -> None:
    add_denied(store, [("url", toy.url_of("a.png"), 0)])
    rows = [{"image_url": toy.url_of(n), "points": [], "label": "cup"} for n in ("a.png", "b.png")]
    published(store, "points", write_points(tmp_path / "p.parquet", rows))
    assert toy.reasons(store, "sources/published/points") == {"denied": 1}


@pytest.mark.parametrize("subset", sorted(PUBLISHED_STAGES))
def test_another_file_is_refused_as_a_whole(subset: str, store: Store, tmp_path: Path) -> None:
    pq.write_table(pa.table({"image_url": ["x"], "caption": ["y"]}), tmp_path / "cap.parquet")
    with pytest.raises(UsageError, match=f"no column .* this is not PixMo's {subset}"):
        published(store, subset, str(tmp_path / "cap.parquet"))
    assert store.infos(f"sources/published/{subset}") == []


def test_a_key_says_all_of_a_row() -> None:
    row = {"image_url": "u", "question": "q", "answer": "a"}
    keys = {published_key("ask_model_anything", row | more) for more in ({}, {"answer": "b"})}
    assert len(keys) == 2


def test_people_of_ours_and_published_rows_meet(store: Store, tmp_path: Path) -> None:
    rows = [
        {"image_url": toy.url_of("a.png"), "points": [{"x": 10, "y": 20}], "label": "cup"},
        {"image_url": toy.url_of("b.png"), "points": [{"x": 10, "y": 20}], "label": "cup"},
    ]
    published(store, "points", write_points(tmp_path / "p.parquet", rows))
    toy.run(PUBLISHED_STAGES["points"](), store)
    put(store, "annotations/points", pointed("1", "a.png", "cup", (11, 20)))
    result = toy.run(PointsStage(), store)
    assert (result.records, result.reasons) == (2, {"merged": 1})
    origins = {row.image_url: row.origin for row in toy.rows(store, "points", PointSet)}
    assert origins == {toy.url_of("a.png"): "annotated", toy.url_of("b.png"): "published"}


def test_the_published_columns_of_explanations_come_back(store: Store, tmp_path: Path) -> None:
    columns = SUBSETS["point_explanations"].columns
    row = {
        "image_url": toy.url_of("a.png"),
        "image_sha256": "",
        "question": "Where?",
        "response": 'On <points x1="1.0" y1="2.5" x2="3.0" y2="4.0" alt="cups">both cups</points>.',
        "parsed_response": "On <|POINT|>.",
        "points": [[[1.0, 2.5], [3.0, 4.0]]],
        "inline_text": ["both cups"],
        "alt_text": ["cups"],
    }
    null = replace_nulls(row)
    pq.write_table(pa.Table.from_pylist([row, null], columns), tmp_path / "e.parquet")
    published(store, "point_explanations", str(tmp_path / "e.parquet"))
    toy.run(PUBLISHED_STAGES["point_explanations"](), store)
    result = toy.run(PointExplanations(), store)
    assert (result.records, result.reasons) == (1, {"merged": 1})
    (made,) = toy.rows(store, "point_explanations", ExplainedQuestion)
    assert (made.response, made.parsed_response) == (row["response"], row["parsed_response"])
    (cited,) = made.cited
    assert [[point.x, point.y] for point in cited.points] == [[1.0, 2.5], [3.0, 4.0]]
    assert (cited.inline_text, cited.alt_text, made.tags) == ("both cups", "cups", ())


def replace_nulls(row: dict[str, Any]) -> dict[str, Any]:
    names = ("parsed_response", "points", "inline_text", "alt_text")
    return row | dict.fromkeys(names)
