"""The table behind the documents: tools, worked examples and kinds, read from one file.

The choice worth knowing: `prompts/documents.yaml` holds all that differs between one kind of
document and another. A new kind is a line there, a new tool a section, never a module.
"""

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from schemas.errors import UsageError
from schemas.ids import sha256_hex, unit_interval

_FILE = Path(__file__).parent.parent / "prompts" / "documents.yaml"
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_STRICT)
class DocExample:
    """A worked example: the title, the data and the source of one document."""

    title: str
    data: str
    source: str


@dataclass(frozen=True, config=_STRICT)
class DocKind:
    """A kind of document: its config in a release, the form and shape of its data, an example.

    `columns` says of each column of a table whether it holds texts (t) or numbers (n).
    """

    kind: str
    config: Literal["docs_charts", "docs_tables", "docs_diagrams", "docs_other"]
    data: Literal["table", "graph", "outline"]
    example: str
    shape: str
    columns: Literal["", "tn", "tnn", "ttn", "ttt"] = ""


@dataclass(frozen=True, config=_STRICT)
class DocTool:
    """A tool: the language of its sources, what a model has to know, and its kinds.

    `data_file` is the name of the file that sources read their data from, empty where the data
    stand in the source itself; `row_end` is what a row of a table ends with there.
    """

    language: str
    hints: str
    examples: dict[str, DocExample]
    kinds: tuple[DocKind, ...]
    data_file: str = ""
    row_end: str = ""


@cache
def doc_tools() -> dict[str, DocTool]:
    """All tools by the name of their renderer."""
    found = TypeAdapter(dict[str, DocTool]).validate_python(yaml.safe_load(_FILE.read_bytes()))
    for name, tool in found.items():
        for kind in tool.kinds:
            if kind.example not in tool.examples:
                raise UsageError(f"{_FILE.name}: {name}, {kind.kind}: no example {kind.example!r}")
    return found


@cache
def table_digest() -> str:
    """What the documents depend on besides settings: a changed example makes other documents."""
    return sha256_hex(_FILE.read_bytes())[:16]


def tool_named(name: str) -> DocTool:
    """A tool by name; UsageError lists those there are."""
    tools = doc_tools()
    if name not in tools:
        raise UsageError(f"docs: no tool {name!r}; tools: {', '.join(tools)}")
    return tools[name]


def draw_kind(tool: str, key: str) -> DocKind:
    """The kind of the document `key`, drawn evenly among the tool's kinds, always the same one."""
    kinds = tool_named(tool).kinds
    return kinds[int(unit_interval("doc-kind", tool, key) * len(kinds))]
