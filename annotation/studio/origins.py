"""Whether a request comes from a page of ours: Label Studio itself does not check. No Django here.

Browsers say where a request comes from (Origin; where that is missing Sec-Fetch-Site or Referer),
and no page can make them lie. What says nothing is refused where something would change.
"""

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit


def origin_of(address: str) -> str:
    """Scheme, host and port of a URL, in lower case; empty when it has none."""
    try:
        parts = urlsplit(address.strip().lower())
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        return ""
    return f"{parts.scheme}://{parts.netloc}"


def own_origins(host: str, public_url: str, trusted: Collection[str] = ()) -> frozenset[str]:
    """The origins of our own pages.

    `host` is what the request was sent to. A proxy in front may end HTTPS, so both schemes count
    for it, unless `public_url` names the same host: then its scheme alone.
    """
    public = origin_of(public_url)
    schemes: tuple[str, ...] = ("http", "https")
    if public and public.partition("://")[2] == host.lower():
        schemes = (public.partition("://")[0],)
    named = [public, *(origin_of(one) for one in trusted)]
    return frozenset(f"{s}://{host.lower()}" for s in schemes) | {one for one in named if one}


def is_from_us(headers: Mapping[str, str], own: Collection[str], strict: bool = True) -> bool:
    """Whether a request was sent by one of our own pages.

    `strict` is for what changes something: a request that does not say where it comes from is
    refused then. Without it only a request that says it comes from elsewhere is refused, so that
    a typed address works.
    """
    origin = headers.get("Origin")
    if origin is not None:
        return origin_of(origin) in own
    site = headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin" or (not strict and site == "none")
    referer = headers.get("Referer")
    if referer is not None:
        return origin_of(referer) in own
    return not strict
