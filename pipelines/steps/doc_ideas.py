"""Examples of questions about data, in their own names, to show a model what can be asked.

Patterns without names are copied by small models as they stand; with names they are questions. The
answers are not given: they are the model's to find, and are checked like all others.
"""

from collections.abc import Iterator, Sequence

from pipelines.steps.doc_data import DocData, Graph, Outline, Table, number_columns
from schemas.ids import unit_interval

_MOST = 6


def ideas_of(data: DocData, key: str) -> list[str]:
    """A handful of questions about data; `key` decides which they are and about which names."""
    if isinstance(data, Table):
        found = _about_table(data, key)
    elif isinstance(data, Graph):
        found = _about_graph(data, key)
    else:
        found = _about_outline(data, key)
    return sorted(dict.fromkeys(found), key=lambda idea: unit_interval("idea", key, idea))[:_MOST]


def _pick(items: Sequence[str], key: str) -> str:
    return items[int(unit_interval("idea", key) * len(items))]


def _about_table(table: Table, key: str) -> Iterator[str]:
    first, *others = table.columns
    names = list(dict.fromkeys(row[0] for row in table.rows))
    column = _pick(others, f"{key} column")
    yield f"What is the {column} of {_pick(names, f'{key} one')}?"
    for number in list(number_columns(table))[:2]:
        yield f"Which {first} has the highest {number}?"
        yield f"Which {first} has the lowest {number}?"
        yield f"What is the total {number}?"
        yield f"What is the difference in {number} between {names[0]} and {names[-1]}?"
    yield f"What is the {others[-1]} of {_pick(names, f'{key} other')}?"
    yield f"What is the {first} in the last place?"


def _about_graph(graph: Graph, key: str) -> Iterator[str]:
    starts = list(dict.fromkeys(edge.source for edge in graph.edges))
    ends = list(dict.fromkeys(edge.target for edge in graph.edges))
    yield f'What comes right after "{_pick(starts, f"{key} one")}"?'
    yield f'What leads to "{_pick(ends, f"{key} two")}"?'
    for edge in [edge for edge in graph.edges if edge.label][:2]:
        yield f'What is written between "{edge.source}" and "{edge.target}"?'
    yield f'What comes right after "{starts[-1]}"?'
    yield "How many boxes are there?"
    yield "How many lines connect them?"


def _about_outline(outline: Outline, key: str) -> Iterator[str]:
    for section in outline.sections[:2]:
        yield f'What comes first under "{section.heading}"?'
        yield f'How many items are under "{section.heading}"?'
    chosen = _pick([section.heading for section in outline.sections], key)
    items = next(s.items for s in outline.sections if s.heading == chosen)
    yield f'Under which heading is "{_pick(items, f"{key} item")}"?'
    yield "How many headings are there?"
