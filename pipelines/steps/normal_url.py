"""URLs and hosts in the one form that a denylist compares, so that a rewriting is no way around it.

The form is made for comparing, never for fetching: `http` and `https` are the same place, and
neither the fragment, a user name nor the scheme's own port tells two pictures apart. The path and
the query are kept to the letter, but for percent-encoding and dot segments, since servers do tell
`/a` from `/A` and `?x=1&y=2` from `?y=2&x=1`.
"""

import re

from yarl import URL

from pipelines.steps.address_check import ip_literal

_WEB = re.compile(r"https?:", re.IGNORECASE)
_HOST = re.compile(r"\S+")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def normal_url(text: str) -> str:
    """`HTTP://A.Com:80/x#y` as `//a.com/x`; what is no web URL (`file://`, broken) as it stands."""
    stripped = text.strip()
    url = _parsed(stripped)
    if url is None:
        return stripped
    host = normal_host(url.raw_host or "")
    port = url.explicit_port
    place = f"[{host}]" if ":" in host else host
    if port is not None and port != _DEFAULT_PORTS[url.scheme]:
        place = f"{place}:{port}"
    return f"//{place}{url.raw_path_qs or '/'}"


def normal_host(text: str) -> str:
    """A host in lower case and ASCII, without brackets and final dots."""
    host = text.strip().lower().removeprefix("[").removesuffix("]").rstrip(".")
    if host.isascii():
        return host
    try:
        return (URL(f"http://{host}/").raw_host or host).rstrip(".")
    except (ValueError, IndexError):
        return host


def hosts_of(url: str) -> list[str]:
    """The host of a web URL and the domains above it, from `img.a.com` to `com`; none of others.

    An IP address has nothing above it.
    """
    parsed = _parsed(url.strip())
    host = normal_host(parsed.raw_host or "") if parsed is not None else ""
    if not host or ip_literal(host) is not None:
        return [host] if host else []
    labels = host.split(".")
    return [".".join(labels[first:]) for first in range(len(labels))]


def _parsed(text: str) -> URL | None:
    if not _WEB.match(text):
        return None
    try:
        url = URL(text)
    except (ValueError, IndexError):  # yarl's own slip for a host of brackets
        return None
    return url if _HOST.fullmatch(normal_host(url.raw_host or "")) else None
