"""What annotators see after they log in: the projects, what to do there, and how much is left.

Label Studio's own start page and table of tasks stay shut for them.
"""

import html
import re
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.html import strip_tags
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@login_required  # type: ignore[untyped-decorator]
@require_safe  # type: ignore[untyped-decorator]
@never_cache  # type: ignore[untyped-decorator]
def landing(request: HttpRequest) -> HttpResponse:
    """All projects with tasks, those with something left first."""
    found = [_project(one, request.user) for one in _projects(request.user)]
    shown = [one for one in found if one["left"] or one["done"]]
    shown.sort(key=lambda one: (not one["left"], one["id"]))
    return render(request, "pixmo/landing.html", {"projects": shown})


@login_required  # type: ignore[untyped-decorator]
@require_safe  # type: ignore[untyped-decorator]
@never_cache  # type: ignore[untyped-decorator]
def guidelines(request: HttpRequest, project: int) -> HttpResponse:
    """The guidelines of a project; coordinators wrote them, so their markup stands."""
    asked = get_object_or_404(_projects(request.user), id=project)
    return render(request, "pixmo/guidelines.html", {"project": asked})


def _projects(user: Any) -> Any:
    from projects.models import Project

    return Project.objects.filter(organization_id=user.active_organization_id)


def _project(project: Any, user: Any) -> dict[str, Any]:
    """A project as the page shows it; `left` is what Label Studio may still deal to this person."""
    mine = project.annotations.filter(completed_by=user)
    answered = mine.values("task_id")
    return {
        "id": project.id,
        "title": project.title,
        "task": _task_line(project),
        "has_guidelines": bool((project.expert_instruction or "").strip()),
        "left": project.tasks.filter(is_labeled=False).exclude(id__in=answered).count(),
        "done": mine.filter(was_cancelled=False).count(),
    }


def _task_line(project: Any) -> str:
    """What to do in a project: the first sentence of its guidelines, else its description.

    The description of a project of ours is a mark that the commands know it by.
    """
    paragraph = re.search("<p>(.*?)</p>", project.expert_instruction or "", re.DOTALL)
    if paragraph is None:
        return str(project.description or "")
    text = " ".join(html.unescape(strip_tags(paragraph[1])).split())
    return re.split(r"(?<=[.!?]) ", text)[0]
