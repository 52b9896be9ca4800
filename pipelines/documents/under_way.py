"""A document under way: what it is made with, what is planned, and what there is of it so far."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter

from pipelines.services.rendering.renderer import RenderedPicture
from pipelines.steps.doc_data import DataLimits
from pipelines.steps.doc_kinds import DocExample, DocKind, tool_named
from pipelines.steps.picture_checks import PictureLimits
from pipelines.steps.prompts import Prompt
from pipelines.steps.text_requests import TextModel, TextRequest
from schemas.errors import UsageError
from schemas.judgment import Reject

Drawn = tuple[RenderedPicture | Reject, str]
Render = Callable[[str, str, Mapping[str, bytes]], Awaitable[Drawn]]


@dataclass(frozen=True)
class DocConfig:
    """How documents are asked for. `temperature` is that of topics and data, sources and questions
    are asked for at 0; `rows` is the most rows, nodes or sections that the model is told of; the
    `_tokens` cap one answer; `least_shown` is the share of the data that a source must hold."""

    topic_prompt: str = "doc_topic_v1"
    data_prompt: str = "doc_data_v1"
    code_prompt: str = "doc_code_v1"
    repair_prompt: str = "doc_repair_v1"
    question_prompt: str = "doc_questions_v1"
    temperature: float = 0.7
    attempts: int = 3
    repairs: int = 1
    rows: int = 8
    questions: int = 10
    least_questions: int = 5
    least_shown: float = 0.95
    data_tokens: int = 800
    code_tokens: int = 1500
    question_tokens: int = 1500

    def __post_init__(self) -> None:
        if not 1 <= self.least_questions <= self.questions <= 30 or self.rows < 3:
            raise UsageError("docs.documents: need 1 <= least_questions <= questions, rows >= 3")
        if self.attempts < 1 or self.repairs < 0 or self.temperature < 0:
            raise UsageError("docs.documents: need attempts >= 1, repairs and temperature >= 0")


@dataclass(frozen=True)
class DocPlan:
    """A document to be made: for whom, with what, and which one of several."""

    image_id: str
    persona: str
    tool: str
    number: int
    kind: DocKind


@dataclass(frozen=True)
class DocParts:
    """What there is of a document so far."""

    topic: str = ""
    data: str = ""
    code: str = ""
    repairs: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass
class Chain:
    """One document under way: what it is made with, and `parts` so far."""

    model: TextModel
    render: Render
    plan: DocPlan
    config: DocConfig
    limits: DataLimits
    pictures: PictureLimits
    seed: int
    parts: DocParts = field(default_factory=DocParts)

    def keep(self, paid: Any = None, **changes: Any) -> None:
        """Take in what a step made, and what it cost."""
        if paid is not None:
            changes["prompt_tokens"] = self.parts.prompt_tokens + paid.prompt_tokens
            changes["completion_tokens"] = self.parts.completion_tokens + paid.completion_tokens
        self.parts = replace(self.parts, **changes)


def places(chain: Chain) -> dict[str, str]:
    """What the places of every prompt are filled with."""
    plan, parts = chain.plan, chain.parts
    return {
        "persona": plan.persona,
        "kind": plan.kind.kind,
        "tool": plan.tool,
        "topic": parts.topic,
        "data": parts.data.rstrip(),
        "example_title": example_of(chain).title,
    }


def example_of(chain: Chain) -> DocExample:
    """The worked example of the kind of document that is made."""
    return tool_named(chain.plan.tool).examples[chain.plan.kind.example]


def request_of(
    chain: Chain, prompt: Prompt, values: dict[str, str], most: int, schema: str
) -> TextRequest:
    """A request at temperature 0 for at most `most` tokens; an empty `schema` is free text."""
    user = prompt.fill_all(places(chain) | values)
    name = prompt.name
    return TextRequest(prompt.system, user, prompt.field, schema, name, most, 0.0, chain.seed)


def form_as_written(
    request: TextRequest, form: Any, counts: Mapping[str, tuple[int, int]]
) -> TextRequest:
    """The request with the fields of its form in their own order, and lists of so many items.

    A model that is bound by the form writes fields in that order (a question before its answer) and
    as many items as are wanted; others are judged by what they give.
    """
    schema = TypeAdapter(form).json_schema()
    for shape in (schema, *schema.get("$defs", {}).values()):
        for name, (least, most) in counts.items():
            if name in shape.get("properties", {}):
                shape["properties"][name] |= {"minItems": least, "maxItems": most}
    return replace(request, schema=json.dumps(schema, separators=(",", ":")))
