"""Stage docs against a model that answers by rule, well or badly, and toy renderers."""

import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pipelines.docs import SOURCES, Docs, persona_key
from pipelines.documents.under_way import DocConfig
from pipelines.run_stage import retry_stage
from pipelines.services.llm_config import LlmConfig
from pipelines.services.rendering import tools as renderers
from pipelines.sources import Import, import_source
from pipelines.stage import fingerprint
from schemas.errors import MissingPart, StopRun, UsageError
from schemas.store import Store
from schemas.subset_records import Document
from tests import toy_store as toy
from tests.pipelines.toy_stage import options, write_list
from tests.toy_documents import ToyRenderer, answer, asked_for, table_for, user_of
from tests.toy_llm import Body, ToyLlm, serving_llm

PEOPLE = ("a beekeeper who sells honey", "a train driver who keeps records")
TOOLS = ("matplotlib", "graphviz", "html")
QUICK = {"timeout_s": 5.0, "deadline_s": 10.0, "retries": 1, "backoff_s": 0.01}


@pytest.fixture
def llm() -> Iterator[ToyLlm]:
    with serving_llm(answer) as served:
        yield served


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[ToyRenderer]:
    """The toy renderers that were opened, in place of those that draw."""
    made: list[ToyRenderer] = []

    def open_toy(config: Any, tool: str) -> ToyRenderer:
        made.append(ToyRenderer(config, tool))
        return made[-1]

    for tool in TOOLS:
        monkeypatch.setitem(renderers.TOOLS, tool, functools.partial(open_toy, tool=tool))
    return made


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "store"))
    add_personas(made, tmp_path, PEOPLE)
    return made


def add_personas(store: Store, folder: Path, people: tuple[str, ...], each: int = 10) -> None:
    rows = [{"persona": person} for person in people]
    listed = write_list(folder / f"people-{len(people)}.jsonl", rows)
    import_source(store, Import(str(listed), SOURCES, persona_key, each, "duplicate_row"))


def stage_for(llm: ToyLlm, **changes: Any) -> Docs:
    asked = DocConfig(questions=3, least_questions=2, attempts=2)
    values = {"llm": LlmConfig(base_url=llm.base_url, model="m", **QUICK), "tools": TOOLS}
    return Docs(**{**values, "documents": asked, "max_rejects": 1.0, **changes})


def documents(store: Store) -> list[Document]:
    return toy.rows(store, "docs", Document)


def wrong(kind: str, text: str | Callable[[Body], str]) -> Callable[[Body], str]:
    """A model that answers one kind of request like this and all others well."""

    def said(body: Body) -> str:
        if asked_for(body) != kind:
            return answer(body)
        return text if isinstance(text, str) else text(body)

    return said


def fenced(source: str) -> str:
    return f"```\n{source}\n```"


def test_every_planned_document_is_made(
    store: Store, llm: ToyLlm, opened: list[ToyRenderer]
) -> None:
    result = toy.run(stage_for(llm, per_persona=2), store)
    found = documents(store)
    assert (result.rows_in, result.records) == (12, 12)
    assert {one.tool for one in found} == set(TOOLS)
    assert len({one.image_id for one in found}) == 12
    assert [one.image_id for one in found] == sorted(one.image_id for one in found)
    one = next(one for one in found if one.tool == "matplotlib")
    assert one.persona in PEOPLE
    assert one.topic.startswith("Plans of a")
    assert one.data.splitlines()[1].startswith("Gate,41")
    assert one.config == "docs_charts"
    assert (one.width, one.height, one.format) == (320, 240, "png")
    assert one.tool_version == "toy matplotlib 1"
    assert [q.answer for q in one.questions] == ["Fountain", "41"]
    assert {tag.name for tag in one.tags} >= {"border_ink_v1", "unsupported_answers_v1"}
    assert one.question_prompt == "doc_questions_v1"
    assert one.repair_prompt == ""
    assert one.prompt_tokens == 400
    assert not toy.findings(store)


def test_renderers_are_opened_once_for_the_tools_asked_for_and_ended(
    store: Store, llm: ToyLlm, opened: list[ToyRenderer]
) -> None:
    toy.run(stage_for(llm, tools=("graphviz", "matplotlib"), renderers=1), store)
    assert sorted(one.tool for one in opened) == ["graphviz", "matplotlib"]
    assert all(one.closed == 1 for one in opened)
    files = {name for one in opened for _, given in one.seen for name in given}
    assert files == {"data.csv"}, "Matplotlib reads its data, the others hold them"


def test_a_missing_tool_is_told_of_before_any_call(
    store: Store, llm: ToyLlm, opened: list[ToyRenderer], monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(config: Any) -> ToyRenderer:
        raise MissingPart("Graphviz is not installed: apt-get install graphviz")

    monkeypatch.setitem(renderers.TOOLS, "graphviz", absent)
    with pytest.raises(MissingPart, match="apt-get install graphviz"):
        toy.run(stage_for(llm), store)
    assert llm.calls == 0
    assert all(one.closed == 1 for one in opened)


def test_unknown_tools_and_doubles_are_refused() -> None:
    with pytest.raises(UsageError, match="no tool 'gnuplot'; tools: matplotlib"):
        Docs(tools=("gnuplot",))
    with pytest.raises(UsageError, match="each once"):
        Docs(tools=("html", "html"))


def test_a_second_run_does_nothing_and_a_changed_picture_costs_no_call(
    store: Store, llm: ToyLlm, opened: list[ToyRenderer]
) -> None:
    stage = stage_for(llm)
    toy.run(stage, store)
    calls, before = llm.calls, toy.contents(store)
    assert toy.run(stage, store).ran == 0
    assert toy.contents(store) == before
    larger = replace(stage, rendering=replace(stage.rendering, scale=2.0))
    drawn = sum(len(one.seen) for one in opened)
    assert toy.run(larger, store).ran == 1
    assert llm.calls == calls
    assert sum(len(one.seen) for one in opened) == 2 * drawn


def test_more_personas_make_parts_and_leave_the_others(
    store: Store, llm: ToyLlm, opened: list[ToyRenderer], tmp_path: Path
) -> None:
    toy.run(stage_for(llm), store)
    before = toy.contents(store)["docs/0"]
    add_personas(store, tmp_path, (*PEOPLE, "a potter"))
    result = toy.run(stage_for(llm), store)
    assert (result.ran, result.rows_ran) == (1, 3)
    assert toy.contents(store)["docs/0"] == before
    assert not toy.findings(store)


def test_where_renderers_and_servers_are_changes_no_fingerprint(store: Store, llm: ToyLlm) -> None:
    stage = stage_for(llm)
    shard = stage.plan(store)[0]
    same = replace(stage, renderers=7, share=3, tools=tuple(reversed(TOOLS)))
    assert fingerprint(same, shard) == fingerprint(stage, shard)
    other = replace(stage, seed=1)
    assert fingerprint(other, shard) != fingerprint(stage, shard)


BAD = {
    "topic in prose": ("topic", "What about honey?", "llm_malformed", "topic"),
    "topic of one word": ("topic", '{"topic": "Chart"}', "llm_degenerate", "topic"),
    "data in prose": ("data", "no idea", "llm_malformed", "data"),
    "data of another form": ("data", '{"rows": []}', "llm_malformed", "data"),
    "half the data": ("data", '{"nodes": ["a", "b"', "llm_malformed", "data"),
    "a graph of one node": ("data", '{"nodes": ["a"], "edges": []}', "bad_data", "data"),
    "code in prose": ("code", "I cannot draw.", "no_code", "picture"),
    "two sources": ("code", fenced("a") + "\n" + fenced("b"), "no_code", "picture"),
    "code without data": ("code", fenced("draw data.csv and 41"), "data_not_shown", "picture"),
    "questions in prose": ("questions", "None.", "llm_malformed", "questions"),
    "questions of two fields": (
        *("questions", '{"items": [{"question": "What?", "answer": "41"}]}'),
        *("llm_malformed", "questions"),
    ),
    "no question at all": ("questions", '{"items": []}', "unsupported_answers", "questions"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_answer_is_a_reject_with_its_reason_and_step(
    case: str, store: Store, llm: ToyLlm, opened: list[ToyRenderer]
) -> None:
    kind, text, reason, step = BAD[case]
    llm.answer = wrong(kind, text)
    toy.run(stage_for(llm, tools=("graphviz",)), store)
    assert toy.reasons(store, "docs") == {reason: 2}
    for row in toy.rejects(store, "docs"):
        kept = json.loads(row.row)
        assert kept["step"] == step
        assert kept["persona"] in PEOPLE
        assert kept["tool"] == "graphviz"
        assert not row.retryable
    assert not toy.findings(store)


def changed_table(change: Callable[[Body], None]) -> Callable[[Body], str]:
    def said(body: Body) -> str:
        table = table_for(body)
        change(table)
        return json.dumps(table)

    return said


TABLES: dict[str, tuple[str, Callable[[Body], None]]] = {
    "words for numbers": ("llm_malformed", lambda table: table["rows"][0].update(b="forty")),
    "a number in quotes": ("llm_malformed", lambda table: table["rows"][0].update(b="41")),
    "a field too few": ("llm_malformed", lambda table: table["rows"][0].pop("b")),
    "a field too many": ("llm_malformed", lambda table: table["rows"][0].update(z=1)),
    "not a number": ("llm_malformed", lambda table: table["rows"][0].update(b=float("nan"))),
    "an empty cell": ("bad_data", lambda table: table["rows"][0].update(a=" ")),
    "a column twice": ("bad_data", lambda table: table["header"].update(a="X", b="X")),
    "two rows": ("bad_data", lambda table: table["rows"].pop()),
    "a hundred rows": ("bad_data", lambda table: table["rows"].extend(table["rows"] * 33)),
    "a huge number": ("bad_data", lambda table: table["rows"][0].update(b=1e300)),
    "a long text": ("bad_data", lambda table: table["rows"][0].update(a="x" * 500)),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_bad_table_is_a_reject(
    case: str, store: Store, llm: ToyLlm, opened: list[ToyRenderer]
) -> None:
    reason, change = TABLES[case]
    llm.answer = wrong("data", changed_table(change))
    toy.run(stage_for(llm, tools=("matplotlib",)), store)
    assert toy.reasons(store, "docs") == {reason: 2}


def test_an_error_of_the_renderer_goes_back_to_the_model_and_is_mended(
    store: Store, llm: ToyLlm, opened: list[ToyRenderer]
) -> None:
    def clumsy(body: Body) -> str:
        if "It failed:" in user_of(body):
            assert "no such thing as fail" in user_of(body)
            return answer(body)
        return answer(body).replace("reads", "fail reads")

    llm.answer = wrong("code", clumsy)
    toy.run(stage_for(llm), store)
    found = documents(store)
    assert len(found) == 6
    assert all(one.repair_prompt == "doc_repair_v1" for one in found)
    assert all("fail" not in one.code for one in found)
    assert all(one.prompt_tokens == 500 for one in found)


@pytest.mark.parametrize(
    ("word", "reason"), [("fail", "render_failed"), ("blank", "picture_blank")]
)
def test_what_is_never_mended_is_a_reject(
    word: str, reason: str, store: Store, llm: ToyLlm, opened: list[ToyRenderer]
) -> None:
    llm.answer = wrong("code", lambda body: answer(body).replace("reads", f"{word} reads"))
    toy.run(stage_for(llm), store)
    assert toy.reasons(store, "docs") == {reason: 6}
    assert llm.calls == 6 * 4, "topic, data, source and one repair"
    toy.run(stage_for(llm, documents=DocConfig(repairs=0, attempts=2)), store)
    assert llm.calls == 6 * 4, "fewer repairs are in the cache"


def test_an_endpoint_that_fails_for_now_is_tried_again_later(
    store: Store, llm: ToyLlm, opened: list[ToyRenderer]
) -> None:
    def closed(body: Body) -> Any:
        is_last = asked_for(body) == "questions"
        return web.Response(status=503, text="later") if is_last else answer(body)

    llm.answer = closed
    toy.run(stage_for(llm), store)
    assert toy.reasons(store, "docs") == {"llm_unavailable": 6}
    calls, llm.answer = llm.calls, answer
    assert retry_stage(stage_for(llm), store, options(), set()).records == 6
    assert llm.calls == calls + 6, "only what has failed is asked for"
    assert not toy.findings(store)


def test_a_budget_ends_the_run_and_the_next_one_goes_on(
    store: Store, llm: ToyLlm, opened: list[ToyRenderer]
) -> None:
    stage = stage_for(llm)
    with pytest.raises(StopRun, match="budget"):
        toy.run(replace(stage, llm=replace(stage.llm, budget_tokens=700, concurrency=1)), store)
    paid = llm.calls
    assert 0 < paid < 24
    assert not documents(store)
    toy.run(stage, store)
    assert len(documents(store)) == 6
    assert llm.calls == 24, "nothing is paid for twice"


def test_personas_without_text_are_rejects_and_a_list_without_them_an_error(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    add_personas(store, tmp_path, ("a cook", " ", "x" * 1001))
    assert toy.reasons(store, SOURCES) == {"missing_persona": 1, "text_too_long": 1}
    with pytest.raises(UsageError, match="no column `persona`"):
        persona_key({"person": "a cook"})
