"""When a draft is made, and that no draft ever takes the place of what a person wrote."""

import itertools
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.ask.context import Ask, AskPoint, AskTask
from annotation.ask.decide import Refusal, Wanted, decide
from annotation.ask.notices import DOWN, NOTICES, is_notice
from annotation.ask.turns import Turn, turn_of

TASK = AskTask(5, "task", "A bus.", "", pointing=True)
ASKED = Ask(TASK, 7, "q1", "Why?", points=(AskPoint(1, 2, "bus"),))


def turn(ask: Ask, wanted: Wanted, draft: str) -> Turn:
    """What the sidecar writes down when a wanted draft was made, or not."""
    question, explanations, points = wanted.key
    return Turn(
        at="now",
        project=5,
        task_key=ask.task.key,
        user=ask.user,
        question_id=wanted.question_id,
        question=question,
        points=points,
        explanations=explanations,
        rejected=wanted.rejected,
        explanation=wanted.explanation,
        draft=draft,
        error="" if draft else "llm_unavailable",
    )


def made(ask: Ask, turns: list[Turn], draft: str) -> Ask:
    """The page after a draft (empty: the notice) came in."""
    wanted = decide(ask, turns)
    assert wanted is not None
    turns.append(turn(ask, wanted, draft))
    return replace(ask, answer=draft or DOWN, again=False)


def test_nothing_without_a_question() -> None:
    assert decide(replace(ASKED, question=""), []) is None


def test_one_draft_for_each_state() -> None:
    turns: list[Turn] = []
    page = made(ASKED, turns, "First.")
    assert decide(page, turns) is None
    assert decide(replace(page, verdict="reject"), turns) is None
    assert decide(replace(page, answer=""), turns) is None
    assert decide(replace(page, answer="", again=True), turns) is not None
    assert decide(replace(page, answer="", question_id="q2"), turns) is not None


def test_an_edit_stays() -> None:
    turns: list[Turn] = []
    page = replace(made(ASKED, turns, "First."), answer="First. And more.")
    changes = [
        {},
        {"question": "Who?"},
        {"verdict": "reject", "explanations": ("No.",)},
        {"again": True},
        {"points": ()},
        {"question_id": "q2"},
    ]
    for change in changes:
        assert decide(replace(page, **change), turns) is None  # type: ignore[arg-type]


def test_an_accepted_draft_stays() -> None:
    turns: list[Turn] = []
    page = replace(made(ASKED, turns, "First."), verdict="accept", question="Who?")
    assert decide(page, turns) is None


def test_an_untouched_draft_follows_question_and_points() -> None:
    turns: list[Turn] = []
    page = made(ASKED, turns, "First.")
    assert decide(replace(page, question="Who?"), turns) == Wanted("q1", ("Who?", (), ASKED.points))
    assert decide(replace(page, points=()), turns) == Wanted("q1", ("Why?", (), ()))


def test_refusals_are_told_in_order() -> None:
    turns: list[Turn] = []
    page = made(ASKED, turns, "First.")
    page = made(replace(page, verdict="reject", explanations=("Too short.",)), turns, "Second.")
    wanted = decide(replace(page, explanations=("Too short.", "Wrong.")), turns)
    assert wanted is not None
    assert (wanted.rejected, wanted.explanation) == ("Second.", "Wrong.")
    assert wanted.refusals == (Refusal("First.", "Too short."), Refusal("Second.", "Wrong."))


def test_an_explanation_that_failed_is_told_again() -> None:
    turns: list[Turn] = []
    page = made(ASKED, turns, "First.")
    page = made(replace(page, verdict="reject", explanations=("Too short.",)), turns, "")
    wanted = decide(replace(page, again=True), turns)
    assert wanted is not None
    assert wanted.refusals == (Refusal("First.", "Too short."),)


def test_explanations_taken_back_are_nothing_new() -> None:
    turns: list[Turn] = []
    page = made(ASKED, turns, "First.")
    page = made(replace(page, verdict="reject", explanations=("A.", "B.")), turns, "Second.")
    assert decide(replace(page, explanations=("B.",)), turns) is None


def test_explanations_of_another_question_are_not_told() -> None:
    turns: list[Turn] = []
    page = made(ASKED, turns, "First.")
    page = made(replace(page, verdict="reject", explanations=("A.",)), turns, "Second.")
    wanted = decide(replace(page, question="Who?"), turns)
    assert wanted is not None
    assert (wanted.refusals, wanted.rejected, wanted.explanation) == ((), "", "")


def test_a_notice_is_tried_again_when_the_question_changes() -> None:
    turns: list[Turn] = []
    page = made(ASKED, turns, "")
    assert decide(page, turns) is None
    assert decide(replace(page, question="Who?"), turns) is not None
    written = f"{DOWN} A bus."
    assert decide(replace(page, question="Who?", answer=written), turns) is None


def test_notices_are_known() -> None:
    assert all(is_notice(text) and is_notice(f" {text} and more") for text in NOTICES)
    assert not is_notice("No draft beer is served.")


def test_a_turn_comes_back_from_its_line() -> None:
    turns: list[Turn] = []
    made(ASKED, turns, "First.")
    assert turn_of(turns[0].as_line() | {"points": [vars(p) for p in ASKED.points]}) == turns[0]
    assert turn_of({"at": "now"}) is None


@dataclass
class Person:
    """A page, the sidecar's memory of it, and which of its texts a person wrote."""

    page: Ask = ASKED
    turns: list[Turn] = field(default_factory=list)
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    own: str = ""

    def act(self, action: str) -> None:
        """One thing that a person does, and what comes of it."""
        number = next(self.numbers)
        if action == "edit":
            self.own = f"{self.page.answer} mine {number}"
            self.page = replace(self.page, answer=self.own)
        elif action == "clear":
            self.own = ""
            self.page = replace(self.page, answer="")
        elif action in ("accept", "reject", ""):
            self.page = replace(self.page, verdict=action)
        elif action == "explain":
            self.page = replace(self.page, explanations=(*self.page.explanations, f"e{number % 3}"))
        elif action == "forget":
            self.page = replace(self.page, explanations=self.page.explanations[1:])
        elif action == "question":
            self.page = replace(self.page, question=f"q{number % 3}", question_id=f"i{number % 2}")
        elif action == "point":
            self.page = replace(self.page, points=(*self.page.points, AskPoint(number, 1)))
        elif action == "restart":
            self.turns = [replace(turn) for turn in self.turns]
        self.send(again=action == "again", works=action != "down", number=number)

    def send(self, again: bool, works: bool, number: int) -> None:
        """The page goes out; a draft or a notice may come in."""
        wanted = decide(replace(self.page, again=again), self.turns)
        if wanted is None:
            return
        draft = f"draft {number % 4}" if works else ""
        self.turns.append(turn(self.page, wanted, draft))
        self.page = replace(self.page, answer=draft or DOWN)


ACTIONS = st.sampled_from(
    [
        *("edit", "clear", "accept", "reject", "", "explain", "forget", "question", "point"),
        *("again", "down", "restart"),
    ]
)


@settings(max_examples=300)
@given(st.lists(ACTIONS, max_size=25))
def test_what_a_person_wrote_is_never_replaced(actions: list[str]) -> None:
    person = Person()
    for action in actions:
        accepted = person.page.answer if person.page.verdict == "accept" else ""
        person.act(action)
        if person.own:
            assert person.page.answer == person.own
        if accepted and person.page.verdict == "accept" and accepted not in NOTICES:
            assert person.page.answer == accepted or action in ("edit", "clear", "again")


@settings(max_examples=100)
@given(st.lists(st.tuples(st.booleans(), ACTIONS), max_size=25))
def test_two_people_on_one_task_keep_their_words(actions: list[tuple[bool, str]]) -> None:
    """Also where nobody says who asks, and both share one memory."""
    one, other = Person(), Person(replace(ASKED, question_id="other"))
    other.turns = one.turns
    for first, action in actions:
        person = one if first else other
        if action != "restart":
            person.act(action)
        for each in (one, other):
            if each.own:
                assert each.page.answer == each.own
