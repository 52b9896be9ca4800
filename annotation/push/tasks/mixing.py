"""Which tasks are pushed, and in which order: those that are missing, the known ones among them."""

from collections.abc import Collection, Sequence

from annotation.push.tasks.task import Task


def missing_tasks(
    tasks: Sequence[Task], gold: Collection[str], present: Collection[str]
) -> list[Task]:
    """Tasks whose key is not `present`, by key, with those of `gold` spread evenly among them.

    Keys are digests, so that neighbours in a file are no neighbours here.
    """
    fresh = sorted((task for task in tasks if task.key not in present), key=lambda task: task.key)
    known = [task for task in fresh if task.key in gold]
    others = [task for task in fresh if task.key not in gold]
    placed = [*_spread(others), *_spread(known)]
    return [task for _, task in sorted(placed, key=lambda pair: (pair[0], pair[1].key))]


def _spread(tasks: Sequence[Task]) -> list[tuple[float, Task]]:
    return [((at + 0.5) / len(tasks), task) for at, task in enumerate(tasks)]
