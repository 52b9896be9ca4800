"""Answers against facts: what follows is kept, what does not is dropped, whatever the wording."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from pipelines.steps.doc_answers import Item, keep_supported, support_error
from pipelines.steps.doc_data import Edge, Graph, Outline, Section, Table
from pipelines.steps.doc_facts import facts_of

SALES = Table(
    ("Month", "Rye", "Wheat"),
    (("April", "34", "51"), ("May", "41", "47"), ("June", "62.5", "80")),
)
TABLE = facts_of(SALES, "Loaves of Mill Lane in 2023", 'ax.bar(x, y, color="teal")')
STEPS = Graph(
    ("Wash the net", "Find the holes", "Tie new knots", "Hang it up"),
    (
        Edge("Wash the net", "Find the holes", "when dry"),
        Edge("Find the holes", "Tie new knots", ""),
        Edge("Tie new knots", "Hang it up", ""),
    ),
)
GRAPH = facts_of(STEPS, "Mending a Net", "digraph {}")
TIMES = facts_of(
    Table(
        ("Time", "Workshop", "Room"),
        (
            ("08:15", "Brakes", "Yard"),
            ("11:40", "Tyres", "Blue hall"),
            ("14:00", "Lamps", "Room 4"),
        ),
    ),
    "Workshops",
    "",
)
CHOICE = facts_of(
    Graph(("Free?", "Sign", "Wait"), (Edge("Free?", "Sign", "yes"), Edge("Free?", "Wait", "no"))),
    "Canoes",
    "",
)
FERRIES = Graph(
    ("Gull Pier", "Old Port", "Sandy Spit"),
    (Edge("Gull Pier", "Old Port", "20 min"), Edge("Old Port", "Sandy Spit", "35 min")),
)
LINES = facts_of(FERRIES, "Ferry Lines", "graph {}")
MENU = Outline(
    "Lunch",
    (
        Section("Soups", ("Leek soup 4.80", "Fish soup 6.20")),
        Section("Mains", ("Dumplings 9.50", "Grilled trout 13.00")),
    ),
)
OUTLINE = facts_of(MENU, "Lunch at the Blue Lantern", "<h1>")

RIGHT = [
    (TABLE, "How many rye loaves were sold in May?", "41"),
    (TABLE, "What was sold of wheat in June?", "80 loaves"),
    (TABLE, "What is the total of rye?", "137.5"),
    (TABLE, "How many loaves were sold in April in total?", "85"),
    (TABLE, "How much more wheat than rye was sold in April?", "17"),
    (TABLE, "What is the average of wheat?", "59.33"),
    (TABLE, "What share of wheat was sold in June?", "44.9%"),
    (TABLE, "Which month had the highest sales of rye?", "June"),
    (TABLE, "Which month had the lowest sales of wheat?", "May"),
    (TABLE, "What was the highest number of wheat loaves?", "80"),
    (TABLE, "Was more rye sold in April or May?", "May"),
    (TABLE, "How many months are shown?", "3"),
    (TABLE, "Which years are in the title?", "2023"),
    (TABLE, "What colour are the bars?", "Teal"),
    (TABLE, "Where are the loaves from?", "Mill Lane"),
    (GRAPH, "What comes after washing?", "Find the holes"),
    (GRAPH, "What comes after Find the holes?", "Tie new knots"),
    (GRAPH, "How many steps are there?", "4"),
    (GRAPH, "When are holes looked for?", "when dry"),
    (OUTLINE, "What does the leek soup cost?", "4.80"),
    (OUTLINE, "What is the total price of the leek soup?", "4.8"),
    (LINES, "How long is the whole way in total?", "55 min"),
    (LINES, "How long is the longest line?", "35"),
    (OUTLINE, "What is the cheapest dish?", "Leek soup"),
    (OUTLINE, "Which dish costs the most?", "Grilled trout"),
    (OUTLINE, "What do both soups cost together?", "11"),
    (OUTLINE, "How many mains are there?", "2"),
    (OUTLINE, "Under which heading is the trout?", "Mains"),
    (OUTLINE, "Under which heading are the Dumplings 9.50?", "Mains"),
    (OUTLINE, "What comes first under Soups?", "Leek soup 4.80"),
    (TIMES, "What is the room at 11:40?", "Blue hall"),
    (TIMES, "What is the room at 14:00?", "Room 4"),
    (TIMES, "What is the time in the last place?", "14:00"),
    (TABLE, "Which month comes first?", "April"),
    (TABLE, "How many rye loaves were sold in April and May together?", "75"),
    (GRAPH, "How many lines connect them?", "3"),
    (CHOICE, "What is written between Free? and Sign?", "yes"),
    (GRAPH, "What leads to Find the holes?", "Wash the net"),
    (LINES, "What is written between Gull Pier and Old Port?", "20 min"),
    (OUTLINE, "How many items are under Soups?", "2"),
    (TIMES, "When is the workshop in the yard?", "08:15"),
]
WRONG = [
    (TABLE, "How many rye loaves were sold in May?", "34", "not what stands there"),
    (TABLE, "What is the total of rye?", "62.5", "does not follow"),
    (TABLE, "How much more wheat than rye was sold in April?", "51", "does not follow"),
    (TABLE, "What is the average of wheat?", "58.3", "does not follow"),
    (TABLE, "Which month had the highest sales of rye?", "May", "not the extreme"),
    (TABLE, "Which month had the lowest sales of wheat?", "April", "not the extreme"),
    (TABLE, "What was the highest number of wheat loaves?", "51", "does not follow"),
    (TABLE, "Was more rye sold in April or May?", "April", "not the extreme"),
    (TABLE, "Who bakes the loaves?", "Mr Baker", "nowhere"),
    (TABLE, "Was more sold in June?", "Yes", "yes or no"),
    (TABLE, "What was sold in May?", "May", "in the question"),
    (GRAPH, "What comes after Wash the net?", "Hang it up", "no neighbour"),
    (GRAPH, "How many steps are there?", "7", "does not follow"),
    (OUTLINE, "What does the leek soup cost?", "6.20", "does not follow"),
    (OUTLINE, "Which dish costs the most?", "Leek soup", "not the extreme"),
    (OUTLINE, "Which section is the largest?", "Desserts", "nowhere"),
    (OUTLINE, "Under which heading are the Dumplings 9.50?", "Soups", "no neighbour"),
    (TIMES, "What happens at 11:40?", "Yard", "another row"),
    (TIMES, "What is the room at 08:15?", "Room 4", "not what stands there"),
    (TIMES, "What is the room at 08:15?", "Brakes", "not what stands there"),
    (TIMES, "What is the time in the last place?", "08:15", "not what stands there"),
    (TABLE, "How many rye loaves were sold in May?", "47", "not what stands there"),
    (TABLE, "Which month comes in the last place?", "80", "not what stands there"),
    (GRAPH, "What comes right after Wash the net?", "when dry", "no neighbour"),
    (LINES, "What is written between Gull Pier and Old Port?", "35 min", "elsewhere"),
    (TABLE, "What is the total of rye?", "75", "does not follow"),
    (TABLE, "Which month comes last?", "April", "not what stands there"),
    (GRAPH, "How many lines connect them?", "4", "does not follow"),
    (GRAPH, "What comes right after Find the holes?", "Wash the net", "no neighbour"),
    (GRAPH, "What leads to Find the holes?", "Tie new knots", "no neighbour"),
    (LINES, "How many boxes are there?", "35", "does not follow"),
    (OUTLINE, "How many items are under Soups?", "4", "does not follow"),
]


@pytest.mark.parametrize(("facts", "question", "answer"), RIGHT, ids=[row[1] for row in RIGHT])
def test_what_follows_is_supported(facts: object, question: str, answer: str) -> None:
    assert support_error(question, answer, facts) == ""  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "question", "answer", "why"), WRONG, ids=[f"{row[1]} {row[2]}" for row in WRONG]
)
def test_what_does_not_follow_is_not(facts: object, question: str, answer: str, why: str) -> None:
    assert why in support_error(question, answer, facts)  # type: ignore[arg-type]


NUMBERS = st.lists(
    st.decimals(min_value=-999, max_value=9999, places=1), min_size=3, max_size=8, unique=True
)


@given(NUMBERS)
def test_what_is_computed_from_a_column_is_always_supported(values: list[object]) -> None:
    rows = tuple((f"Item {chr(65 + at)}", str(value)) for at, value in enumerate(values))
    facts = facts_of(Table(("Name", "Worth"), rows), "Worth of things", "")
    numbers = [float(value) for _, value in rows]
    for question, value in (
        ("What is the total worth?", sum(numbers)),
        ("What is the average worth?", sum(numbers) / len(numbers)),
        ("What is the largest worth?", max(numbers)),
        ("What is the difference between Item A and Item B?", abs(numbers[0] - numbers[1])),
        ("How many items are there?", len(numbers)),
        ("What is the worth of Item C?", numbers[2]),
    ):
        assert support_error(question, f"{value:.2f}".rstrip("0").rstrip("."), facts) == "", (
            question
        )
    best = rows[numbers.index(max(numbers))][0]
    assert support_error("Which one has the highest worth?", best, facts) == ""


@given(NUMBERS, st.integers(100_000, 10**9))
def test_a_number_from_nowhere_is_never_supported(values: list[object], number: int) -> None:
    rows = tuple((f"Item {chr(65 + at)}", str(value)) for at, value in enumerate(values))
    facts = facts_of(Table(("Name", "Worth"), rows), "Worth of things", "")
    for question in ("What is the worth of Item A?", "What is the total?", "How many are there?"):
        assert support_error(question, str(number), facts)


@given(st.text(), st.text())
def test_any_question_is_judged(question: str, answer: str) -> None:
    for facts in (TABLE, GRAPH, OUTLINE):
        assert isinstance(support_error(question, answer, facts), str)


def item(question: str, answer: str = "41", explanation: str = "It stands there.") -> Item:
    return Item(question, explanation, answer)


GOOD = "How many rye loaves were sold in May?"
ILL_PUT = {
    "speaks of what is behind": item("How many rye loaves were sold in May in the data?"),
    "of what is behind the": item("According to the code, how many rye loaves in May?"),
    "behind the picture": item("What does the JSON say of rye in May?"),
    "one of three fields is empty": item(GOOD, "41", " "),
    "no question": item("Tell me the rye loaves of May."),
    "no short answer": item(GOOD, "41 " + "x" * 80),
}


@pytest.mark.parametrize("why", ILL_PUT)
def test_ill_put_questions_are_dropped(why: str) -> None:
    kept = keep_supported([ILL_PUT[why], item(GOOD)], TABLE)
    assert [one.question for one in kept.questions] == [GOOD]
    assert why in kept.dropped[0]


def test_a_question_is_kept_once_whatever_its_dress() -> None:
    kept = keep_supported([item(GOOD), item(" how many RYE loaves were sold in May ?")], TABLE)
    assert len(kept.questions) == 1
    assert "asked twice" in kept.dropped[0]
    assert kept.questions[0].explanation == "It stands there."
