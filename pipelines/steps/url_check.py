"""From a text in a column to a URL that may be requested, or the reason why not.

The check reads the host after yarl has normalised it, since that is the host that is connected to:
"①②⑦.0.0.1" is 127.0.0.1 by then.
"""

import re

from yarl import URL

from pipelines.steps.address_check import ip_literal
from pipelines.steps.fetch_reasons import fetch_reject
from schemas.judgment import Reject

MAX_URL_CHARS = 8192
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
# A byte that is no UTF-8, as aiohttp hands it over; browsers send it on percent-encoded.
_RAW_BYTE = re.compile(r"[\udc80-\udcff]")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_NOT_A_URL = (ValueError, IndexError)  # the second is a slip of yarl's, for a host of brackets
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)


def parse_url(text: str) -> URL | Reject:
    """An http(s) URL with a host, without user name and fragment; `bad_url` or `bad_scheme`."""
    stripped = text.strip()
    if len(stripped) > MAX_URL_CHARS:
        return fetch_reject("bad_url", f"longer than {MAX_URL_CHARS} characters")
    if _CONTROL.search(stripped):
        return fetch_reject("bad_url", "control character")
    scheme = _SCHEME.match(stripped)
    if scheme and scheme[1].lower() not in ("http", "https"):
        return fetch_reject("bad_scheme", scheme[1].lower())
    try:
        url = URL(stripped)
    except _NOT_A_URL as error:
        return fetch_reject("bad_url", str(error))
    return _checked(url)


def redirect_url(base: URL, location: str) -> URL | Reject:
    """Where a redirect leads; relative locations are joined to `base`."""
    if not location.strip():
        return fetch_reject("bad_redirect", "no Location header")
    location = _RAW_BYTE.sub(lambda raw: f"%{ord(raw[0]) & 0xFF:02X}", location)
    if _CONTROL.search(location) or len(location) > MAX_URL_CHARS:
        return fetch_reject("bad_redirect", "control character, or too long")
    try:
        url = base.join(URL(location.strip()))
    except _NOT_A_URL as error:
        return fetch_reject("bad_redirect", str(error))
    return _checked(url)


def host_key(url: URL) -> str:
    """The host in the form that limits and allow lists use: lower case, no final dot."""
    return (url.raw_host or "").lower().rstrip(".")


def _checked(url: URL) -> URL | Reject:
    if url.scheme and url.scheme not in ("http", "https"):
        return fetch_reject("bad_scheme", url.scheme)
    if not url.scheme or not url.raw_host:
        return fetch_reject("bad_url", "no scheme or no host")
    if url.raw_user or url.raw_password:
        return fetch_reject("bad_url", "a user name in the URL")
    if not _is_host(url.raw_host):
        return fetch_reject("bad_url", f"host {url.raw_host!r}")
    return url.with_fragment(None)


def _is_host(host: str) -> bool:
    name = host.removesuffix(".")
    if ip_literal(host) is not None or ":" in host:
        return True
    return len(name) <= 253 and all(_LABEL.fullmatch(label) for label in name.split("."))
