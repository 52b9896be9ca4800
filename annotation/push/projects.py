"""The project of a kind in Label Studio: created once, brought up to date by every push.

A project is found by its number in the registry, and where that is lost by its description, so
that a push that was killed between creating and remembering does not create a second one.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from annotation.campaign import Campaign
from annotation.home import Home
from annotation.kinds import Kind
from annotation.push.guideline_page import guideline_html
from annotation.push.options import Settings
from annotation.refusals import said_by
from annotation.registry import Project, load_projects, save_project
from annotation.sidecar.login import SECRET_HEADER, USER
from schemas.errors import StageError
from schemas.ids import content_id

if TYPE_CHECKING:
    from label_studio_sdk import LabelStudio

EVENTS = ("ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_DELETED")
BACKEND = "pixmo"  # the title of our server among those of a project
DRAFT_S = 100.0  # what Label Studio waits for a draft at most
# Kinds whose pages start with something: all others must not show predictions.
_PREFILLED = ("transcript_review", "count")


@dataclass(frozen=True)
class Ready:
    """A project that is as it should be, and what a coordinator ought to know about it."""

    project: Project
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Desk:
    """What a push works with: the campaign's folder, the campaign, its client, its secret."""

    home: Home
    campaign: Campaign
    studio: "LabelStudio"
    secret: str


def project_url(campaign: Campaign, project_id: int) -> str:
    """Where a project opens in a browser."""
    base = campaign.studio.public_url or campaign.studio.url
    return f"{base.rstrip('/')}/projects/{project_id}/data"


def ready_project(desk: Desk, kind: Kind, settings: Settings, now: str) -> Ready:
    """The project of a kind, created or brought up to date; `now` is the ISO time."""
    wanted = _wanted(kind, settings, _mark(desk, kind))
    registered = load_projects(desk.home).get(kind.name)
    found = _find(desk, kind, registered)
    notes: list[str] = []
    if found is None:
        if registered:
            notes.append(f"project {registered.project_id} is gone: a new one takes its place")
        number = _create(desk, kind, wanted)
        registered = None
    else:
        number = int(found.id)
        notes += _update(desk, found, wanted)
    project = _remember(desk.home, kind, number, settings, now, registered)
    _register_events(desk, number)
    if kind.interactive:
        _register_backend(desk, number)
    return Ready(project, tuple(notes))


def _wanted(kind: Kind, settings: Settings, mark: str) -> dict[str, Any]:
    # Label Studio strips texts: what is compared later must be stripped, too.
    return {
        "title": kind.title,
        "description": mark,
        "label_config": kind.label_config.strip(),
        "expert_instruction": guideline_html(kind.guideline_text).strip(),
        "show_instruction": True,
        "sampling": "Sequential sampling",
        "maximum_annotations": settings.overlap,
        "show_collab_predictions": kind.name in _PREFILLED,
        "evaluate_predictions_automatically": False,
        "enable_empty_annotation": False,
        "show_annotation_history": False,
    }


def _mark(desk: Desk, kind: Kind) -> str:
    """What a campaign's project is known by: one Label Studio may serve several campaigns."""
    return f"pixmo {kind.name} {content_id('campaign', desk.campaign.store)[:8]}"


def _find(desk: Desk, kind: Kind, registered: Project | None) -> Any:
    """Label Studio's project of a kind, or None."""
    from label_studio_sdk.core.api_error import ApiError

    if registered:
        try:
            return desk.studio.projects.get(registered.project_id)
        except ApiError as error:
            if error.status_code != 404:
                raise
    found: list[Any] = list(desk.studio.projects.list())
    marked = [int(one.id) for one in found if one.description == _mark(desk, kind)]
    return desk.studio.projects.get(min(marked)) if marked else None


def _create(desk: Desk, kind: Kind, wanted: dict[str, Any]) -> int:
    made: Any = desk.studio.projects.create(**wanted, request_options={"max_retries": 0})
    return int(made.id)


def _update(desk: Desk, found: Any, wanted: dict[str, Any]) -> list[str]:
    """Change what differs; a label config that people's work forbids stays, and a note says so."""
    from label_studio_sdk.core.api_error import ApiError

    differs = {name: value for name, value in wanted.items() if getattr(found, name) != value}
    config = differs.pop("label_config", None)
    if differs:
        desk.studio.projects.update(found.id, **differs)
    if config is None:
        return []
    try:
        desk.studio.projects.update(found.id, label_config=config)
    except ApiError as error:
        if error.status_code != 400:
            raise
        return [
            "the labeling page stays as it was: Label Studio refuses the new one because of what "
            f"people have done ({said_by(error.body)})"
        ]
    return ["the labeling page was brought up to date"]


def _remember(
    home: Home, kind: Kind, number: int, settings: Settings, now: str, known: Project | None
) -> Project:
    """Put the project into the registry, and since when its guidelines are shown."""
    before = known or Project(kind.name, number)
    shown = before.guidelines
    if not shown or shown[-1][0] != kind.guideline:
        shown = (*shown, (kind.guideline, now))
    kept = before.settings | settings.kept(kind)
    project = replace(before, project_id=number, guidelines=shown, settings=kept)
    if project != known:
        save_project(home, project)
    return project


def _register_events(desk: Desk, number: int) -> None:
    """Have Label Studio tell our own server what happens, where that server has a port."""
    if not desk.campaign.studio.sidecar_port:
        return
    url = f"{desk.campaign.studio.sidecar_url}/events"
    headers = {SECRET_HEADER: desk.secret}
    wanted = {"url": url, "headers": headers, "actions": list(EVENTS), "send_payload": True}
    wanted |= {"send_for_all_actions": False, "is_active": True}
    ours = [
        hook for hook in desk.studio.webhooks.list(project=str(number)) if hook.project == number
    ]
    if not ours:
        desk.studio.webhooks.create(project=number, **wanted, request_options={"max_retries": 0})
        return
    hook, *surplus = ours
    differs = {n: v for n, v in wanted.items() if _plain(getattr(hook, n)) != _plain(v)}
    if differs:
        desk.studio.webhooks.update(hook.id, **wanted)
    for other in surplus:
        desk.studio.webhooks.delete(other.id)


def _plain(value: Any) -> Any:
    """Lists without order; the SDK's enumerations as texts."""
    return sorted(map(str, value)) if isinstance(value, list | tuple) else value


def _register_backend(desk: Desk, number: int) -> None:
    """Put our own server, which drafts answers, behind an interactive project.

    Label Studio asks that server for its health at once: StageError when it does not answer.
    """
    from label_studio_sdk.core.api_error import ApiError

    try:
        _put_backend(desk, number)
    except ApiError as error:
        if error.status_code != 400:
            raise
        raise StageError(
            f"Label Studio does not reach our own server at {desk.campaign.studio.sidecar_url}: "
            f"`pixmo annotate up` starts it again ({said_by(error.body)})"
        ) from error


def _put_backend(desk: Desk, number: int) -> None:
    url = desk.campaign.studio.sidecar_url
    login = {"basic_auth_user": USER, "basic_auth_pass": desk.secret}
    wanted = {"url": url, "title": BACKEND, "is_interactive": True, "timeout": DRAFT_S}
    ours = [one for one in desk.studio.ml.list(project=number) if one.title == BACKEND]
    if not ours:
        desk.studio.ml.create(project=number, auth_method="BASIC_AUTH", **login, **wanted)
    elif any(getattr(ours[0], name) != value for name, value in wanted.items()):
        backend = {"project": number, "auth_method": "BASIC_AUTH", **login, **wanted}
        desk.studio.ml.update(ours[0].id, **backend)
