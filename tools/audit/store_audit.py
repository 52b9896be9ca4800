"""An audit of a store: every part once, then tables against each other."""

import json
from collections.abc import Iterator
from dataclasses import replace

from pipelines.denylist import load_denylist
from pipelines.steps.denylist import Denylist
from schemas.errors import UsageError
from schemas.store import PartInfo, Store
from schemas.tables import TABLES
from tools.audit.findings import UNREADABLE, Finding, Notes, Report, outcomes, reason_of
from tools.audit.identities import Names
from tools.audit.part_columns import Limits, TableLimits
from tools.audit.promises import STORE
from tools.audit.release_leaks import find_leaks, leak_jobs
from tools.audit.store_feeds import check_feeds
from tools.audit.store_part import PartJob, PartScan, scan_names, scan_part
from tools.audit.store_rows import check_selected, check_splits, check_spoken
from tools.audit.store_tables import check_unique, table_rows
from tools.audit.workers import run_jobs

SELECTED = [table for table in TABLES if table.startswith("selected/")]


def audit(store: Store) -> Iterator[Finding]:
    """The findings of a store, looked at in this process; none means that its promises hold."""
    yield from audit_store(store, 1).findings


def audit_store(store: Store, workers: int) -> Report:
    """Prove the promises of a store in `workers` processes."""
    notes = Notes()
    local = store.url.partition("://")[0] != "memory"
    processes = workers if local else 1  # another process sees nothing of this one's memory
    numbers = {table: store.part_numbers(table) for table in TABLES}
    manifest = [PartJob(store, "sources/recordings", n) for n in numbers["sources/recordings"]]
    names = Names(frozenset().union(*run_jobs(scan_names, manifest, processes)))
    denied = _denied(notes, store)
    if any(denied.refuses_annotator(name) for name in names.names):
        notes.fail("denylist", "sources/recordings", "names an annotator who was taken down")
    base = PartJob(store, "", 0, names, denied)
    limits = _limits(notes, store)
    jobs = [
        replace(base, table=table, number=number, limits=_limits_of(limits, table, number))
        for table, found in numbers.items()
        for number in found
    ]
    scans: dict[str, list[PartScan]] = {table: [] for table in TABLES}
    for scan in run_jobs(scan_part, jobs, processes):
        notes.add(scan.notes)
        scans[scan.table].append(scan)
    infos = {t: {s.number: s.info for s in own if s.info} for t, own in scans.items()}
    check_feeds(notes, store, infos)
    _check_tables(notes, store, scans)
    pseudonyms = _pseudonyms([scan for own in scans.values() for scan in own])
    for found in run_jobs(find_leaks, leak_jobs(store, names, pseudonyms), processes):
        notes.add(found)
    rows = sum(info.rows_in for own in infos.values() for info in own.values())
    return Report(
        store.url, "store", sum(map(bool, numbers.values())), rows, outcomes(STORE, notes)
    )


def _pseudonyms(scans: list[PartScan]) -> frozenset[str]:
    return frozenset(pseudonym for scan in scans for pseudonym in scan.pseudonyms)


def _check_tables(notes: Notes, store: Store, scans: dict[str, list[PartScan]]) -> None:
    tables = {table: table_rows(store, table, own) for table, own in scans.items()}
    for rows in tables.values():
        check_unique(notes, rows)
    check_splits(notes, tables)
    check_spoken(notes, tables)
    for table in SELECTED:
        check_selected(notes, tables, table, TABLES[table].fed_by)


def _denied(notes: Notes, store: Store) -> Denylist:
    try:
        return load_denylist(store)
    except UsageError as error:
        notes.fail("denylist", "denylist", str(error))
        return Denylist()


def _limits(notes: Notes, store: Store) -> dict[str, dict[int, Limits]]:
    """The limits that each part of the selected tables was made with; all should be the same."""
    found: dict[str, dict[int, Limits]] = {}
    for table in SELECTED:
        infos = {number: store.info(table, number) for number in store.part_numbers(table)}
        found[table] = {n: _limits_in(info) for n, info in infos.items() if info}
        _check_one_policy(notes, store, table, found[table])
    return found


def _limits_in(info: PartInfo) -> Limits:
    return tuple((str(name), float(limit)) for name, limit in info.config.get("limits", ()))


def _check_one_policy(notes: Notes, store: Store, table: str, found: dict[int, Limits]) -> None:
    if not found:
        return
    path = store.path("stages", f"{TABLES[table].made_by}.json")
    first = next(iter(found.values()))
    if store.fs.exists(path):
        try:
            values = json.loads(store.fs.cat_file(path))
            first = tuple((str(n), float(limit)) for n, limit in values["policy"]["limits"])
        except (*UNREADABLE, TypeError) as error:
            notes.fail("readable", path, f"is no policy: {reason_of(error)}")
            return
    for number, limits in found.items():
        if limits != first:
            message = "it was selected under another policy than the one in force"
            notes.fail("policy", f"{table}/{number}", message)


def _limits_of(limits: dict[str, dict[int, Limits]], table: str, number: int) -> TableLimits:
    """The limits that tags of this part are held against: parts of a number belong together."""
    subset = table.partition("/")[2]
    return tuple(
        (name, own.get(number, ()))
        for name, own in limits.items()
        if table in (TABLES[name].fed_by, "contamination/images")
        or (table.startswith("contamination/") and name == f"selected/{subset}")
    )
