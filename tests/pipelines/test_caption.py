"""Stage caption against a server that answers by rule, well or badly."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pipelines.caption import CaptionStage
from pipelines.run_stage import retry_stage
from pipelines.services.llm_config import LlmConfig
from pipelines.stage import fingerprint
from pipelines.steps.captions import CaptionConfig
from pipelines.steps.policy import Policy
from schemas.annotations import TranscriptReview, Work
from schemas.errors import StopRun, UsageError
from schemas.judgment import Tag
from schemas.records import Caption, Dropped, Image, Transcript
from schemas.store import Store
from tests import toy_store as toy
from tests.pipelines.toy_stage import options
from tests.toy_llm import ToyLlm, asked_text, echo, field_of, serving_llm
from tests.toy_store import id_of, picture, transcript, url_of

SAID = {
    "a.png": "A red toy stands on a wooden table beside two blue cups.",
    "b.png": "A green frog sits on a grey stone in a small pond.",
    "c.png": "Three white clouds hang over a yellow field with a lonely tree.",
}


@pytest.fixture
def llm() -> Iterator[ToyLlm]:
    with serving_llm() as served:
        yield served


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three pictures in two parts, and one transcript of each, in two parts of their own."""
    made = Store(str(tmp_path / "store"))
    toy.put_images(made, {"a.png": picture(1), "b.png": picture(2)}, {"c.png": picture(3)})
    toy.put_transcripts(
        made,
        [transcript("a.png", SAID["a.png"]), transcript("c.png", SAID["c.png"])],
        [transcript("b.png", SAID["b.png"])],
    )
    return made


def stage_for(llm: ToyLlm, **changes: Any) -> CaptionStage:
    quick = {"timeout_s": 5.0, "deadline_s": 10.0, "retries": 1, "backoff_s": 0.01}
    config = LlmConfig(base_url=llm.base_url, model="m", **{**quick, **changes})
    return CaptionStage(config, max_rejects=1.0)


def captions(store: Store) -> dict[str, Caption]:
    """Captions by the name of their picture."""
    found = toy.rows(store, "captions", Caption)
    return {row.image_url.rsplit("/", 1)[1]: row for row in found}


def refused(store: Store) -> dict[str, str]:
    """Reasons by the name of the picture."""
    rows = toy.rejects(store, "captions")
    return {json.loads(row.row)["image_url"].rsplit("/", 1)[1]: row.reason for row in rows}


def drop_part(store: Store, number: int) -> None:
    store.fs.rm(store.part_path("captions", number))


def usages(store: Store) -> list[dict[str, Any]]:
    """What was counted in each run."""
    folder = store.path("cache", "usage")
    paths = store.fs.ls(folder, detail=False) if store.fs.exists(folder) else []
    return [json.loads(store.fs.cat_file(path)) for path in paths]


def test_each_picture_with_a_transcript_gets_a_caption(store: Store, llm: ToyLlm) -> None:
    toy.run(stage_for(llm), store)
    found = captions(store)
    assert {name: row.caption for name, row in found.items()} == SAID
    assert [info.number for info in store.infos("captions")] == [0, 1], "the parts of images"
    one = found["a.png"]
    assert (one.image_id, one.image_url) == (id_of("a.png"), url_of("a.png"))
    assert one.transcripts == one.cleaned == (SAID["a.png"],)
    assert one.recording_ids == (transcript("a.png", "").recording_id,)
    assert (one.model, one.speech_model) == ("m", "toy@00000000")
    assert (one.clean_prompt, one.caption_prompt) == ("clean_v1", "caption_v1")
    assert (one.prompt_tokens, one.completion_tokens) == (200, 40)
    assert llm.calls == 6
    assert not toy.findings(store, "images", "transcripts")


def test_all_transcripts_of_a_picture_become_one_caption(store: Store, llm: ToyLlm) -> None:
    spoken = [transcript("a.png", f"A toy number {n}.", f"speaker{n}") for n in range(3)]
    toy.put(store, "transcripts", 2, Transcript, spoken)
    toy.run(stage_for(llm), store)
    found = captions(store)["a.png"]
    assert len(found.transcripts) == 4
    assert set(found.transcripts) == {SAID["a.png"], *(t.text for t in spoken)}
    assert list(found.recording_ids) == sorted(found.recording_ids)
    assert found.caption == " ".join(found.cleaned)


def test_a_picture_nobody_described_is_left_out(store: Store, llm: ToyLlm) -> None:
    toy.put(store, "images", 2, Image, [toy.image("d.png", picture(4))])
    result = toy.run(stage_for(llm), store)
    assert (result.rows_in, result.records) == (3, 3)


def test_no_call_is_made_twice(store: Store, llm: ToyLlm) -> None:
    toy.run(stage_for(llm), store)
    before = toy.contents(store)
    calls = llm.calls
    assert toy.run(stage_for(llm), store).ran == 0
    drop_part(store, 0)
    drop_part(store, 1)
    assert toy.run(stage_for(llm), store).ran == 2
    assert llm.calls == calls
    assert toy.contents(store) == before
    assert sorted((u["calls"], u["cached"]) for u in usages(store)) == [(0, 6), (6, 0)]


def test_a_run_tells_what_it_spent_and_how_busy_the_endpoint_was(store: Store, llm: ToyLlm) -> None:
    llm.delay_s = 0.1
    said = toy.run(stage_for(llm, concurrency=1, usd_per_1m_prompt=1000.0), store).spent
    assert said.startswith("6 calls (0 failed), 0 answers from the cache, 600 tokens in, 120 out")
    assert "$0.6" in said
    found = re.search(r"([\d.]+) requests/s, saturated (\d+)% of the time", said)
    assert found
    assert float(found[1]) < 10.0
    assert int(found[2]) > 30, "one of one was under way most of the time"
    (usage,) = usages(store)
    assert usage["stage"] == "caption"
    assert 0.3 < usage["saturated_seconds"] <= usage["seconds"]
    assert toy.run(stage_for(llm), store).spent == "", "nothing was to do"


def tagged(name: str, text: str, **scores: float) -> Transcript:
    tags = tuple(Tag(rule, score) for rule, score in scores.items())
    return transcript(name, text, "tagged", tags)


def test_a_dropped_transcript_is_named_and_not_used(store: Store, llm: ToyLlm) -> None:
    bad = tagged("a.png", "Thank you for watching!", stock_phrase_v1=1.0, loop_v1=0.0)
    toy.put(store, "transcripts", 2, Transcript, [bad])
    toy.run(stage_for(llm), store)
    found = captions(store)["a.png"]
    assert found.dropped == (Dropped(bad.recording_id, "stock_phrase_v1"),)
    assert bad.recording_id not in found.recording_ids
    assert "watching" not in json.dumps(llm.bodies)


def test_a_picture_without_a_usable_transcript_is_a_reject(store: Store, llm: ToyLlm) -> None:
    toy.put(store, "images", 2, Image, [toy.image("d.png", picture(4))])
    bad = tagged("d.png", "you", no_speech_v1=0.9)
    toy.put(store, "transcripts", 2, Transcript, [bad])
    toy.run(stage_for(llm), store)
    assert refused(store) == {"d.png": "no_usable_transcript"}
    (row,) = toy.rejects(store, "captions")
    assert "no_speech_v1" in row.detail
    assert json.loads(row.row)["dropped"] == {bad.recording_id: "no_speech_v1"}
    assert not row.retryable
    assert not toy.findings(store, "images", "transcripts")


def test_the_policy_is_a_setting(store: Store, llm: ToyLlm) -> None:
    toy.put(store, "transcripts", 2, Transcript, [tagged("a.png", "A cup.", loop_v1=0.2)])
    stage = stage_for(llm)
    toy.run(stage, store)
    assert len(captions(store)["a.png"].transcripts) == 2
    strict = replace(stage, policy=Policy((("loop_v1", 0.1),)))
    assert toy.run(strict, store).ran == 2
    assert len(captions(store)["a.png"].transcripts) == 1


# --- what changes what


def test_only_the_part_of_a_changed_transcript_is_done_again(store: Store, llm: ToyLlm) -> None:
    toy.run(stage_for(llm), store)
    before, calls = toy.stamps(Path(store.url, "captions")), llm.calls
    toy.put(store, "transcripts", 1, Transcript, [transcript("b.png", "A frog and a fly.")])
    assert toy.run(stage_for(llm), store).ran == 1
    after = toy.stamps(Path(store.url, "captions"))
    assert after["part-00001.parquet"] == before["part-00001.parquet"]
    assert captions(store)["b.png"].caption == "A frog and a fly."
    assert llm.calls == calls + 2, "a.png is in that part too, and was in the cache"


def test_new_pictures_and_transcripts_leave_the_old_parts_alone(store: Store, llm: ToyLlm) -> None:
    toy.run(stage_for(llm), store)
    before = toy.stamps(Path(store.url, "captions"))
    before.pop("_stage.json")
    toy.put(store, "images", 2, Image, [toy.image("d.png", picture(4))])
    toy.put(store, "transcripts", 2, Transcript, [transcript("d.png", "A dog.")])
    assert toy.run(stage_for(llm), store).ran == 1
    assert before.items() <= toy.stamps(Path(store.url, "captions")).items()


def test_a_caption_goes_when_its_last_transcript_goes(store: Store, llm: ToyLlm) -> None:
    toy.run(stage_for(llm), store)
    toy.put(store, "transcripts", 0, Transcript, [transcript("a.png", SAID["a.png"])])
    toy.run(stage_for(llm), store)
    assert set(captions(store)) == {"a.png", "b.png"}
    assert not toy.findings(store, "images", "transcripts")
    assert toy.run(stage_for(llm), store).ran == 0


def other(llm: LlmConfig | None = None, **changes: Any) -> CaptionStage:
    return replace(CaptionStage(llm or LlmConfig(model="m")), **changes)


@pytest.mark.parametrize(
    ("stage", "same"),
    [
        (other(LlmConfig(model="m", base_url="http://127.0.0.1:1/v1")), True),
        (other(LlmConfig(model="m", concurrency=3, retries=9, timeout_s=1.0)), True),
        (other(LlmConfig(model="m", budget_tokens=5, api_key_env="OTHER")), True),
        (other(LlmConfig(model="m", max_tokens_name="max_completion_tokens")), True),
        (other(max_rejects=0.1, run_id="x"), True),
        (other(LlmConfig(model="n")), False),
        (other(captions=CaptionConfig(temperature=0.5)), False),
        (other(captions=CaptionConfig(clean_prompt="caption_v1")), False),
        (other(captions=CaptionConfig(language="de")), False),
        (other(captions=CaptionConfig(max_tokens=99)), False),
        (other(policy=Policy()), False),
    ],
)
def test_what_the_fingerprint_holds(store: Store, stage: CaptionStage, same: bool) -> None:
    shard = other().plan(store)[0]
    assert (fingerprint(other(), shard) == fingerprint(stage, shard)) is same


def test_the_plan_counts_calls(store: Store, llm: ToyLlm) -> None:
    stage = stage_for(llm)
    assert stage.calls(store, stage.plan(store)) == "6 LLM"
    assert llm.calls == 0


# --- a budget


def test_a_budget_stops_the_run_and_the_next_goes_on(store: Store, llm: ToyLlm) -> None:
    # One at a time: two calls of 120 tokens are made before 130 are used up.
    small = stage_for(llm, budget_tokens=130, concurrency=1)
    with pytest.raises(StopRun, match="budget"):
        toy.run(small, store)
    assert llm.calls == 2
    assert not captions(store), "no part is written with captions missing"
    assert not toy.leftovers(Path(store.url))
    with pytest.raises(StopRun):
        toy.run(small, store)
    assert llm.calls == 4, "it got further, because what it paid for was kept"
    toy.run(stage_for(llm, budget_tokens=10_000), store)
    assert len(captions(store)) == 3
    assert llm.calls == 6
    assert sum(u["calls"] for u in usages(store)) == llm.calls, "each call is counted once"


def test_a_budget_holds_over_all_parts(store: Store, llm: ToyLlm) -> None:
    with pytest.raises(StopRun):
        toy.run(stage_for(llm, budget_tokens=480, concurrency=1), store)
    assert llm.calls == 4
    assert set(captions(store)) == {"a.png", "b.png"}, "the first part was whole"


# --- answers that are none


def only_for(word: str, evil: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Answer badly whatever is asked about a text with this word."""
    return lambda body: evil(body) if word in asked_text(body) else echo(body)


EVIL: dict[str, tuple[Callable[[Any], Any], str]] = {
    "prose": (lambda body: "Sure! Here is a lovely caption of your picture.", "llm_malformed"),
    "half": (lambda body: '{"' + field_of(body) + '": "A green fr', "llm_malformed"),
    "empty": (lambda body: "", "llm_malformed"),
    "nothing": (lambda body: json.dumps({field_of(body): " "}), "llm_empty"),
    "list": (lambda body: "[1, 2]", "llm_malformed"),
    "another key": (lambda body: '{"answer": "A frog."}', "llm_malformed"),
    "refusal": (
        lambda body: json.dumps({field_of(body): "I'm sorry, but I can't see images."}),
        "llm_degenerate",
    ),
    "loop": (lambda body: json.dumps({field_of(body): "a green frog and " * 40}), "llm_degenerate"),
    "500": (lambda body: web.Response(status=500, text="oh no"), "llm_unavailable"),
    "html": (lambda body: web.Response(text="<html>", content_type="text/html"), "llm_unavailable"),
    "not for you": (lambda body: web.Response(status=400, text="no"), "llm_bad_request"),
}


@pytest.mark.parametrize("kind", EVIL)
def test_a_bad_answer_costs_its_own_picture_alone(store: Store, kind: str) -> None:
    evil, reason = EVIL[kind]
    with serving_llm(only_for("frog", evil)) as llm:
        toy.run(stage_for(llm), store)
    assert set(captions(store)) == {"a.png", "c.png"}
    assert refused(store) == {"b.png": reason}
    assert not toy.findings(store, "images", "transcripts")
    assert not toy.leftovers(Path(store.url))


def test_a_server_that_was_down_is_tried_again_by_a_retry(store: Store, llm: ToyLlm) -> None:
    llm.answer = only_for("frog", lambda body: web.Response(status=503, text="later"))
    toy.run(stage_for(llm), store)
    assert refused(store) == {"b.png": "llm_unavailable"}
    llm.answer = echo
    calls = llm.calls
    result = retry_stage(stage_for(llm), store, options(), set())
    assert (result.ran, result.rows_ran) == (1, 1)
    assert llm.calls == calls + 2
    assert {name: row.caption for name, row in captions(store).items()} == SAID
    assert not toy.findings(store, "images", "transcripts")


def test_an_answer_that_never_comes_ends_with_its_time(store: Store) -> None:
    with serving_llm(delay_s=30.0) as llm:
        quick = {"timeout_s": 0.2, "deadline_s": 0.5, "retries": 1}
        toy.run(stage_for(llm, **quick), store)
    assert set(refused(store).values()) == {"llm_unavailable"}
    assert all(row.retryable for row in toy.rejects(store, "captions"))


def test_a_wrong_key_stops_the_run_at_once(store: Store) -> None:
    with (
        serving_llm(lambda body: web.Response(status=401, text="who?")) as llm,
        pytest.raises(UsageError, match="OPENAI_API_KEY"),
    ):
        toy.run(stage_for(llm), store)
    assert not store.part_numbers("captions")


def test_what_is_malformed_once_is_asked_again_and_both_are_paid(store: Store, llm: ToyLlm) -> None:
    def first_badly(body: Any) -> str:
        again = "refused" in body["messages"][1]["content"]
        return echo(body) if again or "frog" not in asked_text(body) else "prose"

    llm.answer = first_badly
    toy.run(stage_for(llm), store)
    assert captions(store)["b.png"].caption == SAID["b.png"]
    assert captions(store)["b.png"].prompt_tokens == 400
    assert captions(store)["a.png"].prompt_tokens == 200


def test_an_invented_detail_is_a_tag(store: Store, llm: ToyLlm) -> None:
    def invent(body: Any) -> str:
        more = " Seven purple parrots fly over Paris." if field_of(body) == "caption" else ""
        return json.dumps({field_of(body): asked_text(body) + more})

    llm.answer = invent
    toy.run(stage_for(llm), store)
    tags = {tag.name: tag.score for tag in captions(store)["a.png"].tags}
    assert sum(score > 0 for score in tags.values()) >= 2, tags


# --- transcripts that a person corrected


def review(name: str, text: str, at: str = "2026-01-01", item: str = "1") -> TranscriptReview:
    spoken = transcript(name, "")
    work = Work("1:7", "d" * 32, "a0123456789ab", "review_v1", 60.0, at)
    return TranscriptReview(item * 32, spoken.recording_id, spoken.image_id, text, True, work)


def put_reviews(store: Store, *parts: list[TranscriptReview]) -> None:
    for number, rows in enumerate(parts):
        toy.put(store, "annotations/transcript_review", number, TranscriptReview, rows)


def test_the_corrected_text_takes_the_place_of_what_was_heard(store: Store, llm: ToyLlm) -> None:
    toy.run(stage_for(llm), store)
    before = toy.contents(store)
    assert captions(store)["a.png"].review_ids == ("",)
    put_reviews(store, [review("a.png", "A red boy stands on a wooden stable.")])
    asked = llm.calls
    result = toy.run(stage_for(llm), store)
    one = captions(store)["a.png"]
    assert one.transcripts == ("A red boy stands on a wooden stable.",)
    assert one.review_ids == ("1" * 32,)
    assert one.recording_ids == (transcript("a.png", "").recording_id,)
    assert result.ran == 1, "only the part with the picture"
    assert llm.calls - asked == 2, "and only what changed in it is asked"
    assert toy.contents(store)["captions/1"] == before["captions/1"]
    assert not toy.findings(store, "images", "transcripts", "annotations")


def test_the_latest_review_counts(store: Store, llm: ToyLlm) -> None:
    late = review("a.png", "The latest text about a red toy.", "2026-03-01", "2")
    put_reviews(store, [late, review("a.png", "The first one.", "2026-01-01", "3")])
    toy.run(stage_for(llm), store)
    assert captions(store)["a.png"].review_ids == ("2" * 32,)
    put_reviews(store, [review("a.png", "The first one.", "2026-01-01", "3")])  # deleted since
    toy.run(stage_for(llm), store)
    assert captions(store)["a.png"].transcripts == ("The first one.",)
    put_reviews(store, [])
    toy.run(stage_for(llm), store)
    assert captions(store)["a.png"].transcripts == (SAID["a.png"],)


def test_a_review_frees_from_the_tags_that_suspect_the_recogniser(
    store: Store, llm: ToyLlm
) -> None:
    tags = (Tag("loop_v1", 0.9), Tag("logprob_v1", 3.0), Tag("words_per_second_v1", 1.0))
    toy.put(store, "transcripts", 1, Transcript, [transcript("b.png", "frog " * 9, tags=tags)])
    toy.run(stage_for(llm), store)
    assert refused(store)["b.png"] == "no_usable_transcript"
    put_reviews(store, [review("b.png", SAID["b.png"])])
    toy.run(stage_for(llm), store)
    assert captions(store)["b.png"].transcripts == (SAID["b.png"],)
