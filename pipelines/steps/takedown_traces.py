"""Where a taken-down thing shows: whole values, tokens inside free text, and values inside JSON.

The choice worth knowing: nothing is searched as a bare substring, because `a.jpg` is also the start
of `a.jpg?size=2`. Ids and digests are found as runs of hex digits, URLs in the form in which the
denylist compares them, and what was said or written as whole texts by their digests, so that the
list of traces itself quotes no sentence.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pipelines.steps.normal_url import normal_url
from schemas.ids import content_id

JSON_FIELDS = ("row", "carried", "opt_out")
_HEX = re.compile(r"[0-9a-f]{12,}", re.IGNORECASE)  # a pseudonym has 13 digits, a SHA-256 has 64
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s\"'<>\\]+", re.IGNORECASE)
_AFTER = ".,;:!?)]}'\""


@dataclass(frozen=True)
class Traces:
    """What may be found nowhere. `values` are ids and hex digests in lower case, `urls` in normal
    form, `texts` as `text_digest` has it, `names` those of annotators as a manifest has them."""

    values: frozenset[str] = frozenset()
    urls: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    def in_value(self, value: str) -> bool:
        """Whether a cell holds one of them, as a whole or as a token."""
        if self.texts and text_digest(value) in self.texts:
            return True
        if value[:1] in "{[" and (parsed := parse_json(value)) is not None:
            return self.in_json(parsed)
        return self.in_text(value)

    def in_text(self, text: str) -> bool:
        """Whether free text names an id, a digest or a URL among them."""
        if any(run.lower() in self.values for run in _HEX.findall(text)):
            return True
        return bool(self.urls) and any(url in self.urls for url in _urls(text))

    def in_json(self, value: Any) -> bool:
        """Whether a parsed JSON value holds one of them, in a key or a value."""
        return any(self._leaf(key, leaf) for key, leaf in leaves(value))

    def redact(self, value: Any, key: str = "") -> Any:
        """The JSON value without them: null for a value, nothing for a key."""
        if isinstance(value, dict):
            kept = {k: v for k, v in value.items() if not self._leaf("", k)}
            return {name: self.redact(inner, name) for name, inner in kept.items()}
        if isinstance(value, list):
            return [self.redact(inner, key) for inner in value]
        return None if isinstance(value, str) and self._leaf(key, value) else value

    def _leaf(self, key: str, value: str) -> bool:
        if key == "annotator" and value in self.names:
            return True
        return self.in_text(value) or (bool(self.texts) and text_digest(value) in self.texts)


def text_digest(text: str) -> str:
    """The digest of what was said or written, whatever its spaces and case."""
    return content_id("text", " ".join(text.lower().split()))


def parse_json(text: str) -> Any | None:
    """The value of a JSON text; None when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def leaves(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """The strings of a JSON value with the name they stand under; keys stand under none."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield "", name
            yield from leaves(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, key)
    elif isinstance(value, str):
        yield key, value


def normal_urls(urls: Iterable[str]) -> frozenset[str]:
    """URLs in the form that is compared."""
    return frozenset(normal_url(url) for url in urls if url)


def _urls(text: str) -> Iterator[str]:
    if "://" not in text:
        return
    found = _URL.findall(text)
    yield from map(normal_url, {text.strip(), *found, *(url.rstrip(_AFTER) for url in found)})
