"""The full-text index: every word finds exactly its rows."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.report.payloads import payload, postings
from tools.report.terms import Index, local_postings, pack_local, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A red_cat, 3 cats!", ["a", "red_cat", "3", "cats"]),
        ("Ｆｕｌｌ Élan", ["full", "élan"]),
        ("赤い花 red", ["赤", "い", "花", "red"]),
        ("صورة قطة", ["صورة", "قطة"]),
        ("<b>&amp;", ["b", "amp"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@given(st.lists(st.lists(st.text("abcé ", max_size=12), min_size=1), min_size=1, max_size=4))
def test_batches_join_to_one_index(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[str]]
) -> None:
    folder = tmp_path_factory.mktemp("index")
    index, start = Index(), 0
    for texts in batches:
        index.add(start, pack_local(local_postings(texts)))
        start += len(texts)
    index.write(folder, "terms")
    texts = [text for batch in batches for text in batch]
    wanted: dict[str, list[int]] = {}
    for row, text in enumerate(texts):
        for word in sorted(set(words_of(text))):
            wanted.setdefault(word, []).append(row)
    assert postings(folder) == wanted


def test_blocks_begin_with_their_first_terms_in_order(tmp_path: Path) -> None:
    index = Index()
    texts = [f"w{at:05d} common 𝒳 ﬀ" for at in range(20_000)]
    index.add(0, pack_local(local_postings(texts)))
    firsts = index.write(tmp_path, "terms")
    assert len(firsts) > 1
    assert firsts == sorted(firsts)
    assert len(payload(tmp_path / "terms-0.js")) < 400_000
    assert postings(tmp_path)["w19999"] == [19_999]


def test_gaps_beyond_a_byte(tmp_path: Path) -> None:
    index = Index()
    index.add(5, pack_local({"a": [0, 127, 255, 20_000]}))
    index.add(100_000, pack_local({"a": [3]}))
    index.write(tmp_path, "terms")
    assert postings(tmp_path)["a"] == [5, 132, 260, 20_005, 100_003]
