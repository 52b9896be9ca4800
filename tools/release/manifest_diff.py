"""What two manifests say differently: licence, models, prompts, policy, settings, counts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from schemas.manifest import ReleaseManifest


@dataclass(frozen=True)
class FactChange:
    """One fact by its name, before and after; None where a side does not have it."""

    fact: str
    old: Any
    new: Any


def compare_manifests(old: ReleaseManifest, new: ReleaseManifest) -> tuple[FactChange, ...]:
    """The facts that differ, in the order of the manifest. Rows and files are compared as data."""
    before, after = dict(_facts(old)), dict(_facts(new))
    names = dict.fromkeys([*before, *after])
    return tuple(
        FactChange(name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    )


def _facts(manifest: ReleaseManifest) -> Iterator[tuple[str, Any]]:
    for name in ("title", "license", "embedding_right", "code_version"):
        yield name, getattr(manifest, name)
    models: dict[str, list[str]] = {}
    for use in manifest.models:
        models.setdefault(f"model {use.subset} {use.role}", []).append(use.name)
    yield from models.items()
    for group in ("images", "prompts", "policy", "evaluation"):
        yield from _flat(group.removesuffix("s"), getattr(manifest, group))
    for stage in manifest.stages:
        yield f"stage {stage.name} version", stage.version
        yield from _flat(f"stage {stage.name} setting", stage.settings)
        yield f"stage {stage.name} rows_in", stage.rows_in
        yield f"stage {stage.name} records", stage.records
        yield from _flat(f"stage {stage.name} rejects", stage.rejects)


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Nested settings by the path of their keys; pairs such as limits by their names."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{name} {key}", inner)
    elif isinstance(value, list) and value and all(_is_pair(item) for item in value):
        yield from _flat(name, {key: inner for key, inner in value})
    else:
        yield name, value


def _is_pair(item: Any) -> bool:
    return isinstance(item, list) and len(item) == 2 and isinstance(item[0], str)
