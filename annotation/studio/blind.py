"""What an annotator gets to see of Label Studio's answers: own work, and no names. No Django here.

Label Studio hands out everybody's annotations and e-mails with a task. Who has seen what others
answered no longer judges alone, so an answer is cut down to what the labeling page needs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Viewer:
    """Whose own work is left in."""

    id: int
    email: str


# All of a task that is handed on; what others did is counted and dated in the rest.
_TASK_KEYS = (
    *("id", "data", "inner_id", "overlap", "project", "queue", "created_at"),
    *("predictions", "predictions_score", "total_predictions", "allow_postpone", "allow_skip"),
    "unique_lock_id",  # sent back with the annotation, so that sending it twice makes one
)
_BACKEND_KEYS = (
    *("id", "project", "title", "is_interactive", "state", "readable_state", "model_version"),
    *("created_at", "updated_at", "timeout", "auto_update"),
)
_NAME_KEYS = ("email", "username", "first_name", "last_name", "initials", "avatar", "phone")


def no_names(value: Any, viewer: Viewer) -> Any:
    """The same without the names and addresses of anybody else."""
    if isinstance(value, list):
        return [no_names(one, viewer) for one in value]
    if not isinstance(value, dict):
        return value
    hidden = "email" in value and value["email"] != viewer.email
    return {
        key: "" if hidden and key in _NAME_KEYS else _part(key, one, viewer)
        for key, one in value.items()
    }


def _part(key: str, value: Any, viewer: Viewer) -> Any:
    """What people see and write is handed on as it is: it may hold a key that is called email."""
    return value if key in ("data", "result", "label_config") else no_names(value, viewer)


def task(value: Any, viewer: Viewer) -> Any:
    """A task with the viewer's own annotations and drafts."""
    if not isinstance(value, dict):
        return {}
    annotations = own_items(value.get("annotations"), viewer)
    drafts = own_items(value.get("drafts"), viewer)
    skipped = sum(bool(one.get("was_cancelled")) for one in annotations)
    own = {
        "annotations": annotations,
        "drafts": drafts,
        "draft_exists": bool(drafts),
        "total_annotations": len(annotations) - skipped,
        "cancelled_annotations": skipped,
        "is_labeled": len(annotations) > skipped,
    }
    # Label Studio's page reads these, and they tell of others.
    empty: dict[str, Any] = {"annotators": [], "updated_by": [], "comment_authors": [], "meta": {}}
    return {key: value[key] for key in _TASK_KEYS if key in value} | own | empty


def own_items(value: Any, viewer: Viewer) -> list[dict[str, Any]]:
    """Those annotations or drafts of a list that are the viewer's."""
    items = value if isinstance(value, list) else []
    return [no_names(one, viewer) for one in items if _is_own(one, viewer)]


def _is_own(item: Any, viewer: Viewer) -> bool:
    if not isinstance(item, dict):
        return False
    author = item.get("completed_by", item.get("user"))
    if isinstance(author, dict):
        author = author.get("id")
    return author in (viewer.id, viewer.email) and not isinstance(author, bool)


def own_account(value: Any, viewer: Viewer) -> list[Any]:
    """The viewer alone, of all users."""
    users = value if isinstance(value, list) else []
    mine = [one for one in users if isinstance(one, dict) and one.get("id") == viewer.id]
    return [no_names(one, viewer) for one in mine]


def backends(value: Any, viewer: Viewer) -> list[Any]:
    """ML backends without where they are and how to log in there."""
    found = value if isinstance(value, list) else []
    return [
        {key: one[key] for key in _BACKEND_KEYS if key in one}
        for one in found
        if isinstance(one, dict)
    ]


VIEWS: dict[str, Callable[[Any, Viewer], Any]] = {
    "no_names": no_names,
    "task": task,
    "own_items": own_items,
    "own_account": own_account,
    "backends": backends,
}
