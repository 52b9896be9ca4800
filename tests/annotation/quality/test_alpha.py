"""Krippendorff's alpha against the book's example and against another implementation."""

import evalica
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.quality.alpha import nominal_alpha


def test_the_published_example() -> None:
    """Krippendorff (2011), section C: four observers, twelve units, alpha 0.743."""
    rows = [
        ["1", "2", "3", "3", "2", "1", "4", "1", "2", ".", ".", "."],
        ["1", "2", "3", "3", "2", "2", "4", "1", "2", "5", ".", "3"],
        [".", "3", "3", "3", "2", "3", "4", "2", "2", "5", "1", "."],
        ["1", "2", "3", "3", "2", "4", "4", "1", "2", "5", "1", "."],
    ]
    units = [[row[unit] for row in rows if row[unit] != "."] for unit in range(12)]
    assert nominal_alpha(units) == pytest.approx(0.743, abs=5e-4)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(["a", "b", "both_good", None]), min_size=3, max_size=3),
        min_size=2,
        max_size=12,
    )
)
def test_another_implementation_agrees(table: list[list[str | None]]) -> None:
    units = [[choice for choice in unit if choice] for unit in table]
    ours = nominal_alpha(units)
    if ours is None:
        return
    theirs = evalica.alpha(pd.DataFrame(table).T, distance="nominal").alpha
    assert ours == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("units", [[], [["a"], ["b"]], [["a", "a"], ["a", "a", "a"]]])
def test_nothing_to_measure(units: list[list[str]]) -> None:
    assert nominal_alpha(units) is None


def test_ends_of_the_scale() -> None:
    assert nominal_alpha([["a", "a"], ["b", "b"]]) == 1
    crossed = nominal_alpha([["a", "b"], ["b", "a"]])
    assert crossed is not None
    assert crossed < 0
