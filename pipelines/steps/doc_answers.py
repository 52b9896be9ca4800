"""Questions about a document, and whether their answers follow from what it was made of.

The words of a question decide what its answer is held against: a question for the highest gets an
extreme, one for a total a sum, one that names a row a number of that row. The choice worth
knowing: an answer that cannot be shown to follow is dropped, since a wrong one costs more than a
lost one.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import isclose

from pydantic.dataclasses import dataclass as form

from pipelines.steps import doc_facts
from pipelines.steps.doc_code import NUMBER, numbers_of, words_in_order
from pipelines.steps.doc_facts import Facts, Row
from pipelines.steps.structured import FORM
from schemas.subset_records import DocQuestion

MOST_QUESTION, MOST_ANSWER, MOST_WORDS = 240, 80, 10


@form(frozen=True, config=FORM)
class Item:
    """A question with its answer; the explanation comes before the answer, as thought does."""

    question: str
    explanation: str
    answer: str


@form(frozen=True, config=FORM)
class Items:
    """What a model answers when it is asked for questions."""

    items: tuple[Item, ...]


@dataclass(frozen=True)
class Kept:
    """The questions that passed, and why each of the others did not."""

    questions: tuple[DocQuestion, ...]
    dropped: tuple[str, ...]


_BEHIND = re.compile(
    r"\b(csv|json|dataset|data set|(code|script|markup|data|source|file) (provided|given|above)"
    r"|(in|from|of|by|to|on|using|per|see) (the |this |that |its )?"
    r"(given |provided |source |same )?(data|code|script|markup|source|specification|file))\b",
    re.IGNORECASE,
)
_YES_NO = frozenset(("yes", "no", "true", "false", "y", "n", "none", "n a", "unknown"))
_MOST = (
    r"most|highest|largest|biggest|greatest|maximum|longest|tallest|heaviest|best|top|peak|oldest"
)
_LEAST = r"least|lowest|smallest|fewest|minimum|shortest|lightest|worst|cheapest|youngest"
_MORE = r"more|higher|larger|bigger|greater|longer|taller|heavier|better|older"
_LESS = r"fewer|less|lower|smaller|shorter|lighter|worse|cheaper|younger"
_LARGE = re.compile(rf"\b({_MOST}|{_MORE})\b")
_SMALL = re.compile(rf"\b({_LEAST}|{_LESS}|least expensive)\b")
_DIFFERENCE = re.compile(
    rf"\b(difference|differ|gap|(how (much|many) ({_MORE}|{_LESS}))"
    r"|increase|decrease|rise|drop|change)\b"
)
_SUM = re.compile(r"\b(total|sum|altogether|combined|together|in all|overall)\b")
_MEAN = re.compile(r"\b(average|mean)\b")
_SHARE = re.compile(r"\b(percent|percentage|share|proportion|fraction)\b")
_COUNT = re.compile(r"\b(how many|number of|count)\b")
_RECKONED = (_SUM, _MEAN, _DIFFERENCE, _SHARE)
_AFTER = re.compile(r"\b(after|next|follow|follows)\b")
_BEFORE = re.compile(r"\b(before|leads to|lead to|precedes)\b")
_ENDS = (re.compile(r"\bfirst\b"), re.compile(r"\blast\b"))
_UNITS = 3  # words beside a number in an answer


def keep_supported(items: Iterable[Item], facts: Facts) -> Kept:
    """The questions that are well put and whose answers follow from the facts, each once."""
    kept: list[DocQuestion] = []
    dropped: list[str] = []
    seen: set[str] = set()
    for item in items:
        why = _form_error(item) or support_error(item.question, item.answer, facts)
        asked = words_in_order(item.question)
        if not why and asked in seen:
            why = "asked twice"
        if why:
            dropped.append(f"{item.question[:80]!r}: {why}")
            continue
        seen.add(asked)
        kept.append(
            DocQuestion(item.question.strip(), item.answer.strip(), item.explanation.strip())
        )
    return Kept(tuple(kept), tuple(dropped))


def _form_error(item: Item) -> str:
    question, answer = item.question.strip(), item.answer.strip()
    if not (question and answer and item.explanation.strip()):
        return "one of three fields is empty"
    if not question.endswith("?") or not 8 <= len(question) <= MOST_QUESTION:
        return "no question"
    if len(answer) > MOST_ANSWER or len(answer.split()) > MOST_WORDS or "\n" in answer:
        return "no short answer"
    if _BEHIND.search(question) or _BEHIND.search(answer):
        return "speaks of what is behind the picture"
    return ""


def support_error(question: str, answer: str, facts: Facts) -> str:
    """Why an answer does not follow from the facts; empty when it does."""
    words = words_in_order(answer)
    if words.strip() in _YES_NO and not _stands_there(words, facts):
        return "yes or no is no short answer"
    numbers = NUMBER.findall(answer)
    beside = len(NUMBER.sub(" ", answer).split())
    asked = words_in_order(question)
    if (cell := _cell(asked, facts)) is not None:
        return "" if _says(answer, cell) else "the answer is not what stands there"
    if len(numbers) == 1 and beside <= _UNITS and not _is_text(asked, words, facts):
        return _number_error(asked, numbers[0], facts)
    return _text_error(asked, words, facts)


def _cell(asked: str, facts: Facts) -> str | None:
    """The one cell that a question names by its row and column, and does not reckon with."""
    rows = _named(asked, facts) or _end_row(asked, facts)
    if len(rows) != 1 or any(rule.search(asked) for rule in (*_RECKONED, _LARGE, _SMALL)):
        return None
    columns = _longest([c for c in rows[0].cells if c in asked.replace(rows[0].name, " ")])
    return rows[0].cells[columns[0]] if len(columns) == 1 else None


def _says(answer: str, cell: str) -> bool:
    """Whether an answer says what stands in a cell, perhaps with a unit or in fewer words."""
    if NUMBER.fullmatch(cell):
        return [float(cell.replace(",", ""))] == numbers_of(answer)
    words, there = words_in_order(answer), words_in_order(cell)
    return bool(words.strip()) and (words in there or there in words)


def _longest(names: list[str]) -> list[str]:
    """Names that are no part of another one."""
    return [n for n in names if n.strip() and not any(n in o and n != o for o in names)]


def _is_text(asked: str, words: str, facts: Facts) -> bool:
    """Whether an answer with a number in it is a text that stands there, such as `Room 3`."""
    if NUMBER.fullmatch(words.strip()) or any(rule.search(asked) for rule in (*_RECKONED, _COUNT)):
        return False
    return _stands_there(words, facts)


def _stands_there(words: str, facts: Facts) -> bool:
    """Whether an answer is one of the texts that are shown, as a whole."""
    return f"|{words}|" in f"|{facts.words}|"


def _number_error(asked: str, number: str, facts: Facts) -> str:
    """A number: one that follows in the way the question asks for."""
    value = float(number.replace(",", ""))
    decimals = len(number.partition(".")[2])
    right = _candidates(asked, facts)
    if any(abs(value - other) <= 0.5 * 10**-decimals + 1e-9 for other in right if other % 1):
        return ""
    if any(isclose(value, other, abs_tol=1e-9) for other in right):
        return ""
    return f"{number} does not follow"


def _candidates(asked: str, facts: Facts) -> Iterable[float]:
    """The numbers that can answer a question, by its words."""
    groups = doc_facts.numbers_asked(asked, facts)
    if _SHARE.search(asked):
        every = [group.numbers for group in facts.groups]
        return [*doc_facts.shares(every), *_direct(asked, facts)]
    if _MEAN.search(asked):
        return [*doc_facts.means(groups)]
    if _DIFFERENCE.search(asked):
        return [*doc_facts.differences(groups)]
    if _SUM.search(asked):
        counts = doc_facts.counts_asked(asked, facts) if _COUNT.search(asked) else ()
        return [*doc_facts.sums(groups), *counts, *_only_number(asked, facts)]
    if _LARGE.search(asked) or _SMALL.search(asked):
        return [*doc_facts.extremes(groups, bool(_LARGE.search(asked)))]
    if _COUNT.search(asked):
        named = [number for row in _named(asked, facts) for number in row.numbers.values()]
        return [*doc_facts.counts_asked(asked, facts), *named]
    return [*_direct(asked, facts)]


def _direct(asked: str, facts: Facts) -> Iterable[float]:
    """Numbers that stand there: those of the rows that the question names, else all of them."""
    named = _named(asked, facts)
    found = {number for row in named for number in row.numbers.values()}
    return found or facts.numbers


def _only_number(asked: str, facts: Facts) -> Iterable[float]:
    """The number of the one row that a question names: its total, where it has no other."""
    named = _named(asked, facts)
    return named[0].numbers.values() if len(named) == 1 and len(named[0].numbers) == 1 else ()


def _named(asked: str, facts: Facts) -> list[Row]:
    """The rows that a question names; a name within another that it names does not count."""
    found = [row for row in facts.rows if row.name.strip() and row.name in asked]
    names = _longest([row.name for row in found])
    return [row for row in found if row.name in names]


def _text_error(asked: str, words: str, facts: Facts) -> str:
    """A text: one that stands there, and the right one where that can be told."""
    if not words.strip() or words not in facts.words:
        return "the answer stands nowhere"
    largest = bool(_LARGE.search(asked))
    if largest or _SMALL.search(asked):
        return _extreme_error(asked, words, facts, largest)
    if words in asked:
        return "the answer stands in the question"
    return _place_error(asked, words, facts)


def _place_error(asked: str, words: str, facts: Facts) -> str:
    """The answer stands where the question looks: after, before or beside what it names."""
    near, known = _neighbours(asked, facts), {*facts.after, *facts.before}
    named = _longest([name for name in known if name in asked])
    ends = [ends for label, ends in facts.labels if label == words]
    if ends and named and not any(ends.issuperset(named) for ends in ends):
        return "the answer is written elsewhere"
    sided = bool(facts.labels) and (_AFTER.search(asked) or _BEFORE.search(asked))
    beside = any(words in near.get(name, ()) for name in named)
    if named and not beside and (words in known or sided):
        return "the answer is no neighbour of what is asked about"
    rows = _named(asked, facts) or _end_row(asked, facts)
    elsewhere = bool(rows) and any(words in row.words for row in facts.rows)
    right = any(words in row.words for row in rows)
    return "the answer stands in another row" if elsewhere and not right else ""


def _neighbours(asked: str, facts: Facts) -> dict[str, frozenset[str]]:
    """What stands on the side that a question asks for; on either side where it does not say."""
    if _AFTER.search(asked):
        return facts.after
    if _BEFORE.search(asked):
        return facts.before
    names = {*facts.after, *facts.before}
    return {n: facts.after.get(n, frozenset()) | facts.before.get(n, frozenset()) for n in names}


def _end_row(asked: str, facts: Facts) -> list[Row]:
    """The first or last row of a table, where a question asks for it."""
    first, last = (bool(rule.search(asked)) for rule in _ENDS)
    if facts.after or not facts.rows or first == last:
        return []
    return [facts.rows[0 if first else -1]]


def _extreme_error(asked: str, words: str, facts: Facts, largest: bool) -> str:
    """The answer names the row with the largest or smallest number, of those asked about."""
    named = _named(asked, facts)
    rows = named if len(named) > 1 else facts.rows
    columns = {name for row in rows for name in row.numbers}
    meant = {
        name for name in columns if words_in_order(name).strip() and words_in_order(name) in asked
    }
    for column in meant or columns:
        numbers = [row.numbers[column] for row in rows if column in row.numbers]
        best = (max if largest else min)(numbers)
        if any(row.numbers.get(column) == best and words in row.words for row in rows):
            return ""
    return "the answer is not the extreme that is asked for"
