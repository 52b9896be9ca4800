"""Sources taken out of answers, and whether they show their data."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from pipelines.steps.doc_code import (
    extract_code,
    joined_cells,
    missing_in,
    numbers_of,
    torn_rows,
    words_in_order,
)
from pipelines.steps.doc_data import Edge, Graph, Outline, Section, Table
from schemas.judgment import Reject

WHOLE = {
    "```python\nimport csv\nx = 1\n```": "import csv\nx = 1\n",
    "Sure!\n\n```\ndigraph { a -> b }\n```\nHope it helps.": "digraph { a -> b }\n",
    "```\n    indented = True\n```": "    indented = True\n",
    "  ```html\n<p>hi</p>\n  ```": "<p>hi</p>\n",
    "```\nprint('```inside```')\n```": "print('```inside```')\n",
    "```\nnever closed": "never closed\n",
    '{"code": "x = 1\\n  y = 2"}': "x = 1\n  y = 2\n",
    '{"code": {"mark": "bar"}}': '{\n "mark": "bar"\n}\n',
}
NONE = {
    "": "no fenced code block",
    "I cannot do that.": "no fenced code block",
    "```\n\n```": "no fenced code block",
    "```\na\n```\n```\nb\n```": "2 code blocks",
    '{"code": "a", "more": 1}': "no fenced code block",
    '{"text": "a"}': "no fenced code block",
    "```\n" + "x" * 20_001 + "\n```": "more than 20000",
    "```\na\x00b\n```": "no text",
    "```\na\ud800b\n```": "no text",
}


@pytest.mark.parametrize("text", WHOLE)
def test_a_source_is_found(text: str) -> None:
    assert extract_code(text) == WHOLE[text]


@pytest.mark.parametrize("text", NONE)
def test_no_source_is_a_reject(text: str) -> None:
    found = extract_code(text)
    assert isinstance(found, Reject)
    assert found.reason == "no_code"
    assert NONE[text] in found.detail


def test_half_a_source_is_none_but_a_whole_one_before_the_cut_is() -> None:
    assert extract_code("```\nhalf", cut_off=True) == Reject("no_code", "it was cut off")
    assert extract_code("```\nwhole\n```\nAnd so", cut_off=True) == "whole\n"


@given(st.text(), st.booleans())
def test_any_answer_gives_text_or_a_reject(text: str, cut_off: bool) -> None:
    found = extract_code(text, cut_off)
    assert isinstance(found, Reject) or found.endswith("\n")


def test_words_and_numbers() -> None:
    assert words_in_order("Lime-honey, 7.50 €") == " lime honey 7 50 "
    assert numbers_of("1,200.50 of -3 in v2.1 and 7.") == [1200.5, -3.0, 7.0]


TABLE = Table(("Pie", "Points"), (("Plum & Almond", "87"), ("Crème_1", "12.50")))


@pytest.mark.parametrize(
    "code",
    [
        r"Plum \& Almond & 87 \\ Crème\_1 & 12.5 \\",
        "<td>Plum &amp; Almond</td><td>87.0</td><td>Cr&egrave;me_1</td><td>12.50</td>",
        '{"Pie": "Plum & Almond", "n": 87}, {"Pie": "Cr\\u00e8me_1", "n": 12.5}',
    ],
)
def test_characters_are_found_however_a_language_writes_them(code: str) -> None:
    assert missing_in(code, TABLE) == []


def test_commas_of_the_csv_are_seen_but_not_those_of_lists() -> None:
    table = Table(("A", "B", "C"), (("Yard", "08:15", "3"), ("Hall", "4", "5")))
    assert joined_cells(table) == ["Yard,08:15", "08:15,3", "Hall,4"]


def test_cells_of_a_row_stand_together() -> None:
    table = Table(("Who", "N", "M"), (("Jane", "1", "3"), ("Mike", "2", "5")))
    whole = '{"Who": "Jane", "N": 1, "M": 3}, {"M": 5, "N": 2.0, "Who": "Mike"}'
    assert torn_rows(whole, table, "}") == []
    assert torn_rows(whole.replace("5", "3").replace("3}", "5}"), table, "}") == ["Jane", "Mike"]
    assert torn_rows("Jane: 1 and 3\nMike: 2\n5", table, "\n") == ["Mike"]
    assert torn_rows("Jane Mike 1 3 2 5", table, "}") == [], "nothing ends there"


def test_what_is_left_out_is_named() -> None:
    assert missing_in("Plum & Almond, 870", TABLE) == ["87", "Crème_1", "12.50"]
    graph = Graph(("Wash", "Dry"), (Edge("Wash", "Dry", "when clean"),))
    assert missing_in('"Wash" -> "Dry"', graph) == ["when clean"]
    outline = Outline("T", (Section("Soups", ("Leek 4.80", "Fish")),))
    assert missing_in("Soups: Leek 4.80", outline) == ["Fish"]
