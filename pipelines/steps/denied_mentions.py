"""Rows of a list that are let in, but mention what is denied: in a column beside their own URL.

Such a value becomes null, so that neither a carried column nor the row of a reject brings back what
was taken down. Names are not looked for: a name in a text may be anybody's.
"""

import re
from typing import Any

from pipelines.steps.denylist import Denylist

_URL = re.compile(r"https?:[^\s\"'<>\\]+", re.IGNORECASE)
_HEX = re.compile(r"[0-9a-f]{32,}", re.IGNORECASE)  # an id has 32 digits, a SHA-256 has 64
_AFTER = ".,;:!?)]}"  # what ends a sentence rather than a URL


def refused_text(denied: Denylist, text: str) -> str:
    """By what a text that is no row (a damaged line) is denied for a URL in it, or empty."""
    plain = text.replace("\\", "")  # JSON within JSON, and `http:\/\/`
    return next(filter(None, map(denied.url_kind, _urls(plain))), "")


def without_denied(denied: Denylist, value: Any) -> Any:
    """A row, or a value within one, with null in place of texts that mention what is denied."""
    if isinstance(value, dict):
        return {name: without_denied(denied, inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_denied(denied, inner) for inner in value]
    return None if isinstance(value, str) and _mentions(denied, value) else value


def _mentions(denied: Denylist, text: str) -> bool:
    if any(map(denied.url_kind, _urls(text))):
        return True
    runs = _HEX.findall(text)
    return any(denied.refuses_sha256(run) or denied.refuses_image_id(run) for run in runs)


def _urls(text: str) -> list[str]:
    """The URLs in a text, each as it stands and without what ends a sentence."""
    found = _URL.findall(text)
    return [*found, *(url.rstrip(_AFTER) for url in found if url[-1] in _AFTER)]
