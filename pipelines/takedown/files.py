"""What lies beside the tables of a store and may name what went: drafts, reports, small files."""

import json
from collections.abc import Iterable

from pipelines.run_stage import StageResult, summary
from pipelines.steps.takedown_traces import Traces, parse_json
from pipelines.takedown.scan import OWN, file_holds, files_below, find_traces
from schemas.files import TEMPORARY, write_text
from schemas.store import Store
from schemas.tables import TABLES

WHOLE = ("scratch", "failures", "report")  # made anew by whoever needs them
_TABLES = (".parquet",)


def drop_files(store: Store, paths: Iterable[str]) -> list[str]:
    """Remove files, paths relative to the store; returns those that were there."""
    gone = []
    for path in paths:
        if store.fs.exists(store.path(path)):
            store.fs.rm(store.path(path))
            gone.append(path)
    return gone


def drop_folders(store: Store) -> list[str]:
    """Remove drafts, failures and the report whole; returns the folders that were there."""
    gone = []
    for name in WHOLE:
        if store.fs.exists(store.path(name)):
            store.fs.rm(store.path(name), recursive=True)
            gone.append(f"{name}/")
    return gone


def drop_drafts(store: Store) -> list[str]:
    """Remove half-written files; called while nobody else writes into the store."""
    paths = [path for path in files_below(store) if not path.startswith("locks/")]
    return drop_files(store, [p for p in paths if p.rsplit("/", 1)[-1].startswith(TEMPORARY)])


def clean_small_files(store: Store, traces: Traces) -> list[str]:
    """Take mentions out of JSON files, and remove what else mentions something; returns paths."""
    skip = (*OWN, "release/", "cache/")
    changed = []
    for path in files_below(store):
        if path.startswith(skip) or path.endswith(_TABLES) or not file_holds(store, path, traces):
            continue
        value = parse_json(store.fs.cat_file(store.path(path)).decode("utf-8", "replace"))
        if isinstance(value, dict):
            text = json.dumps(traces.redact(value), indent=2, sort_keys=True) + "\n"
            write_text(store.fs, store.path(path), text)
        else:
            store.fs.rm(store.path(path))
        changed.append(path)
    return changed


def refresh_summaries(store: Store) -> None:
    """Let each `_stage.json` that is there count what its table holds now."""
    for table, kind in TABLES.items():
        infos = tuple(store.infos(table))
        if infos and kind.made_by and store.fs.exists(store.path(table, "_stage.json")):
            result = StageResult(kind.made_by, table, infos, 0, 0, 0.0)
            store.write_summary(table, summary(result))


def drop_release_with(store: Store, traces: Traces) -> bool:
    """Remove the release whole when it still holds something: it can be exported again."""
    if next(find_traces(store, traces, "release"), None) is None:
        return False
    store.fs.rm(store.path("release"), recursive=True)
    return True
