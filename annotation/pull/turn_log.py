"""The turns of the ask loop behind an answer, from the log that our own server keeps.

Several people may ask the same thing about one picture, so turns belong to a person, a task and a
question. A turn whose person the log does not know (0) belongs to whoever asked that question.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from annotation.ask.turns import Turn, turn_of
from annotation.results import one_line, plain_text

_Key = tuple[str, str]


@dataclass
class TurnLog:
    """All turns that drafted something, by task and question, in the order of the log."""

    _turns: dict[_Key, list[Turn]] = field(default_factory=lambda: defaultdict(list))

    def turns(
        self, task_key: str, question: str, user_id: int | None
    ) -> tuple[dict[str, Any], ...]:
        """The drafts that one person was shown for a question, each with why it was not taken."""
        found = [
            turn
            for turn in self._turns.get((task_key, one_line(question)), [])
            if turn.user in (0, user_id)
        ]
        # Why a draft was not taken stands in the turn that followed it.
        reasons = {turn.rejected: turn.explanation for turn in found if turn.rejected}
        return tuple(_values(turn, reasons.get(turn.draft, "")) for turn in found)


def _values(turn: Turn, explanation: str) -> dict[str, Any]:
    return {
        "draft": plain_text(turn.draft),
        "explanation": plain_text(explanation),
        "model": plain_text(turn.model),
        "prompt": plain_text(turn.prompt),
        "seconds": turn.seconds,
        "at": plain_text(turn.at),
    }


def read_turns(lines: Iterable[dict[str, Any]]) -> TurnLog:
    """The log from its lines; turns that drafted nothing are no exchange."""
    log = TurnLog()
    for line in lines:
        turn = turn_of(line)
        if turn and plain_text(turn.draft).strip():
            log._turns[turn.task_key, one_line(plain_text(turn.question))].append(turn)
    return log
