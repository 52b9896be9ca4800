"""Which cached answers of the text LLM go with a caption: they hold what was said and written.

A file of the cache is named by the digest of its request and does not say whose it is. It is found
in two ways: the conversation is held again with the cache alone, every refused try included, for
each choice of the picture's transcripts; and whatever else was written from them (with another
model, or from a transcript since replaced) is told by its words. Too many may go, since an answer
that is asked for again is only paid for again.
"""

import asyncio
import itertools
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.services.llm_cache import LlmCache
from pipelines.steps.captions import CaptionConfig, caption_image
from pipelines.steps.takedown_traces import leaves, parse_json
from pipelines.steps.text_requests import TextAnswer, TextRequest, request_digest
from schemas.errors import UsageError
from schemas.judgment import Reject
from schemas.store import Store

FOLDER = "cache/llm"
GRAM_WORDS = 5
SHARED = 0.25  # of an answer's five-word runs; unlike pictures share a few stock phrases at most
MOST_CHOSEN = 6  # transcripts of one picture of which all choices are tried; PixMo has three
_WORD = re.compile(r"\w+")
Grams = NDArray[np.uint32]


@dataclass(frozen=True)
class Spoken:
    """The transcripts of one picture in the order of their recordings, and which of them go."""

    texts: tuple[str, ...]
    gone: tuple[bool, ...]


@dataclass(frozen=True)
class Answer:
    """A file of the cache: its path, the model that answered, what it said."""

    path: str
    model: str
    text: str

    @property
    def digest(self) -> str:
        """The digest of its request."""
        return self.path.rsplit("/", 1)[1].removesuffix(".json")


def cached_answers(store: Store) -> Iterator[Answer]:
    """All answers of a store that can be read, and empty ones for files that cannot."""
    folder = store.path(FOLDER)
    paths = store.fs.glob(f"{folder}/*/*.json") if store.fs.exists(folder) else []
    with ThreadPoolExecutor(8) as pool:
        for path, data in zip(paths, pool.map(store.fs.cat_file, paths), strict=True):
            value = parse_json(data.decode("ascii", "replace"))
            facts = value if isinstance(value, dict) else {}
            yield Answer(path, str(facts.get("model", "")), str(facts.get("text", "")))


def answers_of(
    store: Store, spoken: Sequence[Spoken], texts: Iterable[str], configs: set[CaptionConfig]
) -> list[str]:
    """The paths of the cached answers that were made from what goes; `texts` is all of that."""
    removed = sorted(set(texts))
    if not removed:
        return []
    alike = _Alike(removed)
    found: dict[str, str] = {}
    models: set[str] = set()
    paths: set[str] = set()
    for answer in cached_answers(store):
        found[answer.digest] = answer.path
        models.add(answer.model)
        if alike.holds(answer.text):
            paths.add(answer.path)
    asked, stay = asyncio.run(_asked(store, spoken, models, configs))
    paths |= {found[digest] for digest in asked & found.keys()}
    return sorted(paths - {found[digest] for digest in stay & found.keys()})


async def _asked(
    store: Store, spoken: Sequence[Spoken], models: set[str], configs: set[CaptionConfig]
) -> tuple[set[str], set[str]]:
    """What was asked about transcripts that go, and what about those that stay beside them."""
    cache = LlmCache(f"{store.url}/{FOLDER}")
    asked: set[str] = set()
    stay: set[str] = set()
    for name, config in itertools.product(sorted(models), sorted(configs, key=repr)):
        for own in spoken:
            model = _CacheOnly(name, cache)
            try:
                await _talk(model, own, config)
            except UsageError:  # a prompt that this version no longer has
                continue
            asked |= model.asked
            stay |= model.stay
    return asked, stay


async def _talk(model: "_CacheOnly", own: Spoken, config: CaptionConfig) -> None:
    """Hold the conversations about the transcripts of one picture again."""
    for chosen in _choices(own):
        await caption_image(model, [own.texts[at] for at in chosen], config)
    asked, model.asked = model.asked, set()
    for text, gone in zip(own.texts, own.gone, strict=True):
        if not gone:
            await caption_image(model, [text], config)
    model.asked, model.stay = asked, model.asked


def _choices(own: Spoken) -> Iterator[tuple[int, ...]]:
    """Which transcripts may once have been merged: any of them, with one at least that goes."""
    every = range(len(own.texts))
    sizes = range(1, len(own.texts) + 1) if len(own.texts) <= MOST_CHOSEN else (1, len(own.texts))
    for size in sizes:
        for chosen in itertools.combinations(every, size):
            if any(own.gone[at] for at in chosen):
                yield chosen


class _CacheOnly:
    """A TextModel that answers what was answered before, and notes what it was asked."""

    def __init__(self, name: str, cache: LlmCache) -> None:
        self._name, self._cache = name, cache
        self.asked: set[str] = set()
        self.stay: set[str] = set()

    @property
    def name(self) -> str:
        """The name of the model whose answers are looked up."""
        return self._name

    async def complete(self, request: TextRequest) -> TextAnswer | Reject:
        """The kept answer, or a Reject that ends the conversation."""
        digest = request_digest(self._name, request)
        self.asked.add(digest)
        return await self._cache.get(digest) or Reject("llm_unavailable", "", retryable=True)


class _Alike:
    """Tells answers that were written from some texts by the runs of words they share."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._grams = np.unique(np.concatenate([_grams(text) for text in texts]))
        self._short = {_plain(text) for text in texts if len(_words(text)) < GRAM_WORDS}

    def holds(self, answer: str) -> bool:
        """Whether an answer, whole or cut off, comes from the texts."""
        value: Any = parse_json(answer)
        inside = [leaf for key, leaf in leaves(value) if key]
        said = inside or [answer]
        return any(self._one(text) for text in said)

    def _one(self, text: str) -> bool:
        grams = _grams(text)
        if not len(grams):
            return _plain(text) in self._short
        return bool(np.isin(grams, self._grams).mean() >= SHARED)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _plain(text: str) -> str:
    return " ".join(_words(text))


def _grams(text: str) -> Grams:
    """Runs of five words as numbers."""
    words = _words(text)
    runs = (words[at : at + GRAM_WORDS] for at in range(len(words) - GRAM_WORDS + 1))
    return np.array([zlib.crc32(" ".join(run).encode()) for run in runs], np.uint32)


def config_of(settings: Any) -> CaptionConfig | None:
    """The caption settings in a part's footer; None when this version does not know them."""
    try:
        return CaptionConfig(**json.loads(json.dumps(settings)))
    except (TypeError, ValueError, UsageError):
        return None
