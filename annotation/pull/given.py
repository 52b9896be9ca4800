"""Files of annotations that somebody gives: rows as `pull` writes them, or a JSON export.

An export of Label Studio (a list of tasks, each with its annotations) becomes the same items as a
pull makes, but for what Label Studio does not export: when the project was made, the guidelines and
the turns of the ask loop. So an annotation is either pulled or given, or it counts twice. Whoever
made the project, every annotation is an item; those of other people's projects have no `key` in
their tasks and end as `unknown_task`.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from annotation.pull.items import Context, Fetched, Item, items_of
from annotation.pull.pull import item_key
from annotation.results import plain_text
from pipelines.sources import Import
from pipelines.steps.pseudonyms import pseudonym
from pipelines.steps.read_rows import InputRow, read_rows
from pipelines.steps.revisions import is_item
from schemas.errors import UsageError
from schemas.files import open_fs
from schemas.judgment import Reject

_SHOWN = 2000  # characters of what could not be read


def given_import(kind: str, url: str, rows_per_part: int, salt: str) -> Import:
    """How a file of annotations of one kind comes into the store; `salt` is that of pseudonyms."""
    rows = partial(given_rows, kind, salt)
    return Import(
        url, f"sources/annotations/{kind}", given_key, rows_per_part, rows=rows, origin=""
    )


def given_key(row: dict[str, Any]) -> str | Reject:
    """The id of an item; a row that no annotation is behind has none."""
    if not is_item(row):
        return Reject("bad_row", "no row of `pixmo annotate pull`: no annotation and revision")
    if missing := [n for n in ("project_created_at", "deleted", "item") if n not in row]:
        return Reject("bad_row", f"no row of `pixmo annotate pull`: no {missing[0]}")
    return item_key(row)


def given_rows(kind: str, salt: str, url: str) -> Iterator[InputRow]:
    """The rows of a file or folder; a `.json` file is an export. UsageError for what is neither."""
    if PurePosixPath(url).suffix.lower() != ".json":
        return read_rows(url)
    rows = _items_of_tasks(kind, salt, _tasks(url))
    return (InputRow(number, *one) for number, one in enumerate(rows, 1))


def _tasks(url: str) -> list[Any]:
    fs, path = open_fs(url)
    if not fs.isfile(path):
        raise UsageError(f"{url}: no such file")
    try:
        tasks = json.loads(fs.cat_file(path))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{url}: not JSON ({error}); give a JSON export") from error
    if isinstance(tasks, dict) and "annotations" in tasks:
        tasks = [tasks]
    if not isinstance(tasks, list):
        raise UsageError(f"{url}: not a list of tasks; export the project as JSON, not as another")
    return tasks


def _items_of_tasks(
    kind: str, salt: str, tasks: list[Any]
) -> Iterator[tuple[Item | None, str, str]]:
    """Items, or what is wrong with a task and its beginning as JSON."""
    for task in tasks:
        annotations = task.get("annotations") if isinstance(task, dict) else None
        if not isinstance(annotations, list) or not annotations:
            yield None, "a task without annotations", _beginning(task)
            continue
        for one in annotations:
            if not isinstance(one, dict) or type(one.get("id")) is not int:
                yield None, "an annotation without a number", _beginning(one)
                continue
            for item in _items(kind, salt, task, one):
                yield item, "", ""


def _beginning(value: Any) -> str:
    return json.dumps(json.dumps(value)[:_SHOWN])


def _items(kind: str, salt: str, task: dict[str, Any], one: dict[str, Any]) -> list[Item]:
    data, user = task.get("data"), _user_of(one)
    fetched = Fetched(
        annotation_id=one["id"],
        data=data if isinstance(data, dict) else {},
        user_id=user,
        result=one.get("result"),
        skipped=bool(one.get("was_cancelled")),
        seconds=one.get("lead_time"),
        created_at=plain_text(one.get("created_at")),
        updated_at=plain_text(one.get("updated_at")),
    )
    project = next((n for n in (one.get("project"), task.get("project")) if type(n) is int), 0)
    known_as = "" if user is None else pseudonym(f"studio-user-{user}", salt)
    return items_of(kind, fetched, Context(project, "", known_as, ""))


def _user_of(one: dict[str, Any]) -> int | None:
    """Label Studio's number of who did it: as such, or in an object with more about the person."""
    user = one.get("completed_by")
    number = user.get("id") if isinstance(user, dict) else user
    return number if type(number) is int else None
