"""Merges a generated card with the one on the Hub, where people edit it: what they wrote stays.

The header is merged key by key (`card_header_merge`); in the body only what lies between the
markers is replaced. Nothing is guessed: a card that cannot be read as a whole is refused.
"""

import re
from dataclasses import dataclass

from schemas.errors import UsageError
from tools.release.card_header_merge import merge_headers, refused

FENCE = "---"
_MARKERS = re.compile(r"<!-- pixmo: (generated|end)\b[^\n]*?-->")


@dataclass(frozen=True)
class _Card:
    """A card in pieces: `opening` and `closing` are the lines `---`, empty without a header."""

    opening: str
    header: str
    closing: str
    body: str


def merge_card(ours: str, theirs: str) -> str:
    """The card to publish: `ours` is a generated card, `theirs` the text on the Hub, maybe empty.

    Of the header, `configs`, `size_categories`, the licence and what we add to lists are ours; all
    other keys, entries and comments are theirs. Of the body, the text between our markers is ours,
    and every other byte theirs. Merging again changes nothing.

    UsageError names the line where the header or the markers of theirs are broken.
    """
    other = theirs.removeprefix("\ufeff")
    if not other.strip():
        return ours
    own, card = _split(ours), _split(other)
    crlf = other.split("\n", 1)[0].endswith("\r")  # as its first line ends, all of ours do
    header = merge_headers(own.header, card.header, card.opening.count("\n") + 1)
    body = _merge_body(_newlines(own.body, crlf), card, _newlines("\n", crlf))
    if card.opening:
        return f"{card.opening}{_newlines(header, crlf)}{card.closing}{body}"
    gap = "" if body.startswith(("\n", "\r")) else "\n"
    return _newlines(f"{own.opening}{header}{own.closing}{gap}", crlf) + body


def _newlines(text: str, crlf: bool) -> str:
    plain = text.replace("\r\n", "\n")
    return plain.replace("\n", "\r\n") if crlf else text


def _split(text: str) -> _Card:
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)  # str.splitlines breaks at more than that
    first = next((n for n, line in enumerate(lines) if line.strip()), 0)
    if not lines or lines[first].rstrip() != FENCE:
        return _Card("", "", "", text)
    for n in range(first + 1, len(lines)):
        if lines[n].rstrip() == FENCE:
            opening, header = "".join(lines[: first + 1]), "".join(lines[first + 1 : n])
            return _Card(opening, header, lines[n], "".join(lines[n + 1 :]))
    raise refused(first + 1, f"the header that begins here has no closing {FENCE}")


def _merge_body(ours: str, theirs: _Card, newline: str) -> str:
    text = theirs.body
    if not text.strip():
        return text + ours.lstrip("\r\n") if text else ours
    block = _block(ours)
    found = list(_MARKERS.finditer(text))
    if not found:
        gap = newline if text.endswith("\n") else newline * 2
        return f"{text}{gap}{block}{newline}"
    if [match[1] for match in found] != ["generated", "end"]:
        raise _unpaired(theirs, found)
    return text[: found[0].start()] + block + text[found[1].end() :]


def _unpaired(card: _Card, found: list[re.Match[str]]) -> UsageError:
    kinds = ("generated", "end")
    wrong = next((n for n, m in enumerate(found) if n > 1 or m[1] != kinds[n]), 0)
    before = f"{card.opening}{card.header}{card.closing}{card.body[: found[wrong].start()]}"
    return refused(
        before.count("\n") + 1,
        f"{found[wrong][0]!r} is not one of a pair: a card has one marker where the generated part "
        "begins and one where it ends, or none",
    )


def _block(ours: str) -> str:
    """Our markers and what lies between them."""
    first, last = _MARKERS.finditer(ours)
    return ours[first.start() : last.end()]
