"""Coding of words: what goes in comes out, whatever the text."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.report.payloads import decode_words, varints
from tests.tools.report.toy_release import EMOJI, HOSTILE, LONG, RTL
from tools.report.packing import deflate
from tools.report.word_coding import encode_json, varint

TEXT = st.text(st.characters(exclude_categories=("Cs",)))


@given(st.lists(TEXT))
def test_texts_come_back(texts: list[str]) -> None:
    assert json.loads(decode_words(encode_json(texts))) == texts


@pytest.mark.parametrize(
    "value", [[HOSTILE, RTL, EMOJI, LONG], ["a b  c ", " a", "a\x01b", ""], {"a b": [1, None]}, []]
)
def test_hard_texts_come_back(value: Any) -> None:
    assert json.loads(decode_words(encode_json(value))) == value


def test_a_lone_surrogate_is_a_question_mark() -> None:
    assert json.loads(decode_words(encode_json(["a\ud800b"]))) == ["a?b"]


@given(st.lists(st.integers(0, 2**40)))
def test_numbers_come_back(values: list[int]) -> None:
    assert varints(b"".join(map(varint, values))) == values


def test_it_is_smaller_than_deflate_alone() -> None:
    rng = random.Random(1)
    words = ["".join(rng.choices("etaoinshrdlu", k=rng.randint(3, 11))) for _ in range(3000)]
    weights = [1 / (at + 1) for at in range(3000)]
    texts = [" ".join(rng.choices(words, weights, k=200)) for _ in range(250)]
    plain = deflate(json.dumps(texts).encode())
    assert len(deflate(encode_json(texts))) < 0.85 * len(plain)
