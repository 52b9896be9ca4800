"""The stages behind a release, from the footers of their parts: settings, counts, policy.

A release is public: what is secret or only of this machine (salts, keys, folders) is left out.
"""

import re
from collections import Counter
from typing import Any

from schemas.ids import canonical_json
from schemas.manifest import StageRun
from schemas.store import PartInfo, Store, sum_reasons
from schemas.tables import TABLES

PRIVATE = frozenset({"salt", "api_key", "api_key_env", "contact", "stage", "version"})
_LOCAL = re.compile(r"(file://|[/.~\\]|[A-Za-z]:[\\/])")
_USER = re.compile(r"(\w+://)[^/@]*@")
SELECTED = "selected/"


def stage_runs(store: Store) -> tuple[StageRun, ...]:
    """What ran, in the order of schemas.tables; imported lists go by the name of their table."""
    runs = []
    for table, kind in TABLES.items():
        name = kind.made_by or (table.replace("/", "-") if table.startswith("sources/") else "")
        infos = store.infos(table) if name else []
        if infos:
            runs.append(_run(name, infos))
    return tuple(runs)


def _run(name: str, infos: list[PartInfo]) -> StageRun:
    config = applied_config(infos)
    return StageRun(
        name=name,
        version=str(config.get("version", "")),
        settings=without_private(config),
        rows_in=sum(info.rows_in for info in infos),
        records=sum(info.records for info in infos),
        rejects=dict(sorted(sum_reasons(infos).items())),
    )


def applied_config(infos: list[PartInfo]) -> dict[str, Any]:
    """The settings that most inputs went through: an interrupted run leaves parts of two kinds."""
    rows: Counter[str] = Counter()
    configs = {canonical_json(info.config): info.config for info in infos}
    for info in infos:
        rows[canonical_json(info.config)] += info.rows_in
    return configs[min(configs, key=lambda text: (-rows[text], text))] if configs else {}


def without_private(value: Any) -> Any:
    """Settings as they may be published: no secrets, folders by their last name alone."""
    if isinstance(value, dict):
        return {k: without_private(v) for k, v in sorted(value.items()) if k not in PRIVATE}
    if isinstance(value, list | tuple):
        return [without_private(item) for item in value]
    return _without_folder(value) if isinstance(value, str) else value


def _without_folder(text: str) -> str:
    if _LOCAL.match(text) and "\n" not in text:
        return re.split(r"[/\\]", text.rstrip("/\\"))[-1]
    return _USER.sub(r"\1", text)


def policies(store: Store) -> dict[str, dict[str, float]]:
    """Limits by subset and tag, as they were applied to what was selected."""
    found = {}
    for table in TABLES:
        infos = store.infos(table) if table.startswith(SELECTED) else []
        if infos:
            config = applied_config(infos)
            limits = config.get("limits", config.get("policy", {}).get("limits", []))
            found[table.removeprefix(SELECTED)] = {name: float(limit) for name, limit in limits}
    return found
