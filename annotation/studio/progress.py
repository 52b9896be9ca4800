"""How far a project is, in numbers that Label Studio's database adds up: for `annotate status`."""

from collections import defaultdict
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Greatest
from projects.models import Project
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response
from tasks.models import Annotation, AnnotationDraft, Task

from annotation.studio.annotation_pages import TIME


@api_view(["GET"])  # type: ignore[untyped-decorator]
@permission_classes([IsAdminUser])  # type: ignore[untyped-decorator]
def progress(request: Request) -> Response:
    """Counts of `?project=N&after=CURSOR`, for staff only; 404 where there is no such project.

    `wanted` annotations are tasks times overlap, `open` those that are missing; `newer` counts
    what was submitted, skipped or changed behind a cursor ("time,id") of the page of annotations,
    everything where there is none. Per person: tasks submitted, skipped, and begun (a draft that
    was not submitted).
    """
    number, after = (request.query_params.get(name, "") for name in ("project", "after"))
    if not number.isdecimal():
        return Response({"detail": "project must be a number"}, status=400)
    project = Project.objects.filter(id=int(number)).first()
    if project is None:
        return Response({"detail": "there is no such project"}, status=404)
    made = Annotation.objects.filter(project_id=project.id)
    try:
        newer = made.filter(_behind(after)).count()
    except ValueError as error:
        return Response({"detail": f"after cannot be read: {error}"}, status=400)
    return Response(
        {"created_at": project.created_at.strftime(TIME), "newer": newer, **_counts(project.id)}
    )


def _behind(cursor: str) -> Q:
    if not cursor:
        return Q()
    text, _, number = cursor.partition(",")
    since = datetime.strptime(text + "+0000", TIME + "%z")
    return Q(updated_at__gt=since) | Q(updated_at=since, id__gt=int(number))


def _counts(project: int) -> dict[str, Any]:
    missing = Greatest(F("overlap") - F("total_annotations"), 0)
    tasks = Task.objects.filter(project_id=project).aggregate(
        tasks=Count("id"), wanted=Sum("overlap"), open=Sum(missing)
    )
    done = Annotation.objects.filter(project_id=project, was_cancelled=False).count()
    counts = {name: count or 0 for name, count in tasks.items()}
    return {**counts, "done": done, "people": _people(project)}


def _people(project: int) -> list[dict[str, Any]]:
    people: defaultdict[int, dict[str, int]] = defaultdict(
        lambda: {"submitted": 0, "skipped": 0, "begun": 0}
    )
    made = Annotation.objects.filter(project_id=project, completed_by__isnull=False)
    grouped = made.values("completed_by").annotate(
        submitted=Count("task", filter=Q(was_cancelled=False), distinct=True),
        skipped=Count("task", filter=Q(was_cancelled=True), distinct=True),
    )
    for row in grouped:
        people[row["completed_by"]] |= {name: row[name] for name in ("submitted", "skipped")}
    drafts = AnnotationDraft.objects.filter(task__project_id=project, annotation__isnull=True)
    for row in drafts.values("user").annotate(begun=Count("task", distinct=True)):
        people[row["user"]]["begun"] = row["begun"]
    return [{"user": user, **counts} for user, counts in sorted(people.items())]
