"""An annotator's day in a real browser, with the guard in force."""

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from annotation.servers.launch import prepare
from tests.annotation.screenshots import screenshot

pytestmark = pytest.mark.studio

CONFIG = (
    '<View><Image name="img" value="$image"/><TextArea name="absent" toName="img"/>'
    '<KeyPoint name="point" toName="img"/></View>'
)
SUBMIT = "[data-testid=bottombar-submit-button]"
PICTURE = "7e" * 16


@pytest.fixture(scope="module")
def project(studio: Any) -> int:
    """Four tasks with a picture each, and four people."""
    people = [
        {"email": studio.email(one), "password": studio.password(one), "name": one}
        for one in ("olga", "paul", "quinn", "rosa")
    ]
    prepare(studio.home, studio.campaign.studio, {"users": people})
    Image.new("RGB", (640, 480), (40, 90, 200)).save(studio.home.pictures / f"{PICTURE}.jpg")
    number = studio.make_project(
        "points",
        "Point at things",
        label_config=CONFIG,
        description="pixmo points 01234567",
        expert_instruction="<h2>How to point</h2><p>Click on <b>each</b> thing. Take care.</p>",
        show_skip_button=True,
    )
    data = [{"image": f"/pixmo/pictures/{PICTURE}", "key": f"{n:032x}"} for n in range(4)]
    studio.sdk.projects.import_tasks(number, request=data)
    more = {"Check counts": "How many are there?", "Compare answers": "Which is <better>?"}
    for title, description in more.items():
        other = studio.make_project("count", title, label_config=CONFIG, description=description)
        studio.sdk.projects.import_tasks(other, request=data)
    return int(number)


@pytest.fixture
def page(studio: Any) -> Iterator[Any]:
    """A browser window; every request that was refused, or left this machine, fails the test."""
    from playwright.sync_api import sync_playwright

    refused: list[str] = []
    with sync_playwright() as driver:
        chromium = os.environ.get("PIXMO_CHROMIUM", "/usr/bin/chromium")
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.on("response", lambda got: _note(refused, got))
        page.on("request", lambda sent: _note_outside(refused, sent, studio.url))
        page.refused = refused
        yield page
        browser.close()
    assert refused == []


def _note(refused: list[str], got: Any) -> None:
    # When no task is left Label Studio says 404, which is its way.
    if got.status >= 400 and not (got.status == 404 and "next_task" in got.url):
        refused.append(f"{got.status} {got.request.method} {got.url}")


def _note_outside(refused: list[str], sent: Any, url: str) -> None:
    if not sent.url.startswith((url, "data:", "blob:")):
        refused.append(f"outside: {sent.url}")


def _log_in(studio: Any, page: Any, name: str) -> None:
    studio.login(page, name)
    page.wait_for_url("**/pixmo/")


def _card(page: Any, project: int) -> Any:
    """A project on the page of tasks; other tests have made projects of the same name."""
    return page.locator("li", has=page.locator(f'[href^="/projects/{project}/"]'))


def _type(page: Any, text: str) -> None:
    page.fill("[name=absent]", text)
    page.keyboard.press("Enter")


def _answers(studio: Any, project: int) -> list[Any]:
    tasks = studio.sdk.tasks.list(project=project, fields="all")
    found = [one for task in tasks for one in task.annotations or []]
    return [one if isinstance(one, dict) else one.dict() for one in found]


def test_an_annotator_works_under_the_guard(studio: Any, project: int, page: Any) -> None:
    _log_in(studio, page, "olga")
    card = _card(page, project)
    assert "4 tasks left for you" in card.inner_text()
    assert "Click on each thing.\n" in card.inner_text()
    card.get_by_role("link", name="Guidelines").click()
    assert page.get_by_role("heading", name="How to point").is_visible()
    page.go_back()
    card.get_by_role("link", name="Start").click()
    page.wait_for_selector(SUBMIT)
    _type(page, "no dog")
    page.wait_for_timeout(500)
    box = page.locator(".konvajs-content").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 4)
    with page.expect_response(re.compile("/drafts")):
        page.wait_for_timeout(100)
    _submit(page)
    with page.expect_response(re.compile("/annotations")):
        page.click("[data-testid=bottombar-skip-button]")
    page.click("[data-testid=prev-task]")
    page.click("text=Cancel skip")
    page.wait_for_selector(SUBMIT)
    _type(page, "no cat")
    _submit(page)
    answers = _answers(studio, project)
    assert sorted(len(one["result"]) for one in answers) == [1, 2]
    assert not [one for one in answers if one["was_cancelled"]]
    page.click(".main-menu-trigger")
    page.wait_for_url("**/pixmo/")
    assert "2 tasks left for you, 2 done" in card.inner_text()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/user/login/**")


def _submit(page: Any) -> None:
    with page.expect_response(re.compile("next_task")):
        page.click(SUBMIT)
    page.wait_for_timeout(300)


def test_every_way_out_leads_to_the_tasks(studio: Any, project: int, page: Any) -> None:
    _log_in(studio, page, "paul")
    for address in ("/", "/projects/", f"/projects/{project}", f"/projects/{project}/data?tab=1"):
        page.goto(studio.url + address)
        assert page.url == f"{studio.url}/pixmo/"
    page.goto(f"{studio.url}/projects/{project}/data?labeling=1")
    page.wait_for_selector(SUBMIT)
    assert not page.locator("a[href$='/settings']").first.is_visible()
    page.locator("a", has_text="Projects").first.click()
    page.wait_for_url("**/pixmo/")
    page.refused[:] = [one for one in page.refused if "/api/projects?" not in one]


def test_the_page_says_why_something_was_refused(studio: Any, project: int, page: Any) -> None:
    _log_in(studio, page, "quinn")
    page.goto(f"{studio.url}/projects/{project}/data?labeling=1")
    page.wait_for_selector(SUBMIT)
    behind = """async () => {
      const kind = {"content-type": "application/json"};
      const path = `/api/tasks/${Htx.task.id}/annotations`;
      const asked = {method: "POST", headers: kind, body: JSON.stringify({result: []})};
      return (await fetch(path, asked)).status;
    }"""
    assert page.evaluate(behind) == 201
    _type(page, "no dog")
    page.click(SUBMIT)
    page.get_by_role("alert").filter(has_text="You have answered this task already").wait_for()
    assert [one for one in page.refused if one.startswith("409")]
    page.refused.clear()


@pytest.mark.parametrize(("width", "height", "name"), [(1000, 560, ""), (390, 844, "-phone")])
def test_the_landing_page_fits_and_works_by_keyboard(
    studio: Any, project: int, page: Any, width: int, height: int, name: str
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    _log_in(studio, page, "rosa")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.get_by_text("Which is <better>?").is_visible()
    screenshot(page, f"annotate-landing{name}")
    card = _card(page, project)
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.innerText"))
        start = card.get_by_role("link", name="Start")
        if start.evaluate("one => one === document.activeElement"):
            break
    assert {"Your tasks", "Log out", "Guidelines", "Start"} <= set(reached)
    page.keyboard.press("Enter")
    page.wait_for_selector(SUBMIT)
