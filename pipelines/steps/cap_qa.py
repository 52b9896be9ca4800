"""From a caption to one question with its answer: written by a text model, then checked twice.

The choice worth knowing: a question is written, checked by letters, and then its answers are judged
one by one in a second pass, which has to quote the words of the caption that an answer rests on;
the quotation is checked by letters as well. A fault that letters find is named when the model is
asked again, so that a better answer is not lost; a verdict against an answer stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass as form

from pipelines.steps.answers import Answered
from pipelines.steps.cap_qa_checks import Turn, check_answers, evidence_fault, find_fault
from pipelines.steps.cap_qa_styles import STYLES, Draw
from pipelines.steps.concurrently import settle
from pipelines.steps.prompts import load_prompt
from pipelines.steps.structured import FORM, Sampling, ask_form, form_request
from pipelines.steps.text_requests import TextModel
from schemas.errors import UsageError
from schemas.judgment import Reject, Tag


@dataclass(frozen=True)
class CapQaConfig:
    """What is asked for: `questions` for each caption, of these `styles` (none named: all).

    `max_tokens` caps one answer of the model; the other settings are those of the first attempt.
    """

    questions: int = 4
    styles: tuple[str, ...] = ()
    write_prompt: str = "cap_qa_write_v1"
    talk_prompt: str = "cap_qa_talk_v1"
    verify_prompt: str = "cap_qa_verify_v1"
    max_tokens: int = 512
    temperature: float = 0.0
    seed: int = 0
    attempts: int = 3

    def __post_init__(self) -> None:
        if self.questions < 1 or self.attempts < 1:
            raise UsageError("cap-qa: need questions >= 1 and attempts >= 1")
        if self.max_tokens < 16 or self.temperature < 0:
            raise UsageError("cap-qa: need max_tokens >= 16 and temperature >= 0")
        if unknown := [name for name in self.styles if name not in STYLES]:
            raise UsageError(f"cap-qa: no style {unknown[0]!r}; styles: {', '.join(STYLES)}")
        if len(set(self.styles)) < len(self.styles):
            raise UsageError("cap-qa: a style is named twice")

    def sampling(self, turn: int = 0) -> Sampling:
        """How answers are drawn; each round over the styles has a seed of its own."""
        return Sampling(self.max_tokens, self.temperature, self.seed + 1000 * turn, self.attempts)


@form(frozen=True, config=FORM)
class OneQuestion:
    """The form of a single question."""

    question: str
    answer: str


@form(frozen=True, config=FORM)
class Conversation:
    """The form of a conversation."""

    turns: Annotated[tuple[OneQuestion, ...], Field(min_length=2, max_length=3)]


@form(frozen=True, config=FORM)
class Verdict:
    """The form of a judgment: the caption's words that an answer rests on, and whether they do."""

    evidence: str
    supported: bool


@dataclass(frozen=True)
class Written:
    """Questions and answers that passed; the tokens are those of all requests."""

    turns: tuple[Turn, ...]
    tags: tuple[Tag, ...]
    prompt_tokens: int
    completion_tokens: int


async def write_question(
    model: TextModel, caption: str, draw: Draw, config: CapQaConfig
) -> Written | Reject:
    """One question, or one conversation, about a caption; the first fault that stays ends it.

    StopRun and UsageError of the model pass through.
    """
    written = await _write(model, caption, draw, config)
    if isinstance(written, Reject):
        return written
    turns = _turns(written.value)
    verdicts = await _verify(model, caption, turns, config)
    if isinstance(verdicts, Reject):
        return verdicts
    paid = [written, *verdicts]
    return Written(
        turns=turns,
        tags=check_answers(turns, caption),
        prompt_tokens=sum(answer.prompt_tokens for answer in paid),
        completion_tokens=sum(answer.completion_tokens for answer in paid),
    )


async def _write(
    model: TextModel, caption: str, draw: Draw, config: CapQaConfig
) -> Answered[OneQuestion] | Answered[Conversation] | Reject:
    about = f" Use only this part of the text: {draw.focus}" if draw.focus else ""
    values = {"caption": caption, "task": draw.style.task + about}
    sampling = config.sampling(draw.turn)

    def judge(value: OneQuestion | Conversation) -> str | Reject:
        return find_fault(_turns(value), caption) or ""

    if draw.style.turns == 1:
        prompt = load_prompt(config.write_prompt)
        request = form_request(prompt, OneQuestion, values, sampling)
        return await ask_form(model, request, prompt, OneQuestion, judge, config.attempts)
    prompt = load_prompt(config.talk_prompt)
    request = form_request(prompt, Conversation, values, sampling)
    return await ask_form(model, request, prompt, Conversation, judge, config.attempts)


async def _verify(
    model: TextModel, caption: str, turns: Sequence[Turn], config: CapQaConfig
) -> list[Answered[Verdict]] | Reject:
    """The verdicts on all turns, asked for at once, as they do not depend on each other."""
    judged = await settle([_verdict(model, caption, turn, config) for turn in turns])
    for turn, answer in zip(turns, judged, strict=True):
        if isinstance(answer, Reject):
            return answer
        if not answer.value.supported:
            return Reject("unsupported_answer", f"{turn.question} {turn.answer}")
    return [answer for answer in judged if isinstance(answer, Answered)]


async def _verdict(
    model: TextModel, caption: str, turn: Turn, config: CapQaConfig
) -> Answered[Verdict] | Reject:
    prompt = load_prompt(config.verify_prompt)
    values = {"caption": caption, "question": turn.question, "answer": turn.answer}
    request = form_request(prompt, Verdict, values, config.sampling())
    judge = partial(_evidence_error, turn=turn, caption=caption)
    return await ask_form(model, request, prompt, Verdict, judge, config.attempts)


def _evidence_error(verdict: Verdict, turn: Turn, caption: str) -> str | Reject:
    """A verdict against an answer needs no evidence: there may be none."""
    if not verdict.supported:
        return ""
    return evidence_fault(verdict.evidence, turn, caption) or ""


def _turns(value: OneQuestion | Conversation) -> tuple[Turn, ...]:
    found = (value,) if isinstance(value, OneQuestion) else value.turns
    return tuple(Turn(one.question.strip(), one.answer.strip()) for one in found)


def published_question(turns: Sequence[Turn]) -> str:
    """The question as PixMo-CapQA has it: all turns up to the last answer, with their markers."""
    before = "".join(f"[USER]{turn.question}\n[ASSISTANT]{turn.answer}\n" for turn in turns[:-1])
    return f"{before}[USER]{turns[-1].question}[ASSISTANT]"


def messages_of(turns: Sequence[Turn]) -> tuple[str, ...]:
    """Alternating turns of user and assistant."""
    return tuple(text for turn in turns for text in (turn.question, turn.answer))
