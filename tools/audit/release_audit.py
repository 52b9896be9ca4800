"""An audit of a release folder, without the store: files, shards one by one, then all together."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from pipelines.steps.prompts import prompt_sha256
from schemas.errors import UsageError
from schemas.files import open_fs
from schemas.manifest import CARD, MANIFEST, ReleaseManifest, read_manifest
from tools.audit.column_values import joined, number_of
from tools.audit.findings import UNREADABLE, Notes, Report, outcomes, reason_of
from tools.audit.promises import RELEASE
from tools.audit.release_card import (
    Contents,
    check_card,
    check_croissant,
    check_licence,
    check_manifest,
)
from tools.audit.release_files import LINEAGE, check_bytes, check_listing, list_files, shard_of
from tools.audit.release_models import check_uses
from tools.audit.release_shard import APART, ShardJob, ShardScan, scan_shard
from tools.audit.store_rows import mixed
from tools.audit.workers import run_jobs


def audit_release(url: str, workers: int) -> Report:
    """Prove the promises of a release in `workers` processes; UsageError where no release is."""
    fs, root = open_fs(url.rstrip("/"))
    root = root.rstrip("/")
    there = list_files(fs, root) if fs.exists(root) else []
    if not any(name in there for name in (MANIFEST, CARD)) and not any(map(shard_of, there)):
        raise UsageError(f"{url}: there is no release here; `pixmo export all` writes one")
    notes = Notes()
    manifest = _manifest(notes, fs, root)
    scans: list[ShardScan] = []
    if manifest:
        scans = _look(notes, fs, (url.rstrip("/"), root), there, manifest, workers)
    rows = sum(max(0, scan.rows) for scan in scans)
    return Report(url, "release", len(there), rows, outcomes(RELEASE, notes))


def _look(
    notes: Notes,
    fs: Any,
    where: tuple[str, str],
    there: list[str],
    manifest: ReleaseManifest,
    workers: int,
) -> list[ShardScan]:
    url, root = where
    listed = {file.path: file for file in manifest.files}
    check_listing(notes, there, listed)
    check_uses(notes, MANIFEST, manifest.models)
    _check_prompts(notes, manifest)
    jobs = _jobs(url, there, manifest)
    own = {job.shard.path for job in jobs} | {job.lineage_path for job in jobs}
    for path in (path for path in there if path not in own and path != MANIFEST):
        check_bytes(notes, fs, root, path, listed.get(path))
    local = url.partition("://")[0] != "memory"
    scans = list(run_jobs(scan_shard, jobs, workers if local else 1))
    for scan in scans:
        notes.add(scan.notes)
    _check_splits(notes, scans)
    contents = _contents(scans, manifest)
    check_manifest(notes, contents, manifest)
    licence = check_card(notes, fs, root, contents)
    check_croissant(notes, fs, root, contents, manifest)
    check_licence(notes, manifest, licence)
    return scans


def _manifest(notes: Notes, fs: Any, root: str) -> ReleaseManifest | None:
    """The manifest; without one nothing else can be proved, and that is the one finding."""
    notes.check("readable")
    try:
        # Reading it only sees to its keys; a list where a number should be is found here.
        return TypeAdapter(ReleaseManifest).validate_python(asdict(read_manifest(fs, root)))
    except (UsageError, *UNREADABLE) as error:
        notes.fail("readable", MANIFEST, reason_of(error))
        return None


def _jobs(url: str, there: list[str], manifest: ReleaseManifest) -> list[ShardJob]:
    listed = {file.path: file for file in manifest.files}
    shards = [shard for path in there if (shard := shard_of(path))]
    return [
        ShardJob(
            url=url,
            shard=shard,
            listed=listed.get(shard.path),
            lineage=listed.get(f"{LINEAGE}/{shard.path}"),
            models=frozenset(manifest.models),
            prompts=frozenset(manifest.prompts),
            lineage_there=f"{LINEAGE}/{shard.path}" in there,
        )
        for shard in shards
    ]


def _check_prompts(notes: Notes, manifest: ReleaseManifest) -> None:
    """Every prompt has the SHA-256 of a text, and of ours where this version has the prompt."""
    notes.check("prompts", len(manifest.prompts))
    for name, digest in manifest.prompts.items():
        known = prompt_sha256(name)
        if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
            notes.fail("prompts", MANIFEST, f"prompt {name} has no SHA-256")
        elif known and known != digest:
            message = f"prompt {name} has another text here than the one with its SHA-256"
            notes.fail("prompts", MANIFEST, message)


def _check_splits(notes: Notes, scans: Iterable[ShardScan]) -> None:
    """No component, picture or URL lies in two splits, over all shards of all configs."""
    found = [scan for scan in scans if scan.rows > 0]
    splits = {split: n for n, split in enumerate(sorted({scan.shard.split for scan in found}))}
    nothing = number_of("")
    for column in APART:
        own = [scan for scan in found if column in scan.apart]
        values = joined([scan.apart[column] for scan in own], np.uint64)
        split = np.repeat([splits[s.shard.split] for s in own], [s.rows for s in own])
        notes.check("splits", len(values))
        starts = np.cumsum([0, *(scan.rows for scan in own)])
        for row in np.flatnonzero(mixed(values, split) & (values != nothing)).tolist():
            at = int(np.searchsorted(starts, row, side="right")) - 1
            message = f"its {column} lies in another split as well"
            notes.fail("splits", own[at].shard.path, message, row - int(starts[at]))


def _contents(scans: list[ShardScan], manifest: ReleaseManifest) -> Contents:
    """What there is; of shards that are missing or damaged, what the manifest says."""
    shards = {scan.shard.path: scan.shard for scan in scans}
    counts = {scan.shard.path: scan.rows for scan in scans if scan.rows >= 0}
    for file in manifest.files:
        if shard := shard_of(file.path):
            shards.setdefault(file.path, shard)
            counts.setdefault(file.path, file.rows)
    rows: dict[tuple[str, str], int] = {}
    for path, shard in sorted(shards.items()):
        key = shard.config, shard.split
        rows[key] = rows.get(key, 0) + counts.get(path, 0)
    read = [scan for scan in scans if scan.columns]
    return Contents(
        tuple(shards.values()),
        rows,
        {scan.shard.config: scan.columns for scan in read},
        {scan.shard.config: scan.embedded for scan in read},
    )
