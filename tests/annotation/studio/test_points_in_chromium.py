"""Pointing in a real browser: where points land, and what belongs to which phrase."""

import http.client
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.annotation.conftest import Studio
from tests.annotation.screenshots import screenshot
from tests.annotation.studio.labeling import (
    DISCS,
    SIZE,
    Labeling,
    Person,
    add_task,
    logged_in,
    sample,
    turned_photo,
)

pytestmark = pytest.mark.studio

FIXTURE = Path(__file__).parents[1] / "fixtures" / "points_annotation.json"
NEAR = 0.5  # percent of the picture


@pytest.fixture(scope="module")
def pia(studio: Studio, chromium: str) -> Iterator[Person]:
    """One browser for all tests here."""
    with logged_in(studio, chromium, "pia") as person:
        yield person


def results(studio: Studio, task: int) -> list[dict[str, Any]]:
    """What the server keeps of the only annotation of a task."""
    (annotation,) = studio.sdk.tasks.get(task).annotations
    return list(annotation["result"])


def by_phrase(result: list[dict[str, Any]]) -> dict[str, list[tuple[float, float]]]:
    """Phrase -> points, as `pull` reads them."""
    phrase = {row["id"]: row["value"]["text"][0] for row in result if row["from_name"] == "phrase"}
    found: dict[str, list[tuple[float, float]]] = {}
    for row in result:
        if row["from_name"] == "point":
            place = (row["value"]["x"], row["value"]["y"])
            found.setdefault(phrase[row["id"]], []).append(place)
    return found


def absent(result: list[dict[str, Any]]) -> list[str]:
    """The phrases that are not in the picture."""
    return [text for row in result if row["from_name"] == "absent" for text in row["value"]["text"]]


def make(
    studio: Studio, photo: bytes = b"", tasks: int = 1, method: str = "pointing"
) -> tuple[int, list[int]]:
    """A project and its tasks about one picture."""
    project = studio.make_project("points")
    data = {"collection_method": method}
    shown = photo or sample("stairs.jpg")
    return project, [add_task(studio, project, shown, data) for _ in range(tasks)]


@pytest.mark.parametrize(("size", "zooms"), [((1280, 800), 0), ((1000, 640), 0), ((1280, 800), 3)])
def test_points_land_where_they_were_clicked(
    studio: Studio, pia: Person, size: tuple[int, int], zooms: int
) -> None:
    project, (task,) = make(studio, turned_photo())
    with pia.at(project, size) as work:
        before = seen = work.seen()
        if zooms:
            for _ in range(zooms):
                work.page.mouse.move(*before[1])
                work.page.keyboard.down("Control")
                work.page.mouse.wheel(0, -100)
                work.page.keyboard.up("Control")
            work.page.wait_for_timeout(400)
            seen = work.seen()
            assert math.dist(seen[0], seen[1]) > 1.2 * math.dist(before[0], before[1])
        work.add_phrase("discs")
        for place in seen:
            work.page.mouse.click(*place)
        assert work.phrases() == [("discs", "3 points")]
        assert work.submit() == 201
    result = results(studio, task)
    for found, wanted in zip(by_phrase(result)["discs"], DISCS.values(), strict=True):
        assert found == pytest.approx(wanted, abs=NEAR)
    shapes = {(row["original_width"], row["original_height"]) for row in result}
    assert shapes == {SIZE}, "the upright picture is what was pointed at"


def test_two_phrases_and_an_absent_one(studio: Studio, pia: Person) -> None:
    project, (task,) = make(studio)
    with pia.at(project) as work:
        work.add_phrase("people on the stairs")
        work.click(34, 66)
        work.add_phrase("handrails")
        work.click(43, 64)
        work.click(75, 66)
        work.add_phrase("a dog", "Shift+Enter")
        work.page.keyboard.press("1")
        work.click(85, 56)
        assert work.phrases() == [
            ("people on the stairs", "2 points"),
            ("handrails", "2 points"),
            ("a dog", "not in the picture"),
        ]
        screenshot(work.page, "annotate-points")
        assert work.submit() == 201
    result = results(studio, task)
    counts = {text: len(places) for text, places in by_phrase(result).items()}
    assert counts == {"people on the stairs": 2, "handrails": 2}
    assert absent(result) == ["a dog"]
    kept = json.loads(FIXTURE.read_text())["result"]
    assert shape(result) == shape(kept), "the fixture is what a real server gives"


def shape(result: list[dict[str, Any]]) -> set[tuple[str, ...]]:
    """What kinds of rows there are and which fields they have."""
    return {(row["from_name"], row["type"], *sorted(row), *sorted(row["value"])) for row in result}


def test_what_is_missing_stands_against_submit(studio: Studio, pia: Person) -> None:
    project, (task,) = make(studio)
    with pia.at(project) as work:
        assert refused(work) == ["Type a phrase first."]
        work.click(30, 30)
        assert refused(work) == ["1 point without a phrase."]
        work.add_phrase("a thing")
        work.page.get_by_role("button", name="Give to “a thing”").click()
        work.add_phrase("a cat")
        (told,) = refused(work)
        assert told.startswith("“a cat” has no points")
        screenshot(work.page, "annotate-points-refused")
        box = work.page.get_by_role("checkbox", name="“a cat” is not in the picture")
        box.click()
        assert box.get_attribute("aria-checked") == "true"
        assert work.submit() == 201
    result = results(studio, task)
    assert list(by_phrase(result)) == ["a thing"]
    assert absent(result) == ["a cat"]


def refused(work: Labeling) -> list[str]:
    """Press Submit; what the panel says against it."""
    work.page.wait_for_function("!Htx.isSubmitting")
    work.page.get_by_test_id("bottombar-submit-button").click()
    return work.page.locator("ul.pixmo-problems li").all_inner_texts()


def test_a_refused_submit_does_not_end_the_saving_of_drafts(studio: Studio, pia: Person) -> None:
    project, (task,) = make(studio)
    with pia.at(project) as work:
        assert refused(work)
        work.add_phrase("a thing")
        with work.page.expect_response(lambda answer: "/drafts" in answer.url) as saved:
            work.click(30, 30)
        assert saved.value.status == 201
        work.open()
        assert work.phrases() == [("a thing", "1 point")]
        work.page.keyboard.press("1")
        work.click(50, 30)
        assert work.submit() == 201
    assert len(by_phrase(results(studio, task))["a thing"]) == 2


def test_undo_delete_move_and_rename(studio: Studio, pia: Person) -> None:
    project, (task,) = make(studio)
    with pia.at(project) as work:
        page = work.page
        work.add_phrase("left")
        work.click(20, 20)
        work.click(25, 20)
        page.keyboard.press("Control+z")
        assert work.phrases() == [("left", "1 point")]
        page.keyboard.press("Control+Shift+z")
        assert work.phrases() == [("left", "2 points")]
        work.click(25, 20)
        page.keyboard.press("Backspace")
        assert work.phrases() == [("left", "1 point")]
        work.add_phrase("rihgt")
        work.click(80, 20)
        work.click(20, 20)
        page.get_by_role("button", name="Move the selected points to “rihgt”").click()
        assert work.phrases() == [("left", "0 points"), ("rihgt", "2 points")]
        page.get_by_role("button", name="Rename “rihgt”").click()
        page.keyboard.type("right")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Delete “left” and its points").click()
        assert work.phrases() == [("right", "2 points")]
        assert work.submit() == 201
    assert {text: len(of) for text, of in by_phrase(results(studio, task)).items()} == {"right": 2}


def test_a_submitted_annotation_is_opened_again(studio: Studio, pia: Person) -> None:
    project, (task, _) = make(studio, tasks=2)
    with pia.at(project) as work:
        work.add_phrase("a thing")
        work.click(30, 30)
        work.add_phrase("a dog", "Shift+Enter")
        assert work.submit() == 201
        work.page.wait_for_function("!document.querySelector('.pixmo-text')")
        work.page.get_by_test_id("bottombar-prev-task-button").or_(
            work.page.get_by_role("button", name="Previous task")
        ).first.click()
        work.page.wait_for_selector(".pixmo-text")
        assert work.phrases() == [("a thing", "1 point"), ("a dog", "not in the picture")]
        work.page.keyboard.press("2")
        work.click(60, 60)
        assert work.phrases() == [("a thing", "1 point"), ("a dog", "1 point")]
        assert work.submit("PATCH") == 200
    result = results(studio, task)
    assert sorted(by_phrase(result)) == ["a dog", "a thing"]
    assert absent(result) == []


def test_forty_points_need_forty_clicks(studio: Studio, pia: Person) -> None:
    project, (task,) = make(studio, sample("coins.png"), method="counting")
    with pia.at(project) as work:
        work.add_phrase("places")
        for number in range(40):
            work.click(5 + number % 10 * 10, 20 + number // 10 * 15)
        assert work.phrases() == [("places", "40 points")]
        assert work.submit() == 201
    assert len(by_phrase(results(studio, task))["places"]) == 40


def test_assets_come_from_a_table(studio: Studio) -> None:
    connection = http.client.HTTPConnection(studio.url.removeprefix("http://"), timeout=30)
    names = ("embed.js", "settings.py", "..%2fsettings.py", "embed.js.map")
    found = {}
    for name in names:
        connection.request("GET", f"/pixmo/assets/{name}")
        answer = connection.getresponse()
        answer.read()
        found[name] = (answer.status, answer.headers["Content-Type"])
    connection.close()
    assert found.pop("embed.js") == (200, "text/javascript; charset=utf-8")
    assert all(status in (302, 403, 404) for status, _ in found.values()), found
