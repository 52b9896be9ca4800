"""Data as models give them: read strictly, or refused with a reason that helps to do better."""

import json
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import given

from pipelines.steps.doc_data import (
    DataLimits,
    Edge,
    Graph,
    Outline,
    Section,
    Table,
    data_error,
    data_text,
    number_columns,
    parse_table,
)
from schemas.judgment import Reject

LIMITS = DataLimits()
CELL = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Z"]), min_size=1)


def refused(text: str, numbers: int = 0, limits: DataLimits = LIMITS) -> str:
    found = parse_table(text, limits, numbers)
    assert isinstance(found, Reject), found
    assert found.reason == "bad_data"
    return found.detail


def test_a_table_is_read_with_its_columns_of_numbers() -> None:
    table = parse_table("Cave , Length\n Bear Hall,12.5\nEcho Pit,-8\nOld Mill, 5 ", LIMITS, 1)
    assert table == Table(
        ("Cave", "Length"), (("Bear Hall", "12.5"), ("Echo Pit", "-8"), ("Old Mill", "5"))
    )
    assert number_columns(table) == {"Length": (12.5, -8.0, 5.0)}


def test_quoted_cells_keep_their_commas() -> None:
    table = parse_table('A,B\n"x, y",1\nz,2\nw,3', LIMITS)
    assert isinstance(table, Table)
    assert table.rows[0] == ("x, y", "1")
    assert parse_table(data_text(table), LIMITS) == table


BROKEN = {
    "": "0 columns",
    "only words": "1 columns",
    "A,B": "0 rows instead of 3",
    "A,B\n1,2\n3,4": "2 rows instead of 3",
    "A,B\n1,2\n3\n4,5": "row 2 had 1 cells under a header of 2",
    "A,B\n1,2\n3,4,5\n6,7": "row 2 had 3 cells",
    "A,A\n1,2\n3,4\n5,6": "two columns had one name",
    "A,B\nx,1\nx,1\ny,2": "a row stood there twice",
    "A,B\n1,\n3,4\n5,6": "something was empty",
    'A,B\n1,"2\n3,4\n5,6': "no CSV",
    "A,B\n1,2\x07\n3,4\n5,6": "control characters",
    "A,B\n" + "\n".join(f"{at},x" for at in range(41)): "41 rows instead of 3 to 40",
    ",".join("abcdefghi") + "\n" + "1,2,3,4,5,6,7,8,9\n" * 3: "9 columns",
    f"A,B\n{'x' * 91},1\ny,2\nz,3": "longer than 90",
    "A,B\n" + "x,y\n" * 2000: "more than 4000 characters",
}


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_no_table_is_refused(text: str) -> None:
    assert BROKEN[text] in refused(text)


def test_units_and_separators_are_no_plain_numbers() -> None:
    text = "A,B,C\nx,$5,1\ny,6 kg,2\nz,7,3"
    assert not isinstance(parse_table(text, LIMITS, 1), Reject)
    assert "fewer than 2 columns" in refused(text, 2)


def test_names_differ_where_numbers_belong_to_them() -> None:
    text = "A,B\nx,1\nx,2\ny,3"
    assert "two rows had one name" in refused(text, 1)
    assert not isinstance(parse_table(text, LIMITS), Reject)


@given(st.lists(st.tuples(CELL, CELL), min_size=3, max_size=9, unique_by=lambda row: row[0]))
def test_canonical_text_gives_the_same_table(rows: list[tuple[str, str]]) -> None:
    table = Table(("One", "Two"), tuple(rows))
    limits = replace(LIMITS, most_text=10_000, most_characters=10**6)
    text = data_text(table)
    assert parse_table(text, limits) == table
    assert data_text(table) == text


@given(st.text())
def test_any_text_is_a_table_or_a_reject(text: str) -> None:
    found = parse_table(text, LIMITS, 1)
    assert isinstance(found, Table | Reject)
    if isinstance(found, Table):
        assert {len(row) for row in found.rows} == {len(found.columns)}


def edge(source: str, target: str) -> Edge:
    return Edge(source, target, "")


GRAPH = Graph(("a", "b", "c"), (edge("a", "b"), edge("b", "c")))
BAD_GRAPHS = {
    "2 nodes instead of": Graph(("a", "b"), (edge("a", "b"), edge("b", "a"))),
    "a node stood there twice": replace(GRAPH, nodes=("a", "b", "b", "c")),
    "1 edges between": replace(GRAPH, edges=(edge("a", "b"),)),
    "'x', which is no node": replace(GRAPH, edges=(edge("a", "x"), edge("a", "b"))),
    "to itself": replace(GRAPH, edges=(edge("a", "a"), edge("a", "b"))),
    "an edge stood there twice": replace(GRAPH, edges=(edge("a", "b"), edge("a", "b"))),
    "something was empty": Graph(("a", " ", "c"), (edge("a", "c"), edge("c", "a"))),
    "longer than": Graph(("a", "b" * 91, "c"), (edge("a", "c"), edge("c", "a"))),
}


def test_a_graph_is_kept_as_json() -> None:
    assert data_error(GRAPH, LIMITS) == ""
    kept = json.loads(data_text(GRAPH))
    assert kept["edges"][0] == {"source": "a", "target": "b", "label": ""}


@pytest.mark.parametrize("why", BAD_GRAPHS)
def test_what_is_no_graph_is_refused(why: str) -> None:
    assert why in data_error(BAD_GRAPHS[why], LIMITS)


OUTLINE = Outline("Menu", (Section("Soups", ("Leek", "Fish")), Section("Mains", ("Trout",))))
BAD_OUTLINES = {
    "fewer than two sections": Outline("Menu", OUTLINE.sections[:1]),
    "one without items": replace(OUTLINE, sections=(Section("Soups", ()), *OUTLINE.sections[1:])),
    "a heading or an item stood there twice": replace(OUTLINE, sections=OUTLINE.sections[:1] * 2),
    "2 items instead of 3": Outline("M", (Section("a", ("x",)), Section("b", ("y",)))),
    "something was empty": replace(OUTLINE, title=""),
}


def test_an_outline_is_kept_as_json() -> None:
    assert data_error(OUTLINE, LIMITS) == ""
    assert json.loads(data_text(OUTLINE))["sections"][1]["items"] == ["Trout"]


@pytest.mark.parametrize("why", BAD_OUTLINES)
def test_what_is_no_outline_is_refused(why: str) -> None:
    assert why in data_error(BAD_OUTLINES[why], LIMITS)
