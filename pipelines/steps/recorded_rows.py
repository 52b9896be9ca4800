"""What a row of `sources/recordings` says beside its file: who, for what, what is refused at once.

A row from Label Studio carries what the page promised the speaker, so that a
recording is judged by the limit that was on the screen.
"""

from typing import Any

from pipelines.steps.revisions import is_item
from schemas.judgment import Reject

_OWN = ("audio", "image_url", "image_id", "image_sha256", "annotator", "language")
# What is asked of a row from Label Studio, and not carried along.
_ASKED = ("annotator_id", "audio_sha256", "recorded_by", "recorded_for", "min_seconds")
_STATE = ("item", "skipped", "deleted", "project_created_at")


def carried_of(row: dict[str, Any]) -> dict[str, Any]:
    """What is carried along into the record."""
    own = {*_OWN, *_ASKED, *_STATE} if is_item(row) else {*_OWN}
    return {name: value for name, value in row.items() if name not in own}


def refusal_of_row(row: dict[str, Any]) -> Reject | None:
    """Why a row from Label Studio is no recording; None for one that may be."""
    if not is_item(row):
        return None
    if row.get("skipped") is True:
        return Reject("skipped", "the person skipped the task")
    if not row.get("task_key"):
        return Reject("unknown_task", "the task has no `key`: it was not made by `annotate push`")
    if not row.get("audio"):
        return Reject("missing_recording", "the annotation names no recording that was kept")
    for name, own, what in (
        ("recorded_by", "annotator_id", "somebody else"),
        ("recorded_for", "task_key", "another task"),
    ):
        if row.get(name) != row.get(own):
            return Reject("foreign_recording", f"it was recorded by or for {what}")
    return None


def limits_of(row: dict[str, Any], least_s: float) -> float:
    """The shortest duration that a row is held to, in seconds: its page's, else `least_s`."""
    said = row.get("min_seconds") if is_item(row) else None
    return float(said) if isinstance(said, int | float) and said >= 0 else least_s
