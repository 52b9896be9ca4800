"""The source of a document as a model gives it: taken out of its answer, held against its data.

A model is asked for one fenced block; a JSON object with `code` is understood as well, since some
endpoints answer nothing else. What does not show the data is no picture of them, so it is refused
before anything is drawn.
"""

import html
import itertools
import json
import re
from collections.abc import Sequence

from pipelines.steps.answers import load_object
from pipelines.steps.doc_data import DocData, Graph, Table
from schemas.judgment import Reject

MOST_CHARACTERS = 20_000
_FENCE = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)^[ \t]*```[ \t]*$", re.MULTILINE | re.DOTALL)
_OPEN = re.compile(r"^[ \t]*```[^\n`]*\n(.*)", re.MULTILINE | re.DOTALL)
_WORD = re.compile(r"[^\W_]+")
NUMBER = re.compile(r"(?<![\w.,])-?[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?(?![0-9])")


def extract_code(text: str, cut_off: bool = False) -> str | Reject:
    """The source in an answer; Reject `no_code` when there is none or two, or half of one."""
    blocks = _FENCE.findall(text)
    if not blocks and not cut_off:
        blocks = _unfenced(text)
    if len(blocks) > 1:
        return Reject("no_code", f"there were {len(blocks)} code blocks instead of one")
    code = blocks[0].strip("\n") if blocks else ""
    if not code.strip():
        return Reject("no_code", "it was cut off" if cut_off else "there was no fenced code block")
    if len(code) > MOST_CHARACTERS:
        return Reject("no_code", f"the source had more than {MOST_CHARACTERS} characters")
    if "\x00" in code or any("\ud800" <= letter <= "\udfff" for letter in code):
        return Reject("no_code", "the source held characters that are no text")
    return code + "\n"


def _unfenced(text: str) -> list[str]:
    """A block whose fence is not closed, or the one field of a JSON object."""
    if found := _OPEN.search(text):
        return [found[1]]
    value = load_object(text)
    if isinstance(value, Reject) or set(value) != {"code"}:
        return []
    code = value["code"]
    return [code if isinstance(code, str) else json.dumps(code, indent=1, ensure_ascii=False)]


def words_in_order(text: str) -> str:
    """The words of a text in lower case with single spaces, one at either end too."""
    return f" {' '.join(_WORD.findall(text.casefold()))} "


def numbers_of(text: str) -> list[float]:
    """The numbers that stand in a text, `1,200.50` being one of them."""
    return [float(number.replace(",", "")) for number in NUMBER.findall(text)]


def shown_text(code: str) -> str:
    """A source with the ways undone in which languages write characters."""
    plain = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), code)
    plain = re.sub(r"<br ?/?>|\\n|\\\\", " ", plain)
    return html.unescape(re.sub(r"\\([%&$#_{}])", r"\1", plain))


def missing_in(code: str, data: DocData) -> list[str]:
    """What the data hold and the source does not show, in their order."""
    text = shown_text(code)
    words, numbers = words_in_order(text), set(numbers_of(text))
    return [value for value in values_of(data) if not _is_there(value, words, numbers)]


def values_of(data: DocData) -> Sequence[str]:
    """Everything that a picture of the data shows, each once."""
    if isinstance(data, Table):
        found = [cell for row in data.rows for cell in row]
    elif isinstance(data, Graph):
        found = [*data.nodes, *(edge.label for edge in data.edges if edge.label)]
    else:
        found = [text for section in data.sections for text in (section.heading, *section.items)]
    return list(dict.fromkeys(found))


def torn_rows(code: str, table: Table, row_end: str) -> list[str]:
    """The names of rows whose cells do not stand together in any piece that `row_end` ends.

    A source without any such end is not judged: it is written in a way that nobody foresaw.
    """
    if not row_end or row_end not in code:
        return []
    pieces = [shown_text(piece) for piece in code.split(row_end)]
    read = [(words_in_order(piece), set(numbers_of(piece))) for piece in pieces]
    return [
        row[0]
        for row in table.rows
        if not any(all(_is_there(cell, *piece) for cell in row) for piece in read)
    ]


def joined_cells(table: Table) -> list[str]:
    """Neighbouring cells as the CSV has them, at least one of each pair being a text."""
    pairs = [(one, other) for row in table.rows for one, other in itertools.pairwise(row)]
    return [f"{a},{b}" for a, b in pairs if not (NUMBER.fullmatch(a) and NUMBER.fullmatch(b))]


def _is_there(value: str, words: str, numbers: set[float]) -> bool:
    if NUMBER.fullmatch(value):
        return float(value.replace(",", "")) in numbers
    return words_in_order(value) in words
