"""The routes: what Label Studio asks of a machine learning backend, and the sink of its webhooks.

The choice worth knowing: every refusal is an answer of its own, and whatever a handler trips over
ends that one request with status 500; the server goes on. Other users of this machine can reach the
port, so everything that costs or keeps something wants the campaign's secret. /webhook does
neither: Label Studio itself calls it without any.
"""

import base64
import binascii
import hmac
import json
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Protocol

from aiohttp import web

from annotation.home import Home
from annotation.sidecar.events import parse_events
from annotation.sidecar.lines import append_line
from annotation.sidecar.login import SECRET_HEADER, USER
from schemas.errors import UsageError

_OPEN = ("/health", "/webhook")
_MAX_BODY = 2 * 2**20
_LOG = logging.getLogger("sidecar")
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Drafting(Protocol):
    """Whoever answers predictions; `version` names model and prompts."""

    @property
    def version(self) -> str:
        """What Label Studio shows as the version of the model."""
        ...

    async def predict(self, payload: dict[str, Any]) -> list[dict[str, Any]]:
        """One prediction per task; UsageError when the payload is none of Label Studio's."""
        ...


def make_app(home: Home, secret: str, drafting: Drafting) -> web.Application:
    """The server's routes over one campaign."""
    app = web.Application(client_max_size=_MAX_BODY, middlewares=[_safely(secret)])
    routes = _Routes(home, drafting)
    app.add_routes(
        [
            web.get("/health", routes.health),
            web.post("/setup", routes.setup),
            web.get("/versions", routes.versions),
            web.post("/predict", routes.predict),
            web.post("/webhook", routes.training),
            web.post("/events", routes.events),
        ]
    )
    return app


class _Routes:
    def __init__(self, home: Home, drafting: Drafting) -> None:
        self._home = home
        self._drafting = drafting

    async def health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "UP", "model_class": "pixmo"})

    async def setup(self, request: web.Request) -> web.Response:
        # The body holds a token of Label Studio's, which nothing here needs.
        await _object(request)
        return web.json_response({"model_version": self._drafting.version})

    async def versions(self, request: web.Request) -> web.Response:
        return web.json_response({"versions": [self._drafting.version]})

    async def predict(self, request: web.Request) -> web.Response:
        results = await self._drafting.predict(await _object(request))
        return web.json_response({"results": results})

    async def training(self, request: web.Request) -> web.Response:
        """Label Studio's wish to train; there is nothing to train."""
        return web.json_response({"status": "ok"}, status=201)

    async def events(self, request: web.Request) -> web.Response:
        found = parse_events(await _object(request), datetime.now(UTC).isoformat())
        for event in found:
            append_line(self._home.events, event, durable=False)
        return web.json_response({"queued": len(found)}, status=202)


async def _object(request: web.Request) -> dict[str, Any]:
    """The body as a JSON object; UsageError when it is none."""
    try:
        value = json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise UsageError("the body is no JSON") from error
    if not isinstance(value, dict):
        raise UsageError("the body is no JSON object")
    return value


def _safely(secret: str) -> Any:
    """Refuse strangers and malformed bodies; let no request end the server."""

    @web.middleware
    async def middleware(request: web.Request, handler: _Handler) -> web.StreamResponse:
        if request.path not in _OPEN and not is_allowed(request.headers, secret):
            return _refuse(request, 401, "the campaign's secret is missing or wrong")
        try:
            return await handler(request)
        except web.HTTPRequestEntityTooLarge:
            return _refuse(request, 413, f"a body is at most {_MAX_BODY} bytes")
        except web.HTTPException as refusal:
            return _refuse(request, refusal.status, refusal.reason)
        except UsageError as error:
            return _refuse(request, 400, str(error))
        except Exception as error:  # noqa: BLE001
            # The one place that catches all: names the fault and its place, not what was sent.
            _LOG.error("%s %s: %s", request.method, request.path, _place_of(error))
            return web.json_response({"error": "our fault; see sidecar.log"}, status=500)

    return middleware


def is_allowed(headers: Any, secret: str) -> bool:
    """Whether a request shows the secret, in our header or as a password of `pixmo`."""
    shown = headers.get(SECRET_HEADER, "") or _password(headers.get("Authorization", ""))
    return hmac.compare_digest(shown.encode("utf-8", "replace"), secret.encode())


def _password(authorization: str) -> str:
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        user, _, password = base64.b64decode(rest, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return ""
    return password if user == USER else ""


def _refuse(request: web.Request, status: int, why: str) -> web.Response:
    _LOG.warning("%s %s refused with %d: %s", request.method, request.path, status, why)
    return web.json_response({"error": why}, status=status)


def _place_of(error: BaseException) -> str:
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "nowhere"
    return f"{type(error).__name__} at {place}"
