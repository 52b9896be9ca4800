"""The manifest of a release: `release/manifest.json`, what it holds and what made it.

Nothing in it changes from run to run (no dates, no host names): the same input gives the same
bytes. Every file of the release but the manifest itself is listed with its checksum.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from schemas.errors import UsageError
from schemas.files import write_text

MANIFEST = "manifest.json"
CARD = "README.md"
CROISSANT = "croissant.json"
FORMAT = 1


@dataclass(frozen=True)
class ReleaseFile:
    """One file: its path in the release, SHA-256, size in bytes, rows (0 for what is no table)."""

    path: str
    sha256: str
    bytes: int
    rows: int = 0


@dataclass(frozen=True)
class ModelUse:
    """A model that rows of a subset were made with; `role` is one of those in schemas.subsets."""

    subset: str
    name: str
    role: str


@dataclass(frozen=True)
class StageRun:
    """A stage as it last ran: version, settings, and how its inputs were accounted for."""

    name: str
    version: str
    settings: dict[str, Any]
    rows_in: int
    records: int
    rejects: dict[str, int]


@dataclass(frozen=True)
class ReleaseManifest:
    """What a release says of itself.

    `rows` are by config and split; `images` says by config `embed` or `url`; `embedding_right` is
    what the recipe states; `prompts` maps each prompt version to the SHA-256 of its text; `policy`
    holds limits by subset and tag; `evaluation` counts by benchmark the evaluation items that rows
    were compared with.
    """

    title: str
    license: str
    code_version: str
    embedding_right: str = ""
    rows: dict[str, dict[str, int]] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    models: tuple[ModelUse, ...] = ()
    prompts: dict[str, str] = field(default_factory=dict)
    policy: dict[str, dict[str, float]] = field(default_factory=dict)
    evaluation: dict[str, int] = field(default_factory=dict)
    stages: tuple[StageRun, ...] = ()
    files: tuple[ReleaseFile, ...] = ()
    format: int = FORMAT


def write_manifest(fs: Any, release: str, manifest: ReleaseManifest) -> None:
    """Write `manifest.json` into a release folder, unless it says so already."""
    write_text(fs, f"{release}/{MANIFEST}", manifest_text(manifest))


def manifest_text(manifest: ReleaseManifest) -> str:
    """What `manifest.json` holds."""
    return json.dumps(asdict(manifest), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read_manifest(fs: Any, release: str) -> ReleaseManifest:
    """The manifest of a release folder; UsageError when there is none that can be read."""
    path = f"{release}/{MANIFEST}"
    try:
        return _parse(json.loads(fs.cat_file(path)))
    except FileNotFoundError as error:
        raise UsageError(
            f"{release}: there is no {MANIFEST}; `pixmo export all` writes a release with one"
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(f"{path}: not a manifest of a release: {error}; export again") from error


def _parse(values: dict[str, Any]) -> ReleaseManifest:
    if values["format"] != FORMAT:
        raise ValueError(f"format {values['format']}, this version reads {FORMAT}")
    lists = {"files": ReleaseFile, "models": ModelUse, "stages": StageRun}
    made = {name: tuple(cls(**row) for row in values[name]) for name, cls in lists.items()}
    return ReleaseManifest(**{**values, **made})
