"""One request without redirects, over connections whose addresses were checked.

Everything that could go around the check is off: no proxy from the environment, no redirects, no
cookies. Bodies are asked for unpacked (`identity`); a server that packs them all the same is
unpacked piece by piece, so the cap holds for what comes out.
"""

from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Self, TypeVar

import aiohttp
from yarl import URL

from pipelines.services.addresses import CheckedResolver, Lookup, SystemLookup, refuse_literal
from pipelines.services.fetch_config import FetchConfig, normal_host
from pipelines.services.http_errors import HTTP_ERRORS, reject_of
from pipelines.steps.fetch_reasons import fetch_reject
from schemas.judgment import Reject

T = TypeVar("T")
# As much as asyncio reads from a socket at once; a typical picture is one or two reads.
_READ_BUFFER = 256 * 1024
_DNS_CACHE_S = 300
_DNS_THREADS = 32


class CheckedClient:
    """An aiohttp session that reaches global addresses, allowed hosts and nothing else."""

    def __init__(self, config: FetchConfig, lookup: Lookup | None = None) -> None:
        self._config = config
        self._lookup = lookup
        self._threads: SystemLookup | None = None
        self._session: aiohttp.ClientSession | None = None
        self._allowed: frozenset[str] = frozenset(map(normal_host, config.allow_hosts))

    async def __aenter__(self) -> Self:
        lookup = self._lookup
        if lookup is None:
            lookup = self._threads = SystemLookup(_DNS_THREADS)
        resolver = CheckedResolver(self._config, lookup)
        config = self._config
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=_DNS_CACHE_S, resolver=resolver),
            headers={
                "User-Agent": config.user_agent,
                "Accept": "*/*",
                "Accept-Encoding": "identity",
            },
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(
                connect=config.connect_s, sock_connect=config.connect_s, sock_read=config.read_s
            ),
            read_bufsize=_READ_BUFFER,
            trust_env=False,
            middlewares=(_ask_once,),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()
        if self._threads is not None:
            self._threads.close()
        self._session = self._threads = None

    async def get(
        self, url: URL, handle: Callable[[aiohttp.ClientResponse], Awaitable[T]]
    ) -> T | Reject:
        """What `handle` makes of the response to a GET; see `ask`."""
        return await self.ask("GET", url, handle)

    async def ask(
        self,
        method: str,
        url: URL,
        handle: Callable[[aiohttp.ClientResponse], Awaitable[T]],
        headers: Mapping[str, str] | None = None,
    ) -> T | Reject:
        """What `handle` makes of the response, or the Reject for why there is none.

        A body that `handle` leaves unread is not drained: its connection is closed.
        """
        if self._session is None:
            raise RuntimeError("use the client inside `async with`")
        refused = refuse_literal((url.raw_host or "").lower(), self._allowed)
        if refused is not None:
            return refused
        try:
            asking = self._session.request(method, url, allow_redirects=False, headers=headers)
            async with asking as response:
                return await handle(response)
        except HTTP_ERRORS as error:
            return reject_of(error)


async def _ask_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a request by itself, past the limits and the count of tries.

    It does so for the two errors below, whatever the settings, unless they have another type.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientConnectionError(f"{type(error).__name__}: {error}") from error


async def read_body(response: aiohttp.ClientResponse, max_bytes: int) -> bytes | Reject:
    """The body, unpacked; `too_large` as soon as it is known to pass `max_bytes`."""
    declared = response.content_length
    if declared is not None and declared > max_bytes:
        return fetch_reject("too_large", f"declares {declared} bytes, the cap is {max_bytes}")
    body = bytearray()
    while chunk := await response.content.readany():
        body += chunk
        if len(body) > max_bytes:
            return fetch_reject("too_large", f"more than {max_bytes} bytes")
    return bytes(body)
