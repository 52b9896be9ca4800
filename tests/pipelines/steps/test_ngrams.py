"""Words, and the runs of words that two texts share."""

import numpy as np
import pytest

from pipelines.steps.ngrams import hash_words, longest_run, ngram_hashes, words_in


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's a Cat, isn’t it?", ["it's", "a", "cat", "isn't", "it"]),
        ("  x_1 -- 2,5 (A)  ", ["x", "1", "2", "5", "a"]),
        ("ＦＵＬＬ Straße ÉTÉ", ["full", "straße", "été"]),
        ("一只猫 cat", ["一", "只", "猫", "cat"]),
        ("ねこ2匹", ["ね", "こ", "2", "匹"]),
        ("그림 속에", ["그림", "속에"]),
        ("!?…", []),
        ("", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_in(text) == words


def test_equal_runs_have_equal_hashes_wherever_they_stand() -> None:
    text = hash_words(["a", "b", "c", "d", "e", "a", "b", "c", "d"])
    grams = ngram_hashes(text, 4)
    assert len(grams) == 6
    assert grams[0] == grams[5]
    assert len(np.unique(grams)) == 5
    assert grams[0] != ngram_hashes(hash_words(["d", "c", "b", "a"]), 4)[0], "order counts"


def test_hashes_are_the_same_on_every_machine() -> None:
    assert f"{int(hash_words(['cat'])[0]):016x}" == "3327dd2c7b9d982f"


@pytest.mark.parametrize("n", [1, 3, 4])
def test_too_few_words_have_no_run(n: int) -> None:
    assert len(ngram_hashes(hash_words(["a", "b", "c"]), n)) == max(0, 4 - n)


@pytest.mark.parametrize(
    ("ours", "theirs", "begin", "length"),
    [
        ("x a b c y", "z a b c", 1, 3),
        ("a b a b c", "a b c", 2, 3),
        ("a a a", "a a", 0, 2),
        ("a", "b", 0, 0),
        ("", "b", 0, 0),
    ],
)
def test_the_longest_run(ours: str, theirs: str, begin: int, length: int) -> None:
    assert longest_run(ours.split(), theirs.split()) == (begin, length)
