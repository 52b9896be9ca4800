"""The table of documents: whole, small enough for a small model, and every example right."""

from collections import Counter
from itertools import takewhile
from pathlib import Path

import pytest

from pipelines.documents.making import UNSUPPORTED
from pipelines.steps.doc_code import joined_cells, missing_in, torn_rows, words_in_order
from pipelines.steps.doc_data import (
    DataLimits,
    DocData,
    Graph,
    Outline,
    Table,
    data_error,
    data_form,
    example_answer,
    parse_table,
    read_data,
)
from pipelines.steps.doc_kinds import DocKind, doc_tools, draw_kind, table_digest, tool_named
from pipelines.steps.picture_checks import DEFAULT_LIMITS
from pipelines.steps.structured import read_form
from schemas.errors import UsageError
from schemas.judgment import Reject
from schemas.subsets import SUBSETS

TOOLS = ("matplotlib", "plotly", "vega-lite", "latex", "html", "mermaid", "graphviz")
PAGE = Path(__file__).parents[3] / "docs" / "documents.md"
KINDS = [(name, kind) for name, tool in doc_tools().items() for kind in tool.kinds]


def example_data(tool: str, kind: DocKind) -> DocData | Reject:
    text = doc_tools()[tool].examples[kind.example].data
    if kind.data == "table":
        return parse_table(text, DataLimits(), kind.columns.count("n"))
    form = Graph if kind.data == "graph" else Outline
    found = read_form(text, form)  # type: ignore[type-var]
    assert not isinstance(found, Reject), found
    assert not data_error(found, DataLimits())
    return found


def test_the_seven_tools_and_the_four_configs_are_there() -> None:
    assert set(doc_tools()) == set(TOOLS)
    configs = {kind.config for _, kind in KINDS}
    assert configs == set(SUBSETS["docs"].config_names)
    assert len(KINDS) >= 30


@pytest.mark.parametrize(("tool", "kind"), KINDS, ids=[f"{t}-{k.kind}" for t, k in KINDS])
def test_the_example_of_a_kind_has_its_form_and_shows_its_data(tool: str, kind: DocKind) -> None:
    data, table = example_data(tool, kind), tool_named(tool)
    assert not isinstance(data, Reject), data
    example = table.examples[kind.example]
    assert words_in_order(example.title) in words_in_order(example.source.replace("&amp;", "&"))
    assert len(example.source) < 1200, "short enough for a context of 4,000 tokens"
    if table.data_file:
        assert table.data_file in example.source
    else:
        assert missing_in(example.source, data) == []
        if isinstance(data, Table):
            assert table.row_end
            assert torn_rows(example.source, data, table.row_end) == []
            assert not any(pair in example.source for pair in joined_cells(data))


@pytest.mark.parametrize(("tool", "kind"), KINDS, ids=[f"{t}-{k.kind}" for t, k in KINDS])
def test_an_example_reads_as_the_answer_that_is_asked_for(tool: str, kind: DocKind) -> None:
    text = example_answer(kind.columns, tool_named(tool).examples[kind.example].data)
    assert "\n" not in text
    filled = read_form(text, data_form(kind.data, kind.columns))
    assert read_data(filled, DataLimits(), kind.columns.count("n")) == example_data(tool, kind)


def test_kinds_of_a_tool_differ_and_are_drawn_evenly_and_always_alike() -> None:
    for name, tool in doc_tools().items():
        assert len({kind.kind for kind in tool.kinds}) == len(tool.kinds)
        drawn = Counter(draw_kind(name, f"key {at}").kind for at in range(400))
        assert set(drawn) == {kind.kind for kind in tool.kinds}
        assert min(drawn.values()) > 400 / len(tool.kinds) / 2
        assert draw_kind(name, "one") == draw_kind(name, "one")


def test_an_unknown_tool_is_told_of_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="no tool 'excel'; tools: matplotlib, plotly"):
        tool_named("excel")


def test_the_digest_is_of_the_whole_table() -> None:
    assert len(table_digest()) == 16


def table_of(heading: str) -> list[list[str]]:
    """The rows of the table of docs/documents.md whose first heading is this."""
    _, found, rest = PAGE.read_text(encoding="utf-8").partition(f"| {heading} |")
    assert found, heading
    lines = takewhile(lambda line: line.startswith("|"), rest.splitlines()[2:])
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


def test_the_page_lists_the_tools_and_their_kinds() -> None:
    listed = table_of("tool")
    assert [row[:2] for row in listed] == [
        [name, tool.language] for name, tool in doc_tools().items()
    ]
    for name, _, text in listed:
        kinds = {
            (f"docs_{config}", kind)
            for config, _, named in (group.partition(": ") for group in text.split("; "))
            for kind in named.split(", ")
        }
        assert kinds == {(kind.config, kind.kind) for kind in doc_tools()[name].kinds}


def test_the_page_lists_the_tags_and_their_limits() -> None:
    limits = [[name, str(limit)] for name, limit in DEFAULT_LIMITS] + [[UNSUPPORTED, "none"]]
    assert [row[:2] for row in table_of("tag of documents")] == limits
