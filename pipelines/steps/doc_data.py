"""The data of a document: a table as CSV, a graph or an outline as JSON, read strictly.

What a model answers is a form; what is kept is a canonical text of it, so that equal data are equal
text. The choice worth knowing: a table is asked for as a header and rows with a field per column,
since a form can demand that numbers are numbers and that all rows are as wide, and a CSV cannot.
What a model repeats in a graph, or connects to nothing, is taken out; nothing is made up.
"""

import csv
import functools
import io
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from pydantic import create_model
from pydantic.dataclasses import dataclass as form

from pipelines.steps.structured import FORM
from schemas.judgment import Reject

_PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True)
class DataLimits:
    """How large the data of one document may be; rows are rows, nodes or items."""

    least_rows: int = 3
    most_rows: int = 40
    most_columns: int = 8
    most_text: int = 90
    most_characters: int = 4000


@form(frozen=True, config=FORM)
class Edge:
    """A connection of two nodes; the label may be empty."""

    source: str
    target: str
    label: str


@form(frozen=True, config=FORM)
class Graph:
    """Nodes and what connects them, in order."""

    nodes: tuple[str, ...]
    edges: tuple[Edge, ...]


@form(frozen=True, config=FORM)
class Section:
    """A heading and what stands below it."""

    heading: str
    items: tuple[str, ...]


@form(frozen=True, config=FORM)
class Outline:
    """A title and sections."""

    title: str
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Table:
    """A table; all rows are as wide as its columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


DocData = Table | Graph | Outline
# How each form is counted, and what a model is told of it.
FORMS: dict[str, tuple[str, str]] = {
    "table": (
        "rows",
        'JSON {"header": {"a": ..., "b": ...}, "rows": [{"a": ..., "b": ...}]}. The header names '
        "the columns; numbers are plain numbers, their units stand in the header.",
    ),
    "graph": (
        "nodes, each with an edge",
        'JSON {"nodes": [...], "edges": [{"source", "target", "label"}]}. Source and target are '
        "nodes, word by word; a label may be empty.",
    ),
    "outline": (
        "sections of 2 to 4 items",
        'JSON {"title", "sections": [{"heading", "items": [...]}]}. All texts are short.',
    ),
}


@functools.cache
def table_form(columns: str) -> Any:
    """The form of a table with these columns, t for texts and n for numbers, fields a, b, c, ..."""
    names = "abcdefgh"[: len(columns)]
    kinds: dict[str, Any] = {"t": (str, ...), "n": (float, ...)}
    header: Any = create_model("Header", __config__=FORM, **{n: kinds["t"] for n in names})
    fields = {name: kinds[kind] for name, kind in zip(names, columns, strict=True)}
    row: Any = create_model("Row", __config__=FORM, **fields)
    return create_model(
        "TableForm", __config__=FORM, header=(header, ...), rows=(tuple[row, ...], ...)
    )


def data_form(kind: str, columns: str) -> Any:
    """The form that a model fills in with data of a kind."""
    return {"graph": Graph, "outline": Outline}.get(kind) or table_form(columns)


def read_data(filled: Any, limits: DataLimits, numbers: int) -> DocData | Reject:
    """Data from a form that a model filled in; Reject `bad_data` with what is wrong with them."""
    if not isinstance(filled, Graph | Outline):
        return parse_table(
            _csv([_cells(filled.header), *map(_cells, filled.rows)]), limits, numbers
        )
    data = _tidy(filled) if isinstance(filled, Graph) else filled
    error = data_error(data, limits)
    return _bad(error) if error else data


def _cells(row: Any) -> list[str]:
    """The fields of a header or a row, numbers as people write them."""
    values = row.model_dump().values()
    return [" ".join(v.split()) if isinstance(v, str) else f"{round(v, 4):.15g}" for v in values]


def _tidy(graph: Graph) -> Graph:
    """A graph without edges to nowhere, to themselves or twice, and without nodes on their own."""
    nodes = dict.fromkeys(graph.nodes)
    edges: dict[tuple[str, str], Edge] = {}
    for edge in graph.edges:
        if edge.source != edge.target and {edge.source, edge.target} <= set(nodes):
            edges.setdefault((edge.source, edge.target), edge)
    ends = {end for pair in edges for end in pair}
    return replace(graph, nodes=tuple(n for n in nodes if n in ends), edges=tuple(edges.values()))


def parse_table(text: str, limits: DataLimits, numbers: int = 0) -> Table | Reject:
    """A table from CSV text with at least `numbers` columns of plain numbers; Reject `bad_data`."""
    if len(text) > limits.most_characters:
        return _bad(f"more than {limits.most_characters} characters")
    try:
        lines = list(csv.reader(io.StringIO(text.strip(), newline=""), strict=True))
    except csv.Error as error:
        return _bad(f"it was no CSV: {error}")
    cells = [tuple(cell.strip() for cell in line) for line in lines if line]
    if why := _table_error(cells, limits):
        return _bad(why)
    table = Table(cells[0], tuple(cells[1:]))
    if numbers and len({row[0] for row in table.rows}) < len(table.rows):
        return _bad("two rows had one name")
    if len(number_columns(table)) < numbers:
        return _bad(f"fewer than {numbers} columns held plain numbers alone")
    return table


def _table_error(cells: list[tuple[str, ...]], limits: DataLimits) -> str:
    header, rows = (cells[0], cells[1:]) if cells else ((), [])
    if not 2 <= len(header) <= limits.most_columns:
        return f"the header had {len(header)} columns instead of 2 to {limits.most_columns}"
    if len(set(header)) < len(header):
        return "two columns had one name"
    for at, row in enumerate(rows, 1):
        if len(row) != len(header):
            return f"row {at} had {len(row)} cells under a header of {len(header)}"
    if len(set(rows)) < len(rows):
        return "a row stood there twice"
    counted = _count_error(len(rows), "rows", limits)
    return counted or _texts_error([text for row in cells for text in row], limits)


def data_error(data: Graph | Outline, limits: DataLimits) -> str:
    """What is wrong with a graph or an outline; empty for nothing."""
    if isinstance(data, Graph):
        return _graph_error(data, limits)
    items = [item for section in data.sections for item in section.items]
    headings = [section.heading for section in data.sections]
    if len({*headings, *items}) < len(headings) + len(items):
        return "a heading or an item stood there twice"
    if len(headings) < 2 or not all(section.items for section in data.sections):
        return "fewer than two sections, or one without items"
    counted = _count_error(len(items), "items", limits)
    return counted or _texts_error([data.title, *headings, *items], limits)


def _graph_error(graph: Graph, limits: DataLimits) -> str:
    if error := _count_error(len(graph.nodes), "nodes", limits):
        return error
    if len(set(graph.nodes)) < len(graph.nodes):
        return "a node stood there twice"
    if len(graph.edges) < 2 or len(graph.edges) > 3 * len(graph.nodes):
        return f"{len(graph.edges)} edges between {len(graph.nodes)} nodes"
    for edge in graph.edges:
        if unknown := {edge.source, edge.target} - set(graph.nodes):
            return f"an edge named {min(unknown)!r}, which is no node"
        if edge.source == edge.target:
            return f"an edge led from {edge.source!r} to itself"
    if len(set(graph.edges)) < len(graph.edges):
        return "an edge stood there twice"
    labels = [edge.label for edge in graph.edges if edge.label]
    return _texts_error([*graph.nodes, *labels], limits)


def _count_error(count: int, what: str, limits: DataLimits) -> str:
    if limits.least_rows <= count <= limits.most_rows:
        return ""
    return f"{count} {what} instead of {limits.least_rows} to {limits.most_rows}"


def _texts_error(texts: list[str], limits: DataLimits) -> str:
    if not all(text.strip() for text in texts):
        return "something was empty"
    if any(len(text) > limits.most_text for text in texts):
        return f"a text was longer than {limits.most_text} characters"
    if sum(map(len, texts)) > limits.most_characters:
        return f"more than {limits.most_characters} characters"
    return "a text held control characters" if any(map(_CONTROL.search, texts)) else ""


def example_answer(columns: str, text: str) -> str:
    """The data of an example as a model would give them, on one line; `columns` of a table."""
    if not columns:
        return json.dumps(json.loads(text), ensure_ascii=False)
    header, *rows = csv.reader(io.StringIO(text.rstrip()))
    cells = [
        [json.loads(c) if k == "n" else c for c, k in zip(row, columns, strict=True)]
        for row in rows
    ]
    names = "abcdefgh"
    answer = {"header": dict(zip(names, header, strict=False))}
    lines = [dict(zip(names, row, strict=False)) for row in cells]
    return json.dumps(answer | {"rows": lines}, ensure_ascii=False)


def data_text(data: DocData) -> str:
    """Data as canonical text: CSV with a header, or JSON on one line."""
    if not isinstance(data, Table):
        plain: Any = data
        return json.dumps(asdict(plain), ensure_ascii=False)
    return _csv([data.columns, *data.rows])


def _csv(lines: Iterable[Iterable[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(lines)
    return out.getvalue()


def number_columns(table: Table) -> dict[str, tuple[float, ...]]:
    """The columns whose every cell is a plain number, by name."""
    columns = zip(*table.rows, strict=True) if table.rows else ()
    return {
        name: tuple(map(float, cells))
        for name, cells in zip(table.columns, columns, strict=False)
        if all(_PLAIN.fullmatch(cell) for cell in cells)
    }


def _bad(detail: str) -> Reject:
    return Reject("bad_data", detail)
