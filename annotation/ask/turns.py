"""One turn of the ask loop: what was asked and what was shown, as a value and as a line of the log.

The log is the memory: after a restart the same lines bring back the same state.
"""

from dataclasses import asdict, dataclass
from typing import Any

from annotation.ask.context import AskPoint


@dataclass(frozen=True)
class Turn:
    """One try to draft. `draft` is empty when there is none, and `error` then says why.

    `rejected` and `explanation` are the draft before this one and why it was not taken;
    `explanations` are all that stood on the page. `seconds` is how long the annotator waited;
    tokens are those of all answers, the refused ones included.
    """

    at: str
    project: int
    task_key: str
    user: int
    question_id: str
    question: str
    points: tuple[AskPoint, ...] = ()
    explanations: tuple[str, ...] = ()
    rejected: str = ""
    explanation: str = ""
    draft: str = ""
    model: str = ""
    prompt: str = ""
    seconds: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    error: str = ""

    def as_line(self) -> dict[str, Any]:
        """The object that stands in the log."""
        return asdict(self)


def turn_of(line: dict[str, Any]) -> Turn | None:
    """The turn of a line; None for a line that is none, which costs a memory and nothing else."""
    try:
        points = tuple(AskPoint(p["x"], p["y"], p["phrase"]) for p in line["points"])
        known = {name: line[name] for name in Turn.__dataclass_fields__}
        return Turn(**known | {"points": points, "explanations": tuple(line["explanations"])})
    except (KeyError, TypeError):
        return None
