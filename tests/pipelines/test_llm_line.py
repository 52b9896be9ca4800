"""The line that parts share: the endpoint has work over the boundary between two parts."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pipelines.caption import CaptionStage
from pipelines.llm_line import open_line
from pipelines.services.budget import Meter
from pipelines.services.llm_config import LlmConfig
from pipelines.steps.in_threads import in_threads, next_may_begin
from pipelines.steps.text_requests import TextModel, TextRequest
from schemas.store import Store
from tests import toy_store as toy
from tests.toy_llm import ToyLlm, serving_llm
from tests.toy_store import picture, transcript


def request(text: str) -> TextRequest:
    return TextRequest("system", f"Transcript: {text}", "text", "{}", "toy_v1", 10)


async def ask(model: TextModel, text: str) -> Any:
    return await model.complete(request(text))


def test_answers_come_in_order_for_each_of_two_callers(tmp_path: Path) -> None:
    found: dict[str, list[Any]] = {}
    with serving_llm(delay_s=0.01) as llm:
        config = LlmConfig(base_url=llm.base_url, model="m", concurrency=2)
        with open_line(config, Meter(), str(tmp_path)) as line:

            def part(name: str) -> None:
                items = [f"{name}{at}" for at in range(8)]
                found[name] = line.answered(items, ask, next_may_begin())

            in_threads(part, ["a", "b", "c"], 2)
    said = {name: [answer.text for answer in answers] for name, answers in found.items()}
    assert said == {
        name: [f'{{"text": "{name}{at}"}}' for at in range(8)] for name in ("a", "b", "c")
    }
    asked = [body["messages"][1]["content"][len("Transcript: ")] for body in llm.bodies]
    assert "".join(asked) == "a" * 8 + "b" * 8 + "c" * 8, "one part after the other"


def test_an_error_is_that_of_its_caller(tmp_path: Path) -> None:
    async def fail(model: TextModel, text: str) -> Any:
        if text == "bad":
            raise KeyError(text)
        return await ask(model, text)

    with serving_llm() as llm:
        config = LlmConfig(base_url=llm.base_url, model="m", concurrency=1)
        with open_line(config, Meter(), str(tmp_path)) as line:
            with pytest.raises(KeyError):
                line.answered(["bad", "x", "y", "z"], fail, lambda: None)
            assert len(line.answered(["good"], fail, lambda: None)) == 1


def test_closing_the_line_ends_what_waits_for_it(tmp_path: Path) -> None:
    ended = threading.Event()

    with serving_llm(delay_s=60) as llm:
        config = LlmConfig(base_url=llm.base_url, model="m")
        with open_line(config, Meter(), str(tmp_path)) as line:

            def wait() -> None:
                try:
                    line.answered(["never"], ask, lambda: None)
                finally:
                    ended.set()

            thread = threading.Thread(target=_quietly, args=(wait,))
            thread.start()
            while not llm.calls:
                time.sleep(0.005)
        assert ended.wait(5)
        thread.join()


def _quietly(function: Any) -> None:
    try:
        function()
    except BaseException:  # noqa: BLE001 (that it ends is what the test asks)
        return


def store_of(folder: Path, parts: int, pictures: int) -> Store:
    store = Store(str(folder))
    names = [[f"{part}-{at}.png" for at in range(pictures)] for part in range(parts)]
    toy.put_images(store, *({name: picture(0) for name in part} for part in names))
    toy.put_transcripts(store, *([transcript(n, f"A toy, {n}.") for n in part] for part in names))
    return store


def stage_for(llm: ToyLlm, concurrency: int) -> CaptionStage:
    return CaptionStage(LlmConfig(base_url=llm.base_url, model="m", concurrency=concurrency))


def test_the_next_part_is_asked_while_the_last_answers_of_one_are_waited_for(
    tmp_path: Path,
) -> None:
    store = store_of(tmp_path, 3, 4)
    with serving_llm(delay_s=0.2) as llm:
        result = toy.run(stage_for(llm, 8), store)
    assert result.records == 12
    asked = [body["messages"][1]["content"] for body in llm.bodies]
    places = [[at for at, text in enumerate(asked) if f"{part}-" in text] for part in range(3)]
    assert [len(found) for found in places] == [8, 8, 8]
    assert places[0][0] < places[1][0] < places[2][0], "in their order"
    assert places[1][0] < places[0][-1], "the second began before the first had asked all"


def test_a_run_of_many_small_parts_makes_the_same_parts(tmp_path: Path) -> None:
    contents = []
    for name, concurrency in (("a", 1), ("b", 16)):
        store = store_of(tmp_path / name, 5, 3)
        with serving_llm() as llm:
            toy.run(stage_for(llm, concurrency), store)
        contents.append({k: v for k, v in toy.contents(store).items() if "captions" in k})
        assert not toy.leftovers(tmp_path / name)
    assert contents[0] == contents[1]
