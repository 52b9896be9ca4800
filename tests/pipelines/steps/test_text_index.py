"""Which rows share words with evaluation texts, and what is no evidence."""

import pytest

from pipelines.steps.text_index import Overlap, TextIndex, TextRules

ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def words(start: int, count: int) -> list[str]:
    """A run of a long text in which no word comes twice."""
    return [f"w{at}" for at in range(start, start + count)]


def overlaps(texts: list[list[list[str]]], row: list[list[str]], **rules: int) -> list[Overlap]:
    return TextIndex(texts, TextRules(**rules)).overlaps([[["other"] * 20], row])


@pytest.mark.parametrize(("count", "found"), [(12, False), (13, True), (30, True)])
def test_thirteen_words_in_a_row_overlap(count: int, found: bool) -> None:
    text = [*words(100, 5), *words(0, count), *words(200, 5)]
    row = [[*words(300, 9), *words(0, count), *words(400, 9)]]
    seen = overlaps([[words(500, 40)], [text]], row)
    assert seen == ([Overlap(1, 1, tuple(words(0, count)), False)] if found else [])


@pytest.mark.parametrize(("count", "found"), [(7, False), (8, True), (12, True)])
def test_a_short_text_overlaps_as_a_whole(count: int, found: bool) -> None:
    row = [[*words(300, 9), *words(0, count), *words(400, 9)]]
    seen = overlaps([[words(0, count)]], row)
    assert seen == ([Overlap(1, 0, tuple(words(0, count)), True)] if found else [])
    assert overlaps([[words(0, count + 1)]], row) == [], "a part of a short text is nothing"


def test_runs_do_not_go_over_the_end_of_a_text() -> None:
    text = [[words(0, 20)]]
    assert overlaps(text, [words(0, 7), words(7, 7)]) == []
    assert overlaps([[words(0, 7), words(7, 7)]], [words(0, 14)], short_text=13) == []
    assert len(overlaps(text, [words(0, 7), words(4, 14)])) == 1


def test_words_in_very_many_texts_are_no_evidence() -> None:
    phrase = words(0, 13)
    texts = [[[*phrase, f"own{n}"]] for n in range(11)]
    assert overlaps(texts, [phrase]) == []
    assert len(overlaps(texts[:10], [phrase])) == 10
    more = overlaps([*texts, [[*phrase, "rare", "word"]]], [[*phrase, "rare", "word"]])
    assert [(o.item, len(o.words)) for o in more] == [(11, 15)], "but what goes beyond them is"
    assert overlaps([[phrase] * 20], [phrase]), "twenty times in one text is one text"


def test_the_longest_run_with_each_text_counts() -> None:
    row = [words(0, 14), [*words(0, 20), "x", *words(50, 13)]]
    seen = overlaps([[words(50, 13)], [words(0, 40)]], row)
    assert [(o.item, len(o.words)) for o in seen] == [(0, 13), (1, 20)]


def test_no_texts_and_no_rows() -> None:
    assert overlaps([], [words(0, 30)]) == []
    assert overlaps([[]], [words(0, 30)]) == []
    assert TextIndex([[words(0, 30)]], TextRules()).overlaps([]) == []
    assert TextIndex([[words(0, 30)]], TextRules()).overlaps([[], [[]]]) == []


def test_a_shorter_ngram_leaves_no_short_texts() -> None:
    assert len(overlaps([[words(0, 9)]], [words(2, 5)], ngram=5)) == 1
