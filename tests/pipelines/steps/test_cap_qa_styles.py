"""Which questions are drawn for a caption."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.steps.cap_qa_styles import STYLES, draw_questions

FULL = 'Two cats sit on a red mat. A sign behind them says "No dogs". It is a calm evening.'
names = st.lists(st.sampled_from(sorted(STYLES)), unique=True)


@given(st.text(), st.text(), st.integers(1, 40), names)
def test_as_many_as_asked_for_are_drawn_and_always_the_same(
    image_id: str, caption: str, count: int, styles: list[str]
) -> None:
    draws = draw_questions(image_id, caption, count, styles)
    assert len(draws) == count
    assert draws == draw_questions(image_id, caption, count, styles)
    assert draws == draw_questions(image_id, caption, count + 3, styles)[:count]
    assert {draw.style.name for draw in draws} <= set(styles or STYLES)
    assert all(draw.focus in caption for draw in draws)


@pytest.mark.parametrize(("name", "needs"), [("count", "Two "), ("reading", " A sign behind")])
def test_a_style_that_a_caption_has_nothing_for_is_not_drawn(name: str, needs: str) -> None:
    def drawn(caption: str) -> set[str]:
        return {draw.style.name for draw in draw_questions("i", caption, 20, [])}

    assert name in drawn(FULL)
    assert drawn(FULL) - drawn(FULL.replace('"No dogs"', "x").replace(needs, " ", 1)) <= {name}
    assert name not in drawn("The cat is grey.")


def test_each_style_comes_once_before_one_comes_twice_and_then_elsewhere() -> None:
    draws = draw_questions("i", FULL, 2 * len(STYLES), [])
    assert Counter(draw.style.name for draw in draws) == dict.fromkeys(STYLES, 2)
    assert [draw.turn for draw in draws] == [0] * len(STYLES) + [1] * len(STYLES)
    first, second = draws[: len(STYLES)], draws[len(STYLES) :]
    for one, other in zip(first, second, strict=True):
        assert one.style == other.style
        only = sum(one.style.has(text + ".") for text in FULL.split(". "))
        assert one.focus != other.focus or only < 2, one.style.name


def test_the_sentence_to_start_from_holds_what_the_style_needs() -> None:
    for place in range(50):
        draws = draw_questions(str(place), FULL + " Three dogs wait on the left.", 30, ["count"])
        assert {draw.focus for draw in draws} == {
            "Two cats sit on a red mat.",
            "Three dogs wait on the left.",
        }


def test_pictures_get_different_styles() -> None:
    draws = [draw_questions(str(place), FULL, 1, [])[0].style.name for place in range(300)]
    counts = Counter(draws)
    assert set(counts) == set(STYLES)
    assert min(counts.values()) > 300 / len(STYLES) / 3
