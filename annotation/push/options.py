"""What `pixmo annotate push` may be told, for which kinds, and what it keeps for the next time."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from annotation.kinds import KINDS, Kind
from annotation.push.tasks.about_counts import SPLIT
from annotation.push.tasks.about_pictures import COLLECTION_METHODS
from annotation.push.tasks.known_answers import KNOWN_KINDS
from schemas.errors import UsageError

MOST_OVERLAP = 100


@dataclass(frozen=True)
class PushOptions:
    """One command. None and empty texts were not given: what the project has stays."""

    overlap: int | None = None
    limit: int = 0
    gold: str = ""
    min_seconds: float | None = None
    collection_method: str = ""
    candidates: str = ""
    ocr: str = ""
    answers: str = ""


@dataclass(frozen=True)
class Settings:
    """What holds for the tasks of a project: overlap is how many people do each."""

    overlap: int = 1
    min_seconds: float = 60.0
    collection_method: str = COLLECTION_METHODS[0]

    def kept(self, kind: Kind) -> dict[str, Any]:
        """Those that matter to a kind, for the registry of projects."""
        own: dict[str, dict[str, Any]] = {
            "cap": {"min_seconds": self.min_seconds},
            "points": {"collection_method": self.collection_method},
            "count": {"split": SPLIT},
        }
        return {"overlap": self.overlap, **own.get(kind.name, {})}


# Options that only some kinds take, and which.
_TAKEN_BY = {
    "gold": KNOWN_KINDS,
    "min_seconds": ("cap",),
    "collection_method": ("points",),
    "candidates": ("count",),
    "ocr": ("ask_model_anything", "point_explanations"),
    "answers": ("preference",),
}
# What a kind cannot do without, if it is given no known answers either.
_NEEDED = {"preference": "answers"}


def kind_of(name: str) -> Kind:
    """The kind of a name; UsageError lists all when there is none."""
    if name not in KINDS:
        raise UsageError(f"no kind {name!r}; kinds are {', '.join(KINDS)}")
    return KINDS[name]


def check_options(kind: Kind, options: PushOptions) -> None:
    """UsageError names an option that the kind does not take, needs, or that is out of range."""
    for name, kinds in _TAKEN_BY.items():
        given = getattr(options, name) not in (None, "")
        if given and kind.name not in kinds:
            raise UsageError(
                f"push {kind.name} takes no {_flag(name)}; it is for {', '.join(kinds)}"
            )
    needed = _NEEDED.get(kind.name)
    if needed and not getattr(options, needed) and not options.gold:
        raise UsageError(f"push {kind.name} needs {_flag(needed)} FILE")
    _check_ranges(options)


def _check_ranges(options: PushOptions) -> None:
    if options.overlap is not None and not 1 <= options.overlap <= MOST_OVERLAP:
        raise UsageError(f"--overlap is {options.overlap}; it goes from 1 to {MOST_OVERLAP}")
    if options.limit < 0:
        raise UsageError(f"--limit is {options.limit}; give 1 or more, or 0 for all")
    if options.min_seconds is not None and not 0 < options.min_seconds <= 1800:
        raise UsageError(f"--min-seconds is {options.min_seconds:g}; it goes up to 1800")
    if options.collection_method and options.collection_method not in COLLECTION_METHODS:
        raise UsageError(
            f"--collection-method is {options.collection_method!r}; "
            f"give {' or '.join(COLLECTION_METHODS)}"
        )


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def settings_of(options: PushOptions, kept: Mapping[str, Any]) -> Settings:
    """What was given, else what the project has, else the defaults."""
    names = [field.name for field in dataclasses.fields(Settings)]
    given = {name: getattr(options, name) for name in names}
    known = {name: kept[name] for name in names if name in kept}
    return Settings(**(known | {n: v for n, v in given.items() if v not in (None, "")}))
