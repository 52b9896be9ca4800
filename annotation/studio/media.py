"""Pictures and sounds of a campaign, to people who are logged in, whole or in ranges.

A name is an id and never a path; the type comes from a fixed table of endings, never from what a
client said.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from annotation.studio.own_work import is_reachable
from annotation.studio.ranges import is_id, is_range, parse_range

PICTURES = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}
SOUNDS = {
    ".webm": "audio/webm",
    ".ogg": "audio/ogg",
    ".mp4": "audio/mp4",
    ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
}
PIECE = 64 * 1024


def picture(request: HttpRequest, name: str) -> HttpResponseBase:
    """A picture by its image id: 401, 400, 404, 200, 206, 304, 416."""
    name = name.removesuffix("/")  # Label Studio tries what is absent with a slash behind it
    refused = _refused(request, name)
    return refused or _first(request, [_home() / "pictures" / f"{name}{e}" for e in PICTURES])


def sound(request: HttpRequest, name: str) -> HttpResponseBase:
    """A sound by its recording id, to those who may hear it: as picture, and 403."""
    name = name.removesuffix("/")
    refused = _refused(request, name)
    if refused is not None:
        return refused
    places = [_home() / "sounds" / f"{name}{ending}" for ending in SOUNDS]
    if not any(place.exists() for place in places):
        return _error(404, "There is no such sound.")
    if not (request.user.is_staff or may_hear(request.user, name)):
        return _error(403, "This recording is not for you.")
    return _first(request, places)


def may_hear(user: Any, recording_id: str) -> bool:
    """Whether an annotator has a task in reach that is about this recording."""
    from tasks.models import Task

    mine = Task.objects.filter(project__organization_id=user.active_organization_id)
    about = mine.filter(data__recording_id=recording_id).select_related("project")[:20]
    return any(is_reachable(user, task) for task in about)


def file_answer(request: HttpRequest, place: Path, content_type: str) -> HttpResponseBase:
    """A file, or the range of it that is asked for; 404 when it is none, links are not followed."""
    try:
        handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return _error(404, "There is no such file.")
    about = os.fstat(handle)
    if not stat.S_ISREG(about.st_mode):
        os.close(handle)
        return _error(404, "There is no such file.")
    answer = _ranged(request, os.fdopen(handle, "rb"), about)
    answer["Content-Type"] = content_type
    return answer


def _refused(request: HttpRequest, name: str) -> HttpResponse | None:
    if not request.user.is_authenticated:
        return _error(401, "Log in first.")
    if request.method not in ("GET", "HEAD"):
        return _error(405, "This can be read, nothing else.")
    return None if is_id(name) else _error(400, "An id has 32 digits from 0 to f.")


def _first(request: HttpRequest, places: list[Path]) -> HttpResponseBase:
    types = PICTURES | SOUNDS
    found = [place for place in places if place.exists() or place.is_symlink()]
    if not found:
        return _error(404, "There is no such file.")
    return file_answer(request, found[0], types[found[0].suffix])


def _ranged(request: HttpRequest, file: BinaryIO, about: os.stat_result) -> HttpResponseBase:
    tag = f'"{hashlib.sha256(f"{about.st_size}:{about.st_mtime_ns}".encode()).hexdigest()[:16]}"'
    if request.headers.get("If-None-Match") == tag:
        file.close()
        return _marked(HttpResponse(status=304), tag)
    asked = request.headers.get("Range", "")
    partial = is_range(asked) and request.headers.get("If-Range", tag) == tag
    span = parse_range(asked if partial else "", about.st_size)
    if span is None:
        file.close()
        answer: HttpResponseBase = _error(416, "There is nothing in this range.")
        answer["Content-Range"] = f"bytes */{about.st_size}"
        return _marked(answer, tag)
    start, stop = span
    status = 206 if partial else 200
    if request.method == "HEAD":
        file.close()
        answer = HttpResponse(status=status)
    else:
        answer = StreamingHttpResponse(_pieces(file, start, stop), status=status)
    answer["Content-Length"] = str(stop - start)
    if partial:
        answer["Content-Range"] = f"bytes {start}-{stop - 1}/{about.st_size}"
    return _marked(answer, tag)


def _pieces(file: BinaryIO, start: int, stop: int) -> Iterator[bytes]:
    with file:
        file.seek(start)
        left = stop - start
        while left > 0:
            piece = file.read(min(PIECE, left))
            if not piece:
                return
            left -= len(piece)
            yield piece


def _marked(answer: HttpResponseBase, tag: str) -> HttpResponseBase:
    """Headers that keep the bytes what they are, and out of caches that others share."""
    answer["ETag"] = tag
    answer["Accept-Ranges"] = "bytes"
    answer["Cache-Control"] = "private, no-cache"
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


def _error(status: int, detail: str) -> JsonResponse:
    answer = JsonResponse({"detail": detail}, status=status)
    answer["Cache-Control"] = "no-store"
    return answer


def _home() -> Path:
    return Path(os.environ["PIXMO_HOME"])
