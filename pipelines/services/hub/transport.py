"""The HTTP client that the Hub's library works with while pixmo publishes.

The choice worth knowing: every error status and every broken connection becomes an exception that
the library does not know. So its own retries, which have no time-out and obey any `Retry-After`, do
not set in. Here every request is tried again but the two that must not be repeated blindly, since
their answer may be lost after they were done: creating a repository, and committing.
"""

import contextlib
import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2

from pipelines.services.hub.errors import Failed, HubAnswer, HubUnreachable
from pipelines.services.hub.library import load_library
from pipelines.services.hub.retry import Patience
from pipelines.steps.retry_after import parse_retry_after

_CONNECT_S = 15.0
_MESSAGE_CHARS = 300
_BLOCK = 2**18
# The library asks this for its user agent, at the default endpoint, and does without an answer.
_SIDE_ERRAND = "/api/agent-harnesses"
_ONCE = re.compile(r"^/api/(repos/create$|datasets/[^/]+/[^/]+/commit/)")


_tls = functools.cache(httpx2.create_ssl_context)  # reads all certificates


@dataclass(frozen=True)
class Manner:
    """How requests are sent: time-out in seconds, patience, the token to hide, who counts bytes."""

    timeout_s: float
    patience: Patience
    token: str
    sent: Callable[[int], None]


class PatientClient(httpx2.Client):
    """A client whose failures are HubAnswer and HubUnreachable, after several tries."""

    def __init__(self, manner: Manner) -> None:
        timeout = httpx2.Timeout(manner.timeout_s, connect=min(_CONNECT_S, manner.timeout_s))
        super().__init__(follow_redirects=True, timeout=timeout, verify=_tls())
        self._limits, self._manner = timeout.as_dict(), manner

    def build_request(self, method: str, url: Any, **options: Any) -> httpx2.Request:
        """As the base class; a file to upload goes under its newer name."""
        body = options.get("data")
        if hasattr(body, "read"):
            options["content"] = options.pop("data")
        request = super().build_request(method, url, **options)
        if hasattr(body, "read"):
            request.stream = _FileBody(body, self._manner.sent)
        return request

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """As the base class, but failures raise and time-outs hold for every request."""
        if request.url.path == _SIDE_ERRAND:
            raise HubUnreachable("not asked")
        # Some calls of the library switch time-outs off.
        request.extensions = {**request.extensions, "timeout": self._limits}
        if request.method == "POST" and _ONCE.search(request.url.path):
            return self._send_once(request, options)
        # An object whose answer was lost may have arrived: the next upload call asks first.
        is_object = isinstance(request.stream, _FileBody) and "uploadId" not in request.url.params
        passing = HubAnswer if is_object else Failed
        return self._manner.patience.try_again(lambda: self._send_once(request, options), passing)

    def _send_once(self, request: httpx2.Request, options: dict[str, Any]) -> httpx2.Response:
        try:
            response = super().send(request, **options)
            if response.status_code >= 400:
                response.read()
        except httpx2.RequestError as error:
            raise HubUnreachable(self._words(request, error)) from error
        if response.status_code >= 400:
            raise self._answer(response)
        return response

    def _words(self, request: httpx2.Request, error: Exception) -> str:
        said = str(error) or type(error).__name__
        return self._hide(f"no whole answer from {request.url.host}: {said}")

    def _answer(self, response: httpx2.Response) -> HubAnswer:
        headers = response.headers
        asked = parse_retry_after(headers.get("retry-after", ""), datetime.now(UTC))
        message = headers.get("x-error-message") or _message(response)
        if number := headers.get("x-request-id"):
            message = f"{message} (request {number})"
        wait = max(asked or 0.0, _rate_limit_s(response))
        code = headers.get("x-error-code", "")
        return HubAnswer(response.status_code, self._hide(message), code, wait)

    def _hide(self, text: str) -> str:
        token = self._manner.token
        return text.replace(token, "[token]") if token else text


class _FileBody(httpx2.SyncByteStream):
    """A file as a request body: read anew in every try, and told how much of it went out."""

    def __init__(self, file: Any, sent: Callable[[int], None]) -> None:
        self._file, self._sent, self._start = file, sent, file.tell()

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(self._start)
        while chunk := self._file.read(_BLOCK):
            yield chunk
            self._sent(len(chunk))


def _message(response: httpx2.Response) -> str:
    with contextlib.suppress(ValueError, AttributeError):
        if said := response.json().get("error"):
            return " ".join(str(said).split())[:_MESSAGE_CHARS]
    return response.reason_phrase


def _rate_limit_s(response: httpx2.Response) -> float:
    """Seconds until the Hub's rate limit is lifted, which it tells in a header of its own."""
    limit = load_library().utils.parse_ratelimit_headers(response.headers)
    used_up = response.status_code == 429 and limit is not None and limit.remaining == 0
    return float(limit.reset_in_seconds) + 1.0 if used_up and limit else 0.0


@contextlib.contextmanager
def patient_session(manner: Manner) -> Iterator[None]:
    """While the block lasts, the library uses this client and shows no progress bars."""
    from huggingface_hub.utils._http import default_client_factory

    library = load_library()
    bars = not library.utils.are_progress_bars_disabled()
    library.set_client_factory(lambda: PatientClient(manner))
    library.utils.disable_progress_bars()
    try:
        yield
    finally:
        library.set_client_factory(default_client_factory)
        if bars:
            library.utils.enable_progress_bars()
