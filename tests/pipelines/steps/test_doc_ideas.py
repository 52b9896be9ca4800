"""Examples of questions: about the data's own names, well put, and answerable."""

import re

import pytest

from pipelines.steps.doc_answers import Item, keep_supported
from pipelines.steps.doc_data import DataLimits, Edge, Graph, Outline, Section, Table, parse_table
from pipelines.steps.doc_facts import facts_of
from pipelines.steps.doc_ideas import ideas_of

TABLE = parse_table("Stall,Jars\nGate,41\nFountain,57\nBridge,23", DataLimits())
assert isinstance(TABLE, Table)
GRAPH = Graph(("Wash", "Dry", "Fold"), (Edge("Wash", "Dry", "with soap"), Edge("Dry", "Fold", "")))
OUTLINE = Outline(
    "Lunch", (Section("Soups", ("Leek", "Fish")), Section("Mains", ("Trout", "Dumplings")))
)
ANSWERS = {
    r"What is the Jars of (\w+)\?": {"Gate": "41", "Fountain": "57", "Bridge": "23"},
    r"Which Stall has the (\w+) Jars\?": {"highest": "Fountain", "lowest": "Bridge"},
    r"What is the (total) Jars\?": {"total": "121"},
    r"What is the (difference) in Jars between Gate and Bridge\?": {"difference": "18"},
    r"What is the Stall in the (last) place\?": {"last": "Bridge"},
    r'What comes right after "(\w+)"\?': {"Wash": "Dry", "Dry": "Fold"},
    r'What leads to "(\w+)"\?': {"Dry": "Wash", "Fold": "Dry"},
    r'What is written between "(Wash)" and "Dry"\?': {"Wash": "with soap"},
    r"How many (\w+) (?:are there|connect them)\?": {"boxes": "3", "lines": "2", "headings": "2"},
    r'What comes first under "(\w+)"\?': {"Soups": "Leek", "Mains": "Trout"},
    r'How many items are under "(\w+)"\?': {"Soups": "2", "Mains": "2"},
    r'Under which heading is "(\w+)"\?': {
        "Leek": "Soups",
        "Fish": "Soups",
        "Trout": "Mains",
        "Dumplings": "Mains",
    },
}


def answer_of(question: str) -> str:
    for pattern, answers in ANSWERS.items():
        if found := re.fullmatch(pattern, question):
            return answers[found[1]]
    raise AssertionError(f"nobody knows the answer to {question}")


@pytest.mark.parametrize("data", [TABLE, GRAPH, OUTLINE], ids=["table", "graph", "outline"])
def test_the_right_answers_to_all_ideas_are_kept(data: Table | Graph | Outline) -> None:
    facts = facts_of(data, "A title", "")
    asked = {idea for at in range(30) for idea in ideas_of(data, f"key {at}")}
    assert len(asked) > 6
    items = [Item(question, "So it is.", answer_of(question)) for question in sorted(asked)]
    kept = keep_supported(items, facts)
    assert not kept.dropped
    wrong = [Item(item.question, item.explanation, "987654") for item in items]
    assert not keep_supported(wrong, facts).questions


def test_ideas_are_few_and_always_the_same_for_a_key() -> None:
    ideas = ideas_of(TABLE, "one")
    assert len(ideas) == len(set(ideas)) == 6
    assert ideas == ideas_of(TABLE, "one")
    assert any(ideas_of(TABLE, f"key {at}") != ideas for at in range(5))
