"""From a model's answer to its text: strict reading, repair, and asking again with a change.

The choice worth knowing: an answer is first read strictly; what is then repaired is only dressing
around a whole JSON object (fences, prose, a trailing comma). Half an object is never completed by
guessing. A refused answer is asked for again with the request changed, since the same request would
bring the same answer and be paid twice.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from pipelines.steps.prompts import Prompt
from pipelines.steps.text_requests import TextAnswer, TextModel, TextRequest
from schemas.judgment import Reject

_COMMA = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])')
# Tab and newline are the control characters that written text has.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_OPENED = re.compile(r'\{\s*"')
_MAX_STARTS = 32
_HOTTER = 0.3
TOO_LONG = "it was cut off"

Judge = Callable[[str], str]
T = TypeVar("T")


@dataclass(frozen=True)
class Answered(Generic[T]):
    """What was made of an answer; the tokens are those of all answers it took."""

    value: T
    prompt_tokens: int
    completion_tokens: int
    attempts: int


@dataclass(frozen=True)
class Asked:
    """A text that passed; the tokens are those of all answers, the refused ones included."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    attempts: int


def accept_any(text: str) -> str:
    """The judge that refuses nothing."""
    return ""


def parse_answer(text: str, field: str) -> str | Reject:
    """The one string of `{field: string}`; Reject `llm_malformed` for anything else."""
    try:
        value = json.loads(text, object_pairs_hook=_no_twice)
    except (ValueError, RecursionError):
        return Reject("llm_malformed", "it was not one JSON object")
    return _only_field(value, field)


def repair_answer(text: str, field: str) -> str | Reject:
    """The same from an answer with something around its JSON object; two answers are none."""
    plain = _COMMA.sub(lambda match: match[1] or "", text)
    decoder = json.JSONDecoder(strict=False, object_pairs_hook=_no_twice)
    starts = [match.start() for match in re.finditer(r"\{", plain)]
    found = {
        answer for at in starts[:_MAX_STARTS] if (answer := _decode(decoder, plain, at, field))
    }
    if len(found) == 1:
        return found.pop()
    return Reject("llm_malformed", "it was not one JSON object")


def ask_again(request: TextRequest, prompt: Prompt, error: str, attempt: int) -> TextRequest:
    """`request` changed for try `attempt` + 1: error named, hotter, another seed, more room."""
    note = prompt.again.replace("{error}", error)
    return replace(
        request,
        user=f"{request.user}\n\n{note}",
        temperature=round(request.temperature + _HOTTER * attempt, 3),
        seed=request.seed + attempt,
        max_tokens=request.max_tokens * (2 if error == TOO_LONG else 1),
    )


async def ask(
    model: TextModel, request: TextRequest, prompt: Prompt, judge: Judge, attempts: int
) -> Asked | Reject:
    """Ask until an answer is whole and `judge` finds no error; Reject after `attempts` refusals.

    A Reject of the model itself (not available, too long) is passed on at once.
    """

    def read(answer: TextAnswer) -> str | Reject:
        return _judged(answer.text, answer.finish_reason, prompt.field, judge)

    found = await ask_until(model, request, prompt, read, attempts)
    if isinstance(found, Reject):
        return found
    return Asked(found.value, found.prompt_tokens, found.completion_tokens, found.attempts)


async def ask_until(
    model: TextModel,
    request: TextRequest,
    prompt: Prompt,
    read: Callable[[TextAnswer], T | Reject],
    attempts: int,
) -> Answered[T] | Reject:
    """Ask until `read` makes something of an answer; Reject after `attempts` refusals.

    Each further try names the error. A Reject of the model itself is passed on at once.
    """
    paid_prompt = paid_completion = 0
    refused = Reject("llm_malformed", "never asked")
    current = request
    for attempt in range(1, attempts + 1):
        answer = await model.complete(current)
        if isinstance(answer, Reject):
            return answer
        paid_prompt += answer.prompt_tokens
        paid_completion += answer.completion_tokens
        found = read(answer)
        if not isinstance(found, Reject):
            return Answered(found, paid_prompt, paid_completion, attempt)
        refused = found
        current = ask_again(request, prompt, refused.detail, attempt)
    return replace(refused, detail=f"{prompt.name}, {attempts} tries, the last: {refused.detail}")


def _judged(text: str, finish_reason: str, field: str, judge: Judge) -> str | Reject:
    """The text of an answer, strict first, then repaired; Reject with the error to be named."""
    if finish_reason == "length":
        return Reject("llm_truncated", TOO_LONG)
    parsed = parse_answer(text, field)
    if isinstance(parsed, Reject) and parsed.reason == "llm_malformed":
        parsed = repair_answer(text, field)
    if isinstance(parsed, Reject):
        return parsed
    error = judge(parsed)
    return Reject("llm_degenerate", error) if error else parsed


def load_object(text: str) -> dict[str, Any] | Reject:
    """The one JSON object of an answer, dressing around it forgiven; Reject `llm_malformed`."""
    none = Reject("llm_malformed", "it was not one JSON object")
    try:
        value = json.loads(text, object_pairs_hook=_no_twice)
    except (ValueError, RecursionError):
        found = _objects_in(_COMMA.sub(lambda match: match[1] or "", text))
        return found[0] if len(found) == 1 else none
    return value if isinstance(value, dict) else none


def _objects_in(text: str) -> list[dict[str, Any]]:
    """The outermost objects of a text, as many as are worth looking for; none when one is cut."""
    decoder = json.JSONDecoder(strict=False, object_pairs_hook=_no_twice)
    found: list[dict[str, Any]] = []
    at = text.find("{")
    for _ in range(_MAX_STARTS):
        if at < 0:
            break
        try:
            value, end = decoder.raw_decode(text, at)
            found.append(value)
        except (ValueError, RecursionError):
            if _OPENED.match(text, at):
                return []  # half an object; what is whole inside it is no answer
            end = at + 1
        at = text.find("{", end)
    return found


def _only_field(value: Any, field: str) -> str | Reject:
    if not isinstance(value, dict) or set(value) != {field} or not isinstance(value[field], str):
        return Reject("llm_malformed", f'it was not {{"{field}": string}}')
    if _CONTROL.search(value[field]):
        return Reject("llm_malformed", "it held control characters")
    text = re.sub(r"[^\S\n]+", " ", value[field]).strip()
    return text or Reject("llm_empty", "it was empty")


def _decode(decoder: json.JSONDecoder, text: str, at: int, field: str) -> str:
    try:
        value, _ = decoder.raw_decode(text, at)
    except (ValueError, RecursionError):
        return ""
    answer = _only_field(value, field)
    return answer if isinstance(answer, str) else ""


def _no_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object from its pairs; a key given twice has no one value, so it is malformed."""
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key occurs twice")
    return value
