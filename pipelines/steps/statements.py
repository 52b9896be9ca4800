"""Atomic statements from what people said about a picture: one fact each, each said by somebody.

The choice worth knowing: a text model splits each transcript by itself, and what it wrote is held
against that transcript by its letters: words, numbers and colours that nobody said refuse a
statement. Statements of several transcripts that say the same are merged, never reworded.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass as form

from pipelines.steps.answers import Answered
from pipelines.steps.concurrently import settle
from pipelines.steps.prompts import load_prompt
from pipelines.steps.spoken_words import strip_hesitations
from pipelines.steps.structured import FORM, Sampling, ask_form, form_request
from pipelines.steps.text_requests import TextModel
from pipelines.steps.word_facts import (
    NUMBER_WORDS,
    colours_in,
    number_parts_in,
    numbers_in,
    stem,
    words_of,
)
from schemas.errors import UsageError
from schemas.judgment import Reject

MOST_STATEMENTS = 60
_MOST_WORDS = 40
_SAME_SHARE = 0.6  # of the words of the longer statement, in their order


def _set_of(words: str) -> frozenset[str]:
    return frozenset(words.split())


_GLUE = _set_of(
    "a an the is are was were be been being there here it its it's there's that's this that these"
    " those and or with of to has have had as"
)
# What turns a fact round, or sets one of two like things apart: never merged over.
_TURNING = NUMBER_WORDS | _set_of("no not never without nor none left right")
_LEANING = re.compile(r"(?:it|its|it['’]s|they|their|them|he|she|his|her|him|with)\b|no,", re.I)
_ABOUT_SPEECH = re.compile(
    r"\b(?:the|this) (?:speaker|narrator|annotator|transcript|description|recording)\b", re.I
)


@dataclass(frozen=True)
class StatementConfig:
    """How statements are asked for. `language` is that of the transcripts: hesitations are removed
    in English only; `least_shared` is the share of a statement's words that its transcript holds.
    """

    prompt: str = "statements_v1"
    language: str = "en"
    max_tokens: int = 1500
    temperature: float = 0.0
    seed: int = 0
    attempts: int = 3
    least_shared: float = 0.6

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.max_tokens < 16 or not 0 <= self.least_shared <= 1:
            raise UsageError(
                "statements: need attempts >= 1, max_tokens >= 16, least_shared from 0 to 1"
            )

    @property
    def sampling(self) -> Sampling:
        """How answers are drawn."""
        return Sampling(self.max_tokens, self.temperature, self.seed, self.attempts)


@form(frozen=True, config=FORM)
class Statements:
    """The form of what the model answers."""

    statements: Annotated[tuple[str, ...], Field(min_length=1, max_length=MOST_STATEMENTS)]


@form(frozen=True, config=FORM)
class Verdict:
    """The form of what a judge answers to `judge_stated_v1` and `judge_supported_v1`."""

    verdict: bool


@dataclass(frozen=True)
class Statement:
    """One fact and the transcripts (by number, from 0) that tell it."""

    text: str
    transcripts: tuple[int, ...]


@dataclass(frozen=True)
class Refused:
    """A statement that its transcript does not bear out, and why."""

    text: str
    transcript: int
    why: str


@dataclass(frozen=True)
class Stated:
    """The statements of one picture in the order in which they were told, and those refused."""

    statements: tuple[Statement, ...]
    refused: tuple[Refused, ...]
    prompt_tokens: int
    completion_tokens: int


async def state_facts(
    model: TextModel, transcripts: Sequence[str], config: StatementConfig
) -> Stated | Reject:
    """The statements of all transcripts of a picture, merged; the first Reject ends it."""
    asked = await settle([_ask(model, text, config) for text in transcripts])
    if refusal := next((one for one in asked if isinstance(one, Reject)), None):
        return refusal
    answers = [one for one in asked if not isinstance(one, Reject)]
    kept: list[Statement] = []
    refused: list[Refused] = []
    for number, (answer, said) in enumerate(zip(answers, transcripts, strict=True)):
        for text in answer.value.statements:
            tidy = _tidy(text)
            if why := find_unsupported(tidy, said, config.least_shared):
                refused.append(Refused(tidy, number, why))
            else:
                kept.append(Statement(tidy, (number,)))
    if not kept:
        return Reject("no_statements", "nothing that was said bears out any statement")
    return Stated(
        statements=merge_statements(kept),
        refused=tuple(refused),
        prompt_tokens=sum(one.prompt_tokens for one in answers),
        completion_tokens=sum(one.completion_tokens for one in answers),
    )


async def _ask(
    model: TextModel, transcript: str, config: StatementConfig
) -> Answered[Statements] | Reject:
    said = strip_hesitations(transcript) if config.language == "en" else ""
    prompt = load_prompt(config.prompt)
    values = {"input": said or transcript.strip()}
    request = form_request(prompt, Statements, values, config.sampling)
    return await ask_form(model, request, prompt, Statements, find_fault, config.attempts)


def find_fault(answer: Statements) -> str:
    """Why an answer is no list of statements; empty when it is. These are asked for again."""
    texts = [_tidy(text) for text in answer.statements]
    if not all(texts):
        return "a statement was empty"
    if longest := next((text for text in texts if len(words_of(text)) > _MOST_WORDS), ""):
        return f"a statement was longer than {_MOST_WORDS} words: {longest[:60]}"
    if len(texts) >= 8 and len(set(texts)) <= len(texts) / 2:
        return "it repeated itself"
    return ""


def find_unsupported(statement: str, said: str, least_shared: float) -> str:
    """Why a statement is not borne out by what was said; empty when it is."""
    if _ABOUT_SPEECH.search(statement):
        return "it is about the description"
    if _LEANING.match(statement) or len(words_of(statement)) < 3:
        return "it does not name what it is about"
    if more := numbers_in(statement) - number_parts_in(said):
        return f"nobody said the number {min(more):g}"
    if added := colours_in(statement) - colours_in(said):
        return f"nobody said the colour {min(added)}"
    words = set(_meaning(statement))
    if not words:
        return "it says nothing"
    shared = len(words & set(_meaning(said))) / len(words)
    return f"it shares {shared:.0%} of its words" if shared < least_shared else ""


def merge_statements(statements: Sequence[Statement]) -> tuple[Statement, ...]:
    """Of statements that say the same the longest, with the transcripts of all of them."""
    merged: list[Statement] = []
    for new in statements:
        for at, old in enumerate(merged):
            if says_the_same(old.text, new.text):
                text = max(old.text, new.text, key=lambda one: len(_meaning(one)))
                by = tuple(sorted({*old.transcripts, *new.transcripts}))
                merged[at] = Statement(text, by)
                break
        else:
            merged.append(new)
    return tuple(merged)


def says_the_same(one: str, other: str) -> bool:
    """Whether the words of one statement are those of the other, in their order, or most of them.

    A word that turns a fact round (not, left, a number) is never what they differ by.
    """
    if numbers_in(one) != numbers_in(other):
        return False
    short, long = sorted((_meaning(one), _meaning(other)), key=len)
    rest = iter(long)
    if not all(word in rest for word in short) or len(short) < _SAME_SHARE * len(long):
        return False
    return not (set(long) - set(short)) & {stem(word) for word in _TURNING}


def _meaning(text: str) -> list[str]:
    """Stems of the words of a text without glue, in their order."""
    return [stem(word) for word in words_of(text) if word.lower() not in _GLUE]


def _tidy(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip(" -•*\t")
