"""What the text model is asked for a draft, and what of its answer is taken.

It is told the caption and the text read from the picture, never the picture. Its answer is read as
strictly as a caption's: one JSON object with one key, then a judge; asked again once, with the
error named.
"""

from collections.abc import Callable

from annotation.ask.context import Ask, AskPoint
from annotation.ask.decide import Wanted
from annotation.ask.notices import (
    DOWN,
    MALFORMED,
    NO_POINTS,
    NO_TEXT,
    REPEATED,
    TOO_LONG,
    UNCITED,
    is_notice,
)
from pipelines.steps.answers import Asked, ask
from pipelines.steps.citations import misspelled, parse, unknown_points
from pipelines.steps.prompts import load_prompt
from pipelines.steps.text_requests import TextModel, TextRequest
from schemas.judgment import Reject

ASK_PROMPT = "ask_v1"
EXPLAIN_PROMPT = "explain_v1"
ATTEMPTS = 2
MAX_TOKENS = 320
_LONGEST_QUESTION = 2_000
_MOST_REFUSALS = 3
_LONGEST_WORDS = 250
_CUT = {"caption": 4_000, "ocr": 2_000}

_REPEATED = "it is the answer that was refused"
_CITES = "it cites "
_UNCITED = f"{_CITES}no point; write [words](1) where point 1 shows what the words name"


def prompt_name(asked: Ask) -> str:
    """Name and version of the prompt for a page."""
    return EXPLAIN_PROMPT if asked.task.pointing else ASK_PROMPT


def obstacle(asked: Ask) -> str:
    """The notice for a page that no model need be asked about; empty when there is none."""
    if asked.task.pointing and not asked.points:
        return NO_POINTS
    if not asked.task.caption and not asked.task.ocr:
        return NO_TEXT
    return TOO_LONG if len(asked.question) > _LONGEST_QUESTION else ""


async def draft(model: TextModel, asked: Ask, wanted: Wanted) -> Asked | Reject:
    """A draft, or why there is none; raises what the model raises when it cannot go on."""
    prompt = load_prompt(prompt_name(asked))
    request = TextRequest(
        system=prompt.system,
        user=prompt.fill(describe(asked, wanted)),
        schema_name=prompt.field,
        schema=prompt.schema,
        prompt_version=prompt.name,
        max_tokens=MAX_TOKENS,
    )
    return await ask(model, request, prompt, _judge(asked, wanted), ATTEMPTS)


def notice_of(refused: Reject) -> str:
    """What the annotator reads in place of a draft."""
    if refused.reason == "llm_unavailable":
        return DOWN
    if refused.reason == "llm_context_too_long":
        return TOO_LONG
    if refused.detail.endswith(_REPEATED):
        return REPEATED
    return UNCITED if _CITES in refused.detail else MALFORMED


def describe(asked: Ask, wanted: Wanted) -> str:
    """Everything the model is told about a page, as text."""
    parts = [
        ("Caption", _cut(asked.task.caption, _CUT["caption"])),
        ("Text in the picture", _cut(asked.task.ocr, _CUT["ocr"])),
        ("Points", _list_points(asked.points) if asked.task.pointing else ""),
        ("Question", asked.question),
    ]
    told = [f"{name}: {text}" for name, text in parts if text]
    refusals = wanted.refusals[-_MOST_REFUSALS:]
    told += [f"Refused answer: {one.draft}\nWhy it was refused: {one.why}" for one in refusals]
    if refusals:
        told.append(f"Write another answer that heeds this: {refusals[-1].why}")
    return "\n\n".join(told)


def _list_points(points: tuple[AskPoint, ...]) -> str:
    """One line a point, in the form in which the answer has to cite it."""
    lines = [
        f"[{_inline(point.phrase)}]({number}) at {point.x:.0f}% from the left, "
        f"{point.y:.0f}% from the top"
        for number, point in enumerate(points, 1)
    ]
    return "\n" + "\n".join(lines)


def _inline(phrase: str) -> str:
    """A phrase without the signs of a citation."""
    return phrase.replace("[", "(").replace("]", ")") or "this"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most].rsplit(" ", 1)[0] + " ..."


def _judge(asked: Ask, wanted: Wanted) -> Callable[[str], str]:
    refused = [refusal.draft.split() for refusal in wanted.refusals]

    def judge(text: str) -> str:
        if text.split() in refused:
            return _REPEATED
        if is_notice(text) or len(text.split()) > _LONGEST_WORDS:
            return "it is no answer to the question in at most a few sentences"
        return _citation_error(text, len(asked.points)) if asked.task.pointing else ""

    return judge


def _citation_error(text: str, count: int) -> str:
    """What is wrong with the citations of an answer about `count` points; empty for nothing."""
    _, citations = parse(text)
    if wrong := misspelled(text):
        return f"{_CITES}in a wrong form: {wrong[0]}"
    if unknown := unknown_points(citations, count):
        return f"{_CITES}point {unknown[0]}, and there are only points 1 to {count}"
    return "" if citations else _UNCITED
