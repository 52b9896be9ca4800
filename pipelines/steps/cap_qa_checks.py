"""Literal checks of questions and answers against the caption that they were written from.

The choice worth knowing: what an answer states must be in the caption letter by letter where that
can be told by letters: numbers by value (`fifteen` is `15`), quoted text word for word, names by
their stems. One is not counted, as everywhere here, for "one of them" is no number. A question must
hold to the same, unless its answer begins with No. What letters cannot tell is for the second pass
of the model, whose evidence is checked here too.
"""

import functools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Final

from pipelines.steps.caption_checks import is_refusal, repeat_share
from pipelines.steps.ngrams import longest_run, words_in
from pipelines.steps.word_facts import (
    colours_in,
    content_in,
    names_in,
    number_parts_in,
    numbers_in,
    stem,
    words_of,
)
from schemas.judgment import Reject, Tag

DEFAULT_LIMITS: Final[tuple[tuple[str, float], ...]] = (("qa_added_v1", 0.8), ("qa_colour_v1", 1.0))
MARKERS: Final = ("[USER]", "[ASSISTANT]")
_SOURCE = re.compile(
    r"\b(?:the|this|that|your|given|provided)(?: \w+)? (?:caption|description|passage|paragraph"
    r"|prompt|transcript)s?\b"
    r"|\b(?:according to|based on|as per) (?:the|this|that|what|your)\b(?: \w+)?"
    r" (?:text|information|context|details)\b"
    r"|\b(?:in|from|by|to) (?:the|this) text\b(?! (?:on|of|at|in|below|above|beside|under|over))"
    r"|\b(?:mentioned|specified|stated|described)\b",
    re.I,
)
_CANNOT = re.compile(
    r"\b(?:i|we) (?:cannot|can ?not|can't|could not|couldn't|am unable to|do not|don't) (?:see|view"
    r"|tell|say|know|determine|access)\b"
    r"|\b(?:unable|impossible|not possible) to (?:see|tell|say|determine|know)\b"
    r"|\b(?:cannot|can't|could not) be (?:determined|known|seen from|told)\b"
    r"|\bnot (?:enough|sufficient) information\b|\bno information\b|\bdoes(?: not|n't) say\b"
    r"|\b(?:is|are) (?:unknown|unclear|not (?:known|clear|given|provided|described|stated))\b"
    r"|^\W*(?:n/?a|unknown|none given|not specified)\W*$|\bas an? (?:ai|language model)\b",
    re.I,
)


def _set_of(words: str) -> frozenset[str]:
    return frozenset(words.split())


_QUOTED = re.compile(
    r'"([^"]+)"|“([^”]+)”|«([^»]+)»|„([^“”]+)[“”]|(?<!\w)[\'‘]([^\'’]+)[\'’](?!\w)'
)
_ORDINAL_WORDS = (
    *("second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"),
    *("eleventh", "twelfth"),
)
_ORDINALS = {word: float(value) for value, word in enumerate(_ORDINAL_WORDS, start=2)}
_ANSWERS = frozenset(["yes", "no", "none", "nothing", "nobody"])
_ASKING = _set_of(
    """
    a an and any are at be been can could describe did do does for from have has how i image in is
    it its kind look looks me of on or photo picture please scene see seen shown tell that the their
    them there these they this those to type visible was were what when where which who whose why
    will with would you
    """
)
_ALIKE = 0.85  # of the words of two questions in their order
_MOST_SHARED = 0.5  # of the caption's words in a row: then it is the caption over again
_LONG_RUN = 25  # words; half of a caption of one sentence may well be an answer
_GAP = re.compile(r"(?<!\w)(?:\.{3,}|…)(?=\W*\w|\?)")
_MARK = re.compile(r"[.,;:!?…]+")
_FEWEST = 2  # words of evidence
_PREFIX = 4  # letters of a name that must agree at least, as in America and American


@dataclass(frozen=True)
class Turn:
    """One question and its answer."""

    question: str
    answer: str


@dataclass(frozen=True)
class _Told:
    """What a caption holds: its words in order, as names are compared, and what they tell."""

    words: list[str]
    names: frozenset[str]
    numbers: frozenset[float]
    colours: frozenset[str]
    content: frozenset[str]


@functools.lru_cache(maxsize=1024)  # every answer about a caption is held against it
def _told_by(caption: str) -> _Told:
    return _Told(
        words=words_in(caption),
        names=frozenset(_plain(word) for word in words_of(caption)),
        numbers=_numbers(caption) | number_parts_in(caption),
        colours=colours_in(caption),
        content=content_in(caption),
    )


def find_fault(turns: Sequence[Turn], caption: str) -> Reject | None:
    """The first thing that is wrong with a question or an answer; None when nothing is."""
    for turn in turns:
        fault = _form_fault(turn, caption) or _fact_fault(turn.answer, caption)
        if fault is None and not _denies(turn.answer):
            fault = _fact_fault(turn.question, caption)
        if fault:
            return fault
    answers = {_asking_words(turn.answer) for turn in turns}
    if len(answers) < len(turns):
        return Reject("llm_degenerate", "two answers of the conversation are the same")
    return None


def _form_fault(turn: Turn, caption: str) -> Reject | None:
    both = f"{turn.question}\n{turn.answer}"
    if not words_of(turn.question) or not words_of(turn.answer):
        return Reject("llm_empty", "the question or the answer was empty")
    if any(marker in both for marker in MARKERS):
        return Reject("llm_degenerate", "it held a marker of turns")
    if _GAP.search(both):
        return Reject("llm_degenerate", "it held three dots in place of a word")
    if found := _SOURCE.search(both):
        return Reject("mentions_source", f"it speaks of what it was written from: {found[0]!r}")
    if _CANNOT.search(turn.answer) or is_refusal(turn.answer, caption):
        return Reject("not_answered", f"the answer does not answer: {turn.answer[:80]!r}")
    if _is_copy(turn, caption):
        return Reject("copied_text", "the answer is the caption or the question over again")
    if repeat_share(turn.answer) >= max(0.5, 2 * repeat_share(caption)):
        return Reject("llm_degenerate", "it repeated itself")
    return None


def _is_copy(turn: Turn, caption: str) -> bool:
    answer, told = words_in(turn.answer), _told_by(caption).words
    if answer == words_in(turn.question):
        return True
    _, run = longest_run(answer, told)
    return run >= _MOST_SHARED * len(told) and run >= min(_LONG_RUN, len(told))


def _fact_fault(text: str, caption: str) -> Reject | None:
    """A number, quotation or name of a text that the caption does not hold."""
    told = _told_by(caption)
    if numbers := _numbers(text) - told.numbers:
        listed = ", ".join(f"{number:g}" for number in sorted(numbers))
        return Reject("unsupported_number", f"not in the caption: {listed}")
    for quoted in quotations_in(text):
        if not _has_run(told.words, words_in(quoted)):
            return Reject("unsupported_quote", f"not in the caption: {quoted!r}")
    if names := sorted(name for name in _names(text) if not _is_said(name, told.names)):
        return Reject("unsupported_name", f"not in the caption: {', '.join(names)}")
    return None


def quotations_in(text: str) -> list[str]:
    """What stands between quotation marks of any kind."""
    found = (next(filter(None, match.groups()), "") for match in _QUOTED.finditer(text))
    return [quoted for quoted in found if words_in(quoted)]


def evidence_fault(evidence: str, turn: Turn, caption: str) -> Reject | None:
    """Why a quotation of the caption is no evidence for an answer; None when it is.

    Between its marks it must be runs of the caption's words, two words or more in all, and share a
    word or a number with the answer; with the question, if the answer is a bare Yes or No. Parts
    may be left out between marks: a clause, or what three dots stand for.
    """
    told = _told_by(caption).words
    runs = [words_in(piece) for piece in _MARK.split(evidence)]
    if not any(runs) or not all(_has_run(told, run) for run in runs):
        return Reject("no_evidence", f"not in the caption: {evidence[:120]!r}")
    if sum(map(len, runs)) < _FEWEST:
        return Reject("no_evidence", f"a single word is no evidence: {evidence!r}")
    stated = _meaning(turn.answer) or _meaning(turn.question)
    if stated and not _meaning(evidence) & stated:
        return Reject("no_evidence", f"nothing to do with the answer: {evidence[:120]!r}")
    return None


def check_answers(turns: Sequence[Turn], caption: str) -> tuple[Tag, ...]:
    """Tags of questions and answers that passed, higher is worse.

    - `qa_added_v1`: share of the answers' content words that the caption does not hold
    - `qa_colour_v1`: how many colours the answers name that neither caption nor questions do
    """
    answers = " . ".join(turn.answer for turn in turns)
    asked = " . ".join(turn.question for turn in turns)
    content, told = content_in(answers), _told_by(caption)
    added = len(content - told.content) / len(content) if content else 0.0
    colours = colours_in(answers) - told.colours - colours_in(asked)
    return Tag("qa_added_v1", round(added, 4)), Tag("qa_colour_v1", float(len(colours)))


@dataclass(frozen=True)
class Asked:
    """The words of one question that tell it from others, in their order."""

    words: tuple[str, ...]


def asked_in(questions: Iterable[str]) -> list[Asked]:
    """What is asked, without how it is asked: `What is the cat's colour?` is cat, colour."""
    return [Asked(_asking_words(question)) for question in questions]


def is_asked_before(new: Sequence[Asked], before: Sequence[Asked]) -> bool:
    """Whether each of some questions is equal or nearly equal to one that was asked before."""
    return all(any(_alike(one.words, other.words) for other in before) for one in new)


def _asking_words(question: str) -> tuple[str, ...]:
    words = words_in(question)
    telling = [word for word in words if word not in _ASKING]
    return tuple(stem(word) for word in telling or words)


def _alike(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return one == other or SequenceMatcher(None, one, other, autojunk=False).ratio() >= _ALIKE


def _denies(answer: str) -> bool:
    return words_in(answer)[:1] == ["no"]


def _numbers(text: str) -> frozenset[float]:
    ordinals = {_ORDINALS[word] for word in words_in(text) if word in _ORDINALS}
    return numbers_in(text) | ordinals


def _names(text: str) -> set[str]:
    """Names in plain letters: capitalised words that begin no sentence, or that stand in a row.

    Where no word of a text is in lower case, every word is taken for a name.
    """
    names = {_plain(name) for name in names_in(text)}
    words = words_of(text)
    if words and not any(word[0].islower() for word in words):
        names |= {_plain(word) for word in words if not word[0].isdigit()} - _ANSWERS
        return {name for name in names if not numbers_in(name)}
    for one, other in pairwise(words):
        row = re.search(rf"{re.escape(one)} {re.escape(other)}", text)
        if row and one[0].isupper() and other[0].isupper() and other not in ("I", "I'm"):
            names.add(_plain(one))
    return {name for name in names if name not in _ANSWERS and not numbers_in(name)}


def _is_said(name: str, said: frozenset[str]) -> bool:
    if name in said:
        return True
    return len(name) >= _PREFIX and any(
        len(word) >= _PREFIX and (word.startswith(name) or name.startswith(word)) for word in said
    )


def _meaning(text: str) -> frozenset[str]:
    numbers = {f"{number:g}" for number in numbers_in(text)}
    short = {
        stem(word) for word in words_of(text) if len(word) == 3 and word.lower() not in _ASKING
    }
    return content_in(text) | numbers | short


def _plain(word: str) -> str:
    """The stem of a word without accents."""
    parts = unicodedata.normalize("NFKD", stem(word))
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


def _has_run(words: list[str], run: Sequence[str]) -> bool:
    """Whether the words hold a run of words, one after the other."""
    wanted, size = list(run), len(run)
    return any(words[at : at + size] == wanted for at in range(len(words) - size + 1))
