"""Known answers of a kind by task key, in the campaign's folder, which Label Studio never sees."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from annotation.home import Home, write_private
from annotation.push.tasks.task import KnownAnswer
from schemas.errors import UsageError
from schemas.ids import canonical_json


def gold_path(home: Home, kind: str) -> Path:
    """One JSON object a line: `key` and `expected`; kind points has a line per key and label."""
    return home.gold / f"{kind}.jsonl"


def load_gold(home: Home, kind: str) -> list[KnownAnswer]:
    """All known answers of a kind; UsageError names a line that cannot be read."""
    path = gold_path(home, kind)
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [_parse(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _parse(path: Path, number: int, line: str) -> KnownAnswer:
    try:
        values = json.loads(line)
        return KnownAnswer(str(values["key"]), dict(values["expected"]))
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path}, line {number}: {error}; restore the file or remove it"
        ) from error


def add_gold(home: Home, kind: str, known: Iterable[KnownAnswer]) -> None:
    """Keep more known answers; a newer one about the same takes the place of an older one."""
    added = {_about(one): one for one in known}
    if not added:
        return
    kept = {_about(one): one for one in load_gold(home, kind)} | added
    ordered = [kept[about] for about in sorted(kept)]
    write_private(gold_path(home, kind), "".join(map(_line, ordered)))


def _about(known: KnownAnswer) -> tuple[str, str]:
    label: Any = known.expected.get("label", "")
    return known.key, str(label)


def _line(known: KnownAnswer) -> str:
    return canonical_json({"key": known.key, "expected": known.expected}) + "\n"
