"""What is asked for in a takedown, and the receipt that is left of it.

A receipt says what went without naming it: selectors appear by kind and salted digest, tables by
counts. The salt is the denylist's, so that a digest in a receipt can be found again by whoever
knows the value and holds the store.
"""

import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any

from schemas.errors import UsageError

FOLDER = "takedowns"
FORMAT = 1
MAX_RADIUS = 32  # half of the bits: beyond it every second picture would be near
_PSEUDONYM = re.compile(r"a[0-9a-f]{12}")
_FORMS = {
    "url": (
        r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\x00-\x1f]+",
        "a URL as the list has it, with https://",
    ),
    "sha256": (r"[0-9a-fA-F]{64}", "64 hex digits"),
    "phash": (r"[0-9a-fA-F]{16}", "16 hex digits"),
    "annotator": (r"[^\x00-\x1f]*\S[^\x00-\x1f]*", "the name in the manifest, or a pseudonym"),
    "host": (r"[^\s/@?#]+", "a name or address alone, such as example.org"),
}


def is_pseudonym(annotator: str) -> bool:
    """Whether an annotator is given by pseudonym, as `recordings` has them."""
    return _PSEUDONYM.fullmatch(annotator) is not None


@dataclass(frozen=True)
class TakedownRequest:
    """Who or what is to go. `radius` is in bits and belongs to `phashes` (16 hex digits each).

    `annotators` are names as the manifest has them, or pseudonyms; `hosts` include subdomains;
    `repo` is the repository on the Hub (`org/name`) that is to follow, empty for none.
    """

    reason: str
    urls: tuple[str, ...] = ()
    sha256s: tuple[str, ...] = ()
    phashes: tuple[str, ...] = ()
    radius: int = 0
    annotators: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    repo: str = ""

    def selectors(self) -> tuple[tuple[str, str, int], ...]:
        """Kind, value and radius of each selector: the entries that the denylist takes."""
        exact = (
            ("url", self.urls),
            ("sha256", self.sha256s),
            ("annotator", self.annotators),
            ("host", self.hosts),
        )
        found = [(kind, value, 0) for kind, values in exact for value in values]
        return (*found, *(("phash", value, self.radius) for value in self.phashes))


def check_request(request: TakedownRequest) -> None:
    """UsageError when a selector is none of its kind, or the request says too little or too much.

    The reason is kept in the receipt, so it must not quote what is taken down.
    """
    if not request.reason.strip():
        raise UsageError("--reason is empty: say why, it is all that the receipt tells of it")
    if not request.selectors():
        raise UsageError(
            "nothing to take down: give --url, --sha256, --phash, --annotator or --host"
        )
    for kind, value, _ in request.selectors():
        form, expected = _FORMS[kind]
        if not re.fullmatch(form, value.strip()):
            raise UsageError(f"--{kind} {value!r} is not {expected}")
        if value.strip().lower() in request.reason.lower():
            raise UsageError(
                f"--reason quotes --{kind} {value}, and the receipt keeps the reason: leave it out"
            )
    if not 0 <= request.radius <= MAX_RADIUS:
        raise UsageError(f"--radius {request.radius} is not from 0 to {MAX_RADIUS} bits")
    if request.radius and not request.phashes:
        raise UsageError("--radius goes with --phash: a URL or a checksum has no distance")
    if request.repo and not re.fullmatch(r"[\w.-]+/[\w.-]+", request.repo):
        raise UsageError(f"--repo {request.repo!r} is not ORG/NAME")


@dataclass(frozen=True)
class Denied:
    """A selector as a receipt names it; `radius` is that of a perceptual hash, else 0."""

    kind: str
    digest: str
    radius: int = 0


@dataclass(frozen=True)
class Gone:
    """Rows that left one table: records, and rows of its rejects."""

    table: str
    records: int
    rejects: int


@dataclass(frozen=True)
class Receipt:
    """What one takedown did.

    `date` is UTC, to the second; `answers` are cached LLM answers; `rewritten` and `removed` are
    paths of the store, `release` those of files of the release that changed or went; `captions`
    are pictures whose caption went although other recordings of them stay; `hub_commit` is empty
    when the Hub was not part of it.
    """

    takedown_id: str
    date: str
    reason: str
    selectors: tuple[Denied, ...]
    pictures: int
    recordings: int
    tables: tuple[Gone, ...]
    answers: int
    rewritten: tuple[str, ...]
    removed: tuple[str, ...]
    release: tuple[str, ...]
    captions: tuple[str, ...]
    hub_commit: str
    code_version: str
    format: int = FORMAT
    warnings: tuple[str, ...] = field(default=())

    @property
    def nothing(self) -> bool:
        """Whether the store held nothing of what was asked for."""
        return not any((self.tables, self.answers, self.rewritten, self.removed))


def receipt_json(receipt: Receipt) -> str:
    """The text of a receipt's file."""
    return json.dumps(asdict(receipt), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def parse_receipt(text: bytes | str) -> Receipt:
    """The receipt of a file; ValueError, KeyError or TypeError when it is none."""
    values: dict[str, Any] = json.loads(text)
    made = {
        "selectors": tuple(Denied(**row) for row in values["selectors"]),
        "tables": tuple(Gone(**row) for row in values["tables"]),
    }
    lists = ("rewritten", "removed", "release", "captions", "warnings")
    return Receipt(**{**values, **made, **{name: tuple(values[name]) for name in lists}})
