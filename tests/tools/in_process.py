"""The command in this process, and two small servers that do as a test says."""

import json
from collections import Counter
from http.server import BaseHTTPRequestHandler
from typing import Any

from typer.testing import CliRunner, Result

from tests.loopback_server import LoopbackServer
from tools.cli import app


def pixmo(*words: object) -> Result:
    """Run the command; a traceback is a failure of the test, whatever the exit status."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    expected = done.exception is None or isinstance(done.exception, SystemExit)
    if not expected:
        raise AssertionError(f"pixmo {words}: {done.exception!r}") from done.exception
    assert "Traceback" not in done.output, done.output
    return done


def refused(*words: object, status: int = 2) -> str:
    """What a command says that is refused with this status: one line, on stderr."""
    done = pixmo(*words)
    assert done.exit_code == status, done.output
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    return lines[0]


def refused_options(*words: object) -> str:
    """What a command says whose options are refused: usage and a box, joined to one line."""
    done = pixmo(*words)
    assert done.exit_code == 2, done.output
    assert "Usage: " in done.stderr
    assert "--help" in done.stderr
    return " ".join(done.stderr.replace("│", " ").split())


class _Handler(BaseHTTPRequestHandler):
    """Leaves the answer to the server's own `answer`."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._send(*self.server.answer(self.path, b""))  # type: ignore[attr-defined]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._send(*self.server.answer(self.path, body))  # type: ignore[attr-defined]

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


class _Server(LoopbackServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: Counter[str] = Counter()

    def answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Status and body for a request."""
        raise NotImplementedError


class PictureServer(_Server):
    """Serves `files` by path; `statuses` names paths that fail, until they are taken out."""

    def __init__(self, files: dict[str, bytes], statuses: dict[str, int]) -> None:
        super().__init__()
        self.files, self.statuses = files, statuses

    def answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        self.asked[path] += 1
        status = self.statuses.get(path, 200 if path in self.files else 404)
        return status, self.files[path] if status == 200 else b"no"


class TextServer(_Server):
    """Answers chat completions in the form that is asked for: 100 tokens in, 20 out."""

    @property
    def base_url(self) -> str:
        """The address for --llm-base-url."""
        return f"http://{self.endpoint}/v1"

    def answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        request = json.loads(body)
        field = request["response_format"]["json_schema"]["name"]
        self.asked[field] += 1
        said = request["messages"][1]["content"].splitlines()[0].split(": ", 1)[1]
        message = {"role": "assistant", "content": json.dumps({field: said})}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
        return 200, json.dumps({"choices": [choice], "usage": usage}).encode()
