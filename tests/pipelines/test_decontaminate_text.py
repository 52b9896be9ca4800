"""Captions and transcripts that share words with evaluation texts."""

import json
from pathlib import Path

import pytest

from pipelines.evaluation import Evaluation, evaluation_import
from pipelines.run_stage import plan_stage
from pipelines.sources import import_source
from pipelines.steps.contamination import TEXT_TAG
from pipelines.steps.text_index import TextRules
from pipelines.subsets.cap import DecontaminateCap
from pipelines.subsets.registry import TEXT_STAGES
from schemas.codec import key_field
from schemas.records import Contamination
from schemas.store import Store
from schemas.tables import TABLES
from tests import toy_store as toy
from tests.pipelines.toy_stage import options
from tests.toy_store import id_of

LONG = "On the left a small brown dog sits beside two red chairs near the open garden door"
SHORT = "How many chairs are there in the garden"


def prepared(folder: Path, questions: list[str], *captions: tuple[str, str]) -> Store:
    store = Store(str(folder / "store"))
    toy.put_captions(store, [toy.caption(name, text) for name, text in captions])
    path = folder / "bench.jsonl"
    path.write_text("".join(json.dumps({"question": q}) + "\n" for q in questions))
    import_source(store, evaluation_import(str(path), 3))
    toy.run(Evaluation(), store)
    return store


def found(store: Store, **rules: int) -> dict[str, Contamination]:
    toy.run(DecontaminateCap(TextRules(**rules)), store)
    return {row.row_id: row for row in toy.rows(store, "contamination/cap", Contamination)}


def test_an_overlap_is_tagged_with_its_words(tmp_path: Path) -> None:
    said = f"There is a lawn. {LONG.upper()}!"
    captions = (("a.png", said), ("b.png", "A cat."), ("c.png", f"So, {SHORT.lower()}? Three."))
    store = prepared(tmp_path, ["Where? " + LONG + ", or not?", SHORT, "A cat"], *captions)
    rows = found(store)
    (tag,) = rows[id_of("a.png")].tags
    assert (tag.name, tag.score) == (TEXT_TAG, 17.0)
    (match,) = rows[id_of("a.png")].matches
    assert match.detail == LONG.lower()
    assert (match.kind, match.benchmark, match.place) == ("text", "bench", "bench.jsonl, row 1")
    assert rows[id_of("b.png")].tags == (), "short texts are in too many places"
    (tag,) = rows[id_of("c.png")].tags
    assert tag.score == 13.0, "a short text that is there as a whole counts like an n-gram"
    assert rows[id_of("c.png")].matches[0].detail == SHORT.lower()
    assert not toy.findings(store, "captions", "transcripts")


def test_transcripts_count_too(tmp_path: Path) -> None:
    store = prepared(tmp_path, [f"um, {LONG}"], ("a.png", LONG))
    assert found(store)[id_of("a.png")].tags[0].score == 18.0, "`um` is in the transcript alone"


def test_evidence_is_cut(tmp_path: Path) -> None:
    text = " ".join(f"word{n}" for n in range(80))
    (match,) = found(prepared(tmp_path, [text], ("a.png", text)))[id_of("a.png")].matches
    assert len(match.detail) == 200
    assert match.detail.endswith("…")


def test_scripts_without_spaces(tmp_path: Path) -> None:
    text = "左边有一只棕色的小狗坐在两把红椅子旁边"
    rows = found(prepared(tmp_path, [text], ("a.png", f"图中{text}。"), ("b.png", "一只小狗")))
    assert rows[id_of("a.png")].tags[0].score == len(text)
    assert not rows[id_of("b.png")].tags


def test_boilerplate_condemns_nobody(tmp_path: Path) -> None:
    told = "select all options that are true of the picture above and answer with letters only"
    questions = [f"{told} question{n}" for n in range(11)]
    assert not found(prepared(tmp_path / "a", questions, ("a.png", told)))[id_of("a.png")].tags
    store = prepared(tmp_path / "b", questions, ("a.png", told))
    assert found(store, common_texts=11)[id_of("a.png")].tags


@pytest.mark.parametrize(
    ("rules", "again"), [({}, False), ({"ngram": 8}, True), ({"common_texts": 3}, True)]
)
def test_rules_are_in_the_fingerprint(tmp_path: Path, rules: dict[str, int], again: bool) -> None:
    store = prepared(tmp_path, [LONG], ("a.png", "A cat."))
    found(store)
    works, _ = plan_stage(DecontaminateCap(TextRules(**rules)), store, options())
    assert bool(works) is again


@pytest.mark.parametrize("stage", TEXT_STAGES, ids=lambda stage: stage.name)
def test_stages_name_what_there_is(stage: type[DecontaminateCap]) -> None:
    fed = TABLES[stage.feed].record
    assert TABLES[stage.table].fed_by == stage.feed
    assert TABLES[stage.table].made_by == stage.name
    assert stage.key == key_field(fed)
    assert set(stage.columns) <= set(fed.__annotations__)
