"""Files of the OpenAI Batch API: requests as lines of JSON, and answers and errors as such lines.

A line of a request file is `{"custom_id", "method", "url", "body"}`, and a file holds up to 50,000
of them, 200 MB and one model. A line of an output file is `{"id", "custom_id", "response":
{"status_code", "request_id", "body"}, "error"}`, in any order; what failed or expired stands in an
error file of the same form. Source: developers.openai.com/api/docs/guides/batch and the batch
resource of the API reference there. Other services took the format over.
"""

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipelines.services.chat_completions import chat_body
from pipelines.services.llm_config import LlmConfig
from pipelines.steps.text_requests import TextRequest
from schemas.errors import UsageError
from schemas.files import open_fs, whole_file

ENDPOINT = "/v1/chat/completions"
MOST_REQUESTS = 50_000
MOST_BYTES = 200_000_000


@dataclass(frozen=True)
class FileLimits:
    """What one request file may hold at most."""

    requests: int = MOST_REQUESTS
    bytes: int = MOST_BYTES


def request_line(custom_id: str, request: TextRequest, config: LlmConfig) -> bytes:
    """One line of a request file, with the body that a live call would post."""
    body = chat_body(request, config)
    line = {"custom_id": custom_id, "method": "POST", "url": ENDPOINT, "body": body}
    # ASCII, because a text may hold a lone surrogate, which UTF-8 cannot.
    return json.dumps(line, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"


class RequestFiles:
    """Request files `<prefix>-00000.jsonl` and so on in a folder, all of them or none.

    A context manager: the files appear when it ends well, and files of these names from before that
    are no longer of use go then. `paths` are those written.
    """

    def __init__(self, folder: str, prefix: str, limits: FileLimits) -> None:
        self._fs, root = open_fs(folder)
        self._root = root.rstrip("/")
        self._prefix, self._limits = prefix, limits
        self._stack = contextlib.ExitStack()
        self._handle: Any = None
        self._lines = self._bytes = 0
        self.paths: list[str] = []

    def __enter__(self) -> "RequestFiles":
        self._stack.__enter__()
        return self

    def __exit__(self, *failure: Any) -> None:
        if self._handle:
            self._handle.close()
        self._stack.__exit__(*failure)
        if failure[0] is None:
            self._drop_old()

    def add(self, line: bytes) -> None:
        """Write one line, into the next file when this one is full."""
        full = self._lines == self._limits.requests
        if self._handle is None or full or self._bytes + len(line) > self._limits.bytes:
            self._next_file()
        self._handle.write(line)
        self._lines, self._bytes = self._lines + 1, self._bytes + len(line)

    def _next_file(self) -> None:
        if self._handle:
            self._handle.close()
        path = f"{self._root}/{self._prefix}-{len(self.paths):05d}.jsonl"
        temporary = self._stack.enter_context(whole_file(self._fs, path))
        self.paths.append(path)
        self._handle = open(temporary, "wb")  # noqa: SIM115 (closed by the next, or at the end)
        self._lines = self._bytes = 0

    def _drop_old(self) -> None:
        ours = re.compile(rf"{re.escape(self._prefix)}-\d{{5}}\.jsonl")
        self._fs.invalidate_cache(self._root)
        found = self._fs.ls(self._root, detail=False) if self._fs.exists(self._root) else []
        written = {path.rsplit("/", 1)[1] for path in self.paths}
        for path in found:
            name = path.rsplit("/", 1)[1]
            if ours.fullmatch(name) and name not in written:
                self._fs.rm(path)


@dataclass(frozen=True)
class BatchLine:
    """A line of an output or error file: `reply` is the chat completion, or `failure` says why
    there is none. An empty `custom_id` is a line that cannot be read. `place` is file and line."""

    place: str
    custom_id: str
    reply: dict[str, Any] | None
    failure: str
    detail: str = ""


def read_batch_file(url: str) -> Iterator[BatchLine]:
    """The lines of an output or error file; UsageError for a file that is absent or of requests."""
    fs, path = open_fs(url)
    try:
        handle = fs.open(path, "rb")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise UsageError(f"{url}: no such file") from error
    with handle:
        for number, line in enumerate(handle, start=1):
            if line.strip():
                yield parse_batch_line(line, f"{url}:{number}")


def parse_batch_line(line: bytes, place: str) -> BatchLine:
    """One line; UsageError for that of a request file, which was given by mistake."""
    try:
        value = json.loads(line)
        custom_id = value["custom_id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return BatchLine(place, "", None, "bad_line", "it is no JSON object with a custom_id")
    if not isinstance(value, dict) or not isinstance(custom_id, str):
        return BatchLine(place, "", None, "bad_line", "its custom_id is no text")
    if "response" not in value and "method" in value:
        raise UsageError(f"{place}: a file of requests; give the output or error file of a batch")
    return _outcome(value, place, custom_id)


def _outcome(value: dict[str, Any], place: str, custom_id: str) -> BatchLine:
    error, response = value.get("error"), value.get("response")
    if error:
        code, message = _said(error)
        return BatchLine(place, custom_id, None, code or "error", message)
    if not isinstance(response, dict):
        return BatchLine(place, custom_id, None, "no_response", "neither a response nor an error")
    body = response.get("body")
    if response.get("status_code") != 200:
        _, message = _said(body.get("error") if isinstance(body, dict) else body)
        failure = f"http_{response.get('status_code')}"
        return BatchLine(place, custom_id, None, failure, message)
    if not isinstance(body, dict):
        return BatchLine(place, custom_id, None, "no_completion", "its body is no JSON object")
    return BatchLine(place, custom_id, body, "")


def _said(error: Any) -> tuple[str, str]:
    """Code and message of an error, each in one short line."""
    if not isinstance(error, dict):
        return "", _short(error)
    return re.sub(r"\W+", "_", _short(error.get("code") or ""))[:60], _short(error.get("message"))


def _short(text: Any) -> str:
    return " ".join(str("" if text is None else text).split())[:200]
