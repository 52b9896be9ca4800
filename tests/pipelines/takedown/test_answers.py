"""Cached answers that go with a caption, and those that have to stay."""

import asyncio
import json
from pathlib import Path

import pytest

from pipelines.services.llm_cache import LlmCache
from pipelines.steps.answers import ask_again
from pipelines.steps.captions import CaptionConfig, caption_request, clean_request
from pipelines.steps.prompts import load_prompt
from pipelines.steps.text_requests import TextAnswer, TextRequest, request_digest
from pipelines.takedown.answers import Spoken, answers_of
from schemas.store import Store

CONFIG = CaptionConfig()
SAID = "three wobbly pelicans are balancing on a lilac fence above the harbour"
OTHER = "four copper kettles hang beneath the striped awning of a very old bakery"
FAR = "six velvet umbrellas lean against the piano inside an abandoned railway lounge"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def keep(store: Store, request: TextRequest, text: str, model: str = "m") -> str:
    """Put an answer into the cache; returns its digest."""
    digest = request_digest(model, request)
    cache = LlmCache(f"{store.url}/cache/llm")
    asyncio.run(cache.put(digest, model, request, TextAnswer(text, 1, 1)))
    return digest


def answered(field: str, text: str) -> str:
    return json.dumps({field: text})


def gone(store: Store, *spoken: Spoken, texts: tuple[str, ...] = (SAID,)) -> set[str]:
    found = answers_of(store, spoken, texts, {CONFIG})
    assert all(Path(path).is_file() for path in found)
    return {Path(path).stem for path in found}


def test_the_whole_conversation_goes(store: Store) -> None:
    request = clean_request(SAID, CONFIG)
    clean = load_prompt(CONFIG.clean_prompt)
    again = ask_again(request, clean, "it was not one JSON object", 1)
    own = {
        keep(store, request, "nonsense that shares no word"),
        keep(store, again, answered("text", "entirely different words were written here now")),
    }
    cleaned = "entirely different words were written here now"
    own.add(keep(store, caption_request([cleaned], CONFIG), answered("caption", "A new thing.")))
    keep(store, clean_request(FAR, CONFIG), answered("text", FAR))
    assert gone(store, Spoken((SAID,), (True,))) == own


def test_an_earlier_choice_of_transcripts_goes_too(store: Store) -> None:
    for text in (SAID, OTHER, FAR):
        keep(store, clean_request(text, CONFIG), answered("text", text))
    early = keep(store, caption_request([SAID, FAR], CONFIG), answered("caption", "Short one."))
    late = keep(store, caption_request([SAID, OTHER, FAR], CONFIG), answered("caption", "Three."))
    without = keep(store, caption_request([OTHER, FAR], CONFIG), answered("caption", "Two."))
    found = gone(store, Spoken((SAID, OTHER, FAR), (True, False, False)))
    assert {early, late} <= found
    assert without not in found
    assert request_digest("m", clean_request(OTHER, CONFIG)) not in found


def test_answers_of_another_model_are_known_by_their_words(store: Store) -> None:
    request = TextRequest("s", "u", "text", "{}", "older_v0", 10)
    whole = keep(store, request, answered("text", f"Well: {SAID}."), "old")
    cut = keep(store, clean_request("x", CONFIG), '{"text": "three wobbly pelicans are balan', "m2")
    near = keep(store, clean_request("y", CONFIG), f'{{"text": "{SAID[:52]}', "m2")
    keep(store, clean_request("z", CONFIG), answered("text", f"A picture of {FAR}"), "old")
    assert gone(store) == {whole, near}
    assert cut not in gone(store)  # four whole words are not enough to tell it by


def test_short_texts_go_when_they_are_equal(store: Store) -> None:
    equal = keep(store, clean_request("x", CONFIG), answered("text", "A toy!"))
    keep(store, clean_request("y", CONFIG), answered("text", "A toy on a table."))
    assert gone(store, texts=("a toy",)) == {equal}


def test_an_unreadable_file_and_an_empty_cache_are_no_error(store: Store) -> None:
    assert gone(store, Spoken((SAID,), (True,))) == set()
    folder = Path(store.url, "cache", "llm", "00")
    folder.mkdir(parents=True)
    (folder / f"00{'0' * 30}.json").write_bytes(b"\xff")
    assert gone(store, Spoken((SAID,), (True,))) == set()
