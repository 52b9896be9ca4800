"""The pages as a person uses them, in headless Chromium, opened from disk: nothing leaves for the
network, rows are found, sound plays, points stand where they belong, keys and a phone suffice."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python import sync_playwright as axe
from playwright import sync_api as playwright

from tests.tools.in_process import pixmo
from tests.tools.report import toy_release

pytestmark = pytest.mark.slow
FLAGS = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
AXE = {"resultTypes": ["violations"], "preload": False}  # it would read the style sheet anew
SERIOUS = ("serious", "critical")
PLAIN = ("index", "distributions", "urls", "rejects", "duplicates", "cost")
ROWS = ("cap", "points", "count", "point_explanations", "cap_qa", "docs_charts", "cap-dropped")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = toy_release.make_store(tmp_path_factory.mktemp("chromium") / "store")
    assert pixmo("report", "--store", store.url).exit_code == 0
    return Path(store.url, "report")


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        yield opened
        opened.close()


class Visit:
    """A page that notes what it asks for and what it says on the console."""

    def __init__(self, browser: Any, report: Path, **settings: Any) -> None:
        settings.setdefault("viewport", {"width": 1280, "height": 800})
        self.context = browser.new_context(**settings)
        self.report, self.page = report, self.context.new_page()
        self.asked: list[str] = []
        self.said: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))

    def open(self, name: str, after: str = "") -> Any:
        """Open a page and wait until it is ready."""
        self.page.goto(f"file://{self.report}/{name}.html{after}")
        if self.page.locator("#page").count():
            self.page.locator("body[data-ready]").wait_for()
        return self.page

    def check(self) -> None:
        """Only files were asked for, and nothing went wrong."""
        foreign = [url for url in self.asked if not url.startswith(("file:", "data:", "blob:"))]
        assert not foreign
        assert not self.said


@pytest.fixture
def visit(browser: Any, report: Path) -> Iterator[Visit]:
    made = Visit(browser, report)
    yield made
    made.check()
    made.context.close()


@pytest.fixture
def phone(browser: Any, report: Path) -> Iterator[Visit]:
    made = Visit(browser, report, viewport={"width": 360, "height": 800}, has_touch=True)
    yield made
    made.check()
    made.context.close()


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.className"))


@pytest.mark.parametrize(
    ("name", "scheme"),
    [*((name, "light") for name in (*PLAIN, *ROWS)), ("index", "dark"), ("cap", "dark")],
)
def test_a_page_is_accessible(browser: Any, report: Path, name: str, scheme: str) -> None:
    visit = Visit(browser, report, color_scheme=scheme)
    page = visit.open(name)
    page.evaluate("document.querySelectorAll('details').forEach(box => { box.open = true })")
    found = axe.Axe().run(page, options=AXE).response["violations"]
    grave = [
        (one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in SERIOUS
    ]
    assert not grave
    assert page.locator("main").count() == 1
    assert page.locator("h1").count() == 1
    visit.check()
    visit.context.close()


@pytest.mark.parametrize("name", [*PLAIN, *ROWS, "clocks", "ask_model_anything", "docs_tables"])
def test_a_phone_shows_a_page_without_scrolling_sideways(phone: Visit, name: str) -> None:
    page = phone.open(name)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    if page.locator("#rows a").count():
        page.locator("#rows a").first.click()
        assert page.locator(".row-body").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert not page.locator("#list").is_visible()
        page.get_by_role("button", name="Back").click()
        assert page.locator("#list").is_visible()


def test_dark_is_dark(browser: Any, report: Path) -> None:
    def paper(scheme: str) -> int:
        visit = Visit(browser, report, color_scheme=scheme)
        page = visit.open("index")
        style = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]"
        value = int(page.evaluate(style))
        visit.context.close()
        return value

    assert paper("dark") < 60 < 200 < paper("light")


def test_search_finds_rows_and_says_how_many(visit: Visit) -> None:
    page = visit.open("cap")
    page.fill("#search", "pagoda")
    page.get_by_text("1 of 7 rows").wait_for()
    assert page.locator("#count").get_attribute("aria-live") == "polite"
    page.locator("#row mark").first.wait_for()
    assert page.locator("#row mark").first.text_content() == "pagoda"
    for query, count in (("لقطة", 1), ("lastl", 1), ('"lastl"', 0), ("a -red", 4)):
        page.fill("#search", query)
        page.get_by_text(f"{count} of 7 rows").wait_for()
    page.fill("#search", "")
    page.get_by_text("7 rows", exact=True).wait_for()


def test_filters_and_orders(visit: Visit) -> None:
    page = visit.open("cap")
    page.select_option("#split", label="validation")
    page.get_by_text("1 of 7 rows").wait_for()
    page.click("#reset")
    page.check("#audible")
    page.get_by_text("1 of 7 rows").wait_for()
    page.click("#reset")
    page.select_option("#tag", label="caption_short_v1")
    page.fill("#over", "0.3")
    page.get_by_text("6 of 7 rows").wait_for()
    page.click("#reset")
    page.select_option("#order", label="words in caption, highest first")
    page.locator("#rows li").first.get_by_text("word word").wait_for()


def test_dropped_rows_are_filtered_by_rule(visit: Visit) -> None:
    page = visit.open("cap-dropped")
    page.select_option("#why", label="refusal_v1")
    page.get_by_text("1 of 2 rows").wait_for()
    page.locator("#row .why").get_by_text("refusal_v1").wait_for()
    assert page.locator("#row .broken").count() >= 1


def test_a_link_opens_its_row(visit: Visit) -> None:
    page = visit.open("cap")
    page.keyboard.press("j")
    page.get_by_text("Row 2 of 7").wait_for()
    link = page.url.rsplit("#", 1)[1]
    page.goto("about:blank")
    page = visit.open("cap", f"#{link}")
    page.get_by_text("Row 2 of 7").wait_for()
    page.goto(f"file://{visit.report}/cap.html#row=000000000000")
    page.get_by_text("There is no row 000000000000 on this page.").wait_for()


def test_hostile_texts_are_shown_as_they_are(visit: Visit) -> None:
    page = visit.open("cap")
    page.keyboard.press("j")
    page.locator("#row .prose").first.get_by_text("document.title").wait_for()
    assert page.locator("#row .prose").first.text_content() == toy_release.HOSTILE
    assert page.title() == "Captions · pixmo report"
    page.keyboard.press("j")
    prose = page.locator("#row .prose").first
    prose.get_by_text(toy_release.RTL).wait_for()
    assert prose.evaluate("p => getComputedStyle(p).direction") == "rtl"


def test_sound_plays_though_the_file_has_no_duration(visit: Visit) -> None:
    page = visit.open("cap")
    audio = page.locator("#row audio").first
    assert audio.get_attribute("preload") == "none"
    assert audio.evaluate("a => a.readyState") == 0
    page.keyboard.press("p")
    page.wait_for_timeout(100)
    state = audio.evaluate(
        "a => new Promise(done => a.currentTime > 0.2 ? done([a.readyState, a.error]) :"
        " a.addEventListener('timeupdate', () => a.currentTime > 0.2"
        " && done([a.readyState, a.error])))"
    )
    assert state[0] >= 2
    assert state[1] is None
    page.keyboard.press("p")
    assert audio.evaluate("a => a.paused")


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("points", [(0.25, 0.50), (0.75, 0.10)]),
        ("count", [(0.10, 0.10), (0.50, 150 / 303)]),
        ("point_explanations", [(0.30, 0.80), (0.60, 0.80)]),
    ],
)
def test_points_stand_where_they_belong(
    visit: Visit, name: str, places: list[tuple[float, float]]
) -> None:
    page = visit.open(name)

    def check(root: str) -> None:
        page.locator(f"{root} .frame circle").first.wait_for()
        frame = page.locator(f"{root} .frame").bounding_box()
        for at, (x, y) in enumerate(places):
            dot = page.locator(f"{root} .frame circle").nth(at).bounding_box()
            middle = dot["x"] + dot["width"] / 2, dot["y"] + dot["height"] / 2
            assert middle[0] == pytest.approx(frame["x"] + x * frame["width"], abs=2)
            assert middle[1] == pytest.approx(frame["y"] + y * frame["height"], abs=2)
            assert page.locator(f"{root} .frame text").nth(at).text_content() == str(at + 1)

    check("#row")
    page.locator("button.shown").focus()
    page.keyboard.press("Enter")
    check("#large")
    page.keyboard.press("Escape")
    assert not page.locator("#large").is_visible()


def test_the_keyboard_is_enough(visit: Visit) -> None:
    page = visit.open("cap")
    page.keyboard.press("Tab")
    assert focused(page) == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("/")
    assert focused(page) == "search"
    page.keyboard.type("jk?")
    assert page.locator("#search").input_value() == "jk?"
    assert not page.locator("#help").is_visible()
    page.get_by_text("0 of 7 rows").wait_for()
    page.locator("#search").fill("")
    page.get_by_text("7 rows", exact=True).wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    assert page.locator("#help").get_by_text("next row").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.get_by_text("Row 2 of 7").wait_for()
    assert focused(page) == "row"
    page.keyboard.press("k")
    page.get_by_text("Row 1 of 7").wait_for()
    page.keyboard.press("z")
    assert page.locator("#large").is_visible()
    page.keyboard.press("Escape")


def test_marks_are_kept_and_saved(visit: Visit, tmp_path: Path) -> None:
    page = visit.open("cap")
    page.keyboard.press("2")
    page.get_by_text("Marked doubt").wait_for()
    page.reload()
    page.locator("body[data-ready]").wait_for()
    page.locator(".mark.doubt[aria-pressed=true]").wait_for()
    with page.expect_download() as download:
        page.click("#save-marks")
    path = tmp_path / "marks.jsonl"
    download.value.save_as(path)
    (line,) = path.read_text().splitlines()
    assert json.loads(line)["mark"] == "doubt"
    page.select_option("#mark", label="doubt")
    page.get_by_text("1 of 7 rows").wait_for()


def test_clusters_change_their_order(visit: Visit) -> None:
    page = visit.open("duplicates")
    page.get_by_label("most doubtful first").check()
    assert page.locator("#boxes .cluster").count() == 1
    picture = page.locator("#boxes img").nth(1)
    picture.scroll_into_view_if_needed()
    assert picture.evaluate("i => getComputedStyle(i).transform") == "matrix(-1, 0, 0, 1, 0, 0)"
    assert picture.get_attribute("alt")


def test_every_picture_has_a_text_and_every_link_a_page(visit: Visit) -> None:
    for name in (*PLAIN, *ROWS):
        page = visit.open(name)
        assert page.locator("img:not([alt])").count() == 0
        for link in page.locator("a[href*='.html']").all():
            file = link.get_attribute("href").split("#")[0]
            assert (visit.report / file).is_file(), f"{name}: {file}"
