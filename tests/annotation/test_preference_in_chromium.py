"""Preference from push to leaderboard: two people judge in a real browser, and the better wins."""

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright import sync_api as playwright
from typer.testing import CliRunner

from annotation.home import Home
from annotation.registry import load_projects
from schemas.records import Image
from schemas.store import Store
from tests import toy_store
from tests.annotation.conftest import Studio
from tests.annotation.screenshots import screenshot
from tools.cli import app

pytestmark = [pytest.mark.studio, pytest.mark.slow, pytest.mark.timeout(300)]

# Models, the best first, and what each answers: about a picture, and without one. Nothing in an
# answer says whose it is; one of them has a program in it, which must stay text.
MODELS = {
    "zeta-9b": "A smiling astronaut in an orange space suit, before a flag and a model of a space "
    "shuttle. She holds a black helmet.",
    "acme/one": "An astronaut in a suit.\n**Colours**: orange, black.",
    "tiny-model": "Two cats sleep on a sofa.",
}
EVIL = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
LONG = "\n".join(f"{n}. A step of a long answer, with a few words to read." for n in range(80))
STORIES = {model: f"{word}\n{EVIL}\n{LONG}" for model, word in zip(MODELS, "CBA", strict=True)}
PICTURE = Path(__file__).parents[2] / "samples" / "images" / "astronaut.jpg"
Page = playwright.Page
URL = toy_store.url_of("one.png")


@dataclass(frozen=True)
class Planned:
    """A store, its campaign, and the project with what was pushed."""

    store: Store
    home: Home
    project: int

    def pixmo(self, *words: str) -> str:
        """Run a verb on this store; what it printed."""
        places = ["--store", self.store.url, *(["--home", str(self.home.root)])]
        found = CliRunner().invoke(app, [*words, *places])
        assert found.exit_code == 0, found.output
        return found.output


def answers(path: Path) -> str:
    """A prompt with a picture and one without, and three answers to each."""
    prompts = [("What do you see?", MODELS, {"image_url": URL}), ("Tell a story.", STORIES, {})]
    rows = [
        {"prompt": prompt, "model": model, "answer": text, **where}
        for prompt, texts, where in prompts
        for model, text in texts.items()
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.fixture
def planned(studio: Studio, tmp_path: Path) -> Planned:
    store = Store(str(tmp_path / "out"))
    picture = toy_store.image("one.png", PICTURE.read_bytes())
    toy_store.put(store, "images", 0, Image, [picture])
    for name in ("pia", "quin"):
        studio.add_user(name)
    home = studio.home_for(store.url, tmp_path / "home")
    made = Planned(store, home, 0)
    file = answers(tmp_path / "answers.jsonl")
    said = made.pixmo("annotate", "push", "preference", "--answers", file, "--overlap", "2")
    assert "6 new tasks" in said
    return Planned(store, home, load_projects(home)["preference"].project_id)


@contextlib.contextmanager
def judging(
    studio: Studio, chromium: str, project: int, name: str, size: tuple[int, int]
) -> Iterator[Page]:
    """A browser at the first task of `name`; errors and calls to other hosts fail the test."""
    wrong: list[str] = []
    ours = (studio.url, "data:", "blob:")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda one: one.url.startswith(ours) or wrong.append(one.url))
        studio.login(page, name)
        page.goto(f"{studio.url}/projects/{project}/data?labeling=1")
        begin(page)
        yield page
        browser.close()
    assert wrong == []


def wait(page: Page) -> None:
    """Until both answers and the picture are there, and a choice is taken."""
    page.wait_for_selector(".pixmo-answer .lsf-richtext")
    page.wait_for_selector("[data-testid=bottombar-submit-button]")
    page.wait_for_function("Htx.annotationStore.selected?.names.get('choice')")
    page.wait_for_function("[...document.images].every(one => one.complete)")
    page.wait_for_timeout(300)


def begin(page: Page) -> None:
    """Put the guidelines away, which are shown once."""
    wait(page)
    guidelines = page.locator(".lsf-modal-ls_visible")
    guidelines.get_by_text("What makes an answer better").wait_for()
    guidelines.locator("button").first.click()
    guidelines.wait_for(state="hidden")


def shown(page: Page) -> list[str]:
    """What the page says of both answers, in their order."""
    return page.locator(".pixmo-answer .lsf-richtext").all_inner_texts()


def choice(page: Page, text: str) -> playwright.Locator:
    """One of the five, as it is called on the page."""
    return page.locator(".pixmo-compare").get_by_text(text)


def better(texts: list[str]) -> int:
    """0 for the first answer, 1 for the second."""
    found = [text for model in MODELS for text in (MODELS[model], STORIES[model])]
    worth = [found.index(text.strip()) // 2 for text in texts]
    assert worth[0] != worth[1]
    return int(worth[1] < worth[0])


def no_model_is_named(text: str) -> None:
    assert not [name for name in MODELS if name in text]
    assert "model_a" not in text


def test_judged_on_a_laptop_and_on_a_phone(
    studio: Studio, chromium: str, planned: Planned, tmp_path: Path
) -> None:
    tasks = studio.sdk.tasks.list(project=planned.project, fields="all")
    no_model_is_named(json.dumps([task.data for task in tasks]))
    on_a_laptop(studio, chromium, planned.project)
    on_a_phone(studio, chromium, planned.project)
    before = planned.pixmo("annotate", "status")
    assert "12 not yet pulled" in before
    planned.pixmo("annotate", "pull")
    board = leaderboard(planned)
    ranked = [row["model"] for row in board["leaderboard"]]
    assert ranked == list(MODELS)
    assert (board["judgments"], board["cannot_tell"]) == (12, 1)
    assert board["resampled"] == "prompts"
    status(planned)


def on_a_laptop(studio: Studio, chromium: str, project: int) -> None:
    """By keys, six tasks; nothing that a model wrote is more than text."""
    with judging(studio, chromium, project, "pia", (1280, 800)) as page:
        for number in range(6):
            wait(page)
            texts = shown(page)
            no_model_is_named(page.content())
            assert page.title() != "owned"
            assert not page.locator(".pixmo-answer img, .pixmo-answer script").count()
            with_picture = page.locator(".pixmo-picture").is_visible()
            assert with_picture == (EVIL not in texts[0])
            boxes = page.locator(".pixmo-answer").all()
            tops = [box.bounding_box()["y"] for box in boxes if box.bounding_box()]
            assert tops[0] == tops[1], "side by side"
            screenshot(page, f"preference-{'picture' if with_picture else 'long'}")
            assert choice(page, "I cannot tell").is_visible()
            page.keyboard.press("12"[better(texts)])
            assert submitted(page, lambda: page.keyboard.press("Control+Enter")) == 201
            if number < 5:
                wait_for_next(page, texts)


def on_a_phone(studio: Studio, chromium: str, project: int) -> None:
    """By touch: one "cannot tell", and nothing lies outside of the screen."""
    with judging(studio, chromium, project, "quin", (390, 844)) as page:
        for number in range(6):
            wait(page)
            texts = shown(page)
            screenshot(page, f"preference-phone-{number % 2}")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            better_one = f"Answer {better(texts) + 1} is better"
            choice(page, better_one if number else "I cannot tell").click()
            button = page.get_by_test_id("bottombar-submit-button")
            assert submitted(page, button.click) == 201
            if number < 5:
                wait_for_next(page, texts)


def submitted(page: Page, submit: Callable[[], None]) -> int:
    """The server's status after one way of submitting."""
    page.wait_for_function("!Htx.isSubmitting")
    with page.expect_response(lambda one: is_save(one.request)) as saved:
        submit()
    return saved.value.status


def is_save(request: playwright.Request) -> bool:
    """Whether a request makes an annotation."""
    return request.method == "POST" and bool(re.search(r"/annotations/?(\?|$)", request.url))


def wait_for_next(page: Page, texts: list[str]) -> None:
    """Until another task is shown."""
    page.wait_for_function(
        "texts => JSON.stringify([...document.querySelectorAll('.pixmo-answer .lsf-richtext')]"
        ".map(one => one.innerText)) !== JSON.stringify(texts)",
        arg=texts,
    )


def leaderboard(planned: Planned) -> dict[str, Any]:
    """What `pixmo evaluate preference` wrote."""
    found = CliRunner().invoke(
        app, ["evaluate", "preference", "--store", planned.store.url, "--bootstrap", "20"]
    )
    assert found.exit_code == 0, found.output
    assert "zeta-9b" in found.output
    place = Path(planned.store.url) / "evaluation-preference" / "leaderboard.json"
    return dict(json.loads(place.read_text(encoding="utf-8")))


def status(planned: Planned) -> None:
    """For the coordinator by name, for programs by pseudonym."""
    said = planned.pixmo("annotate", "status")
    assert max(len(line) for line in said.splitlines()) <= 80
    assert "6 tasks, 12 annotations wanted: 12 done, 0 open; 0 not yet pulled" in said
    assert "Krippendorff's alpha" in said
    assert re.search(r"pia +6 +6 +[0-9.]+ +[0-9.]+ +0\.0% +0\.83 \(6\) +-", said), said
    plain = planned.pixmo("annotate", "status", "--json")
    assert "pia" not in plain
    assert "@" not in plain
    (project,) = json.loads(plain)["projects"]
    assert project["counts"] == {"tasks": 6, "wanted": 12, "done": 12, "open": 0, "newer": 0}
    people = {one["annotator_id"]: one for one in project["annotators"]}
    assert all(one["opened"]["submitted"] == 6 for one in people.values())
    assert len(people) == 2
