"""Response headers to an opt-out decision: X-Robots-Tag and the TDM Reservation Protocol.

A rule counts when it names no agent, every agent or ours. A rule for another agent does not, and a
value such as `max-image-preview: none` is no rule `none`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from schemas.ids import canonical_json

AGENT = "pixmo"
DECISIVE_HEADERS = ("x-robots-tag", "tdm-reservation", "tdm-policy")
OPT_OUT_RULES = frozenset({"noai", "noimageai", "noml", "noindex", "noimageindex", "none"})

_VALUED_RULES = frozenset(
    {"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"}
)
_AGENT_PREFIX = re.compile(r"\s*([a-z0-9_.*-]+)\s*:(.*)", re.IGNORECASE | re.DOTALL)
# Where the next header begins in a refusal; a value may hold a semicolon of its own.
_NEXT_HEADER = re.compile(r"; (?=x-robots-tag: |tdm-reservation: )")


@dataclass(frozen=True)
class OptOut:
    """`headers`: the decisive headers as canonical JSON, "" when none; `refusal`: "" or why."""

    headers: str = ""
    refusal: str = ""


def decide_opt_out(headers: Iterable[tuple[str, str]], agent: str = AGENT) -> OptOut:
    """Read (name, value) pairs of a response, in order, names in any case."""
    found: dict[str, list[str]] = {}
    refusals: list[str] = []
    for name, value in headers:
        lowered = name.lower()
        if lowered not in DECISIVE_HEADERS:
            continue
        # Bytes that are no UTF-8 arrive as lone surrogates, which no table can store.
        text = value.strip().encode("utf-8", "replace").decode()
        found.setdefault(lowered, []).append(text)
        if _refuses(lowered, text, agent):
            refusals.append(f"{lowered}: {text}")
    return OptOut(canonical_json(found) if found else "", "; ".join(refusals))


def short_rule(refusal: str, agent: str = AGENT) -> str:
    """What `OptOut.refusal` comes down to, for example `x-robots-tag: noai, noml`.

    A server may add to its headers what differs from picture to picture; this does not.
    """
    lines = [line.partition(": ") for line in _NEXT_HEADER.split(refusal)]
    said = [_rules_for(value, agent) for name, _, value in lines if name == "x-robots-tag"]
    tags = sorted(OPT_OUT_RULES.intersection(set().union(*said)))
    reserved = any(name == "tdm-reservation" for name, _, _ in lines)
    found = [f"x-robots-tag: {', '.join(tags)}"] if tags else []
    return "; ".join([*found, "tdm-reservation: 1"] if reserved else found)


def _refuses(name: str, value: str, agent: str) -> bool:
    if name == "tdm-reservation":
        return value == "1"
    return name == "x-robots-tag" and not OPT_OUT_RULES.isdisjoint(_rules_for(value, agent))


def _rules_for(value: str, agent: str) -> set[str]:
    """The rules of one X-Robots-Tag line that hold for `agent`; a prefix holds until the next."""
    rules: set[str] = set()
    applies = True
    for part in value.split(","):
        rule = part
        prefix = _AGENT_PREFIX.fullmatch(part)
        if prefix and prefix[1].lower() in _VALUED_RULES:
            continue
        if prefix:
            applies = prefix[1].lower() in ("*", agent)
            rule = prefix[2]
        if applies:
            rules.add(rule.strip().lower())
    return rules
