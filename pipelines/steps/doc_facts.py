"""What can be said about the data of a document: the numbers, what follows from them, the names.

Facts are what answers are held against (`doc_answers.py`). A row is a name with its numbers: a row
of a table, or an item of an outline such as `Leek soup 4.80`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from pipelines.steps.doc_code import NUMBER, numbers_of, shown_text, values_of, words_in_order
from pipelines.steps.doc_data import DocData, Graph, Outline, Table, number_columns

_PAIRS = 60  # values of one group that are subtracted pair by pair


@dataclass(frozen=True)
class Row:
    """A named line with its numbers by column; `words` is all of it, normalised.

    `cells` are its texts as they are, by the normalised name of their column.
    """

    name: str
    words: str
    numbers: dict[str, float]
    cells: dict[str, str]


@dataclass(frozen=True)
class Group:
    """Numbers of one kind with a label each: a column, a row, the items of a section."""

    name: str
    labels: tuple[str, ...]
    numbers: tuple[float, ...]


@dataclass(frozen=True)
class Count:
    """How many there are: of what, in the words that people use for it, and where."""

    what: frozenset[str]
    of: str
    number: int


Neighbours = dict[str, frozenset[str]]


@dataclass(frozen=True)
class Facts:
    """What is known of one document.

    `words` is everything that it shows, normalised, a bar between texts; `numbers` are all numbers
    in it; `groups` are what sums and means are taken over. `after` names what comes after each node
    of a graph and the items of each heading, `before` the other way round; `labels` names the two
    ends of each label of a graph. All names are normalised.
    """

    words: str
    numbers: frozenset[float]
    rows: tuple[Row, ...]
    groups: tuple[Group, ...]
    counts: tuple[Count, ...]
    after: Neighbours
    before: Neighbours
    labels: tuple[tuple[str, frozenset[str]], ...]


def facts_of(data: DocData, topic: str, code: str) -> Facts:
    """The facts of a document from its data, its title and its source."""
    header = data.columns if isinstance(data, Table) else ()
    shown = [topic, *header, *values_of(data)]
    rows = tuple(_rows(data))
    return Facts(
        words="|".join(map(words_in_order, [*shown, shown_text(code)])),
        numbers=frozenset(numbers_of(" | ".join(shown))),
        rows=rows,
        groups=tuple(_groups(data, rows)),
        counts=tuple(_counts(data)),
        after=_neighbours(_pairs(data)),
        before=_neighbours((other, one) for one, other in _pairs(data)),
        labels=tuple(_labels(data)),
    )


def _rows(data: DocData) -> Iterable[Row]:
    if isinstance(data, Table):
        columns = number_columns(data)
        for at, cells in enumerate(data.rows):
            numbers = {name: values[at] for name, values in columns.items()}
            texts = dict(zip(map(words_in_order, data.columns), cells, strict=True))
            yield Row(_name(cells, numbers), words_in_order(" | ".join(cells)), numbers, texts)
    elif isinstance(data, Outline):
        for section in data.sections:
            for item in section.items:
                found = numbers_of(item)
                numbers = {"": found[0]} if len(found) == 1 else {}
                yield Row(words_in_order(NUMBER.sub(" ", item)), words_in_order(item), numbers, {})


def _name(cells: Sequence[str], numbers: dict[str, float]) -> str:
    """The first cell that is no number names a row; else the first one."""
    texts = [cell for cell in cells if not NUMBER.fullmatch(cell)]
    return words_in_order(texts[0] if texts else cells[0])


def _groups(data: DocData, rows: Sequence[Row]) -> Iterable[Group]:
    if isinstance(data, Table):
        columns = number_columns(data)
        names = tuple(row.name for row in rows)
        yield from (Group(words_in_order(name), names, found) for name, found in columns.items())
        if len(columns) > 1:
            labels = tuple(map(words_in_order, columns))
            yield from (Group(row.name, labels, tuple(row.numbers.values())) for row in rows)
    elif isinstance(data, Outline):
        at = 0
        for section in data.sections:
            yield _of_rows(words_in_order(section.heading), rows[at : at + len(section.items)])
            at += len(section.items)
        yield _of_rows("", rows)
    else:
        lengths = [(edge.source + " " + edge.target, numbers_of(edge.label)) for edge in data.edges]
        found = [
            (words_in_order(ends), numbers[0]) for ends, numbers in lengths if len(numbers) == 1
        ]
        yield Group("", tuple(name for name, _ in found), tuple(number for _, number in found))


def _of_rows(name: str, rows: Sequence[Row]) -> Group:
    """The items with one number each."""
    found = [row for row in rows if row.numbers]
    labels = tuple(row.name for row in found)
    return Group(name, labels, tuple(row.numbers[""] for row in found))


_BOXES = frozenset(("box", "boxes", "node", "nodes", "step", "steps"))
_LINES = frozenset(
    ("line", "lines", "arrow", "arrows", "edge", "edges", "connection", "connections")
)
_HEADINGS = frozenset(("heading", "headings", "section", "sections", "part", "parts"))
_COLUMNS = frozenset(("column", "columns"))
_ANY: frozenset[str] = frozenset()


def _counts(data: DocData) -> Iterable[Count]:
    if isinstance(data, Table):
        yield Count(_ANY, "", len(data.rows))
        yield Count(_COLUMNS, "", len(data.columns))
        for column in zip(*data.rows, strict=True):  # how many differ, how many rows share a cell
            yield Count(_ANY, "", len(set(column)))
            shared = {cell: column.count(cell) for cell in column}
            yield from (Count(_ANY, words_in_order(c), n) for c, n in shared.items() if n > 1)
    elif isinstance(data, Graph):
        yield Count(_BOXES, "", len(data.nodes))
        yield Count(_LINES, "", len(data.edges))
        for node in data.nodes:
            ends = [(edge.source == node, edge.target == node) for edge in data.edges]
            out, into = (sum(side) for side in zip(*ends, strict=True))
            yield from (Count(_LINES, words_in_order(node), n) for n in (out, into, out + into))
    else:
        yield Count(_HEADINGS, "", len(data.sections))
        yield Count(_ANY, "", sum(len(section.items) for section in data.sections))
        for section in data.sections:
            yield Count(_ANY, words_in_order(section.heading), len(section.items))


def counts_asked(asked: str, facts: Facts) -> set[int]:
    """The numbers of things that a question can mean: of what it names, in what it names."""
    named = [count for count in facts.counts if count.of.strip() and count.of in asked]
    inside = named or [count for count in facts.counts if not count.of]
    words = set(asked.split())
    meant = [count for count in inside if count.what & words]
    return {count.number for count in meant or inside}


def _pairs(data: DocData) -> list[tuple[str, str]]:
    """What stands before what: ends of edges, a heading and its items."""
    if isinstance(data, Graph):
        return [(edge.source, edge.target) for edge in data.edges]
    if isinstance(data, Outline):
        return [(section.heading, item) for section in data.sections for item in section.items]
    return []


def _labels(data: DocData) -> Iterable[tuple[str, frozenset[str]]]:
    for edge in data.edges if isinstance(data, Graph) else ():
        if edge.label:
            ends = frozenset(map(words_in_order, (edge.source, edge.target)))
            yield words_in_order(edge.label), ends


def _neighbours(pairs: Iterable[tuple[str, str]]) -> Neighbours:
    found: dict[str, set[str]] = {}
    for one, other in pairs:
        found.setdefault(words_in_order(one), set()).add(words_in_order(other))
    return {name: frozenset(others) for name, others in found.items()}


def numbers_asked(asked: str, facts: Facts) -> list[tuple[float, ...]]:
    """The numbers of the groups that a question names, else of all; where it names several labels
    of a group, those of these labels alone."""
    named = [group for group in facts.groups if group.name.strip() and group.name in asked]
    found = []
    for group in named or facts.groups:
        pairs = list(zip(group.labels, group.numbers, strict=True))
        meant = [number for label, number in pairs if label.strip() and label in asked]
        found.append(tuple(meant) if len(meant) > 1 else group.numbers)
    return found


def sums(groups: Iterable[tuple[float, ...]]) -> Iterable[float]:
    """Totals of groups."""
    yield from (sum(group) for group in groups)


def differences(groups: Iterable[tuple[float, ...]]) -> Iterable[float]:
    """Differences of pairs of a group."""
    for group in groups:
        yield from (abs(a - b) for a, b in combinations(group[:_PAIRS], 2))


def means(groups: Iterable[tuple[float, ...]]) -> Iterable[float]:
    """Means of groups."""
    yield from (sum(group) / len(group) for group in groups if group)


def shares(groups: Iterable[tuple[float, ...]]) -> Iterable[float]:
    """Percentages of a group's total."""
    for group in groups:
        total = sum(group)
        yield from (100 * value / total for value in group if total)


def extremes(groups: Iterable[tuple[float, ...]], largest: bool) -> Iterable[float]:
    """The largest or smallest number of each group."""
    yield from ((max if largest else min)(group) for group in groups if group)
