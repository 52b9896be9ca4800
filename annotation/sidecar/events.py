"""What Label Studio's webhooks tell of, as lines of the queue; what to make of it is for `pull`."""

from typing import Any, TypedDict

from schemas.errors import UsageError


class Event(TypedDict):
    """One annotation that was created, changed or deleted; 0 stands for a number not given."""

    at: str
    action: str
    project: int
    annotation: int
    user: int


_MOST_IN_ONE = 10_000


def parse_events(payload: Any, at: str) -> list[Event]:
    """The events of a webhook's payload, one per annotation that it names, at least one.

    UsageError when it is no payload of a webhook.
    """
    if not isinstance(payload, dict) or not isinstance(payload.get("action"), str):
        raise UsageError("a webhook's body is an object with an `action`")
    action = payload["action"][:64]
    project = _number(payload.get("project"))
    named = [payload.get("annotation"), payload.get("annotations")]
    flat = [one for some in named for one in (some if isinstance(some, list) else [some]) if one]
    return [
        Event(
            at=at,
            action=action,
            project=project or _number(one.get("project") if isinstance(one, dict) else 0),
            annotation=_number(one),
            user=_number(one.get("completed_by") if isinstance(one, dict) else 0),
        )
        for one in (flat[:_MOST_IN_ONE] or [{}])
    ]


def _number(value: Any) -> int:
    """An id, bare or in an object's `id`; 0 when there is none."""
    if isinstance(value, dict):
        value = value.get("id")
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
