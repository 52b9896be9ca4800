"""Words and the n-grams of words, hashed: what two texts have in common, word for word.

A word is a run of letters and digits in lower case after NFKC, without marks; scripts that are
written without spaces (Chinese, Japanese, Thai and others) count each character as a word. The
length of n-grams follows appendix C of the GPT-3 paper (Brown and others, 2020): 13 words, and what
is in very many texts is no evidence.
"""

import functools
import hashlib
import re
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

_DENSE = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
)
_WORD = re.compile(f"[{_DENSE}]|[^\\W_{_DENSE}]+(?:'[^\\W_{_DENSE}]+)*")
_APOSTROPHES = str.maketrans({"’": "'", "ʼ": "'", "‘": "'"})
_PRIME = np.uint64(0x9E3779B97F4A7C15)


def words_in(text: str) -> list[str]:
    """The words of a text in lower case, without marks."""
    if text.isascii():
        return _WORD.findall(text.lower())
    plain = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES).lower()
    return _WORD.findall(plain)


@functools.lru_cache(maxsize=1_000_000)
def _word_hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")


def hash_words(words: Sequence[str]) -> Hashes:
    """One 64-bit hash per word, the same on every machine."""
    return np.fromiter(map(_word_hash, words), np.uint64, len(words))


def ngram_hashes(words: Hashes, n: int) -> Hashes:
    """The hash of each run of `n` words, by where it begins; empty for fewer words."""
    count = len(words) - n + 1
    if count <= 0:
        return np.empty(0, np.uint64)
    total: Hashes = np.zeros(count, np.uint64)
    for at in range(n):
        total = total * _PRIME + words[at : at + count]
    return total ^ (total >> np.uint64(32))


def longest_run(ours: Sequence[str], theirs: Sequence[str]) -> tuple[int, int]:
    """The longest run of words that two texts share: where it begins in ours, and its length."""
    places: dict[str, list[int]] = {}
    for at, word in enumerate(theirs):
        places.setdefault(word, []).append(at)
    best, begin = 0, 0
    before: dict[int, int] = {}
    for at, word in enumerate(ours):
        runs = {place: before.get(place - 1, 0) + 1 for place in places.get(word, ())}
        length = max(runs.values(), default=0)
        if length > best:
            best, begin = length, at - length + 1
        before = runs
    return begin, best
