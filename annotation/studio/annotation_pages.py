"""Annotations for `pull`: only what it needs, straight from the database, in pages.

Label Studio's own export builds every task anew in Python. Here a page is one query for plain
values, so that asking often costs little.
"""

import json
from datetime import datetime
from typing import Any

from django.db.models import F, Q
from django.http import HttpResponse
from projects.models import Project
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from tasks.models import Annotation

MOST = 5000
TIME = "%Y-%m-%dT%H:%M:%S.%fZ"  # all of one width, so that they compare as texts
UNNEEDED = ("caption", "ocr", "left", "right", "prompt", "image", "audio")
_FIELDS = ("id", "completed_by_id", "result", "was_cancelled", "lead_time", "created_at")


@api_view(["GET"])  # type: ignore[untyped-decorator]
@permission_classes([IsAdminUser])  # type: ignore[untyped-decorator]
def annotations(request: Request) -> HttpResponse:
    """One page of `?project=N`, for staff only; drafts are no annotations.

    `after` is a cursor ("time,id", exclusive; none for the beginning), `limit` the size of a page,
    `only` asks for these numbers instead, `drafts=1` for the predictions that pages began with, and
    `ids=1` for all numbers that exist now. The answer is {"created_at": of the project,
    "annotations", "next": the next cursor, empty at the end, "ids"}.
    """
    params = request.query_params
    if not params.get("project", "").isdecimal():
        return _answer({"detail": "project must be a number"}, 400)
    project = Project.objects.filter(id=int(params["project"])).first()
    if project is None:
        return _answer({"detail": "there is no such project"}, 404)
    own = Annotation.objects.filter(project_id=project.id)
    try:
        rows, following = _page(own, params)
    except ValueError as error:
        return _answer({"detail": f"after, only or limit cannot be read: {error}"}, 400)
    ids = list(own.order_by("id").values_list("id", flat=True)) if params.get("ids") else []
    return _answer(
        {
            "created_at": project.created_at.strftime(TIME),
            "annotations": [_plain(row) for row in rows],
            "next": following,
            "ids": ids,
        }
    )


def _page(own: Any, params: Any) -> tuple[list[dict[str, Any]], str]:
    """The rows of a page, and the cursor behind the last one if there may be more."""
    limit = min(max(int(params.get("limit", MOST)), 0), MOST)
    wanted = {"data": F("task__data")}
    if params.get("drafts"):
        wanted["draft"] = F("parent_prediction__result")
    rows = own.values(*_FIELDS, "updated_at", **wanted)
    if params.get("only"):
        numbers = [int(number) for number in params["only"].split(",")][:MOST]
        return list(rows.filter(id__in=numbers)), ""
    if params.get("after"):
        text, _, number = params["after"].partition(",")
        since = datetime.strptime(text + "+0000", TIME + "%z")
        rows = rows.filter(Q(updated_at__gt=since) | Q(updated_at=since, id__gt=int(number)))
    found = list(rows.order_by("updated_at", "id")[:limit]) if limit else []
    last = found[-1] if found and len(found) == limit else None
    return found, f"{last['updated_at'].strftime(TIME)},{last['id']}" if last else ""


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Times as text, and of the task what says which it is."""
    data = row["data"] if isinstance(row["data"], dict) else {}
    times = {name: row[name].strftime(TIME) for name in ("created_at", "updated_at")}
    return {**row, **times, "data": {k: v for k, v in data.items() if k not in UNNEEDED}}


def _answer(values: dict[str, Any], status: int = 200) -> HttpResponse:
    text = json.dumps(values, separators=(",", ":"), default=str)
    return HttpResponse(text, content_type="application/json", status=status)
