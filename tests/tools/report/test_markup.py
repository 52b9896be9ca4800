"""Markup: text is escaped wherever it stands, tables and pages are whole."""

from hypothesis import given
from hypothesis import strategies as st

from tests.tools.report.toy_release import HOSTILE
from tools.report.markup import Html, Page, document, el, join, number, size, table


def test_text_is_escaped_in_children_and_attributes() -> None:
    made = el("a", HOSTILE, title=HOSTILE)
    assert "<script" not in made
    assert "<img" not in made
    assert made.count('"') == 2


@given(st.text())
def test_no_text_can_open_an_element(text: str) -> None:
    assert el("p", text).count("<") == 2


def test_markup_passes_and_nothing_is_nothing() -> None:
    assert join([Html("<b>"), None, ["x", ["&"]]]) == "<b>x&amp;"


def test_attributes_may_be_absent_or_stand_alone() -> None:
    assert el("input", disabled=True, title=None, checked=False, for_="x") == (
        '<input disabled for="x">'
    )


def test_a_table_has_caption_and_scopes() -> None:
    made = table("Rows", ("name", "count"), [("a", "1")], (1,))
    assert "<caption>Rows</caption>" in made
    assert made.count('scope="col"') == 2
    assert '<th scope="row">a</th>' in made


def test_a_page_forbids_requests() -> None:
    page = Page("x.html", "X", "X")
    made = document(page, [page], "text")
    assert "connect-src 'none'" in made.replace("&#x27;", "'")
    assert 'lang="en"' in made
    assert 'href="#main"' in made
    assert "http://" not in made
    assert "https://" not in made


def test_numbers_and_sizes() -> None:
    assert number(1234567) == "1 234 567"
    assert number(0.12345) == "0.123"
    assert size(999) == "999 bytes"
    assert size(12_345_678) == "12.3 MB"
