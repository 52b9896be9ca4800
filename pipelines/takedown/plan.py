"""The plan of a takedown and its journal: what is to go, found once while everything is there.

The journal holds the plan in clear, because after a kill half of what it was found from is gone; it
is the last file that a takedown removes. Every step that follows it can be done twice.
"""

import dataclasses
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from pipelines.stage import Stage
from pipelines.steps.captions import CaptionConfig
from pipelines.steps.denylist import Denylist
from pipelines.steps.takedown_rows import Doomed
from pipelines.steps.takedown_traces import Traces, parse_json
from pipelines.takedown.answers import Spoken, answers_of, config_of
from pipelines.takedown.found import Found
from pipelines.takedown.near import NearPicture, near_pictures
from pipelines.takedown.parts import Hits, count_hits, part_numbers, parts_up_to_date
from pipelines.takedown.scan import files_below
from pipelines.takedown.targets import find_doomed
from schemas.errors import UsageError
from schemas.files import write_text
from schemas.store import Store
from schemas.tables import TABLES
from schemas.takedown import FOLDER, Gone, TakedownRequest

PENDING = "pending-"
_COUNTED = Denylist(b"counting")  # digests of a dry run, which nobody sees


@dataclass(frozen=True)
class Plan:
    """What one takedown removes, and how the store was before it.

    `hits` name the parts (`table/number`) that hold something to remove; `answers` are paths of
    cached answers; `contents` and `commits` are by part, `current` the parts that were up to date;
    `release` and `files` are sizes and times by path; `denied` are entries for the denylist.
    """

    takedown_id: str
    date: str
    request: TakedownRequest
    doomed: Doomed = field(default_factory=Doomed)
    pictures: int = 0
    recordings: int = 0
    tables: tuple[Gone, ...] = ()
    hits: frozenset[str] = frozenset()
    answers: tuple[str, ...] = ()
    contents: dict[str, str] = field(default_factory=dict)
    commits: dict[str, str] = field(default_factory=dict)
    current: frozenset[str] = frozenset()
    files: dict[str, str] = field(default_factory=dict)
    denied: tuple[tuple[str, str, int], ...] = ()
    near: tuple[NearPicture, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether no table and no cached answer holds what is asked for."""
        return not (self.hits or self.answers)


def make_plan(store: Store, plan: Plan, stages: Sequence[Stage], salt: str) -> Plan:
    """`plan` (id, date and request) with everything that its request means on this store."""
    doomed, found = find_doomed(store, plan.request, salt)
    hits = dict(_hits(store, doomed))
    tables = _gone(hits)
    infos = {f"{table}/{info.number}": info for table in TABLES for info in store.infos(table)}
    return dataclasses.replace(
        plan,
        doomed=doomed,
        pictures=found.pictures,
        recordings=_count_recordings(store, doomed),
        tables=tables,
        hits=frozenset(hits),
        answers=tuple(_answers(store, doomed, found)),
        contents={name: info.content for name, info in infos.items()},
        commits={name: info.commit for name, info in infos.items()},
        current=frozenset(
            f"{s.table}/{n}" for s in stages for n in (parts_up_to_date(store, s) if hits else ())
        ),
        files=file_stamps(store),
        denied=tuple(sorted(found.denied)),
        near=tuple(near_pictures(store, found)),
    )


def _hits(store: Store, doomed: Doomed) -> Iterator[tuple[str, Hits]]:
    for table in TABLES:
        for number in part_numbers(store, table):
            if hits := count_hits(store, table, number, doomed, _COUNTED):
                yield f"{table}/{number}", hits


def _gone(hits: dict[str, Hits]) -> tuple[Gone, ...]:
    records: Counter[str] = Counter()
    rejects: Counter[str] = Counter()
    for name, found in hits.items():
        table = name.rpartition("/")[0]
        records[table] += found.records
        rejects[table] += found.rejects
    return tuple(Gone(t, records[t], rejects[t]) for t in TABLES if records[t] or rejects[t])


def _count_recordings(store: Store, doomed: Doomed) -> int:
    """Recordings that go; where only transcripts are there, those."""
    table = "recordings" if store.part_numbers("recordings") else "transcripts"
    return sum(
        key in doomed.recording_ids
        for number in store.part_numbers(table)
        for key in store.read(table, number, ["recording_id"])[0].to_pylist()
    )


def _answers(store: Store, doomed: Doomed, found: Found) -> list[str]:
    root = len(store.path().rstrip("/")) + 1
    configs = {config for info in store.infos("captions") if (config := _config(info.config))}
    spoken = list(_spoken(store, doomed)) if found.texts else []
    paths = answers_of(store, spoken, found.texts, configs or {CaptionConfig()})
    return [path[root:] for path in paths]


def _config(settings: dict[str, Any]) -> CaptionConfig | None:
    return config_of(settings.get("captions", {}))


def _spoken(store: Store, doomed: Doomed) -> Iterator[Spoken]:
    """The transcripts of every picture that loses one or more."""
    said: dict[str, list[tuple[str, str]]] = defaultdict(list)
    columns = ["image_id", "recording_id", "text"]
    affected = set(doomed.image_ids | doomed.orphans)
    for wanted in (False, True):
        for number in store.part_numbers("transcripts"):
            for row in store.read("transcripts", number, columns).to_pylist():
                if not wanted and row["recording_id"] in doomed.recording_ids:
                    affected.add(row["image_id"])
                elif wanted and row["image_id"] in affected and row["text"].strip():
                    said[row["image_id"]].append((row["recording_id"], row["text"]))
    for own in said.values():
        ordered = sorted(own)
        gone = tuple(recording_id in doomed.recording_ids for recording_id, _ in ordered)
        yield Spoken(tuple(text for _, text in ordered), gone)


def file_stamps(store: Store) -> dict[str, str]:
    """Size and time of every file of the release, so that those that change can be named."""
    stamps = {}
    for path in files_below(store, "release"):
        info = store.fs.info(store.path(path))
        version = ("etag", "ETag", "mtime", "LastModified", "created")  # by file system
        facts = [str(info[key]) for key in version if key in info]
        stamps[path] = " ".join([str(info.get("size")), *facts])
    return stamps


# --- the journal


def journal_path(store: Store, takedown_id: str) -> str:
    """Where the journal of a takedown under way lies."""
    return store.path(FOLDER, f"{PENDING}{takedown_id}.json")


def write_journal(store: Store, plan: Plan) -> None:
    """Keep the plan until the takedown is complete."""
    text = json.dumps(dataclasses.asdict(plan), default=sorted, sort_keys=True) + "\n"
    write_text(store.fs, journal_path(store, plan.takedown_id), text)


def pending(store: Store) -> list[Plan]:
    """The plans of takedowns that were interrupted, the oldest first."""
    paths = [path for path in files_below(store, FOLDER) if _is_pending(path)]
    return sorted((_read(store, path) for path in paths), key=lambda plan: plan.date)


def _is_pending(path: str) -> bool:
    return path.rsplit("/", 1)[-1].startswith(PENDING)


def _read(store: Store, path: str) -> Plan:
    values = parse_json(store.fs.cat_file(store.path(path)).decode("utf-8", "replace"))
    try:
        return _parse(values)
    except (TypeError, KeyError, AttributeError) as error:
        raise UsageError(
            f"{path}: not the journal of a takedown by this version ({error}); complete it with "
            "the version that began it"
        ) from error


def _parse(values: Any) -> Plan:
    doomed = values["doomed"]
    traces = Traces(**{name: frozenset(found) for name, found in doomed.pop("traces").items()})
    sets = {name: frozenset(found) for name, found in doomed.items()}
    request: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in values["request"].items()
    }
    made: dict[str, Any] = {
        "request": TakedownRequest(**request),
        "doomed": Doomed(**sets, traces=traces),
        "tables": tuple(Gone(**row) for row in values["tables"]),
        "near": tuple(NearPicture(**row) for row in values["near"]),
        "denied": tuple(tuple(entry) for entry in values["denied"]),
        "answers": tuple(values["answers"]),
        "hits": frozenset(values["hits"]),
        "current": frozenset(values["current"]),
    }
    plain = {f.name: values[f.name] for f in fields(Plan) if f.name not in made}
    return Plan(**plain, **made)
