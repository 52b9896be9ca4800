"""A batch service for tests: it checks a request file as the real one does and answers its lines.

Answers come in another order than the requests, some twice, some not at all, as a test says.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.toy_llm import Body, echo

Fails = Callable[[Body], str]


def none_fails(body: Body) -> str:
    """Every request is answered."""
    return ""


@dataclass(frozen=True)
class BatchService:
    """Answers by a plain function; `fails` names what goes wrong with a request: `expired`, or a
    status such as `400`. `served_as` is the model's name in the answers, if another."""

    answer: Callable[[Body], str] = echo
    fails: Fails = none_fails
    served_as: str = ""
    twice: bool = False

    def run(self, requests: Path) -> tuple[Path, Path]:
        """The output file and the error file, beside the request file."""
        asked = [json.loads(line) for line in requests.read_bytes().splitlines()]
        check_requests(asked)
        done = [line for line in reversed(asked) if not self.fails(line["body"])]
        failed = [line for line in asked if self.fails(line["body"])]
        output = [self._answered(line) for line in done]
        if self.twice:
            output += output[:2]
        files = (requests.with_suffix(".output"), requests.with_suffix(".errors"))
        for path, lines in zip(
            files, (output, [self._failed(line) for line in failed]), strict=True
        ):
            path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return files

    def _answered(self, line: Any) -> Any:
        body = line["body"]
        message = {"role": "assistant", "content": self.answer(body)}
        reply = {
            "object": "chat.completion",
            "model": self.served_as or body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
        }
        response = {"status_code": 200, "request_id": "r", "body": reply}
        return {"id": "b", "custom_id": line["custom_id"], "response": response, "error": None}

    def _failed(self, line: Any) -> Any:
        what = self.fails(line["body"])
        made: dict[str, Any] = {"id": "b", "custom_id": line["custom_id"], "response": None}
        if what == "expired":
            late = "This request could not be executed before the completion window expired."
            return made | {"error": {"code": "batch_expired", "message": late}}
        said = {"error": {"message": "no such thing", "type": "invalid_request_error"}}
        response = {"status_code": int(what), "request_id": "r", "body": said}
        return made | {"response": response, "error": None}


def check_requests(lines: list[Any]) -> None:
    """What the service refuses a whole file for."""
    ids = [line["custom_id"] for line in lines]
    assert len(set(ids)) == len(ids), "custom_id is not unique"
    assert all(0 < len(custom_id) <= 64 for custom_id in ids)
    assert len({line["body"]["model"] for line in lines}) == 1, "one model per file"
    for line in lines:
        assert set(line) == {"custom_id", "method", "url", "body"}
        assert (line["method"], line["url"]) == ("POST", "/v1/chat/completions")
        assert line["body"]["messages"]
