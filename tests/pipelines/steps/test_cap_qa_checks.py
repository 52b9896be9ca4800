"""Questions and answers against the caption, letter by letter."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipelines.steps.cap_qa_checks import (
    Turn,
    asked_in,
    check_answers,
    evidence_fault,
    find_fault,
    is_asked_before,
    quotations_in,
)

CAPTION = (
    'A brown road sign with two lines stands on a grey post. The top line says "Mill Lake 3 km". '
    "Behind it are fifteen green trees and, at dusk, a light blue sky above New Harbour. "
    "Ada's dog, a Labrador, sits left of the post."
)
SPELT = {2: "two", 3: "three", 7: "seven", 12: "twelve", 15: "fifteen", 21: "twenty-one"}
SPELT |= {40: "forty", 105: "one hundred and five", 2000: "two thousand"}


def reason(question: str, answer: str, caption: str = CAPTION) -> str:
    fault = find_fault([Turn(question, answer)], caption)
    return fault.reason if fault else ""


GOOD = [
    ("What color is the road sign?", "Brown."),
    ("How many trees are behind it?", "There are 15 trees."),
    ("How many lines does the sign have?", "Two lines."),
    ("What does the top line say?", 'It says "Mill Lake 3 km".'),
    ("What does the top line say?", "It says “Mill Lake”."),
    ("What does the top line say?", "The line reads 'mill lake', and a distance."),
    ("Where is the dog?", "Left of the post."),
    ("Whose dog is it?", "It is Ada's dog."),
    ("Whose dog is it?", "Ada"),
    ("What breed is the dog?", "Labrador"),
    ("What lies below the sky?", "New Harbour lies below it."),
    ("Is the sign red?", "No, the sign is brown."),
    ("Are there 40 trees?", "No, there are fifteen trees."),
    ("What is the picture's main subject?", "One of them is a road sign."),
    ("Can you describe the dog?", "It is a Labrador that sits beside a post."),
    ("What does the text on the sign say?", 'The text says "Mill Lake 3 km".'),
]


@pytest.mark.parametrize(("question", "answer"), GOOD)
def test_what_the_caption_supports_passes(question: str, answer: str) -> None:
    assert find_fault([Turn(question, answer)], CAPTION) is None


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        ("How many trees are there?", "There are 16 trees.", "unsupported_number"),
        ("How many trees are there?", "sixteen", "unsupported_number"),
        ("How many trees are there?", "There are a dozen.", "unsupported_number"),
        ("How tall is the post?", "2.5 metres", "unsupported_number"),
        ("Which tree is it?", "It is the fourth tree.", "unsupported_number"),
        ("What are the 40 trees like?", "They are green.", "unsupported_number"),
        ("What does the line say?", 'It says "Mill Pond".', "unsupported_quote"),
        ("What does the line say?", "It says “Lake Mill”.", "unsupported_quote"),
        ("What does the line say?", "It says 'Stop'.", "unsupported_quote"),
        ("What does the line say?", "It says «Stop».", "unsupported_quote"),
        ("What does the line say?", "It says „Stop“.", "unsupported_quote"),
        ("Where is the sign?", "The sign stands in Paris.", "unsupported_name"),
        ("Where is the sign?", "Paris", "unsupported_name"),
        ("Where is the sign?", "New York is where it stands.", "unsupported_name"),
        ("Is this Paris?", "Yes, it is.", "unsupported_name"),
        ("Whose dog is it?", "It belongs to Grace.", "unsupported_name"),
        ("What is it?", "", "llm_empty"),
        ("?", "A sign.", "llm_empty"),
        ("", "A sign.", "llm_empty"),
        ("[USER]What is it?", "A sign.", "llm_degenerate"),
        ("What is it?", "A sign.[ASSISTANT]", "llm_degenerate"),
        ("What is it?", "a sign and a post and a sign " * 9, "llm_degenerate"),
        ("What is it?", "What is it?", "copied_text"),
        ("What is in this picture?", CAPTION, "copied_text"),
        ("What is in this picture?", CAPTION.rsplit(" ", 2)[0], "copied_text"),
    ],
)
def test_what_it_does_not_support_is_named(question: str, answer: str, expected: str) -> None:
    assert reason(question, answer) == expected


@pytest.mark.parametrize(
    "question",
    [
        "What color is the sign in the caption?",
        "What is mentioned about the dog?",
        "According to the text, where is the dog?",
        "What does the description say about the post?",
        "Based on the given information, where is the dog?",
        "Which animal is described?",
        "What can be seen in the image description?",
        "Where is the dog, as stated above?",
        "What color is specified?",
        "What does this passage tell about the sky?",
        "What can be learned from the text?",
    ],
)
def test_a_question_that_speaks_of_its_source_is_refused(question: str) -> None:
    assert reason(question, "A brown sign.") == "mentions_source"
    assert reason("What is it?", f"A sign. {question}") == "mentions_source"


@pytest.mark.parametrize(
    "answer",
    [
        "I cannot see the picture.",
        "I can't tell.",
        "I'm sorry, but I can't see images.",
        "It is unknown.",
        "Unknown",
        "N/A",
        "It cannot be determined.",
        "There is not enough information.",
        "As an AI model, I have no eyes.",
        "We don't know.",
        "It is not clear.",
        "The picture does not say.",
    ],
)
def test_an_answer_that_answers_nothing_is_refused(answer: str) -> None:
    assert reason("What color is the post?", answer) == "not_answered"


def test_half_of_a_long_caption_is_no_answer() -> None:
    half = " ".join(CAPTION.split()[3:36])
    assert reason("What is in the picture?", f"There is {half}.") == "copied_text"
    sentence = CAPTION.split(". ")[0]
    assert reason("What is it?", f"{sentence}.") == ""


def test_answers_of_a_conversation_differ() -> None:
    talk = [Turn("What is it?", "A road sign."), Turn("What stands there?", "The road sign!")]
    fault = find_fault(talk, CAPTION)
    assert fault is not None
    assert fault.reason == "llm_degenerate"


def test_the_first_fault_of_a_conversation_is_told() -> None:
    talk = [Turn("What is it?", "A road sign."), Turn("How many?", "There are 8.")]
    fault = find_fault(talk, CAPTION)
    assert fault is not None
    assert (fault.reason, fault.detail) == ("unsupported_number", "not in the caption: 8")


# --- properties

numbers = st.sampled_from(sorted(SPELT))


@given(numbers, numbers, st.booleans(), st.booleans())
def test_numbers_are_the_same_in_digits_and_words(
    told: int, asked: int, told_spelt: bool, asked_spelt: bool
) -> None:
    there = SPELT[told] if told_spelt else str(told)
    here = SPELT[asked] if asked_spelt else str(asked)
    found = reason("How many?", f"There are {here} cats.", f"A man has {there} cats.")
    parts = {2000: {2}, 105: {5}, 21: {20}}.get(told, set()) if told_spelt else set()
    assert found == ("" if asked == told or asked in parts else "unsupported_number")


@given(st.integers(2, 10**6), st.integers(2, 10**6))
def test_a_number_that_is_not_there_is_never_missed(told: int, asked: int) -> None:
    assume(told != asked)
    assert reason("How many?", f"{asked:,} of them", f"{told} cats.") == "unsupported_number"
    assert reason("How many?", f"{told:,} of them", f"{told} cats.") == ""


words = st.lists(st.sampled_from(["mill", "lake", "stop", "bread", "open"]), min_size=1, max_size=4)


@given(words, words, st.sampled_from(['"{}"', "“{}”", "«{}»", "„{}“", "‘{}’"]))
def test_quoted_words_stand_in_the_caption_in_their_order(
    told: list[str], quoted: list[str], marks: str
) -> None:
    caption = f"A sign says {' '.join(told)}."
    answer = f"It says {marks.format(' '.join(quoted))}."
    runs = [told[at : at + len(quoted)] for at in range(len(told))]
    expected = "" if quoted in runs else "unsupported_quote"
    assert reason("What does it say?", answer, caption) == expected


@given(st.sampled_from(["Paris", "Zürich", "O'Neill", "NASA", "Østby"]), st.sampled_from(GOOD))
def test_a_name_is_found_wherever_it_stands(name: str, good: tuple[str, str]) -> None:
    caption = CAPTION + f" Far away one sees {name}."
    answer = f"It is {name}, and so on."
    assert reason("Where is it?", answer) == "unsupported_name"
    assert reason("Where is it?", answer, caption) == ""
    assert reason(*good, caption) == ""


@given(st.text(), st.text(), st.text())
def test_any_text_is_judged(question: str, answer: str, caption: str) -> None:
    turns = [Turn(question, answer)]
    find_fault(turns, caption)
    evidence_fault(answer, Turn(question, caption), caption)
    is_asked_before(asked_in([question]), asked_in([answer]))
    assert all(tag.score >= 0 for tag in check_answers(turns, caption))


def test_apostrophes_are_no_quotation_marks() -> None:
    assert quotations_in("It's the dog's and the cats' bowl") == []
    assert quotations_in("'Stop' and \"Go on\", then ‘Wait’") == ["Stop", "Go on", "Wait"]


# --- evidence


@pytest.mark.parametrize(
    ("evidence", "question", "answer", "expected"),
    [
        ("brown road sign", "What color is the sign?", "Brown.", ""),
        ("A BROWN  road sign!", "What color is the sign?", "It is brown.", ""),
        ("fifteen green trees", "How many trees are there?", "15", ""),
        ("sits left of the post", "Is the dog right of the post?", "No.", ""),
        ("brown road sign ... on a grey post", "What is it on?", "The sign is on a post.", ""),
        ("it are fifteen green trees, a light blue sky", "How many trees?", "15", ""),
        ("A brown road sign. Ada's dog.", "What color is the sign?", "Brown.", ""),
        ("fifteen trees, a light blue sky", "How many trees?", "15", "no_evidence"),
        ("red road sign", "What color is the sign?", "Red.", "no_evidence"),
        ("sign road brown", "What color is the sign?", "Brown.", "no_evidence"),
        ("brown road sign ... on a red post", "What is it on?", "A post.", "no_evidence"),
        ("brown", "What color is the sign?", "Brown.", "no_evidence"),
        ("", "What color is the sign?", "Brown.", "no_evidence"),
        ("...", "What color is the sign?", "Brown.", "no_evidence"),
        ("a light blue sky", "What color is the sign?", "Brown.", "no_evidence"),
    ],
)
def test_evidence_is_quoted_and_has_to_do_with_the_answer(
    evidence: str, question: str, answer: str, expected: str
) -> None:
    fault = evidence_fault(evidence, Turn(question, answer), CAPTION)
    assert (fault.reason if fault else "") == expected


# --- duplicates


@pytest.mark.parametrize(
    ("new", "before", "expected"),
    [
        (["What color is the cat?"], ["What color is the cat?"], True),
        (["what COLOR is the cat"], ["What color is the cat?"], True),
        (["What is the color of the cat?"], ["What color is the cat?"], True),
        (["What are the colors of that cat?"], ["What is the color of the cat?"], True),
        (["What color is the dog?"], ["What color is the cat?"], False),
        (["Is the cat left of the dog?"], ["Is the dog left of the cat?"], False),
        (["Where is the small red cup?"], ["Where is the cup?"], False),
        (["What is this?"], ["What is it?"], False),
        (["What is this?"], ["What is this?"], True),
        (["Where is the cup?", "Where is the cat?"], ["Where is the cup?"], False),
        (["Where is the cup?", "Where is the cat?"], ["Where is the cat", "And the cup?"], True),
        (["Where is the cup?"], [], False),
    ],
)
def test_a_question_is_asked_once(new: list[str], before: list[str], expected: bool) -> None:
    assert is_asked_before(asked_in(new), asked_in(before)) is expected


@given(st.lists(st.text(min_size=1), min_size=1))
def test_a_question_is_always_equal_to_itself(questions: list[str]) -> None:
    assert is_asked_before(asked_in(questions), asked_in(questions[::-1]))


# --- tags


def test_added_words_and_colours_are_tags() -> None:
    tags = check_answers([Turn("What is it?", "A purple elephant beside a sign.")], CAPTION)
    scores = {tag.name: tag.score for tag in tags}
    assert scores == {"qa_added_v1": 0.6667, "qa_colour_v1": 1.0}
    calm = check_answers([Turn("Is it purple?", "No, it is not purple but brown.")], CAPTION)
    assert {tag.name: tag.score for tag in calm}["qa_colour_v1"] == 0.0
