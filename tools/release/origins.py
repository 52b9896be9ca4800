"""Where the rows of a release come from, counted in its store: pictures, speech, and what was
dropped on the way and why."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.steps.rule_counts import RuleCount, rule_counts
from schemas.judgment import RejectRow
from schemas.store import Store, sum_reasons
from schemas.tables import TABLES
from tools.release.contents import RELEASE, ConfigContents
from tools.release.made_with import lineage_column
from tools.release.stage_runs import SELECTED

LICENCE_KEYS = ("license", "licence")
CONTAMINATION = "contamination/"
ROWS_AT_ONCE = 2**20


@dataclass(frozen=True)
class Origins:
    """Counts behind a release.

    `tried` URLs became `fetched` pictures, the rest is in `lost` by reason; `splits` are the shares
    of the draw; `moved` counts pictures by (split before, split now), `dropped` rejects by subset
    and reason, `rules` the same of the policy's rules, `evaluation` items by benchmark,
    `contaminated` rows by (table, benchmark, kind). `languages` of recordings and `licences` of
    pictures, as their list gave them, are those of released rows.
    """

    tried: int = 0
    fetched: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    splits: tuple[tuple[str, float], ...] = ()
    moved: Counter[tuple[str, str]] = field(default_factory=Counter)
    dropped: dict[str, Counter[str]] = field(default_factory=dict)
    rules: dict[str, list[RuleCount]] = field(default_factory=dict)
    evaluation: Counter[str] = field(default_factory=Counter)
    contaminated: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)


def find_origins(store: Store, configs: Iterable[ConfigContents]) -> Origins:
    """Count what the tables of the store say of a release's rows."""
    images = store.infos("images")
    selections = [table for table in TABLES if table.startswith(SELECTED) and store.infos(table)]
    shares: Any = next((info.config.get("shares", []) for info in store.infos("splits")), [])
    configs = tuple(configs)
    return Origins(
        tried=sum(info.rows_in for info in images),
        fetched=sum(info.records for info in images),
        lost=sum_reasons(images),
        splits=tuple((str(name), float(share)) for name, share in shares),
        moved=_moved(store),
        dropped={t.removeprefix(SELECTED): sum_reasons(store.infos(t)) for t in selections},
        rules={t.removeprefix(SELECTED): _rules(store, t) for t in selections},
        evaluation=evaluation_counts(store),
        contaminated=_contaminated(store),
        languages=_languages(store, released(store, configs, "recording_ids")),
        licences=_licences(store, released(store, configs, "image_id")),
    )


def evaluation_counts(store: Store) -> Counter[str]:
    """Evaluation items by benchmark."""
    found: Counter[str] = Counter()
    for info in store.infos("evaluation"):
        found.update(_values(store.read("evaluation", info.number, ["benchmark"]).column(0)))
    return found


def _values(column: pa.ChunkedArray) -> Counter[Any]:
    return Counter({row["values"]: row["counts"] for row in pc.value_counts(column).to_pylist()})


def _moved(store: Store) -> Counter[tuple[str, str]]:
    """Pictures that joining components moved from one split to another."""
    found: Counter[tuple[str, str]] = Counter()
    for info in store.infos("splits"):
        table = store.read("splits", info.number)
        if "moved_from" in table.column_names:  # parts of older versions have none
            moved = table.filter(pc.not_equal(table["moved_from"], ""))
            rows = moved.select(["moved_from", "split"]).to_pylist()
            found.update((row["moved_from"], row["split"]) for row in rows)
    return found


def _rules(store: Store, table: str) -> list[RuleCount]:
    def rejects() -> Iterator[RejectRow]:
        for info in store.infos(table):
            yield from store.records(f"rejects/{table}", info.number, RejectRow)

    return rule_counts(rejects(), 0)


def _contaminated(store: Store) -> Counter[tuple[str, str, str]]:
    """Rows that come near an evaluation item, each counted once per benchmark and kind."""
    found: Counter[tuple[str, str, str]] = Counter()
    for table in (name for name in TABLES if name.startswith(CONTAMINATION)):
        for info in store.infos(table):
            column = store.read(table, info.number, ["matches"]).column(0)
            touched = column.filter(pc.greater(pc.list_value_length(column), 0))
            for matches in touched.to_pylist():
                found.update({(table, m["benchmark"], m["kind"]) for m in matches})
    return found


def released(store: Store, configs: Iterable[ConfigContents], column: str) -> pa.Array:
    """The distinct ids in a lineage column of all configs; lists of ids are taken apart."""
    release = store.path(RELEASE)
    chunks: list[pa.Array] = [pa.array([], pa.string())]
    for config in configs:
        found = lineage_column(store.fs, release, config, column)
        flat = pc.list_flatten(found) if pa.types.is_list(found.type) else found
        chunks += flat.cast(pa.string()).chunks
    return pc.unique(pa.chunked_array(chunks))


def _languages(store: Store, recordings: pa.Array) -> Counter[str]:
    found: Counter[str] = Counter()
    for mine in _of_rows(store, "transcripts", ["recording_id", "language"], recordings):
        found.update(_values(mine["language"]))
    return Counter({code: count for code, count in found.items() if code})


def _licences(store: Store, images: pa.Array) -> Counter[str]:
    """Pictures by the licence in their list; nothing where no list said any."""
    found: Counter[str] = Counter()
    for mine in _of_rows(store, "images", ["image_id", "carried"], images):
        found.update(licence_of(text) for text in mine["carried"].to_pylist())
    return found if set(found) - {""} else Counter()


def _of_rows(store: Store, table: str, columns: list[str], wanted: pa.Array) -> Iterator[pa.Table]:
    """The rows of a table whose first column is among `wanted`, in tables of many parts each.

    Every look-up builds a set of all that is wanted anew, so many parts share one.
    """
    held: list[pa.Table] = []
    rows = 0
    for info in store.infos(table):
        held.append(store.read(table, info.number, columns))
        rows += len(held[-1])
        if rows >= ROWS_AT_ONCE:
            yield _among(held, wanted)
            held, rows = [], 0
    if held:
        yield _among(held, wanted)


def _among(tables: list[pa.Table], wanted: pa.Array) -> pa.Table:
    found = pa.concat_tables(tables)
    return found.filter(pc.is_in(found.column(0), wanted))


def licence_of(carried: str) -> str:
    """The licence among the carried columns of a picture; empty when they name none."""
    if not any(key in carried.lower() for key in LICENCE_KEYS):
        return ""
    values = {str(key).lower(): value for key, value in json.loads(carried).items()}
    named = (values[key] for key in LICENCE_KEYS if values.get(key))
    return str(next(named, "")).strip()


def newest_picture(store: Store) -> str:
    """The day (YYYY-MM-DD, UTC) on which the newest picture was fetched; empty without pictures."""
    newest = ""
    for info in store.infos("images"):
        column = store.read("images", info.number, ["fetched_at"]).column(0)
        newest = max(newest, str(pc.max(column).as_py() or ""))
    return newest[:10]
