"""The queue of what Label Studio told of: taken whole, and gone only when the work is done.

It saves waiting and is needed for nothing: what a lost event told of is found by asking. Whoever
adds a line while the queue is taken adds it to a new file; at worst such a line is lost.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from annotation.sidecar.lines import read_lines

TAKEN = ".taken"
Changed = dict[int, set[int]]


def is_waiting(queue: Path) -> bool:
    """Whether something was told of that nobody has looked at."""
    return queue.exists() and queue.stat().st_size > 0


@contextmanager
def taken(queue: Path) -> Iterator[Changed]:
    """The annotations that were told of, by project; they come again unless the block ends well."""
    place = queue.with_name(queue.name + TAKEN)
    if queue.exists():
        _move_behind(queue, place)
    yield _changed(place)
    place.unlink(missing_ok=True)


def _move_behind(queue: Path, place: Path) -> None:
    """Take the queue; what an interrupted run left stays in front of it."""
    if not place.exists():
        queue.rename(place)
        return
    fresh = queue.with_name(queue.name + ".next")
    queue.rename(fresh)
    with place.open("ab") as file:
        file.write(b"\n" + fresh.read_bytes())
    fresh.unlink()


def _changed(place: Path) -> Changed:
    found: Changed = defaultdict(set)
    for line in read_lines(place):
        project, annotation = line.get("project"), line.get("annotation")
        if isinstance(project, int) and isinstance(annotation, int) and annotation > 0:
            found[project].add(annotation)
    return found
