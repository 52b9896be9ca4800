"""Evaluation texts by the hashes of their n-grams, and which of them other texts share words with.

What the hashes find is compared word for word, so that the evidence is what is really in common.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.steps.ngrams import Hashes, hash_words, longest_run, ngram_hashes

Ints = NDArray[np.int64]
_PER_ROW = 20  # texts that are compared with one row, those with the most hits first


@dataclass(frozen=True)
class TextRules:
    """Texts overlap when they share `ngram` words in a row, or a whole text of fewer words but at
    least `short_text`; n-grams of more than `common_texts` evaluation texts are no evidence."""

    ngram: int = 13
    short_text: int = 8
    common_texts: int = 10


@dataclass(frozen=True)
class Overlap:
    """Row `row` shares `words` with evaluation text `item`; `whole` when that is all there is."""

    row: int
    item: int
    words: tuple[str, ...]
    whole: bool


@dataclass(frozen=True)
class _Grams:
    """Hashes of runs of one length in order, and the evaluation line that each comes from."""

    hashes: Hashes
    line: Ints


class TextIndex:
    """Evaluation texts, each given as its lines of words."""

    def __init__(self, texts: Sequence[Sequence[list[str]]], rules: TextRules) -> None:
        self._rules = rules
        self._lines = [line for lines in texts for line in lines]
        self._item = np.repeat(np.arange(len(texts)), [len(lines) for lines in texts])
        short = range(rules.short_text, rules.ngram)
        lengths = np.array([len(line) for line in self._lines], np.int64)
        self._grams = {n: self._index(np.flatnonzero(lengths == n), n) for n in short}
        self._grams[rules.ngram] = self._index(np.flatnonzero(lengths >= rules.ngram), rules.ngram)

    def _index(self, lines: Ints, n: int) -> _Grams:
        hashes, line = _runs([self._lines[at] for at in lines.tolist()], n)
        line = lines[line]
        order = np.lexsort((line, hashes))
        hashes, line = hashes[order], line[order]
        item = self._item[line]
        fresh = np.ones(len(hashes), bool)
        fresh[1:] = (hashes[1:] != hashes[:-1]) | (item[1:] != item[:-1])
        hashes, line = hashes[fresh], line[fresh]
        _, group, size = np.unique(hashes, return_inverse=True, return_counts=True)
        rare = size[group] <= self._rules.common_texts
        return _Grams(hashes[rare], line[rare])

    def overlaps(self, rows: Sequence[Sequence[list[str]]]) -> list[Overlap]:
        """What rows of texts (as words) share with evaluation texts, in the order of rows."""
        texts = [text for row in rows for text in row]
        owner = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
        hits: dict[int, dict[tuple[int, int], int]] = defaultdict(lambda: defaultdict(int))
        for n, grams in self._grams.items():
            if len(grams.hashes):
                for text, line in _found(texts, n, grams):
                    hits[int(owner[text])][text, line] += 1
        return [o for row in sorted(hits) for o in self._judge(row, hits[row], texts)]

    def _judge(
        self, row: int, hits: dict[tuple[int, int], int], texts: list[list[str]]
    ) -> list[Overlap]:
        """The best overlap of a row with each evaluation text."""
        best: dict[int, Overlap] = {}
        ordered = sorted(hits, key=lambda hit: (-hits[hit], hit))[:_PER_ROW]
        for text, line in ordered:
            words = self._lines[line]
            begin, length = longest_run(texts[text], words)
            whole = length == len(words) < self._rules.ngram
            if length >= self._rules.ngram or whole:
                item = int(self._item[line])
                found = Overlap(row, item, tuple(texts[text][begin : begin + length]), whole)
                if item not in best or length > len(best[item].words):
                    best[item] = found
        return [best[item] for item in sorted(best)]


def _runs(texts: Sequence[list[str]], n: int) -> tuple[Hashes, Ints]:
    """Hashes of all runs of `n` words within texts, and the text of each."""
    lengths = np.array([len(text) for text in texts], np.int64)
    hashes = ngram_hashes(hash_words([word for text in texts for word in text]), n)
    text = np.repeat(np.arange(len(texts)), lengths)
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(text))
    inside = np.flatnonzero(left[: len(hashes)] >= n)
    return hashes[inside], text[inside]


def _found(texts: list[list[str]], n: int, grams: _Grams) -> list[tuple[int, int]]:
    """Pairs of a text and an evaluation line, once for each run that they share."""
    hashes, text = _runs(texts, n)
    begin = np.searchsorted(grams.hashes, hashes)
    hit = np.flatnonzero(grams.hashes[np.minimum(begin, len(grams.hashes) - 1)] == hashes)
    end = np.searchsorted(grams.hashes, hashes[hit], side="right")
    return [
        (int(text[at]), int(line))
        for at, first, last in zip(hit, begin[hit], end, strict=True)
        for line in grams.line[first:last]
    ]
