"""The cache of answers: a second run makes no call, whatever happened to the first."""

import asyncio
import errno
import os
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.services.budget import Meter
from pipelines.services.llm_cache import CachedTextModel, LlmCache, _decode, _encode
from pipelines.steps.answers import Asked, accept_any, ask
from pipelines.steps.prompts import load_prompt
from pipelines.steps.text_requests import TextAnswer, TextRequest, request_digest
from schemas.errors import StageError
from schemas.judgment import Reject

PROMPT = load_prompt("caption_v1")
REQUEST = TextRequest("sys", "A cat.", "caption", PROMPT.schema, "caption_v1", 64)
ANSWER = TextAnswer('{"caption": "A cat."}', 100, 20)


class Counting:
    """A TextModel that gives prepared answers in turn, the last one for ever."""

    name = "m"

    def __init__(self, *answers: TextAnswer | Reject) -> None:
        self.answers = answers
        self.calls = 0

    async def complete(self, request: TextRequest) -> TextAnswer | Reject:
        self.calls += 1
        return self.answers[min(self.calls, len(self.answers)) - 1]


@pytest.fixture(params=["local", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "local":
        return str(tmp_path / "cache" / "llm")
    return f"memory://{uuid.uuid4().hex}/cache/llm"


def complete(model: CachedTextModel, request: TextRequest = REQUEST) -> TextAnswer | Reject:
    return asyncio.run(model.complete(request))


def test_a_second_run_makes_no_call(folder: str) -> None:
    inner, meter = Counting(ANSWER), Meter()
    assert complete(CachedTextModel(inner, LlmCache(folder), meter)) == ANSWER
    again = complete(CachedTextModel(inner, LlmCache(folder), meter))
    assert again == replace(ANSWER, cached=True)
    assert (inner.calls, meter.usage().cached) == (1, 1)


def test_a_failure_is_asked_again(folder: str) -> None:
    inner = Counting(Reject("llm_unavailable", retryable=True), ANSWER)
    model = CachedTextModel(inner, LlmCache(folder), Meter())
    assert isinstance(complete(model), Reject)
    assert complete(model) == ANSWER


def test_malformed_answers_are_kept_so_the_way_to_a_good_one_is_free(folder: str) -> None:
    inner = Counting(TextAnswer("prose", 100, 5), TextAnswer("", 100, 0), ANSWER)
    model = CachedTextModel(inner, LlmCache(folder), Meter())
    for _ in range(2):
        asked = asyncio.run(ask(model, REQUEST, PROMPT, accept_any, 3))
        assert asked == Asked("A cat.", 300, 25, 3)
    assert inner.calls == 3


@pytest.mark.parametrize(
    "rubbish", [b"", b"{", b"[]", b'{"format": 1}', b"\xff\x00", b'{"format":9}']
)
def test_a_corrupt_file_is_a_miss_and_is_replaced(tmp_path: Path, rubbish: bytes) -> None:
    inner = Counting(ANSWER)
    model = CachedTextModel(inner, LlmCache(str(tmp_path)), Meter())
    complete(model)
    (file,) = tmp_path.glob("*/*.json")
    file.write_bytes(rubbish)
    assert complete(model) == ANSWER
    assert complete(model) == replace(ANSWER, cached=True)
    assert inner.calls == 2
    assert list(tmp_path.glob("*/*")) == [file]


@pytest.mark.parametrize(
    "change",
    [
        {"system": "x"},
        {"user": "x"},
        {"schema": "{}"},
        {"schema_name": "x"},
        {"prompt_version": "caption_v2"},
        {"max_tokens": 65},
        {"temperature": 0.1},
        {"seed": 1},
    ],
)
def test_every_part_of_a_request_is_in_its_digest(change: dict[str, Any]) -> None:
    assert request_digest("m", replace(REQUEST, **change)) != request_digest("m", REQUEST)
    assert request_digest("n", REQUEST) != request_digest("m", REQUEST)


@given(st.text(), st.integers(0), st.integers(0), st.sampled_from(["stop", "length"]))
def test_what_is_kept_is_what_came(text: str, prompt: int, completion: int, finish: str) -> None:
    answer = TextAnswer(text, prompt, completion, True, finish)
    assert _decode(_encode("m", REQUEST.prompt_version, answer)) == answer


@given(st.binary())
def test_any_bytes_are_an_answer_or_a_miss(data: bytes) -> None:
    assert _decode(data) is None


def test_a_lone_surrogate_can_be_kept(folder: str) -> None:
    model = CachedTextModel(Counting(TextAnswer("\ud800", 1, 1)), LlmCache(folder), Meter())
    complete(model)
    assert complete(model) == TextAnswer("\ud800", 1, 1, cached=True)


def test_a_full_disk_says_so_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StageError, match="disk is full"):
        complete(CachedTextModel(Counting(ANSWER), LlmCache(str(tmp_path)), Meter()))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
