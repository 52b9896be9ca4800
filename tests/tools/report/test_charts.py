"""Charts: every value is in a bar, and every bar is in the table."""

import re

import pytest

from tools.report.charts import Bar, bars, histogram


@pytest.mark.parametrize(
    "values",
    [[1, 2, 2, 3], list(range(1000)), [0.1, 0.5, 0.9], [1.0] * 50 + [9e9], [-5, 0, 5]],
)
def test_every_value_is_counted(values: list[float]) -> None:
    made = histogram("Words", "words", values)
    counts = [int(found) for found in re.findall(r'<td class="num">(\d+)</td>', made)]
    assert sum(counts) == len(values)
    assert "<title>Words: " in made
    assert 'role="img"' in made


def test_one_value_needs_no_chart() -> None:
    assert "All 3 values (words) are 7." in histogram("Words", "words", [7, 7, 7])
    assert "Nothing to count yet." in histogram("Words", "words", [])
    assert "Nothing to count yet." in histogram("Words", "words", [float("nan")])


def test_whole_numbers_are_named_as_such() -> None:
    made = histogram("Points", "points", [1, 2, 4])
    assert '<th scope="row">1</th>' in made
    assert '<th scope="row">4</th>' in made


def test_bars_have_labels_numbers_and_notes() -> None:
    made = bars("Causes", "URLs", [Bar("<ok>", 3), Bar("gone", 1, "leave it")], ("cause", "do"))
    assert "&lt;ok&gt;" in made
    assert "75.0%" in made
    assert "leave it" in made
