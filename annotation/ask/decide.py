"""When to draft, and about what: pure, from the page as it stands and the turns so far.

The rule above all: an answer is replaced only when it is empty, a notice that stands unchanged, or
word for word the last draft. Everything else is a person's text. An accepted answer is left alone
as well.

A draft is made once for each state of question, explanations and points. A box that was emptied
stays empty until the question is typed anew, something is changed, or a draft is asked for
expressly, so that nobody has to delete the same draft twice.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from annotation.ask.context import Ask, AskPoint
from annotation.ask.notices import NOTICES
from annotation.ask.turns import Turn

Key = tuple[str, tuple[str, ...], tuple[AskPoint, ...]]


@dataclass(frozen=True)
class Refusal:
    """A draft that a person did not take, and why."""

    draft: str
    why: str


@dataclass(frozen=True)
class Wanted:
    """A draft to be made; `refusals` are those of this question, the newest last.

    Two pages that want the same have equal `question_id` and `key`. `rejected` and `explanation`
    are empty for a first draft.
    """

    question_id: str
    key: Key
    refusals: tuple[Refusal, ...] = ()
    rejected: str = ""
    explanation: str = ""


def decide(ask: Ask, turns: Sequence[Turn]) -> Wanted | None:
    """What to draft for a page, given the turns of the same task and person; None for nothing."""
    shown = next((turn for turn in reversed(turns) if turn.draft), None)
    if not ask.question or not may_replace(ask, shown):
        return None
    key = key_of(ask)
    tried = any((t.question_id, _key_of(t)) == (ask.question_id, key) for t in turns)
    if shown and is_draft(ask.answer, shown):
        if tried or _is_less(key, shown):
            return None
    elif tried and not ask.again:
        return None
    return _wanted(ask, key, turns, shown)


def may_replace(ask: Ask, shown: Turn | None) -> bool:
    """Whether what stands in the answer box is nobody's text; `shown` is the last draft."""
    if not ask.answer or ask.answer in NOTICES:
        return True
    return is_draft(ask.answer, shown) and ask.verdict != "accept"


def is_draft(answer: str, shown: Turn | None) -> bool:
    """Whether an answer is the last draft word for word; space between words does not count."""
    return bool(answer) and shown is not None and answer.split() == shown.draft.split()


def key_of(ask: Ask) -> Key:
    """What a draft depends on; explanations count where the page says reject."""
    return ask.question, ask.explanations if ask.verdict == "reject" else (), ask.points


def _key_of(turn: Turn) -> Key:
    return turn.question, turn.explanations, turn.points


def _is_less(key: Key, shown: Turn) -> bool:
    """Whether explanations were only taken back, so that there is nothing new to go by."""
    same = (key[0], key[2]) == (shown.question, shown.points)
    return same and not Counter(key[1]) - Counter(shown.explanations)


def _wanted(ask: Ask, key: Key, turns: Sequence[Turn], shown: Turn | None) -> Wanted:
    before = Counter(shown.explanations if shown else ())
    fresh = list((Counter(key[1]) - before).elements())
    same = shown is not None and shown.question == ask.question
    refusals = {
        turn.rejected: Refusal(turn.rejected, turn.explanation)
        for turn in turns
        if turn.question == ask.question and turn.rejected
    }
    if not (same and fresh and shown is not None):
        return Wanted(ask.question_id, key, tuple(refusals.values()))
    refusal = Refusal(shown.draft, "\n".join(fresh))
    refusals.pop(refusal.draft, None)
    ordered = (*refusals.values(), refusal)
    return Wanted(ask.question_id, key, ordered, refusal.draft, refusal.why)
