"""Stage cap-qa against a server that answers by rule, well or badly, and its subset to the end."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pipelines.cap_qa import CapQaStage
from pipelines.dedupe import Dedupe
from pipelines.export import export_subset
from pipelines.release_plan import ExportConfig
from pipelines.run_stage import retry_stage
from pipelines.services.llm_config import LlmConfig
from pipelines.splits import SplitStage
from pipelines.stage import fingerprint
from pipelines.steps.cap_qa import CapQaConfig
from pipelines.steps.cap_qa_checks import DEFAULT_LIMITS
from pipelines.steps.cap_qa_styles import STYLES
from pipelines.steps.denylist import Denylist
from pipelines.steps.policy import Policy
from pipelines.steps.takedown_rows import Doomed, fate_of
from pipelines.subsets.cap_qa import CAP_QA, SelectCapQa
from schemas.errors import StopRun, UsageError
from schemas.ids import content_id
from schemas.judgment import Tag
from schemas.records import Caption
from schemas.store import Store
from schemas.subset_records import CaptionQuestion
from tests import toy_store as toy
from tests.pipelines.toy_stage import InlineEngine, options
from tests.toy_llm import ToyLlm, field_of, serving_llm
from tests.toy_store import caption, id_of, picture, url_of

SAID = {
    "a.png": "A red toy stands on a wooden table. Two blue cups are on its left. It is sunny.",
    "b.png": "A green frog sits on a grey stone. Five lilies lie around it. The pond is still.",
    "c.png": 'A sign says "Mill Lake". Three white clouds hang over it. A lonely tree is near.',
}
Body = dict[str, Any]
_LETTERS = str.maketrans("0123456789", "ghijklmnop")  # words of nonsense, another for each task


def caption_in(body: Body) -> str:
    found = re.search(r"Text: (.+)", body["messages"][1]["content"])
    assert found
    return found[1]


def part_in(body: Body) -> str:
    """The sentence that a question shall start from, else the first one."""
    found = re.search(r"part of the text: (.+)", body["messages"][1]["content"])
    return found[1].removesuffix(" ->") if found else caption_in(body).split(". ")[0] + "."


def well(body: Body) -> str:
    """A model that asks what holds for a sentence, and finds it there."""
    kind = field_of(body)
    if kind == "verdict":
        answer = re.search(r"Answer: (.+) ->", body["messages"][1]["content"])
        assert answer
        return json.dumps({"evidence": answer[1], "supported": True})
    task = content_id(body["messages"][1]["content"]).translate(_LETTERS)
    one = {"question": f"{task[:4]} {task[4:8]} {task[8:12]} {task[12:]}: {part_in(body)}?"}
    one["answer"] = " ".join(part_in(body).split()[1:])
    if kind == "question":
        return json.dumps(one)
    last = caption_in(body).split(". ")[-1]
    return json.dumps({"turns": [one, {"question": "And the last thing?", "answer": last}]})


@pytest.fixture
def llm() -> Iterator[ToyLlm]:
    with serving_llm(well) as served:
        yield served


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three captions in two parts."""
    made = Store(str(tmp_path / "store"))
    toy.put_images(made, {"a.png": picture(1), "b.png": picture(2)}, {"c.png": picture(3)})
    put_captions(made)
    return made


def put_captions(store: Store, **changed: Caption) -> None:
    rows = {name: caption(name, text) for name, text in SAID.items()} | {
        f"{name}.png": row for name, row in changed.items()
    }
    toy.put_captions(store, [rows["a.png"], rows["b.png"]], [rows["c.png"]])


def stage_for(llm: ToyLlm, questions: int = 3, **changes: Any) -> CapQaStage:
    quick = {"timeout_s": 5.0, "deadline_s": 10.0, "retries": 1, "backoff_s": 0.01}
    config = LlmConfig(base_url=llm.base_url, model="m", **{**quick, **changes})
    return CapQaStage(config, CapQaConfig(questions), max_rejects=1.0)


def questions(store: Store, name: str = "") -> list[CaptionQuestion]:
    rows: list[CaptionQuestion] = toy.rows(store, "cap_qa", CaptionQuestion)
    return [row for row in rows if row.image_url.endswith(name)]


def styled(stage: CapQaStage, *styles: str) -> CapQaStage:
    return replace(stage, asking=replace(stage.asking, styles=styles))


def findings(store: Store) -> list[str]:
    return toy.findings(store, "images", "transcripts", "captions")


# --- what is made


def test_each_planned_question_becomes_a_record(store: Store, llm: ToyLlm) -> None:
    result = toy.run(stage_for(llm), store)
    assert (result.rows_in, result.records) == (9, 9)
    assert [info.number for info in store.infos("cap_qa")] == [0, 1], "the parts of captions"
    for row in questions(store):
        assert row.messages[0] in row.question
        assert (row.model, row.verify_prompt) == ("m", "cap_qa_verify_v1")
        turns = len(row.messages) // 2
        assert row.prompt_tokens == 100 * (1 + turns), "one call to write, one for each answer"
    by_picture = Counter(row.image_id for row in questions(store))
    assert by_picture == {id_of(name): 3 for name in SAID}
    assert not findings(store)


def test_questions_have_the_form_of_pixmo(store: Store, llm: ToyLlm) -> None:
    toy.run(styled(stage_for(llm, 1), "short"), store)
    (one,) = questions(store, "a.png")
    assert one.question == f"[USER]{one.messages[0]}[ASSISTANT]"
    assert one.messages == (one.messages[0], one.answer)
    assert (one.style, one.write_prompt) == ("short", "cap_qa_write_v1")
    toy.run(styled(stage_for(llm, 1), "conversation"), store)
    (talk,) = questions(store, "a.png")
    first, answer, last, final = talk.messages
    assert talk.question == f"[USER]{first}\n[ASSISTANT]{answer}\n[USER]{last}[ASSISTANT]"
    assert talk.answer == final == "It is sunny."
    assert (talk.style, talk.write_prompt) == ("conversation", "cap_qa_talk_v1")


def test_the_form_is_that_of_the_published_rows(test_data: Path) -> None:
    """Markers begin each turn, and the last answer is not in the question."""
    rows = json.loads((test_data / "pixmo" / "capqa_rows_from_oumi_tests.json").read_text())
    single = next(row["question"] for row in rows if row["question"].endswith("[ASSISTANT]"))
    assert re.fullmatch(r"\[USER\][^\[]+\[ASSISTANT\]", single)
    several = next(row["question"] for row in rows if row["question"].count("[USER]") > 1)
    assert re.match(r"\[USER\][^\[\n]+\n\[ASSISTANT\][^\[\n]+\n\[USER\]", several)


def test_a_rerun_asks_nobody_and_more_questions_ask_only_for_more(
    store: Store, llm: ToyLlm
) -> None:
    toy.run(stage_for(llm, 2), store)
    before, calls = {row.qa_id for row in questions(store)}, llm.calls
    assert toy.run(stage_for(llm, 2), store).ran == 0
    for number in (0, 1):
        store.fs.rm(store.part_path("cap_qa", number))
    toy.run(stage_for(llm, 2), store)
    assert llm.calls == calls
    toy.run(stage_for(llm, 3), store)
    assert before < {row.qa_id for row in questions(store)}
    assert llm.calls - calls <= 3 * 4


def test_a_caption_that_the_policy_drops_is_not_asked_about(store: Store, llm: ToyLlm) -> None:
    bad = caption("b.png", SAID["b.png"], (Tag("refusal_v1", 1.0),))
    put_captions(store, b=bad, c=caption("c.png", " ... "))
    result = toy.run(stage_for(llm), store)
    assert result.reasons == {"caption_dropped": 3, "empty_caption": 3}
    assert (result.rows_in, result.records) == (9, 3)
    assert not any("frog" in json.dumps(body) for body in llm.bodies)
    row = json.loads(toy.rejects(store, "cap_qa")[0].row)
    assert {"image_id", "image_url", "caption", "style", "focus", "place"} == set(row)
    kind = replace(stage_for(llm), policy=Policy())
    toy.run(kind, store)
    assert len(questions(store, "b.png")) == 3
    assert not findings(store)


def test_the_plan_counts_calls(store: Store, llm: ToyLlm) -> None:
    single = styled(stage_for(llm, 2), "short", "spatial")
    assert single.calls(store, single.plan(store)) == "12 LLM"
    talk = styled(stage_for(llm, 1), "conversation")
    assert talk.calls(store, talk.plan(store)) == "12 LLM"
    assert llm.calls == 0


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"llm": LlmConfig(model="m", base_url="http://127.0.0.1:1/v1", concurrency=3)}, True),
        ({"max_rejects": 0.1, "run_id": "x"}, True),
        ({"llm": LlmConfig(model="n")}, False),
        ({"asking": CapQaConfig(questions=5)}, False),
        ({"asking": CapQaConfig(styles=("short",))}, False),
        ({"asking": CapQaConfig(temperature=0.5)}, False),
        ({"policy": Policy()}, False),
    ],
)
def test_what_the_fingerprint_holds(store: Store, change: dict[str, Any], same: bool) -> None:
    stage = CapQaStage(LlmConfig(model="m"))
    shard = stage.plan(store)[0]
    assert (fingerprint(stage, shard) == fingerprint(replace(stage, **change), shard)) is same


def test_only_the_part_of_a_changed_caption_is_done_again(store: Store, llm: ToyLlm) -> None:
    toy.run(stage_for(llm), store)
    put_captions(store, c=caption("c.png", "A road. A river. A bridge of stone."))
    assert toy.run(stage_for(llm), store).ran == 1


# --- answers that are none


def replying(kind: str, evil: Callable[[Body], Any]) -> Callable[[Body], Any]:
    """Answer badly whatever of a kind is asked about the frog."""

    def answer(body: Body) -> Any:
        bad = "frog" in caption_in(body) and (kind == "all" or field_of(body) == kind)
        return evil(body) if bad else well(body)

    return answer


def saying(question: str, answer: str) -> Callable[[Body], str]:
    return lambda body: json.dumps({"question": question, "answer": answer})


def judging(evidence: str, supported: bool) -> Callable[[Body], str]:
    return lambda body: json.dumps({"evidence": evidence, "supported": supported})


EVIL: dict[str, tuple[str, Callable[[Body], Any], str]] = {
    "prose": ("question", lambda body: "What color is the frog? It is green.", "llm_malformed"),
    "half": ("question", lambda body: '{"question": "What', "llm_malformed"),
    "another schema": ("question", lambda body: '{"caption": "A frog."}', "llm_malformed"),
    "more keys": ("question", lambda body: well(body)[:-1] + ', "why": 1}', "llm_malformed"),
    "a number": ("question", saying("How many lilies?", "6 lilies"), "unsupported_number"),
    "a spelt number": ("question", saying("How many?", "six lilies"), "unsupported_number"),
    "a quotation": ("question", saying("What sound?", 'It says "croak".'), "unsupported_quote"),
    "a name": ("question", saying("Who sits there?", "It is Kermit."), "unsupported_name"),
    "its source": ("question", saying("What is in the caption?", "A frog"), "mentions_source"),
    "blindness": ("question", saying("What is it?", "I cannot see it."), "not_answered"),
    "empty": ("question", saying("What is it?", " "), "llm_empty"),
    "the caption": ("question", saying("What is it?", SAID["b.png"]), "copied_text"),
    "a gap": ("question", saying("Where is the ...?", "a green frog"), "llm_degenerate"),
    "a loop": ("question", saying("What is it?", "a frog and a " * 40), "llm_degenerate"),
    "no": ("verdict", judging("", False), "unsupported_answer"),
    "no quotation": ("verdict", judging("the frog is lovely", True), "no_evidence"),
    "words for a verdict": ("verdict", lambda body: "Yes, it is right.", "llm_malformed"),
    "text for a truth": (
        "verdict",
        lambda body: '{"evidence": "a green frog", "supported": "yes"}',
        "llm_malformed",
    ),
    "500": ("all", lambda body: web.Response(status=500, text="oh no"), "llm_unavailable"),
    "not for you": ("all", lambda body: web.Response(status=400, text="no"), "llm_bad_request"),
}


@pytest.mark.parametrize("name", EVIL)
def test_a_bad_answer_costs_its_own_question_alone(store: Store, name: str) -> None:
    kind, evil, reason = EVIL[name]
    with serving_llm(replying(kind, evil)) as llm:
        toy.run(styled(stage_for(llm, 2), "short", "detail"), store)
    assert toy.reasons(store, "cap_qa") == {reason: 2}
    assert (len(questions(store, "a.png")), len(questions(store, "b.png"))) == (2, 0)
    assert not findings(store)
    assert not toy.leftovers(Path(store.url))


def test_one_bad_turn_costs_the_conversation(store: Store) -> None:
    def one_no(body: Body) -> str:
        last = "still" in body["messages"][1]["content"].split("Answer: ", 1)[1]
        return json.dumps({"evidence": "The pond is still", "supported": not last})

    with serving_llm(replying("verdict", one_no)) as llm:
        toy.run(styled(stage_for(llm, 1), "conversation"), store)
    assert not questions(store, "b.png")
    assert set(toy.reasons(store, "cap_qa")) <= {"unsupported_answer", "no_evidence"}


def test_an_answer_that_never_comes_ends_with_its_time(store: Store) -> None:
    with serving_llm(well, delay_s=30.0) as llm:
        toy.run(stage_for(llm, 1, timeout_s=0.2, deadline_s=0.5), store)
    rows = toy.rejects(store, "cap_qa")
    assert [row.reason for row in rows] == ["llm_unavailable"] * 3
    assert all(row.retryable for row in rows)


def test_a_fault_is_named_and_the_better_answer_is_taken(store: Store, llm: ToyLlm) -> None:
    def first_badly(body: Body) -> str:
        again = "refused" in body["messages"][1]["content"]
        return well(body) if again else saying("Who is it?", "It is Kermit.")(body)

    llm.answer = replying("question", first_badly)
    toy.run(styled(stage_for(llm, 1), "short"), store)
    (row,) = questions(store, "b.png")
    assert row.prompt_tokens == 300
    assert any("not in the caption: kermit" in json.dumps(body) for body in llm.bodies)


def test_a_question_is_asked_once_for_each_picture(store: Store, llm: ToyLlm) -> None:
    llm.answer = replying("question", saying("What sits on the stone?", "a green frog"))
    toy.run(styled(stage_for(llm, 3), "short", "detail", "spatial"), store)
    (row,) = questions(store, "b.png")
    rejects = toy.rejects(store, "cap_qa")
    assert [reject.reason for reject in rejects] == ["duplicate_question"] * 2
    places = sorted(json.loads(reject.row)["place"] for reject in rejects)
    assert places == [1, 2], "the first of them stays"
    assert all(reject.key != row.qa_id for reject in rejects)
    assert not findings(store)


# --- a server that goes away, a budget, a wrong key


def test_a_retry_tries_only_what_failed_and_asks_nothing_twice(store: Store, llm: ToyLlm) -> None:
    down = web.Response(status=503, text="later")

    def sometimes(body: Body) -> Any:
        return down if "What does" in body["messages"][1]["content"] else well(body)

    llm.answer = replying("question", sometimes)
    asked = styled(stage_for(llm, 2), "short", "detail")
    toy.run(asked, store)
    assert toy.reasons(store, "cap_qa") == {"llm_unavailable": 1}
    (kept,) = questions(store, "b.png")
    llm.answer = replying("question", saying(kept.messages[0], "a green frog"))
    result = retry_stage(asked, store, options(), set())
    assert (result.ran, result.rows_ran) == (1, 1)
    assert toy.reasons(store, "cap_qa") == {"duplicate_question": 1}
    assert questions(store, "b.png") == [kept]
    assert not findings(store)


def test_a_budget_stops_the_run_and_the_next_goes_on(store: Store, llm: ToyLlm) -> None:
    small = stage_for(llm, 2, budget_tokens=350, concurrency=1)
    with pytest.raises(StopRun, match="budget"):
        toy.run(small, store)
    assert llm.calls == 3
    assert not questions(store), "no part is written with questions missing"
    toy.run(stage_for(llm, 2), store)
    assert len(questions(store)) == 6
    assert llm.calls == sum(1 + len(row.messages) // 2 for row in questions(store))


def test_a_wrong_key_stops_the_run_at_once(store: Store) -> None:
    with (
        serving_llm(lambda body: web.Response(status=401, text="who?")) as llm,
        pytest.raises(UsageError, match="OPENAI_API_KEY"),
    ):
        toy.run(stage_for(llm), store)
    assert not store.part_numbers("cap_qa")


@pytest.mark.parametrize(
    "change",
    [
        {"questions": 0},
        {"attempts": 0},
        {"max_tokens": 1},
        {"temperature": -1.0},
        {"styles": ("poem",)},
        {"styles": ("short", "short")},
    ],
)
def test_what_cannot_be_asked_for(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="cap-qa: "):
        CapQaConfig(**change)


# --- to the release


def test_questions_are_chosen_and_exported(store: Store, llm: ToyLlm) -> None:
    toy.run(stage_for(llm), store)
    for stage in (Dedupe(), SplitStage(), SelectCapQa()):
        toy.run(stage, store)
    export_subset(store, CAP_QA, ExportConfig(images="url"), InlineEngine())
    released = _table(store, "release", "cap_qa")
    assert released.column_names == ["image_url", "question", "answer", "messages"]
    by_url = Counter(released["image_url"].to_pylist())
    assert by_url == {url_of(name): 3 for name in SAID}
    lineage = _table(store, "release", "lineage", "cap_qa").to_pylist()
    assert {row["qa_id"] for row in lineage} == {row.qa_id for row in questions(store)}
    assert {row["verify_prompt"] for row in lineage} == {"cap_qa_verify_v1"}


def test_tags_drop_questions_from_the_release(store: Store, llm: ToyLlm) -> None:
    def purple(body: Body) -> str:
        if field_of(body) == "verdict":
            return judging("A green frog", True)(body)
        return saying("What color is the frog?", "a purple green frog")(body)

    llm.answer = replying("all", purple)
    toy.run(styled(stage_for(llm, 1), "short"), store)
    for stage in (Dedupe(), SplitStage(), SelectCapQa()):
        toy.run(stage, store)
    (row,) = toy.rejects(store, "selected/cap_qa")
    assert (row.reason, row.detail) == ("policy", "qa_colour_v1")


def _table(store: Store, *folder: str) -> Any:
    import pyarrow.parquet as pq

    (path,) = store.fs.glob(store.path(*folder, "*.parquet"))
    return pq.read_table(path)


def test_questions_go_with_the_caption_that_they_were_written_from(
    store: Store, llm: ToyLlm, tmp_path: Path
) -> None:
    """A recording is taken down, others of its picture stay: its caption goes, so do these."""
    llm.answer = replying("question", saying("What is it?", "I cannot see it."))
    toy.run(styled(stage_for(llm, 2), "short", "conversation"), store)
    doomed = Doomed(orphans=frozenset([id_of("b.png")]))
    denied = Denylist()
    rows = [*questions(store), *toy.rejects(store, "cap_qa")]
    gone = [fate_of(row, "cap_qa", doomed, denied) for row in rows]
    left = [fate.row for fate in gone if fate.row is not None]
    assert len(left) == 4, "of the other two pictures"
    assert not any("b.png" in json.dumps(asdict(row)) for row in left)
    assert sum(fate.touched for fate in gone) == 2


def test_the_page_lists_the_styles_and_the_limits_of_tags() -> None:
    page = (Path(__file__).parents[2] / "docs" / "cap-qa.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", page, re.MULTILINE)
    assert [name for name, _ in cells if name in STYLES] == list(STYLES)
    tags = [(name, limit) for name, limit in cells if name.startswith("qa_")]
    assert tags == [(name, str(limit)) for name, limit in DEFAULT_LIMITS]
