"""Answers of several fields: a pydantic dataclass is the form, its JSON schema goes along.

Read as strictly as answers of one text (`answers.py`): one whole JSON object with exactly the keys
of the form, dressing around it forgiven once, half an object never completed. A refused answer is
asked for again with the error named.

The choice worth knowing: the schema keeps the fields in the order in which the form declares them,
since a model writes them in that order: a question before its answer, evidence before a verdict.
"""

import functools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from pipelines.steps.answers import TOO_LONG, Answered, ask_until, load_object
from pipelines.steps.prompts import Prompt
from pipelines.steps.text_requests import TextAnswer, TextModel, TextRequest
from schemas.judgment import Reject

# What forms are declared with: `@pydantic.dataclasses.dataclass(frozen=True, config=FORM)`.
FORM = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
# As JSON escapes them; tab and newline are the control characters that written text has.
_CONTROL = re.compile(r"(?<!\\)(?:\\\\)*\\(?:[bf]|u00(?:0[0-8be-f]|1[0-9a-f]|7f))")
T = TypeVar("T")


@functools.cache
def _adapter_of(form: Any) -> TypeAdapter[Any]:
    return TypeAdapter(form)


@functools.cache
def form_schema(form: type) -> str:
    """The JSON schema of a form as text, its properties in the order of the form's fields."""
    return json.dumps(_adapter_of(form).json_schema(), separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True)
class Sampling:
    """How answers are drawn: the most tokens of one, the temperature, the seed, the tries."""

    max_tokens: int = 1024
    temperature: float = 0.0
    seed: int = 0
    attempts: int = 3


def form_request(
    prompt: Prompt, form: type, values: dict[str, str], sampling: Sampling
) -> TextRequest:
    """The request for a form; `values` fill the places `{name}` of the prompt's user part."""
    return TextRequest(
        system=prompt.system,
        user=prompt.fill_all(values),
        schema_name=prompt.field,
        schema=form_schema(form),
        prompt_version=prompt.name,
        max_tokens=sampling.max_tokens,
        temperature=sampling.temperature,
        seed=sampling.seed,
    )


def read_form(text: str, form: type[T]) -> T | Reject:
    """The form that an answer fills in; Reject `llm_malformed` for anything else."""
    value = load_object(text)
    if isinstance(value, Reject):
        return value
    try:
        # Through JSON again, for strict Python input would refuse lists where tuples are meant.
        kind: Any = form  # a type variable's class is no Hashable to the checker
        text = json.dumps(value)
        filled: T = _adapter_of(kind).validate_json(text)
    except RecursionError:
        return Reject("llm_malformed", "it was nested too deeply")
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"])) or "the answer"
        return Reject("llm_malformed", f"{place}: {_plain(first['msg'])}")
    if _CONTROL.search(text):
        return Reject("llm_malformed", "it held control characters")
    return filled


async def ask_form(
    model: TextModel,
    request: TextRequest,
    prompt: Prompt,
    form: type[T],
    judge: Callable[[T], str | Reject],
    attempts: int,
) -> Answered[T] | Reject:
    """Ask until a form is filled in and `judge` finds no error; Reject after `attempts` refusals.

    An error that is a text is `llm_degenerate`; one that is a Reject keeps its reason. A Reject of
    the model itself (not available, too long) is passed on at once.
    """

    def read(answer: TextAnswer) -> T | Reject:
        return _judged(answer.text, answer.finish_reason, form, judge)

    return await ask_until(model, request, prompt, read, attempts)


def _judged(
    text: str, finish_reason: str, form: type[T], judge: Callable[[T], str | Reject]
) -> T | Reject:
    if finish_reason == "length":
        return Reject("llm_truncated", TOO_LONG)
    value = read_form(text, form)
    if isinstance(value, Reject):
        return value
    error = judge(value)
    if isinstance(error, str):
        return Reject("llm_degenerate", error) if error else value
    return error


def _plain(text: Any) -> str:
    return re.sub(r"\s+", " ", str(text))[:200]
