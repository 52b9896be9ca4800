"""The guard in front of Label Studio: every request passes here before anything of it is read.

Middleware after Label Studio's own authentication. Staff may do everything, from our own pages;
annotators what annotation.studio.guard_rules names, on their own work (own_work), and see of the
answers what blind leaves; everybody else gets the login page.
"""

import contextlib
import json
import os
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from annotation.studio import origins
from annotation.studio.blind import VIEWS, Viewer
from annotation.studio.guard_rules import Allowed, find_rule, is_change, is_page
from annotation.studio.own_work import CHECKS, Denied, task_lock, task_to_hold

Answer = Callable[[HttpRequest], HttpResponseBase]
_PASSED = "_pixmo_passed"
_PIECE = 64 * 1024
_DISCARDED = 16_000_000  # bytes of a refused body; with more the connection ends
_STAY = b'<script src="/pixmo/assets/stay.js"></script></body>'


class Guard:
    """Django middleware; settings.py puts it in its place."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request, or refuse it."""
        if _was_passed(request):
            return self.get_response(request)
        try:
            _check_origin(request)
            person = _person(request)
            if person is not None and person.is_staff:
                return self.get_response(request)
            return self._guarded(request, person)
        except Denied as denied:
            return _refusal(request, denied)

    def _guarded(self, request: HttpRequest, person: Any) -> HttpResponseBase:
        allowed = find_rule(request.method or "", request.path_info, person is not None)
        if allowed is None:
            return _not_allowed(request, person)
        _check_size(request, allowed.rule.max_bytes)
        setattr(request, _PASSED, _plain(request))
        with _lock(allowed):
            if allowed.rule.check:
                instead = CHECKS[allowed.rule.check](request, person, *allowed.numbers)
                if instead is not None:
                    return instead
            answer = self.get_response(request)
        return _cut_down(answer, allowed.rule.shows, person)


def _plain(request: HttpRequest) -> str:
    return request.path_info.rstrip("/")


def _was_passed(request: HttpRequest) -> bool:
    """Label Studio sends a request round again with a slash at the end of its path."""
    return getattr(request, _PASSED, None) == _plain(request)


def _person(request: HttpRequest) -> Any:
    """Who asks, by session, token or both; None for nobody.

    Denied when a token is not valid, or stands for somebody else than the session.
    """
    found = [request.user] if request.user.is_authenticated else []
    if "HTTP_AUTHORIZATION" in request.META:
        found += _by_token(request)
    if len({one.pk for one in found}) > 1:
        raise Denied(403, "The session and the token are of different people.")
    return found[0] if found else None


def _by_token(request: HttpRequest) -> list[Any]:
    """The people whom Label Studio would take an Authorization header for."""
    from jwt_auth.auth import TokenAuthenticationPhaseout
    from rest_framework.exceptions import AuthenticationFailed
    from rest_framework.request import Request
    from rest_framework_simplejwt.authentication import JWTAuthentication
    from rest_framework_simplejwt.exceptions import TokenError

    try:
        asked = (
            TokenAuthenticationPhaseout().authenticate(Request(request)),
            JWTAuthentication().authenticate(request),
        )
    except (AuthenticationFailed, TokenError) as error:
        raise Denied(401, "This token is not valid.") from error
    return [one[0] for one in asked if one is not None]


def _check_origin(request: HttpRequest) -> None:
    """Label Studio does not ask for CSRF tokens, so what a session changes must come from us."""
    if not (request.user.is_authenticated and is_change(request.method or "", request.path_info)):
        return
    public = os.environ.get("PIXMO_PUBLIC_URL") or settings.HOSTNAME
    own = origins.own_origins(request.get_host(), public, settings.CSRF_TRUSTED_ORIGINS)
    strict = request.method not in ("GET", "HEAD")
    if not origins.is_from_us(request.headers, own, strict):
        raise Denied(403, "This was sent from another site.")


def _check_size(request: HttpRequest, max_bytes: int) -> None:
    """Refuse a body by what it says of itself, before any of it is read."""
    if request.META.get("HTTP_TRANSFER_ENCODING"):
        raise Denied(411, "Say how long the body is (Content-Length).")
    length = str(request.META.get("CONTENT_LENGTH") or 0)
    if not (length.isascii() and length.isdigit()):
        raise Denied(400, "This is no length.")
    if int(length) > max_bytes:
        raise Denied(413, f"Too large: at most {max_bytes} bytes go here.")


def _lock(allowed: Allowed) -> contextlib.AbstractContextManager[None]:
    task = task_to_hold(allowed.rule.check, allowed.numbers)
    return contextlib.nullcontext() if task is None else task_lock(task)


def _cut_down(answer: HttpResponseBase, shows: str, person: Any) -> HttpResponseBase:
    """What blind leaves of an answer of Label Studio."""
    if not shows or not isinstance(answer, HttpResponse) or not answer.content:
        return answer
    if shows == "labeling_page":
        answer.content = answer.content.replace(b"</body>", _STAY, 1)
    elif answer.status_code < 400:
        viewer = Viewer(person.id, person.email)
        answer.content = json.dumps(VIEWS[shows](json.loads(answer.content), viewer)).encode()
    if answer.has_header("Content-Length"):
        answer["Content-Length"] = str(len(answer.content))
    return answer


def _discard_body(request: HttpRequest) -> None:
    """Let a refused body pass without keeping it: the next request comes on the same connection."""
    left = _DISCARDED
    with contextlib.suppress(OSError):  # the client is gone
        while left > 0 and (piece := request.read(_PIECE)):
            left -= len(piece)


def _not_allowed(request: HttpRequest, person: Any) -> HttpResponseBase:
    if person is not None:
        return _refusal(request, Denied(403, "Annotators cannot do this."))
    if request.method in ("GET", "HEAD") and is_page(request.path_info):
        return HttpResponseRedirect(f"/user/login/?next={quote(request.path_info)}")
    return _refusal(request, Denied(401, "Log in first."))


def _refusal(request: HttpRequest, denied: Denied) -> HttpResponseBase:
    """JSON for scripts, a short page for people."""
    if request.user.is_authenticated:
        _discard_body(request)
    if is_page(request.path_info):
        return render(
            request, "pixmo/refused.html", {"detail": denied.detail}, status=denied.status
        )
    said = {"detail": denied.detail, "message": denied.detail}
    return JsonResponse(said, status=denied.status)
