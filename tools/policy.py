"""The policy file: limits on tags by subset, and the one that is in force on a store.

A file says only what differs from the defaults, and only that is remembered: a rule that a later
version adds is in force on a store that was made before.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.selection import Limits, Select
from pipelines.subsets.registry import SELECTS
from schemas.errors import UsageError
from schemas.files import write_text
from schemas.store import Store
from tools.strict import read_yaml, unknown

Policies = dict[str, Limits]
_PLACE = ("stages", "policy.json")


def load_policy(path: Path) -> Policies:
    """The limits that a file sets; UsageError names the file and the key."""
    return parse_policy(read_yaml(path), str(path))


def parse_policy(values: Any, where: str) -> Policies:
    """Limits by subset from `{subset: {tag: number or null}}`; UsageError names the key."""
    policies: Policies = {}
    for subset, limits in _mapping(values, where).items():
        if subset not in SELECTS:
            raise UsageError(unknown(where, str(subset), SELECTS, "subset"))
        place = f"{where}: {subset}"
        found = _mapping(limits, place).items()
        policies[subset] = tuple((_tag(subset, n, where), _limit(v, place, n)) for n, v in found)
    return policies


def _mapping(values: Any, where: str) -> Mapping[Any, Any]:
    if not isinstance(values, Mapping):
        raise UsageError(f"{where}: expected keys and values, found {values!r}")
    return values


def _tag(subset: str, name: Any, where: str) -> str:
    known = SELECTS[subset].known_tags
    if name not in known:
        raise UsageError(unknown(f"{where}: {subset}", str(name), known, "tag"))
    return str(name)


def _limit(value: Any, where: str, name: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UsageError(
            f"{where}.{name}: the limit is {value!r}; give a number, or null for no limit"
        )
    return float(value)


def policies_in_force(store: Store, path: str = "") -> Policies:
    """The limits of a policy file, else those last used on this store, else none but defaults."""
    if path:
        return load_policy(Path(path))
    place = store.path(*_PLACE)
    if not store.fs.exists(place):
        return {}
    return parse_policy(json.loads(store.fs.cat_file(place)), place)


def remember_policies(store: Store, policies: Policies) -> None:
    """Keep the limits for later runs on this store."""
    values = {subset: dict(limits) for subset, limits in policies.items()}
    text = json.dumps(values, indent=2, sort_keys=True) + "\n"
    write_text(store.fs, store.path(*_PLACE), text)


def selections(policies: Policies) -> list[Select]:
    """The selecting stage of every subset under its policy."""
    return [select.under(policies.get(subset, ())) for subset, select in SELECTS.items()]
