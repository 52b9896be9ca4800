"""Checking a count in a real browser: candidates as points, and a number that follows them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.annotation.conftest import Studio
from tests.annotation.screenshots import screenshot
from tests.annotation.studio.labeling import Labeling, Person, add_task, logged_in, sample

pytestmark = pytest.mark.studio

FIXTURE = Path(__file__).parents[1] / "fixtures" / "count_annotation.json"
SIZE = (384, 303)
COINS_PX = (
    *((44, 54), (100, 55), (155, 51), (212, 50), (276, 51), (334, 43)),
    *((46, 124), (103, 126), (154, 127), (205, 124), (270, 120), (336, 124)),
    *((44, 197), (102, 196), (155, 197), (213, 193), (273, 194), (347, 187)),
    *((46, 260), (113, 265), (173, 262), (243, 263), (301, 263), (358, 267)),
)
COINS = tuple((x * 100 / SIZE[0], y * 100 / SIZE[1]) for x, y in COINS_PX)
WRONG = (92.0, 28.0)
CANDIDATES = (*COINS[:22], WRONG)


@pytest.fixture(scope="module")
def cora(studio: Studio, chromium: str) -> Iterator[Person]:
    """One browser for all tests here."""
    with logged_in(studio, chromium, "cora") as person:
        yield person


def prediction() -> dict[str, Any]:
    """What `push` writes for the detector's candidates."""
    size = {"original_width": SIZE[0], "original_height": SIZE[1]}
    about = {"to_name": "img", "from_name": "point", "type": "keypoint", **size}
    points = [
        {"id": f"candidate{number}", "value": {"x": x, "y": y, "width": 0.5}, **about}
        for number, (x, y) in enumerate(CANDIDATES)
    ]
    count = {
        "from_name": "count",
        "to_name": "img",
        "type": "number",
        "value": {"number": len(CANDIDATES)},
    }
    return {"model_version": "detector", "result": [*points, count]}


def make(studio: Studio) -> tuple[int, int]:
    """A project and its task."""
    project = studio.make_project("count")
    data = {"label": "coins", "predicted_count": len(CANDIDATES), "split": "validation"}
    return project, add_task(studio, project, sample("coins.png"), data, predictions=[prediction()])


def number(work: Labeling) -> tuple[str, str]:
    """The number, and how many points the panel sees."""
    work.page.wait_for_timeout(300)
    return work.page.input_value("input[name=count]"), work.page.inner_text(".pixmo-total b")


def results(studio: Studio, task: int) -> list[dict[str, Any]]:
    """What the server keeps of the only annotation of a task."""
    (annotation,) = studio.sdk.tasks.get(task).annotations
    return list(annotation["result"])


def test_the_number_follows_the_points(studio: Studio, cora: Person) -> None:
    project, task = make(studio)
    with cora.at(project) as work:
        page = work.page
        assert page.get_by_text("How many: coins").is_visible()
        assert number(work) == ("23", "23")
        work.click(*WRONG)
        page.keyboard.press("Backspace")
        assert number(work) == ("22", "22")
        for place in COINS[22:]:
            work.click(*place)
        assert number(work) == ("24", "24")
        page.keyboard.press("Control+z")
        assert number(work) == ("23", "23")
        page.keyboard.press("Control+Shift+z")
        assert number(work) == ("24", "24")
        screenshot(page, "annotate-count")
        assert work.submit() == 201
    result = results(studio, task)
    assert [row["value"]["number"] for row in result if row["from_name"] == "count"] == [24]
    places = [(row["value"]["x"], row["value"]["y"]) for row in result if row["type"] == "keypoint"]
    for place, expected in zip(places, COINS, strict=True):
        assert place == pytest.approx(expected, abs=0.5)
    assert {row["origin"] for row in result} == {"prediction", "prediction-changed", "manual"}
    kept = json.loads(FIXTURE.read_text())["result"]
    assert {(row["from_name"], *sorted(row), *sorted(row["value"])) for row in result} == {
        (row["from_name"], *sorted(row), *sorted(row["value"])) for row in kept
    }


def test_a_number_typed_by_hand_stays_and_is_compared(studio: Studio, cora: Person) -> None:
    project, task = make(studio)
    with cora.at(project) as work:
        page = work.page
        page.fill("input[name=count]", "7")
        work.click(*COINS[23])
        assert number(work) == ("7", "24")
        screenshot(page, "annotate-count-differs")
        told = page.locator("p.pixmo-problems")
        assert told.inner_text().startswith("The number says 7, but there are 24 points.")
        page.get_by_test_id("bottombar-submit-button").click()
        page.wait_for_timeout(500)
        assert studio.sdk.tasks.get(task).annotations == []
        page.get_by_role("button", name="Use 24").click()
        assert number(work) == ("24", "24")
        assert work.submit() == 201
    assert len(results(studio, task)) == 25


def test_a_confirmed_count_needs_no_change(studio: Studio, cora: Person) -> None:
    project, task = make(studio)
    with cora.at(project) as work:
        assert number(work) == ("23", "23")
        assert work.submit() == 201
    assert {row["origin"] for row in results(studio, task)} == {"prediction"}
