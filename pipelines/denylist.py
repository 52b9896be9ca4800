"""The denylist of a store: `<store>/denylist/denylist.json`, read by all who take something in.

One file holds the salt and the entries, so that it appears whole or not at all; whoever adds to it
holds a lease. Nothing is ever taken out: a digest cannot say what it stands for.
"""

import json
import re
import secrets
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict

from pipelines.steps.denylist import KINDS, MAX_RADIUS, Denylist, Entry
from schemas.errors import LockedError, UsageError
from schemas.files import write_text
from schemas.ids import image_id_of
from schemas.locks import hold
from schemas.store import Store

FOLDER = "denylist"
FORMAT = 1
WAIT_S = 60.0
_DIGEST = {"phash": re.compile(r"[0-9a-f]{16}"), "": re.compile(r"[0-9a-f]{64}")}
_one_at_a_time = threading.Lock()  # leases are between processes


def denylist_path(store: Store) -> str:
    """Where the denylist of a store lies."""
    return store.path(FOLDER, "denylist.json")


def load_denylist(store: Store) -> Denylist:
    """The denylist of a store, empty where there is none; UsageError when it cannot be read."""
    path = denylist_path(store)
    try:
        text = store.fs.cat_file(path)
    except FileNotFoundError:
        return Denylist()
    try:
        return _parse(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(
            f"{path}: not a denylist ({error}); bring it back from a copy: without it, what was "
            f"taken down would be fetched again"
        ) from error


def add_denied(
    store: Store, entries: Iterable[tuple[str, str, int]], wait_s: float = WAIT_S
) -> Denylist:
    """Deny values for good: (kind, value, radius), the radius in bits for a phash and else 0.

    A denied URL denies the picture's id with it, since recordings may name a picture by that.
    UsageError for a value that is none of its kind, LockedError when another writer keeps the lease
    for longer than `wait_s`.
    """
    asked = [_checked(*entry) for entry in entries]
    asked += [("image_id", image_id_of(value.strip()), 0) for k, value, _ in asked if k == "url"]
    deadline = time.monotonic() + wait_s
    while True:
        try:
            with _one_at_a_time, hold(store, FOLDER):
                return _add(store, asked)
        except LockedError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1 + secrets.randbelow(400) / 1000)  # two that saw each other part ways


def _add(store: Store, asked: list[tuple[str, str, int]]) -> Denylist:
    store.fs.invalidate_cache(store.path(FOLDER))
    before = load_denylist(store)
    salted = before if before.salt else Denylist(secrets.token_bytes(32))
    found = {(entry.kind, entry.digest): entry.radius for entry in before.entries}
    for kind, value, radius in asked:
        name = kind, salted.digest(kind, value)
        found[name] = max(radius, found.get(name, 0))
    entries = tuple(sorted(Entry(*name, radius) for name, radius in found.items()))
    after = Denylist(salted.salt, entries)
    if after != before:
        write_text(store.fs, denylist_path(store), _text(after))
    return after


def _text(denied: Denylist) -> str:
    """One entry a line, in order, so that two states can be compared."""
    entries = ",\n  ".join(json.dumps(asdict(entry)) for entry in denied.entries)
    salt = denied.salt.hex()
    return f'{{"format": {FORMAT},\n "salt": "{salt}",\n "entries": [\n  {entries}\n ]}}\n'


def _parse(values: dict[str, object]) -> Denylist:
    if values["format"] != FORMAT:
        raise ValueError(f"format {values['format']}, this version reads {FORMAT}")
    salt, rows = values["salt"], values["entries"]
    if not isinstance(salt, str) or not isinstance(rows, list) or len(salt) < 32:
        raise ValueError("no salt or no entries")
    return Denylist(bytes.fromhex(salt), tuple(_entry(**row) for row in rows))


def _entry(kind: str, digest: str, radius: int) -> Entry:
    pattern = _DIGEST.get(kind, _DIGEST[""])
    if kind not in KINDS or not pattern.fullmatch(digest) or not 0 <= radius <= MAX_RADIUS:
        raise ValueError(f"an entry of kind {kind!r} that is none")
    return Entry(kind, digest, radius)


def _checked(kind: str, value: str, radius: int) -> tuple[str, str, int]:
    if kind not in KINDS:
        raise UsageError(f"nothing is denied by {kind!r}; kinds: {', '.join(KINDS)}")
    text = value.strip()
    digits = {"sha256": 64, "phash": 16, "image_id": 32}.get(kind, 0)
    if digits and not re.fullmatch(rf"[0-9a-fA-F]{{{digits}}}", text):
        raise UsageError(f"{kind} {value!r} is not {digits} hex digits")
    if not text or (kind == "host" and re.search(r"[/@\s]", text)):
        raise UsageError(f"{kind} {value!r} is none: write it as it is in the list, hosts by name")
    if not 0 <= radius <= (MAX_RADIUS if kind == "phash" else 0):
        raise UsageError(f"{kind} {value!r}: a radius of {radius}; a phash takes 0 to {MAX_RADIUS}")
    return kind, text, radius
