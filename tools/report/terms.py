"""A full-text index that a page can search without reading the texts.

Terms are sorted and cut into blocks; a page loads the blocks that hold the words it looks for, and
gets the numbers of all rows with them. Postings are gaps between row numbers as variable-length
integers (7 bits a byte, the high bit says that more follow). `assets/search.js` reads them.
"""

import re
import struct
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from tools.report.packing import write_json, write_payload
from tools.report.word_coding import varint

_BLOCK_BYTES = 160_000
_MAX_TERM = 40
_PLAIN = re.compile(r"[a-z0-9_]+")
# Scripts without spaces are indexed by character, so that a word in the middle is found too.
_ANY = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|(?:(?![\u3040-\u30ff\u3400-\u9fff])\w)+")


def words_of(text: str) -> list[str]:
    """The terms of a text: lower case, compatibility forms unified."""
    if text.isascii():
        return _PLAIN.findall(text.lower())
    return _ANY.findall(unicodedata.normalize("NFKC", text).lower())


def local_postings(texts: Iterable[str]) -> dict[str, list[int]]:
    """The rows of one batch by term, counted from 0."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for row, text in enumerate(texts):
        for term in {word[:_MAX_TERM] for word in words_of(text)}:
            found[term].append(row)
    return found


def pack_local(postings: dict[str, list[int]]) -> dict[str, tuple[int, int, bytes]]:
    """Postings of one batch as (first row, last row, gaps between), small to send and to join."""
    return {
        term: (rows[0], rows[-1], b"".join(map(_gap, rows, rows[1:])))
        for term, rows in postings.items()
    }


_SMALL = [bytes([value]) for value in range(128)]


def _gap(before: int, row: int) -> bytes:
    gap = row - before
    return _SMALL[gap] if gap < 128 else varint(gap)


class Index:
    """Postings of a whole page, joined batch by batch in the order of its rows."""

    def __init__(self) -> None:
        self._terms: dict[str, tuple[int, bytearray]] = {}

    def add(self, start: int, batch: dict[str, tuple[int, int, bytes]]) -> None:
        """Take the postings of the batch whose first row has the number `start`."""
        for term, (first, last, gaps) in batch.items():
            before, held = self._terms.get(term) or (-1, bytearray())
            held += varint(start + first - before)
            held += gaps
            self._terms[term] = (start + last, held)

    def write(self, folder: Path, prefix: str) -> list[str]:
        """Write the blocks `<prefix>-<n>` and the list of their first terms `<prefix>`."""
        firsts = []
        for at, block in enumerate(self._blocks()):
            firsts.append(block[0])
            bodies = [self._terms[term][1] for term in block]
            head = "\n".join(block).encode("utf-8", "replace")
            sizes = struct.pack(f"<{len(block)}I", *map(len, bodies))
            size = struct.pack("<II", len(block), len(head))
            write_payload(folder, f"{prefix}-{at}", size + sizes + head + b"".join(bodies))
        write_json(folder, prefix, firsts)
        return firsts

    def _blocks(self) -> Iterator[list[str]]:
        block: list[str] = []
        held = 0
        # The order of UTF-16 code units is that of strings in the browser.
        for term in sorted(self._terms, key=lambda term: term.encode("utf-16-be", "replace")):
            block.append(term)
            held += len(self._terms[term][1]) + len(term)
            if held >= _BLOCK_BYTES:
                yield block
                block, held = [], 0
        if block:
            yield block
