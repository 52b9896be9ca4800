"""Describes a release that lies in a store: card, Croissant metadata, and last the manifest.

The manifest comes last because it lists the others: a release whose manifest is older than its
files was killed in between, and describing it again completes it. Same store, same bytes.
"""

from dataclasses import replace
from typing import Any

import pyarrow.parquet as pq

from pipelines.release_plan import ExportConfig
from pipelines.stage import CODE_VERSION
from schemas.files import TEMPORARY, write_text
from schemas.ids import sha256_hex
from schemas.manifest import (
    CARD,
    CROISSANT,
    MANIFEST,
    ReleaseFile,
    ReleaseManifest,
    write_manifest,
)
from schemas.store import Store
from tools.release.card import card_text
from tools.release.checksums import release_checksums
from tools.release.contents import RELEASE, ConfigContents, read_contents
from tools.release.croissant import About, croissant_text
from tools.release.made_with import models_used, prompts_used
from tools.release.origins import evaluation_counts, find_origins, newest_picture
from tools.release.stage_runs import policies, stage_runs


def describe_release(store: Store, config: ExportConfig) -> ReleaseManifest:
    """Write `README.md`, `croissant.json` and last `manifest.json` into `<store>/release`.

    Whatever configs lie there are described. A store without a release gets none.
    """
    fs, release = store.fs, store.path(RELEASE)
    fs.invalidate_cache()
    configs = read_contents(fs, release)
    said = _without_files(store, config, configs)
    if not configs and not fs.exists(f"{release}/{MANIFEST}"):
        return said
    origins = find_origins(store, configs)
    data = _data_files(store)
    about = About(said.title, said.license, newest_picture(store), tuple(sorted(origins.languages)))
    texts = {
        CARD: card_text(said, configs, origins),
        CROISSANT: croissant_text(about, configs, data),
    }
    for name, text in texts.items():
        write_text(fs, f"{release}/{name}", text)
    own = (_text_file(name, text) for name, text in texts.items())
    made = replace(said, files=tuple(sorted([*data, *own], key=lambda file: file.path)))
    write_manifest(fs, release, made)
    return made


def _without_files(
    store: Store, config: ExportConfig, configs: tuple[ConfigContents, ...]
) -> ReleaseManifest:
    release = store.path(RELEASE)
    return ReleaseManifest(
        title=config.title,
        license=config.license,
        code_version=CODE_VERSION,
        embedding_right=getattr(config, "embedding_right", ""),
        rows={c.name: c.rows for c in configs},
        images={c.name: c.images for c in configs},
        models=models_used(store.fs, release, configs),
        prompts=prompts_used(store.fs, release, configs),
        policy=policies(store),
        evaluation=dict(sorted(evaluation_counts(store).items())),
        stages=stage_runs(store),
    )


def _text_file(path: str, text: str) -> ReleaseFile:
    data = text.encode()
    return ReleaseFile(path, sha256_hex(data), len(data))


def _data_files(store: Store) -> tuple[ReleaseFile, ...]:
    """Every file of the release but what is written here; hidden ones are not of the release."""
    release = store.path(RELEASE)
    paths = {path[len(release) + 1 :]: path for path in sorted(store.fs.find(release))}
    ours = (CARD, CROISSANT, MANIFEST)
    wanted = {own: p for own, p in paths.items() if own not in ours and not _hidden(own)}
    digests = release_checksums(store, wanted.values())
    return tuple(
        ReleaseFile(own, digests[path], int(store.fs.size(path)), _rows(store.fs, path))
        for own, path in wanted.items()
    )


def _hidden(path: str) -> bool:
    return any(name.startswith((".", TEMPORARY)) for name in path.split("/"))


def _rows(fs: Any, path: str) -> int:
    if not path.endswith(".parquet"):
        return 0
    with fs.open(path, "rb") as handle:
        return int(pq.read_metadata(handle).num_rows)
