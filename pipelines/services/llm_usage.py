"""What LLM calls have cost, kept in `<store>/cache/usage`: one small file per run and process.

The choice worth knowing: a file is written anew after every part, so that a killed run has told
what it paid for. Files of older versions have fewer numbers and no stage; they are read too.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

from pipelines.services.budget import Usage
from schemas.files import write_text
from schemas.store import Store

FOLDER = ("cache", "usage")


@dataclass(frozen=True)
class StageUsage:
    """What one process used in one run of a stage; `stage` is empty in files of older versions."""

    stage: str
    usage: Usage


def keep_usage(store: Store, name: str, stage: str, usage: Usage) -> None:
    """Write or replace the file called `name`."""
    text = json.dumps({"stage": stage, **asdict(usage)}, sort_keys=True) + "\n"
    write_text(store.fs, store.path(*FOLDER, f"{name}.json"), text)


def read_usages(store: Store, name: str = "*") -> list[StageUsage]:
    """What was used by the runs whose file is called so, in the order of the names."""
    folder = store.path(*FOLDER)
    store.fs.invalidate_cache(folder)
    paths = sorted(store.fs.glob(f"{folder}/{name}.json"))
    return [_parse(json.loads(store.fs.cat_file(path))) for path in paths]


def _parse(value: dict[str, Any]) -> StageUsage:
    known = {field.name for field in fields(Usage)}
    usage = Usage(**{name: number for name, number in value.items() if name in known})
    return StageUsage(str(value.get("stage", "")), usage)


def total_usage(usages: Iterable[StageUsage]) -> Usage:
    """The sum; its rate and its saturation are those of a process on average."""
    total = asdict(Usage())
    for found in usages:
        for name, number in asdict(found.usage).items():
            total[name] += number
    return Usage(**total)


def usage_text(usage: Usage) -> str:
    """A run's use in one line for people; empty when nothing was asked for."""
    if not usage.calls and not usage.cached:
        return ""
    text = (
        f"{usage.calls} calls ({usage.failures} failed), {usage.cached} answers from the cache, "
        f"{usage.prompt_tokens} tokens in, {usage.completion_tokens} out, ${round(usage.usd, 4):g}"
    )
    if not usage.seconds:
        return text
    return f"{text}, {usage.rate:.3g} requests/s, saturated {usage.saturation:.0%} of the time"
