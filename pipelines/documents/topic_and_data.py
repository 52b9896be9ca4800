"""The first two steps of a document: a title that fits its person, and data that fit the title."""

import functools
import re
from dataclasses import replace
from typing import Any

from pipelines.documents.under_way import Chain, example_of, form_as_written, places, request_of
from pipelines.steps.answers import Answered, ask
from pipelines.steps.doc_code import missing_in, values_of, words_in_order
from pipelines.steps.doc_data import (
    FORMS,
    DocData,
    data_form,
    data_text,
    example_answer,
    read_data,
)
from pipelines.steps.prompts import load_prompt
from pipelines.steps.structured import Sampling, ask_form, form_request
from schemas.judgment import Reject

_TOPIC = 100  # characters of a title


async def write_topic(chain: Chain) -> str | Reject:
    """A title that any tool can quote, or why there is none."""
    prompt = load_prompt(chain.config.topic_prompt)
    request = request_of(chain, prompt, {}, 64, prompt.schema)
    request = replace(request, temperature=chain.config.temperature)
    judge = functools.partial(_topic_error, kind=chain.plan.kind.kind)
    asked = await ask(chain.model, request, prompt, judge, chain.config.attempts)
    if isinstance(asked, Reject):
        return asked
    chain.keep(asked, topic=_plain_title(asked.text))
    return chain.parts.topic


def _plain_title(text: str) -> str:
    """A title without what no tool could quote."""
    words = re.sub(r"""["`*#{}<>|\\\[\];]""", "", text.replace(":", " -").replace("_", " "))
    return re.sub(r"\s+", " ", words).strip(" .-")


def _topic_error(text: str, kind: str) -> str:
    """What is wrong with a title; empty for nothing."""
    words = set(words_in_order(_plain_title(text)).split())
    if len(_plain_title(text)) > _TOPIC or "\n" in text.strip() or len(words) < 2:
        return "a title of 3 to 10 words about one concrete thing was asked for"
    if words <= {*kind.split(), "a", "the", "title", "of"}:
        return f"it did not say what the {kind} shows"
    return ""


async def write_data(chain: Chain) -> DocData | Reject:
    """The data, strictly read; Reject `bad_data` when all tries were refused."""
    config, kind = chain.config, chain.plan.kind
    counted, told = FORMS[kind.data]
    least, most = chain.limits.least_rows, config.rows
    if kind.data == "outline":  # sections, with a few items each
        least, most = 2, max(2, most // 2)
    values = {"shape": kind.shape, "form": told, "counted": counted}
    values |= {"least": str(least), "most": str(most)}
    values["example_answer"] = example_answer(kind.columns, example_of(chain).data)
    prompt, form = load_prompt(config.data_prompt), data_form(kind.data, kind.columns)
    sampling = Sampling(config.data_tokens, config.temperature, chain.seed)
    request = form_request(prompt, form, places(chain) | values, sampling)
    bounds = dict.fromkeys(("rows", "nodes", "sections"), (least, most))
    bounds |= {"items": (2, 4), "edges": (2, 2 * most)}
    request = form_as_written(request, form, bounds)
    read = functools.partial(_read, chain=chain)
    asked: Answered[Any] | Reject = await ask_form(
        chain.model, request, prompt, form, lambda form: _error_of(read(form)), config.attempts
    )
    if isinstance(asked, Reject):
        bad = asked.reason == "llm_degenerate"
        return Reject("bad_data", asked.detail) if bad else asked
    data = read(asked.value)
    if not isinstance(data, Reject):
        chain.keep(asked, data=data_text(data))
    return data


def _read(filled: Any, chain: Chain) -> DocData | Reject:
    """Data from what a model gave; those of the example are nobody's."""
    data = read_data(filled, chain.limits, chain.plan.kind.columns.count("n"))
    if isinstance(data, Reject):
        return data
    if 2 * len(missing_in(example_of(chain).data, data)) < len(values_of(data)):
        return Reject("bad_data", "more than half of it was copied from the example")
    return data


def _error_of(data: DocData | Reject) -> str:
    return data.detail if isinstance(data, Reject) else ""
