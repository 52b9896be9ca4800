"""What is asked of a text model and what it answers: values, and the Protocol of who answers.

The choice worth knowing: a request has room for text only. No picture can reach a language model by
way of this type, which is how the no-VLM rule is kept by construction.
"""

from dataclasses import dataclass
from typing import Protocol

from schemas.ids import canonical_json, content_id
from schemas.judgment import Reject


@dataclass(frozen=True)
class TextRequest:
    """One question. `schema` is the JSON schema of the answer as canonical text; empty for none."""

    system: str
    user: str
    schema_name: str
    schema: str
    prompt_version: str
    max_tokens: int
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class TextAnswer:
    """One answer as it came, malformed or not; a cached one keeps the tokens it once cost."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    cached: bool = False
    finish_reason: str = "stop"


class TextModel(Protocol):
    """Whoever answers; a Reject is an answer that did not come, StopRun a budget used up."""

    @property
    def name(self) -> str:
        """The model's name for lineage and for the cache."""
        ...

    async def complete(self, request: TextRequest) -> TextAnswer | Reject:
        """The model's answer to one request."""
        ...


def request_digest(model: str, request: TextRequest) -> str:
    """32 hex digits over model, prompt version, parameters and input; not over the endpoint."""
    parameters = canonical_json(
        {"max": request.max_tokens, "temperature": request.temperature, "seed": request.seed}
    )
    schema = f"{request.schema_name}:{request.schema}"
    parts = (request.prompt_version, parameters, schema, request.system, request.user)
    return content_id("llm", model, *parts)
