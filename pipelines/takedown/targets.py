"""From selectors to everything that goes: pictures, recordings, and the traces that they left.

Narrow columns are read part by part; only what matches is held. A picture is its bytes: whoever
names a URL or a checksum means the copies under other URLs too, but not near-duplicates, which are
named instead, so that nothing goes that nobody asked for.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from pipelines.steps.normal_url import normal_host, normal_url
from pipelines.steps.phash import SIDE, hex_to_uint64, oriented_hashes
from pipelines.steps.takedown_rows import Doomed
from pipelines.steps.takedown_traces import Traces, leaves, text_digest
from pipelines.takedown.found import Found, rows_of, source_rows
from pipelines.takedown.judged import find_items, judged_still
from pipelines.takedown.speech import CAPTION, find_people, find_recordings, find_texts
from schemas.ids import image_id_of
from schemas.store import Store
from schemas.takedown import TakedownRequest

MOST_NAMED = 1000  # pictures whose near-duplicates are looked for
_PICTURE = ["image_id", "image_url", "final_url", "image_sha256", "phash"]


def find_doomed(store: Store, request: TakedownRequest, salt: str) -> tuple[Doomed, Found]:
    """Everything that a request selects; `salt` is that of the pseudonyms."""
    hosts = frozenset(normal_host(host) for host in request.hosts)
    found = Found(denied=set(request.selectors()))
    _Pictures(store, request, found, hosts).find()
    find_people(store, found, request.annotators, salt)
    find_recordings(store, found, found.doomed(hosts))
    find_items(store, found, found.doomed(hosts))
    find_texts(store, found)
    traces = found.doomed(hosts).traces
    return found.doomed(hosts, frozenset(_still(store, found, traces))), found


class _Pictures:
    """The search for pictures."""

    def __init__(
        self, store: Store, request: TakedownRequest, found: Found, hosts: frozenset[str]
    ) -> None:
        self._store, self._found, self._radius = store, found, request.radius
        self._on_hosts = Doomed(hosts=hosts)
        self._phashes = hex_to_uint64([value.lower() for value in request.phashes])
        self._asked = {normal_url(url) for url in request.urls}
        found.urls.update(url.strip() for url in request.urls)
        found.image_ids.update(image_id_of(url) for url in found.urls)
        found.sha256s.update(value.lower() for value in request.sha256s)

    def find(self) -> None:
        """Pictures that match, the copies of their bytes, and rows that never became pictures."""
        columns = [*_PICTURE, "grey32"] if len(self._phashes) else _PICTURE
        for row in rows_of(self._store, "images", columns):
            if self._selects(row):
                self._take(row, copies=True)
            elif self._is_on_host(row["image_url"]) or self._is_on_host(row["final_url"]):
                self._take(row, copies=False)
        if self._found.sha256s:
            for row in rows_of(self._store, "images", _PICTURE):
                if row["image_sha256"] in self._found.sha256s:
                    self._take(row, copies=True)
        self._take_inputs()
        self._keep_greys()

    def _selects(self, row: dict[str, Any]) -> bool:
        urls = {normal_url(row["image_url"]), normal_url(row["final_url"])}
        if not self._asked.isdisjoint(urls) or row["image_sha256"] in self._found.sha256s:
            return True
        if not len(self._phashes):
            return False
        turned = oriented_hashes(np.frombuffer(row["grey32"], np.uint8).reshape(1, SIDE, SIDE))
        apart = np.bitwise_count(turned.reshape(-1, 1) ^ self._phashes)
        return bool(apart.min() <= self._radius)

    def _is_on_host(self, url: str) -> bool:
        return bool(self._on_hosts.hosts) and self._on_hosts.has_url(url)

    def _take(self, row: dict[str, Any], copies: bool) -> None:
        """`copies` tells that the bytes themselves are meant, wherever they lie."""
        found = self._found
        found.image_ids.add(row["image_id"])
        found.urls.update((row["image_url"], row["final_url"]))
        found.digests.update((row["image_sha256"], row["phash"]))
        found.denied.update((("url", row["image_url"], 0), ("url", row["final_url"], 0)))
        if copies:
            found.sha256s.add(row["image_sha256"])
            found.denied.add(("sha256", row["image_sha256"], 0))

    def _take_inputs(self) -> None:
        """Rows of the list that name one of them, fetched or not."""
        doomed = self._found.doomed(self._on_hosts.hosts)
        for key, row in source_rows(self._store, "sources/images"):
            url = str(row.get("image_url") or "").strip()
            if url and doomed.is_about(row):
                self._found.image_ids.add(key or image_id_of(url))
                self._found.urls.add(url)
                self._found.denied.add(("url", url, 0))

    def _keep_greys(self) -> None:
        """Count the pictures, and keep what near-duplicates are looked for with."""
        for row in rows_of(self._store, "images", ["image_id", "grey32"]):
            if row["image_id"] in self._found.image_ids:
                self._found.pictures += 1
                if len(self._found.greys) < MOST_NAMED:
                    self._found.greys.append(row["grey32"])


def _still(store: Store, found: Found, traces: Traces) -> Iterator[str]:
    """The traces that rows which stay hold as well: checksums, hashes, URLs and texts."""
    for row in rows_of(store, "images", _PICTURE):
        if row["image_id"] not in found.image_ids:
            yield from {row["image_sha256"], row["phash"]} & traces.values
            yield from {normal_url(row["final_url"])} & traces.urls
    for row in rows_of(store, "evaluation", ["image_sha256", "phash"]):
        if row["image_sha256"] not in traces.values:
            yield from {row["phash"]} & traces.values
    for row in rows_of(store, "recordings", ["recording_id", "audio_sha256"]):
        if row["recording_id"] not in found.recording_ids:
            yield from {row["audio_sha256"]} & traces.values
    if traces.texts:
        for text in _said_still(store, found):
            yield from {text_digest(text)} & traces.texts


def _said_still(store: Store, found: Found) -> Iterator[str]:
    """The texts of captions and transcripts that stay."""
    gone = found.image_ids | found.recording_ids | found.item_ids
    for table, columns in (("captions", CAPTION), ("transcripts", ["recording_id", "text"])):
        for row in rows_of(store, table, columns):
            ids = {row.get("image_id"), row.get("recording_id"), *row.get("recording_ids", ())}
            ids |= {*(row.get("review_ids") or ())}
            if ids.isdisjoint(gone):
                yield from (text for _, text in leaves(row))
    yield from judged_still(store, found)
