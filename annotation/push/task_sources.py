"""Where tasks come from: tables of the store and files of the coordinator, one function per kind.

Everything is read and checked before Label Studio hears of it, so that a file with a mistake in it
changes nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from annotation.push.options import PushOptions, Settings
from annotation.push.tasks.about_answers import pair_tasks
from annotation.push.tasks.about_captions import ask_tasks
from annotation.push.tasks.about_counts import count_task, unchecked_tasks
from annotation.push.tasks.about_pictures import cap_tasks, points_tasks
from annotation.push.tasks.about_speech import Heard, review_tasks
from annotation.push.tasks.known_answers import Around, known_tasks
from annotation.push.tasks.row_values import BadValue, image_of, text_of
from annotation.push.tasks.task import KeyOf, Made, Refused, Task, once_each, task_key
from pipelines.steps.read_rows import InputRow, read_rows
from schemas.annotations import PreferencePair
from schemas.errors import UsageError
from schemas.store import Store


@dataclass(frozen=True)
class Sources:
    """What tasks are made from: the store, what the command was given, the campaign's salt.

    `pairs` are those of kind preference, as `annotation.push.answer_pairs` drew them.
    """

    store: Store
    options: PushOptions
    settings: Settings
    salt: str
    pairs: tuple[PreferencePair, ...] = ()


def make_tasks(kind: str, sources: Sources) -> Made:
    """All tasks of a kind that the sources call for, known ones among them.

    UsageError when a table is missing or a file cannot be read.
    """
    key_of = partial(task_key, kind, sources.salt)
    made = _KINDS[kind](sources, key_of)
    if not sources.options.gold:
        return made
    known = _known(kind, sources, key_of)
    here = {task.key for task in made.tasks}
    fresh = tuple(task for task in known.tasks if task.key not in here)
    return made + Made(fresh, known.refused, known.known)


def _cap(sources: Sources, key_of: KeyOf) -> Made:
    ids = _need(sources.store, "images", "image_id", "pixmo ingest")
    return cap_tasks(ids, twins_of(sources.store), sources.settings.min_seconds, key_of)


def _points(sources: Sources, key_of: KeyOf) -> Made:
    ids = _need(sources.store, "images", "image_id", "pixmo ingest")
    method = sources.settings.collection_method
    return points_tasks(ids, twins_of(sources.store), method, key_of)


def _review(sources: Sources, key_of: KeyOf) -> Made:
    pictures = frozenset(picture_ids(sources.store))
    return review_tasks(transcripts_of(sources.store), pictures, key_of)


def _ask(sources: Sources, key_of: KeyOf) -> Made:
    _need(sources.store, "captions", "image_id", "pixmo caption")
    captions = _rows(sources.store, "captions", ("image_id", "caption"))
    texts, refused = _ocr(sources)
    return ask_tasks(captions, texts, key_of) + Made(refused=refused)


def _count(sources: Sources, key_of: KeyOf) -> Made:
    if not sources.options.candidates:
        return _count_of_store(sources, key_of)
    known = frozenset(picture_ids(sources.store))
    url = sources.options.candidates
    tasks: list[Task] = []
    places: list[str] = []
    refused = []
    for row in read_rows(url):
        where = f"{url}, row {row.number}"
        found = _try(where, row, lambda values: count_task(values, known, key_of))
        if isinstance(found, Refused):
            refused.append(found)
        else:
            tasks.append(found)
            places.append(where)
    return once_each(tasks, places) + Made(refused=tuple(refused))


def _count_of_store(sources: Sources, key_of: KeyOf) -> Made:
    """What the table `count` has to be checked; nothing where known answers are all there is."""
    store, columns = sources.store, ("image_id", "label", "points", "checked")
    if sources.options.gold and not store.part_numbers("count"):
        return Made()
    _need(store, "count", "image_id", "pixmo count")
    _need(store, "splits", "image_id", "pixmo export all --validation 0.01 --test 0.01")
    rows = (dict(zip(columns, row, strict=True)) for row in _rows(store, "count", columns))
    splits = dict(_rows(store, "splits", ("image_id", "split")))
    return unchecked_tasks(rows, splits, twins_of(store), key_of)


def _preference(sources: Sources, key_of: KeyOf) -> Made:
    known = frozenset(picture_ids(sources.store))
    return pair_tasks(sources.pairs, known, key_of)


_KINDS: dict[str, Callable[[Sources, KeyOf], Made]] = {
    "cap": _cap,
    "transcript_review": _review,
    "points": _points,
    "ask_model_anything": _ask,
    "point_explanations": _ask,
    "count": _count,
    "preference": _preference,
}


def _known(kind: str, sources: Sources, key_of: KeyOf) -> Made:
    pictures = frozenset(picture_ids(sources.store))
    review = kind == "transcript_review"
    heard = {one.recording_id: one for one in transcripts_of(sources.store)} if review else {}
    around = Around(key_of, pictures, heard, sources.settings.collection_method)
    url = sources.options.gold
    return known_tasks(kind, url, read_rows(url), around)


# --- tables


def picture_ids(store: Store) -> list[str]:
    """The ids of all pictures of the store."""
    return [row[0] for row in _rows(store, "images", ("image_id",))]


def twins_of(store: Store) -> frozenset[str]:
    """Pictures that another one stands for; none where dedupe did not run."""
    pairs = _rows(store, "duplicates", ("image_id", "representative_id"))
    return frozenset(own for own, other in pairs if own != other)


def transcripts_of(store: Store) -> list[Heard]:
    """What the recogniser heard; UsageError when it has heard nothing."""
    _need(store, "transcripts", "recording_id", "pixmo transcribe")
    return [Heard(*row) for row in _rows(store, "transcripts", Heard._fields)]


def _need(store: Store, table: str, key: str, remedy: str) -> list[str]:
    found = [row[0] for row in _rows(store, table, (key,))]
    if not found:
        raise UsageError(f"{store.url} has no {table}: `{remedy}` makes them")
    return found


def _rows(store: Store, table: str, columns: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    for number in store.part_numbers(table):
        found = store.read(table, number, columns)
        yield from zip(*(found.column(name).to_pylist() for name in columns), strict=True)


# --- files


def _ocr(sources: Sources) -> tuple[dict[str, str], tuple[Refused, ...]]:
    """Text in pictures by image id: of the table `ocr` where there is one, and of the file."""
    texts = {key: text or "" for key, text in _rows(sources.store, "ocr", ("image_id", "text"))}
    refused = []
    url = sources.options.ocr
    for row in read_rows(url) if url else ():
        found = _try(f"{url}, row {row.number}", row, _ocr_row)
        if isinstance(found, Refused):
            refused.append(found)
        else:
            texts |= [found]
    return texts, tuple(refused)


def _ocr_row(values: dict[str, Any]) -> tuple[str, str]:
    if values.get("text") == "":
        return image_of(values), ""  # a picture without text is no mistake
    return image_of(values), text_of(values, "text")


def _try(where: str, row: InputRow, make: Callable[[dict[str, Any]], Any]) -> Any:
    """What `make` makes of a row, or a Refused that says where the row stands."""
    if row.values is None:
        return Refused(where, "unreadable_row", row.error)
    try:
        return make(row.values)
    except BadValue as bad:
        return Refused(where, bad.reason, bad.detail)
