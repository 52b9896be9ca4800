"""The recorder inside the labeling page: its page, and where it sends the sound while it is spoken.

Label Studio's session says who speaks; the task's key says what about, and the shortest time comes
from the task, never from the browser. What is done to files is in recording_files.
"""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from core.middleware import enforce_csrf_checks
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.middleware.csrf import get_token
from django.utils.html import json_script
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods
from tasks.models import Task as StudioTask

from annotation.studio import recording_files
from annotation.studio.media import SOUNDS, file_answer
from annotation.studio.ranges import is_id
from annotation.studio.recording_entry import Recording, Speaker, Task
from schemas.judgment import Reject

ASSETS = Path(__file__).parent / "assets"
_STATUS = {
    "bad_id": 400,
    "bad_key": 400,
    "not_audio": 400,
    "empty": 400,
    "not_yours": 403,
    "unknown": 404,
    "out_of_order": 409,
    "finished": 409,
    "too_large": 413,
    "too_many": 429,
    "disk_full": 507,
}
View = Callable[..., HttpResponseBase]


def _answers(method: str) -> Callable[[View], View]:
    """A view for scripts: one method, 401 without a login, a CSRF token for all but GET."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return JsonResponse({"error": "login", "message": "log in again"}, status=401)
            return view(request, *args, **kwargs)

        return enforce_csrf_checks(never_cache(require_http_methods([method])(checked)))

    return decorate


@login_required  # type: ignore[untyped-decorator]
@xframe_options_sameorigin  # type: ignore[untyped-decorator]
@never_cache  # type: ignore[untyped-decorator]
def page(request: HttpRequest) -> HttpResponse:
    """The recorder of one task, for an iframe of the labeling page."""
    task = _task(request)
    if isinstance(task, Reject):
        return HttpResponse(task.detail, status=_STATUS[task.reason], content_type="text/plain")
    settings = {"key": task.key, "minSeconds": task.min_seconds, "token": get_token(request)}
    html = (ASSETS / "recorder.html").read_text(encoding="utf-8")
    return HttpResponse(html.replace("<!--settings-->", json_script(settings, "settings")))


@_answers("GET")
def token(request: HttpRequest) -> HttpResponse:
    """A fresh CSRF token: logging in again in another tab makes the old one worthless."""
    return JsonResponse({"token": get_token(request)})


@_answers("POST")
def kept(request: HttpRequest) -> HttpResponse:
    """What this person recorded at this task before, whether or not it was finished then."""
    task = _task(request)
    if isinstance(task, Reject):
        return _refuse(task)
    found = recording_files.kept_recording(_folder(), _speaker(request), task.key)
    return JsonResponse({"kept": None if found is None else _facts(found)})


@_answers("POST")
def start(request: HttpRequest) -> HttpResponse:
    """Begin a recording about the task `key`."""
    task = _task(request)
    if isinstance(task, Reject):
        return _refuse(task)
    return _answer(recording_files.start_recording(_folder(), _speaker(request), task))


@_answers("PUT")
def chunk(request: HttpRequest, recording_id: str, number: int) -> HttpResponse:
    """Add a chunk; the body is its bytes."""
    limit = recording_files.MAX_CHUNK_BYTES
    if int(request.META.get("CONTENT_LENGTH") or 0) > limit:
        return _refuse(Reject("too_large", f"a chunk has at most {limit} bytes"))
    data = request.body
    mine = _folder(), recording_id, _speaker(request).user_id
    return _answer(recording_files.append_chunk(*mine, number, data))


@_answers("POST")
def finish(request: HttpRequest, recording_id: str) -> HttpResponse:
    """No more chunks come: measure what is there."""
    mine = _folder(), recording_id, _speaker(request).user_id
    return _answer(recording_files.finish_recording(*mine))


@_answers("GET")
def sound(request: HttpRequest, recording_id: str) -> HttpResponseBase:
    """The playable copy, for its owner and for staff."""
    speaker = _speaker(request)
    place = recording_files.sound_path(
        _folder(), recording_id, speaker.user_id, bool(request.user.is_staff)
    )
    if isinstance(place, Reject):
        return _refuse(place)
    return file_answer(request, place, SOUNDS[place.suffix])


def _folder() -> Path:
    return Path(os.environ["PIXMO_HOME"]) / "recordings"


def _speaker(request: HttpRequest) -> Speaker:
    return Speaker(int(request.user.pk), str(request.user.email))


def _task(request: HttpRequest) -> Task | Reject:
    """The task that `key` in the address names, if it is one to speak about."""
    key = request.GET.get("key", "")
    if not is_id(key):
        return Reject("bad_key", "the address names no task")
    found = StudioTask.objects.filter(data__key=key).values("project_id", "data").first()
    if found is None or "min_seconds" not in found["data"]:
        return Reject("unknown", "there is no such task to speak about")
    return Task(key, found["project_id"], float(found["data"]["min_seconds"]))


def _answer(found: Recording | Reject) -> HttpResponse:
    return _refuse(found) if isinstance(found, Reject) else JsonResponse(_facts(found))


def _facts(recording: Recording) -> dict[str, Any]:
    """What the browser may know of a recording of its own."""
    return {
        "id": recording.id,
        "next": recording.chunks,
        "duration_s": recording.duration_s,
        "refused": recording.refused,
        "finished": recording.finished,
        "finished_by": recording.finished_by,
        "started_at": recording.started_at,
    }


def _refuse(refusal: Reject) -> JsonResponse:
    answer = {"error": refusal.reason, "message": refusal.detail}
    return JsonResponse(answer, status=_STATUS[refusal.reason])
