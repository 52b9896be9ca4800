"""Stage ingest: image URLs (or a folder of pictures) to the table `images`.

Within a part three things go on at once: an event loop fetches, two threads decode (outside the
interpreter's lock, so that one process keeps two cores busy), and the caller writes what is ready
in order. Bytes that wait for their turn lie in a spool of bounded memory, however large the part.
"""

import asyncio
import functools
import json
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

from pipelines.denylist import load_denylist
from pipelines.services.byte_spool import ByteSpool, Parcel
from pipelines.services.fetch import FetchConfig, Fetched, Fetcher, FetchMemory, HttpFetcher
from pipelines.services.folder import FolderFetcher
from pipelines.services.loop_thread import loop_thread
from pipelines.stage import BaseStage, Shard, one_to_one, reject_row
from pipelines.steps.decode import DecodeLimits
from pipelines.steps.denylist import Denylist, redacted
from pipelines.steps.inspect_image import Inspected, inspect_image
from schemas.errors import UsageError
from schemas.ids import image_id_of, sha256_hex
from schemas.judgment import Reject, RejectRow
from schemas.records import Image, Source
from schemas.store import Store

SOURCES = "sources/images"
SPOOL_BYTES = 64 * 2**20
DECODE_THREADS = 2  # more would wait for the event loop, which holds the interpreter's lock


def image_key(row: dict[str, Any]) -> str | Reject:
    """The image id of an input row; UsageError when the list has no `image_url` column at all."""
    if "image_url" not in row:
        raise UsageError(
            "the input has no column `image_url`; rename the column that holds the URLs"
        )
    url = row["image_url"]
    if not isinstance(url, str) or not url.strip():
        return Reject("missing_url", "image_url is empty")
    return image_id_of(url.strip())


@functools.lru_cache(maxsize=1)
def _memory(config: FetchConfig) -> FetchMemory:
    """What a process knows of hosts (limits, robots.txt), kept from part to part."""
    return FetchMemory.for_config(config)


@dataclass(frozen=True)
class _Checked:
    """A picture that passed; its bytes lie in the spool, and `fetched` is without them."""

    source: Source
    fetched: Fetched
    inspected: Inspected
    parcel: Parcel


@dataclass(frozen=True)
class Ingest(BaseStage):
    """Fetch, check and hash pictures; see `pipelines.services.fetch` for the manners."""

    name: ClassVar[str] = "ingest"
    table: ClassVar[str] = "images"
    record: ClassVar[type] = Image
    version: ClassVar[str] = "1"

    fetch: FetchConfig = field(default_factory=FetchConfig)
    limits: DecodeLimits = field(default_factory=DecodeLimits)
    max_rejects: float = 0.5

    def settings(self) -> dict[str, Any]:
        """Limits and manners; time-outs, rates and addresses change no record."""
        kept = ("max_bytes", "respect_robots", "respect_opt_out")
        return {"limits": asdict(self.limits)} | {name: getattr(self.fetch, name) for name in kept}

    def plan(self, store: Store) -> list[Shard]:
        """One part of images per part of sources."""
        return one_to_one(store, SOURCES)

    def run(self, store: Store, shard: Shard, keys: frozenset[str] | None) -> Iterator[Any]:
        """Images and rejects in the order of their ids."""
        sources = [
            source
            for source in store.records(SOURCES, shard.number, Source)
            if keys is None or source.key in keys
        ]
        with ByteSpool(SPOOL_BYTES) as spool:
            yield from _Part(self, spool, load_denylist(store)).outcomes(sources)


class _Part:
    """The work on one shard."""

    def __init__(self, stage: Ingest, spool: ByteSpool, denied: Denylist) -> None:
        self._stage, self._spool, self._denied = stage, spool, denied
        self._files = asyncio.Semaphore(stage.fetch.concurrency)

    def outcomes(self, sources: list[Source]) -> Iterator[Image | RejectRow]:
        """An outcome per source, in their order, each as soon as those before it are out."""
        with (
            ThreadPoolExecutor(DECODE_THREADS, "decode") as self._decoders,
            loop_thread("fetch") as loop,
        ):
            refuses = self._denied.url_kind if self._denied else None
            http = HttpFetcher(self._stage.fetch, _memory(self._stage.fetch), refuses=refuses)
            asyncio.run_coroutine_threadsafe(http.__aenter__(), loop).result()
            waiting = deque(
                asyncio.run_coroutine_threadsafe(self._one(http, source), loop)
                for source in sources
            )
            try:
                yield from map(self._finish, _in_order(waiting))
            finally:
                for future in waiting:
                    future.cancel()
                leaving = http.__aexit__(None, None, None)
                asyncio.run_coroutine_threadsafe(leaving, loop).result()

    async def _one(self, http: Fetcher, source: Source) -> _Checked | RejectRow:
        """Fetch and check one picture."""
        row = json.loads(source.row)
        url = row["image_url"].strip()
        if self._denied and (kind := self._denied.url_kind(url)):
            kept = redacted(self._denied, source.row)
            return reject_row(Ingest.name, source.key, Reject("denied", kind), kept)
        if not url.startswith("file://"):
            return await self._check(source, row, await http.fetch(url))
        async with self._files:  # the web's requests are bounded by the fetcher itself
            folder = FolderFetcher(source.origin, self._stage.fetch.max_bytes)
            return await self._check(source, row, await folder.fetch(url))

    async def _check(
        self, source: Source, row: dict[str, Any], fetched: Fetched | Reject
    ) -> _Checked | RejectRow:
        if isinstance(fetched, Reject):
            return reject_row(Ingest.name, source.key, fetched, source.row)
        parcel, fetched = self._spool.put(fetched.body), replace(fetched, body=b"")
        expected = str(row.get("image_sha256") or "")
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._decoders, self._inspect, parcel, expected)
        if isinstance(found, Reject):
            self._spool.drop(parcel)
            return reject_row(Ingest.name, source.key, found, source.row)
        return _Checked(source, fetched, found, parcel)

    def _inspect(self, parcel: Parcel, expected_sha256: str) -> Inspected | Reject:
        data = self._spool.look(parcel)
        # Before anything that may quote the checksum.
        if self._denied and self._denied.refuses_sha256(sha256_hex(data)):
            return Reject("denied", "sha256")
        found = inspect_image(data, expected_sha256, self._stage.limits)
        if isinstance(found, Reject) or not self._denied:
            return found
        near = self._denied.refuses_phash(found.facts.grey32)
        return Reject("denied", "phash") if near else found

    def _finish(self, outcome: _Checked | RejectRow) -> Image | RejectRow:
        if isinstance(outcome, RejectRow):
            return outcome
        return _image(outcome, self._spool.take(outcome.parcel))


def _in_order(waiting: "deque[Future[Any]]") -> Iterator[Any]:
    """The results of the futures, each dropped as it is handed out."""
    while waiting:
        yield waiting[0].result()
        waiting.popleft()


def _image(kept: _Checked, body: bytes) -> Image:
    row = json.loads(kept.source.row)
    carried = {n: v for n, v in row.items() if n not in ("image_url", "image_sha256")}
    facts = kept.inspected.facts
    return Image(
        image_id=kept.source.key,
        image_url=row["image_url"].strip(),
        final_url=kept.fetched.final_url,
        image_sha256=kept.inspected.sha256,
        width=facts.width,
        height=facts.height,
        format=facts.format,
        exif_orientation=facts.exif_orientation,
        phash=facts.phash,
        grey32=facts.grey32,
        bytes=body,
        fetched_at=kept.fetched.fetched_at,
        http_status=kept.fetched.status,
        opt_out=kept.fetched.opt_out,
        carried=json.dumps(carried, sort_keys=True, ensure_ascii=False) if carried else "",
    )
