"""Documents in a release: four configs, equal pictures once, splits of their own."""

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.export import export_subset
from pipelines.release_plan import ExportConfig
from pipelines.steps.policy import Policy
from pipelines.subsets.docs import DOCS, DecontaminateDocs, SelectDocs
from schemas.ids import content_id, sha256_hex
from schemas.judgment import Tag
from schemas.records import Selected
from schemas.store import Store
from schemas.subset_records import DocQuestion, Document
from schemas.subsets import SUBSETS
from tests import toy_store as toy
from tests.pipelines.toy_stage import InlineEngine
from tests.toy_documents import drawn

CONFIGS = SUBSETS["docs"].config_names


def document(name: str, config: str = "docs_charts", ink: float = 0.0, text: str = "") -> Document:
    png = drawn(text or name)
    return Document(
        image_id=content_id("document", name),
        persona="a cook",
        kind="bar chart",
        topic=name,
        data="A,B\n",
        code="draw",
        tool="matplotlib",
        tool_version="1",
        config=config,
        image_sha256=sha256_hex(png),
        format="png",
        width=320,
        height=240,
        bytes=png,
        questions=(
            DocQuestion(f"What is {name}?", "a name", "a secret"),
            DocQuestion("How many?", "3", "counted"),
        ),
        tags=(Tag("border_ink_v1", ink), Tag("empty_share_v1", 0.5)),
        model="m",
        topic_prompt="doc_topic_v1",
        data_prompt="doc_data_v1",
        code_prompt="doc_code_v1",
        repair_prompt="",
        question_prompt="doc_questions_v1",
        prompt_tokens=4,
        completion_tokens=2,
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "store"))
    charts = [document("one"), document("two"), document("copy of two", text="two")]
    others = [document(config, config) for config in CONFIGS]
    toy.put(made, "docs", 0, Document, [*charts, document("cut", ink=40.0)])
    toy.put(made, "docs", 1, Document, others)
    return made


def select(store: Store) -> SelectDocs:
    stage = SelectDocs(shares=(("train", 0.5), ("validation", 0.5)), salt="s")
    toy.run(stage, store)
    return stage


def test_equal_pictures_are_chosen_once_and_cut_ones_never(store: Store) -> None:
    select(store)
    assert toy.reasons(store, "selected/docs") == {"duplicate": 1, "policy": 1}
    assert len(toy.rows(store, "selected/docs", Selected)) == 6


def test_a_split_once_drawn_is_kept(store: Store) -> None:
    stage = select(store)
    before = {row.row_id: row.split for row in toy.rows(store, "selected/docs", Selected)}
    toy.run(replace(stage, shares=(("train", 1.0),), policy=Policy(())), store)
    after = {row.row_id: row.split for row in toy.rows(store, "selected/docs", Selected)}
    assert {row: after[row] for row in before} == before
    assert set(after) > set(before)


def test_each_config_has_its_documents_with_the_published_columns(store: Store) -> None:
    toy.run(SelectDocs(), store)
    for exporter in DOCS:
        export_subset(store, exporter, ExportConfig("url"), InlineEngine())
    rows = {
        config: pq.read_table(store.path("release", config, "train-00000-of-00001.parquet"))
        for config in CONFIGS
    }
    assert [len(table) for table in rows.values()] == [3, 1, 1, 1]
    charts = rows["docs_charts"]
    assert charts.schema.names == ["image", "image_id", "questions"]
    first = charts.to_pylist()[0]
    assert first["image"]["bytes"].startswith(b"\x89PNG"), "embedded whatever the mode"
    assert first["questions"]["question"][1] == "How many?"
    assert first["questions"]["answer"] == ["a name", "3"]
    assert b"a secret" not in str(charts.to_pylist()).encode(), "explanations are not published"
    lineage = pq.read_table(
        store.path("release", "lineage", "docs_charts", "train-00000-of-00001.parquet")
    )
    assert lineage["image_id"].to_pylist() == charts["image_id"].to_pylist()
    assert set(lineage["question_prompt"].to_pylist()) == {"doc_questions_v1"}


def test_only_what_is_published_is_compared_with_evaluation_texts() -> None:
    row = {"questions": [{"question": "Who?", "answer": "Ada", "explanation": "It says so."}]}
    assert DecontaminateDocs()._texts(row) == ["Who?", "Ada"]
