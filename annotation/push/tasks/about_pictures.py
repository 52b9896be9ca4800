"""Tasks about a picture alone: describe it aloud, point at what is in it."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from annotation.push.tasks.task import KeyOf, Made, Task, picture_place

NEAR_DUPLICATES = "near-duplicates"
COLLECTION_METHODS = ("pointing", "counting")


def cap_task(image_id: str, min_seconds: float, key_of: KeyOf) -> Task:
    """Describe a picture aloud for at least `min_seconds` seconds."""
    data = {"min_seconds": min_seconds}
    return _about(image_id, data, key_of(image_id))


def points_task(image_id: str, collection_method: str, key_of: KeyOf) -> Task:
    """Point at things in a picture; the collection method is part of what a task is."""
    data = {"collection_method": collection_method}
    return _about(image_id, data, key_of(image_id, collection_method))


def _about(image_id: str, data: Mapping[str, Any], key: str) -> Task:
    shown = {"image_id": image_id, "image": picture_place(image_id)}
    return Task(key, {**shown, **data}, picture=image_id)


def cap_tasks(
    image_ids: Iterable[str], twins: Collection[str], min_seconds: float, key_of: KeyOf
) -> Made:
    """One task per picture but for `twins`, which another picture stands for."""
    ids = list(image_ids)
    tasks = tuple(cap_task(one, min_seconds, key_of) for one in ids if one not in twins)
    return _without_twins(tasks, ids)


def points_tasks(
    image_ids: Iterable[str], twins: Collection[str], collection_method: str, key_of: KeyOf
) -> Made:
    """One task per picture but for `twins`, which another picture stands for."""
    ids = list(image_ids)
    tasks = tuple(points_task(one, collection_method, key_of) for one in ids if one not in twins)
    return _without_twins(tasks, ids)


def _without_twins(tasks: tuple[Task, ...], ids: list[str]) -> Made:
    left = len(ids) - len(tasks)
    return Made(tasks, passed_over={NEAR_DUPLICATES: left} if left else {})
