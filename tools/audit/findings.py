"""What an audit finds: promises, findings against them, and how much was looked at.

A worker returns `Notes`; they keep the first findings of each promise and count the rest, so that a
table of a million broken rows is a number and not a million lines.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa

KEPT = 20  # findings kept per promise; the rest is counted
# What reading a damaged file raises: Arrow's own, and what the values in it lead to.
UNREADABLE = (pa.ArrowException, OSError, ValueError, KeyError)


@dataclass(frozen=True)
class Promise:
    """Something that an audit proves; `remedy` says what to do when it does not hold."""

    name: str
    statement: str
    remedy: str


@dataclass(frozen=True)
class Finding:
    """A fact that breaks a promise; `place` is table/part or a file, `row` counts from 0."""

    promise: str
    place: str
    message: str
    row: int | None = None


@dataclass
class Notes:
    """Findings and counts while an audit goes on; `add` joins those of workers."""

    findings: dict[str, list[Finding]] = field(default_factory=lambda: defaultdict(list))
    failed: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)

    def check(self, promise: str, count: int = 1) -> None:
        """Count what was looked at for a promise."""
        self.checked[promise] += count

    def fail(self, promise: str, place: str, message: str, row: int | None = None) -> None:
        """Note a finding; beyond the first ones it is counted only."""
        self.failed[promise] += 1
        if len(self.findings[promise]) < KEPT:
            self.findings[promise].append(Finding(promise, place, message, row))

    def fail_rows(self, promise: str, place: str, message: str, rows: Iterable[int]) -> None:
        """Note the same finding for several rows."""
        for row in rows:
            self.fail(promise, place, message, row)

    def add(self, other: "Notes") -> None:
        """Join the notes of a worker."""
        self.checked.update(other.checked)
        self.failed.update(other.failed)
        for promise, found in other.findings.items():
            room = KEPT - len(self.findings[promise])
            self.findings[promise].extend(found[: max(0, room)])


@dataclass(frozen=True)
class Outcome:
    """How one promise stands: what was looked at, how often it failed, the first findings."""

    promise: Promise
    checked: int
    failed: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Report:
    """The result of an audit; `things` are the tables of a store or the files of a release."""

    url: str
    kind: str
    things: int
    rows: int
    outcomes: tuple[Outcome, ...]

    @property
    def things_name(self) -> str:
        """What `things` are."""
        return "tables" if self.kind == "store" else "files"

    @property
    def rows_name(self) -> str:
        """What `rows` are: every table's inputs, or the rows of all configs."""
        return "rows in" if self.kind == "store" else "rows"

    @property
    def failed(self) -> int:
        """How many findings there are, kept or only counted."""
        return sum(outcome.failed for outcome in self.outcomes)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings that were kept, promise by promise."""
        return tuple(found for outcome in self.outcomes for found in outcome.findings)


def outcomes(promises: Iterable[Promise], notes: Notes) -> tuple[Outcome, ...]:
    """How each promise stands after everything was looked at."""
    return tuple(
        Outcome(p, notes.checked[p.name], notes.failed[p.name], tuple(notes.findings[p.name]))
        for p in promises
    )


def reason_of(error: BaseException) -> str:
    """An exception as one short line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:197]}..."
