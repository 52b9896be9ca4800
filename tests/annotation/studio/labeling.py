"""A labeling page in a real browser, as an annotator works with it."""

import contextlib
import io
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from playwright import sync_api as playwright

from annotation.push.pictures import upright_jpeg
from tests.annotation.conftest import Studio

SAMPLES = Path(__file__).parents[3] / "samples" / "images"
SIZE = (1200, 800)
DISCS = {(20, 60, 220): (40.0, 45.0), (220, 40, 200): (61.5, 52.0), (240, 200, 20): (52.0, 63.0)}
TURNED = 6  # EXIF: to be turned by 90 degrees clockwise
COLOUR_TOLERANCE = 40


def turned_photo() -> bytes:
    """A JPEG of DISCS that lies on its side and says so in its EXIF."""
    upright = Image.new("RGB", SIZE, (205, 215, 205))
    draw = ImageDraw.Draw(upright)
    for colour, (x, y) in DISCS.items():
        left, top = SIZE[0] * x / 100, SIZE[1] * y / 100
        draw.ellipse((left - 24, top - 24, left + 24, top + 24), fill=colour)
    exif = Image.Exif()
    exif[0x0112] = TURNED
    out = io.BytesIO()
    upright.transpose(Image.Transpose.ROTATE_90).save(out, "JPEG", quality=95, exif=exif)
    return out.getvalue()


def sample(name: str) -> bytes:
    """One of the sample pictures."""
    return (SAMPLES / name).read_bytes()


def add_picture(studio: Studio, photo: bytes) -> str:
    """Put a picture where the server shows it, as `push` does; its image id."""
    image_id = uuid.uuid4().hex
    made = upright_jpeg(photo)
    assert isinstance(made, bytes)
    (studio.home.pictures / f"{image_id}.jpg").write_bytes(made)
    return image_id


def add_task(studio: Studio, project: int, photo: bytes, data: dict[str, Any], **more: Any) -> int:
    """A task about a picture; its number."""
    image_id = add_picture(studio, photo)
    shown = {"key": uuid.uuid4().hex, "image_id": image_id, "image": f"/pixmo/pictures/{image_id}"}
    request = [{"data": shown | data, **more}]
    imported = studio.sdk.projects.import_tasks(project, request=request, return_task_ids=True)
    return int(imported.task_ids[0])


@dataclass
class Labeling:
    """The label stream of one project, as an annotator sees it."""

    page: playwright.Page
    url: str

    def open(self) -> None:
        """Open the next task and wait until its picture is there."""
        self.page.goto(self.url)
        self.wait()

    def wait(self) -> None:
        """Until the picture of the task can be clicked on."""
        self.page.wait_for_selector(".pixmo-panel")
        self.page.wait_for_function(
            "Htx.annotationStore.selected.names.get('img').imageIsLoaded"
            " && document.querySelector('.konvajs-content canvas')"
        )
        self.page.wait_for_timeout(300)

    def seen(self) -> list[tuple[float, float]]:
        """Where the middle of every disc is on the screen, found by its colour."""
        picture = self.page.locator(".konvajs-content").first
        box = picture.bounding_box()
        assert box
        pixels = np.asarray(Image.open(io.BytesIO(picture.screenshot())).convert("RGB"), dtype=int)
        places = []
        for colour in DISCS:
            rows, columns = np.nonzero(np.abs(pixels - colour).max(axis=2) < COLOUR_TOLERANCE)
            assert len(rows), f"nothing of colour {colour} is seen"
            places.append((box["x"] + columns.mean() + 0.5, box["y"] + rows.mean() + 0.5))
        return places

    def click(self, x: float, y: float) -> None:
        """Click at percent of the picture as it is shown; without zoom only."""
        box = self.page.locator(".pixmo-picture img").first.bounding_box()
        assert box
        self.page.mouse.click(box["x"] + box["width"] * x / 100, box["y"] + box["height"] * y / 100)

    def add_phrase(self, text: str, enter: str = "Enter") -> None:
        """Type a phrase as with the keyboard alone."""
        self.page.keyboard.press("Enter")
        self.page.keyboard.type(text)
        self.page.keyboard.press(enter)

    def phrases(self) -> list[tuple[str, str]]:
        """What the panel lists: phrases and their tallies."""
        self.page.wait_for_timeout(300)
        texts = self.page.locator(".pixmo-text").all_inner_texts()
        return list(zip(texts, self.page.locator(".pixmo-tally").all_inner_texts(), strict=True))

    def submit(self, method: str = "POST") -> int:
        """Submit (or, with PATCH, update), and wait until the server has it; its status."""

        def saves(answer: playwright.Response) -> bool:
            return "/annotations" in answer.url and answer.request.method == method

        self.page.wait_for_function("!Htx.isSubmitting")  # a refused Submit locks it for a moment
        with self.page.expect_response(saves) as saved:
            self.page.keyboard.press("Control+Enter")
        return saved.value.status


@dataclass
class Person:
    """Somebody who is logged in, in one browser; `wrong` is what must not happen in it."""

    page: playwright.Page
    url: str
    wrong: list[str]

    @contextlib.contextmanager
    def at(self, project: int, size: tuple[int, int] = (1280, 800)) -> Iterator[Labeling]:
        """The label stream of a project, opened; errors and calls to other hosts fail the test."""
        self.wrong.clear()
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        work = Labeling(self.page, f"{self.url}/projects/{project}/data?labeling=1")
        work.open()
        yield work
        assert self.wrong == []


@contextlib.contextmanager
def logged_in(studio: Studio, chromium: str, name: str) -> Iterator[Person]:
    """A browser in which an annotator of this name is logged in."""
    studio.add_user(name)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        person = Person(browser.new_page(), studio.url, [])
        person.page.on("pageerror", lambda error: person.wrong.append(str(error)))
        ours = (studio.url, "data:", "blob:")
        person.page.on(
            "request",
            lambda request: (
                None if request.url.startswith(ours) else person.wrong.append(request.url)
            ),
        )
        studio.login(person.page, name)
        yield person
        browser.close()
