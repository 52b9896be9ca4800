"""What must never come back, known by salted digests alone: the look-ups of a denylist.

Digests are HMAC-SHA256 with the store's own salt. They hide a value from grep and from casual
reading; somebody who has the salt and a list of candidates can test each of them. Perceptual hashes
are kept in a keyed form that keeps distances (`keyed_phash`).
"""

import functools
import hashlib
import hmac
import json
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.steps.keyed_phash import Hashes, keyed_phash
from pipelines.steps.normal_url import hosts_of, normal_host, normal_url
from pipelines.steps.phash import SIDE, hex_to_uint64, oriented_hashes, uint64_to_hex
from schemas.judgment import Reject, RejectRow

KINDS = ("url", "image_id", "sha256", "phash", "host", "annotator")
MAX_RADIUS = 32  # half of the bits: beyond it every second picture would be near
# The columns of a list that are looked at, and what stands in them.
IMAGE_COLUMNS = {"image_url": "url", "image_sha256": "sha256"}
JUDGED_COLUMNS = {"annotator_id": "annotator", "image_id": "image_id"}
RECORDING_COLUMNS = {"annotator": "annotator", **JUDGED_COLUMNS, **IMAGE_COLUMNS}


@dataclass(frozen=True, order=True)
class Entry:
    """One thing that is denied, by kind and digest; `radius` is in bits for a phash, else 0."""

    kind: str
    digest: str
    radius: int = 0


@dataclass(frozen=True)
class Denylist:
    """Entries under one salt; an empty one refuses nothing, and is false."""

    salt: bytes = b""
    entries: tuple[Entry, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.entries)

    def digest(self, kind: str, value: str) -> str:
        """The digest under which a value is denied: 64 hex digits, 16 for a phash."""
        if kind == "phash":
            return uint64_to_hex(keyed_phash(hex_to_uint64([value]), self.salt))[0]
        text = f"{kind}:{_FORMS[kind](value)}".encode("utf-8", "surrogatepass")
        return hmac.new(self.salt, text, hashlib.sha256).hexdigest()

    def refuses_url(self, url: str) -> str | None:
        """The digest of the entry that holds for a URL, by itself or by its host."""
        return self._find("url", url) or self._refused_host(url)

    def url_kind(self, url: str) -> str:
        """By what a URL is refused: `url`, `host`, or empty when it is not."""
        if self._find("url", url):
            return "url"
        return "host" if self._refused_host(url) else ""

    def refuses_image_id(self, image_id: str) -> str | None:
        """The digest of the entry of a picture's id, which is made of its URL."""
        return self._find("image_id", image_id)

    def refuses_sha256(self, hex_digits: str) -> str | None:
        """The digest of the entry for these bytes."""
        return self._find("sha256", hex_digits)

    def refuses_annotator(self, name: str) -> str | None:
        """The digest of the entry of an annotator, by name as the manifest has it."""
        return self._find("annotator", name)

    def refuses_phash(self, picture: str | bytes) -> str | None:
        """The digest of the nearest entry within its own radius.

        `picture` is a hash of 16 hex digits, compared as it is, or a 32x32 grey picture as in
        `Image.grey32`, compared in all eight orientations.
        """
        keyed, radii = self._hashes
        if not len(keyed):
            return None
        distances = np.bitwise_count(keyed[:, np.newaxis] ^ self._asked(picture)).min(axis=1)
        near = np.flatnonzero(distances <= radii)
        if not len(near):
            return None
        return uint64_to_hex(keyed[near[np.argmin(distances[near])]][np.newaxis])[0]

    def _asked(self, picture: str | bytes) -> Hashes:
        if isinstance(picture, str):
            return keyed_phash(hex_to_uint64([picture]), self.salt)
        grey = np.frombuffer(picture, np.uint8).reshape(1, SIDE, SIDE)
        return keyed_phash(oriented_hashes(grey)[0], self.salt)

    def _refused_host(self, url: str) -> str | None:
        if "host" not in self._digests:
            return None
        found = (self._find("host", host) for host in hosts_of(url))
        return next((digest for digest in found if digest), None)

    def _find(self, kind: str, value: str) -> str | None:
        known = self._digests.get(kind)
        if not known or not value:
            return None
        digest = self.digest(kind, value)
        return digest if digest in known else None

    @functools.cached_property
    def _digests(self) -> dict[str, frozenset[str]]:
        kinds = {entry.kind for entry in self.entries}
        return {
            kind: frozenset(entry.digest for entry in self.entries if entry.kind == kind)
            for kind in kinds
        }

    @functools.cached_property
    def _hashes(self) -> tuple[Hashes, np.ndarray[Any, np.dtype[np.uint8]]]:
        found = [entry for entry in self.entries if entry.kind == "phash"]
        radii = np.array([entry.radius for entry in found], np.uint8)
        return hex_to_uint64([entry.digest for entry in found]), radii


def _hex_form(value: str) -> str:
    return value.strip().lower()


def _name_form(value: str) -> str:
    return unicodedata.normalize("NFC", value.strip())


# How a value of each kind is written before it is digested; a row counts to the letter.
_FORMS: dict[str, Callable[[str], str]] = {
    "url": normal_url,
    "image_id": _hex_form,
    "sha256": _hex_form,
    "host": normal_host,
    "annotator": _name_form,
    "row": str,
}


def refused_kind(denied: Denylist, row: Mapping[str, Any], columns: Mapping[str, str]) -> str:
    """By which kind a row of a list is denied, empty when it is not.

    `columns` maps each column that is looked at to the kind of what stands in it.
    """
    look_up: dict[str, Callable[[str], str | None]] = {
        "image_id": denied.refuses_image_id,
        "sha256": denied.refuses_sha256,
        "annotator": denied.refuses_annotator,
    }
    for column, kind in columns.items():
        value = str(row.get(column) or "")
        if kind == "url" and (found := denied.url_kind(value)):
            return found
        if kind != "url" and look_up[kind](value):
            return kind
    return ""


def redacted(denied: Denylist, row: str) -> str:
    """What is kept of a denied row: a salted digest, by which the same row is known again."""
    return json.dumps({"denied": denied.digest("row", row)})


def redacted_reject(denied: Denylist, stage: str, kind: str, row: str) -> RejectRow:
    """The reject of a denied row: key and row hold salted digests, the detail only the kind."""
    text = redacted(denied, row)
    key = f"denied-{denied.digest('row', row)[:32]}"
    refused = Reject("denied", kind)
    return RejectRow(stage, key, refused.reason, refused.detail, refused.retryable, text)
