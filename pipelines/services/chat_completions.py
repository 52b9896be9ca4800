"""Chat completions as JSON: the body that is posted and what is read of a reply.

Live calls and batch files come through here, so that both send and read the same.
"""

import json
from dataclasses import dataclass
from typing import Any

from pipelines.services.budget import estimate_tokens
from pipelines.services.llm_config import LlmConfig
from pipelines.steps.text_requests import TextAnswer, TextRequest


@dataclass(frozen=True)
class Completion:
    """An answer; `estimated` says that the endpoint did not tell its tokens."""

    answer: TextAnswer
    estimated: bool


def chat_body(request: TextRequest, config: LlmConfig) -> dict[str, Any]:
    """The JSON object that is posted to `/chat/completions`."""
    body: dict[str, Any] = {
        "model": config.model,
        "messages": [
            {"role": "system", "content": request.system},
            {"role": "user", "content": request.user},
        ],
        config.max_tokens_name: request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
    }
    if not request.schema:  # a free text, such as source code
        return body
    if config.structured == "json_schema":
        schema = json.loads(request.schema)
        named = {"name": request.schema_name, "strict": True, "schema": schema}
        body["response_format"] = {"type": "json_schema", "json_schema": named}
    elif config.structured == "json_object":
        body["response_format"] = {"type": "json_object"}
    return body


def read_completion(reply: Any, sent: int) -> Completion | None:
    """What a reply says; None for what is no chat completion.

    `sent` is an estimate of the prompt's tokens, for endpoints that do not count.
    """
    try:
        choice = reply["choices"][0]
        text = str(choice["message"].get("content") or "")
        usage = reply.get("usage") or {}
        prompt = int(usage.get("prompt_tokens", sent))
        completion = int(usage.get("completion_tokens", estimate_tokens(text)))
        reason = str(choice.get("finish_reason"))
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        return None
    answer = TextAnswer(text, prompt, completion, False, reason)
    return Completion(answer, "prompt_tokens" not in usage)
