"""What has to hold before an annotator's request reaches Label Studio: it is about own work.

Each check gets the request, the person and the numbers in the path. It returns nothing, or an
answer instead of Label Studio's, or raises Denied. Whose work it is comes from the session alone:
a request that names somebody else is refused, and so is one that would put work elsewhere.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.utils import timezone

LANDING = "/pixmo/"
LOCKS = 64  # files; tasks share them

# What the labeling page sends with an annotation or a draft.
_CONTENT = {
    *("result", "lead_time", "draft_id", "parent_prediction", "started_at", "unique_id"),
    *("was_cancelled", "was_postponed"),
}
_PLACE = {"id", "task", "project", "annotation", "completed_by", "user", "created_by"}


class Denied(Exception):
    """A request that is refused: the HTTP status, and what the person is told."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


NOT_YOURS = "This is somebody else's work."
ANSWERED = "You have answered this task already. Load the page again to go on with the next one."
FULL = "This task has all the answers it needs. Load the page again to go on with the next one."


def home(request: HttpRequest, user: Any, *project: int) -> HttpResponse:
    """Label Studio's own pages are for coordinators: on to ours."""
    return HttpResponseRedirect(LANDING)


def label_stream(request: HttpRequest, user: Any, project: int) -> HttpResponse | None:
    """A project's page as the stream of tasks; the table of all tasks stays shut."""
    if request.GET.getlist("labeling") == ["1"] and "task" not in request.GET:
        return None
    return HttpResponseRedirect(LANDING)


def no_tasks(request: HttpRequest, user: Any) -> HttpResponse:
    """The labeling page asks for a table that it does not show."""
    return JsonResponse({"tasks": [], "total": 0, "total_annotations": 0, "total_predictions": 0})


def no_links(request: HttpRequest, user: Any) -> HttpResponse:
    """The labeling page asks for shared labels, which we have none of."""
    return JsonResponse({"count": 0, "next": None, "previous": None, "results": []})


def first_view(request: HttpRequest, user: Any) -> None:
    """The labeling page stores its table once; a filter would tell what others answered."""
    from data_manager.models import View

    values = _body(request)
    _no_query_but(request, {"project", "tabID", "interaction"})
    _no_filters(values.get("data"))
    if not set(values) <= {"data", "project", "id", "order"}:
        raise Denied(403, "A view of the labeling page has no more than its columns.")
    if View.objects.filter(user=user, project_id=_number(values.get("project"))).exists():
        raise Denied(403, "You have a view of this project already.")


def next_task(request: HttpRequest, user: Any) -> None:
    """The next task as Label Studio deals them; a filter would pick one by what others answered."""
    if request.GET.getlist("id") != ["next_task"]:
        raise Denied(403, "Annotators cannot do this.")
    _no_query_but(request, {"id", "project", "tabID", "interaction"})
    values = _body(request)
    _no_filters(values)
    if not set(values) <= {"project", "ordering", "filters", "selectedItems"}:
        raise Denied(403, "The next task is not chosen by hand.")


def _no_filters(values: Any) -> None:
    """Refuse whatever picks or sorts tasks."""
    if not isinstance(values, dict):
        raise Denied(400, "A JSON object is needed.")
    filters = values.get("filters") or {}
    chosen = values.get("selectedItems") or {}
    picked = not isinstance(filters, dict) or not isinstance(chosen, dict)
    if picked or values.get("ordering") or filters.get("items"):
        raise Denied(403, "Annotators cannot filter or sort tasks.")
    if chosen.get("included") or chosen.get("excluded"):
        raise Denied(403, "Annotators cannot pick tasks.")


def task_in_reach(request: HttpRequest, user: Any, task_id: int) -> None:
    """A task that a person works on or worked on, or that still wants answers."""
    reachable(user, task_id)


def reachable(user: Any, task_id: int) -> Any:
    """The task, if it is in the person's reach; Denied otherwise."""
    from tasks.models import Task

    task = Task.objects.select_related("project").filter(id=task_id).first()
    if task is None or task.project.organization_id != user.active_organization_id:
        raise Denied(404, "There is no such task.")
    if not is_reachable(user, task):
        raise Denied(403, FULL)
    return task


def is_reachable(user: Any, task: Any) -> bool:
    """Whether a person may read a task: it wants answers, was dealt to them, or they answered."""
    return bool(
        not task.is_labeled
        or task.annotations.filter(completed_by=user).exists()
        or task.drafts.filter(user=user).exists()
        or task.locks.filter(user=user, expire_at__gt=timezone.now()).exists()
    )


def new_annotation(request: HttpRequest, user: Any, task_id: int) -> None:
    """One annotation per person and task, as many people as the task wants; Label Studio's POST
    checks neither. The caller holds the task's lock."""
    task = reachable(user, task_id)
    values = _own_values(request, user, {"task": task_id, "project": task.project_id})
    if task.annotations.filter(completed_by=user).exists():
        raise Denied(409, ANSWERED)
    if values.get("was_cancelled"):
        _may_skip(task)
    else:
        _has_room(task, user)


def changed_annotation(request: HttpRequest, user: Any, number: int) -> None:
    """A person's own annotation, which stays theirs and on its task."""
    annotation = _own(_annotations(), number, "completed_by_id", user)
    task = annotation.task
    place = {"id": number, "task": task.id, "project": task.project_id}
    values = _own_values(request, user, place)
    if values.get("was_cancelled"):
        _may_skip(task)
    elif annotation.was_cancelled and "was_cancelled" in values:
        _has_room(task, user)


def _may_skip(task: Any) -> None:
    if not task.project.show_skip_button:
        raise Denied(403, "Tasks of this project cannot be skipped.")


def _has_room(task: Any, user: Any) -> None:
    others = task.annotations.filter(was_cancelled=False).exclude(completed_by=user)
    if others.values("completed_by").distinct().count() >= task.overlap:
        raise Denied(409, FULL)


def own_annotation(request: HttpRequest, user: Any, number: int) -> None:
    """A person's own annotation."""
    _own(_annotations(), number, "completed_by_id", user)


def skipped_annotation(request: HttpRequest, user: Any, number: int) -> None:
    """To take a skip back the page deletes it; what was submitted is changed, not deleted."""
    if not _own(_annotations(), number, "completed_by_id", user).was_cancelled:
        raise Denied(403, "What is submitted can be changed, not deleted.")


def new_draft(request: HttpRequest, user: Any, task_id: int) -> None:
    """A draft of one's own."""
    task = reachable(user, task_id)
    _own_values(request, user, {"task": task_id, "project": task.project_id})


def annotation_drafts(request: HttpRequest, user: Any, task_id: int, number: int) -> None:
    """Drafts of one's own annotation, at its task."""
    if _own(_annotations(), number, "completed_by_id", user).task_id != task_id:
        raise Denied(404, "There is no such annotation of this task.")


def annotation_draft(request: HttpRequest, user: Any, task_id: int, number: int) -> None:
    """A new draft of one's own annotation."""
    annotation_drafts(request, user, task_id, number)
    project = _annotations().get(id=number).project_id
    _own_values(request, user, {"task": task_id, "annotation": number, "project": project})


def own_draft(request: HttpRequest, user: Any, number: int) -> None:
    """A draft of one's own."""
    _own(_drafts(), number, "user_id", user)


def changed_draft(request: HttpRequest, user: Any, number: int) -> None:
    """A draft of one's own, which stays where it is."""
    draft = _own(_drafts(), number, "user_id", user)
    place = {"id": number, "task": draft.task_id, "annotation": draft.annotation_id}
    _own_values(request, user, place | {"project": draft.task.project_id})


def draft_request(request: HttpRequest, user: Any, backend: int) -> None:
    """The text model may be asked about a task in reach."""
    values = _body(request)
    if not set(values) <= {"task", "context"}:
        raise Denied(403, "The text model is asked about a task and what is written there.")
    reachable(user, _number(values.get("task")))


def _annotations() -> Any:
    from tasks.models import Annotation

    return Annotation.objects.select_related("task__project")


def _drafts() -> Any:
    from tasks.models import AnnotationDraft

    return AnnotationDraft.objects.select_related("task")


def _own(rows: Any, number: int, author: str, user: Any) -> Any:
    row = rows.filter(id=number).first()
    if row is None:
        raise Denied(404, "There is no such work.")
    if getattr(row, author) != user.id:
        raise Denied(403, NOT_YOURS)
    return row


def _own_values(request: HttpRequest, user: Any, place: dict[str, Any]) -> dict[str, Any]:
    """The body of an annotation or a draft, when it names nobody else and no other place."""
    _no_query_but(request, {"project", "taskID", "interaction"})
    values = _body(request)
    own = place | {"completed_by": user.id, "user": user.email, "created_by": user.id}
    for key, value in values.items():
        if key in _PLACE and value is not None and str(value) != str(own.get(key)):
            raise Denied(403, f"This is sent for another {key.partition('_')[0]} than yours.")
        if key not in _CONTENT | _PLACE and value:
            raise Denied(403, f"Annotators cannot set {key[:40]}.")
    return values


def _no_query_but(request: HttpRequest, allowed: set[str]) -> None:
    if not set(request.GET) <= allowed:
        raise Denied(403, "This address asks for more than annotators may.")


def _body(request: HttpRequest) -> dict[str, Any]:
    """The JSON object that Label Studio will read too, so nothing but plain UTF-8 passes."""
    kind = request.content_type
    charset = (request.content_params or {}).get("charset", "utf-8")
    if kind != "application/json" or charset.lower() not in ("utf-8", "utf8"):
        raise Denied(415, "Send JSON in UTF-8.")
    try:
        values = json.loads(request.body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Denied(400, "This is no JSON.") from error
    if not isinstance(values, dict):
        raise Denied(400, "A JSON object is needed.")
    return values


def _number(value: Any) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Denied(400, "A number is missing.")
    return int(text)


def task_to_hold(check: str, numbers: tuple[int, ...]) -> int | None:
    """The task to lock where a check counts what is there, so that two at once do not both pass."""
    if check == "new_annotation":
        return numbers[0]
    if check == "changed_annotation":
        found = _annotations().filter(id=numbers[0]).values_list("task_id", flat=True)
        return next(iter(found), None)
    return None


@contextmanager
def task_lock(number: int) -> Iterator[None]:
    """One at a time per task, over all threads and processes of this machine."""
    folder = Path(os.environ["PIXMO_HOME"]) / "studio" / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / str(number % LOCKS)).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


CHECKS: dict[str, Callable[..., HttpResponse | None]] = {
    one.__name__: one
    for one in (
        *(home, label_stream, no_tasks, no_links, first_view, next_task, task_in_reach),
        *(new_annotation, changed_annotation, own_annotation, skipped_annotation, new_draft),
        *(annotation_drafts, annotation_draft, own_draft, changed_draft, draft_request),
    )
}
