"""HTML in the warm browser: what is drawn, and what a hostile page cannot do.

Each attack ends as a picture or a Reject in time, and the next picture is drawn well.
"""

import socket
import threading
import time
from collections.abc import Iterator
from io import BytesIO

import pytest
from PIL import Image

from pipelines.services.rendering.renderer import RenderConfig, RenderedPicture
from pipelines.services.rendering.web_page import WebPage
from pipelines.services.sandbox.limits import MIB, SandboxLimits
from schemas.judgment import Reject

pytestmark = pytest.mark.slow

WALL_S = 3.0
# What a busy machine may add: the end of one browser and the start of the next.
SLACK_S = 15.0
GREEN = (0, 128, 0)
FINE = "<body style='margin:0'><div style='width:300px;height:200px;background:green'>"
SCRIPTED = f"{FINE}<script>document.title = 'x'</script>"


@pytest.fixture(scope="module")
def renderer(chromium: str) -> Iterator[WebPage]:
    opened = WebPage(RenderConfig(limits=SandboxLimits(wall_s=WALL_S, memory=1024 * MIB)))
    yield opened
    opened.close()


def pixels(picture: RenderedPicture | Reject) -> Image.Image:
    assert isinstance(picture, RenderedPicture), picture
    image = Image.open(BytesIO(picture.png)).convert("RGB")
    assert image.size == (picture.width, picture.height)
    return image


def is_green(picture: RenderedPicture | Reject) -> bool:
    return pixels(picture).getpixel((50, 50)) == GREEN


def attack(renderer: WebPage, source: str) -> RenderedPicture | Reject:
    """The outcome of a hostile page, which must come in time and leave the next ones alone."""
    began = time.monotonic()
    outcome = renderer.render(source)
    assert time.monotonic() - began < WALL_S + SLACK_S
    assert is_green(renderer.render(FINE))
    assert is_green(renderer.render(SCRIPTED))
    return outcome


def test_a_page_is_cropped_to_what_it_shows(renderer: WebPage) -> None:
    for source in (FINE, SCRIPTED):
        image = pixels(renderer.render(source))
        assert image.size == (316, 216)
        assert image.getpixel((299, 199)) == GREEN
        assert image.getpixel((310, 210)) == (255, 255, 255)


def test_a_long_page_is_drawn_whole(renderer: WebPage) -> None:
    source = "<p style='height:3000px'>top</p><p style='margin:0'>bottom</p>"
    assert pixels(renderer.render(source)).height > 3000


def test_scripts_run_before_the_picture_is_taken(renderer: WebPage) -> None:
    script = "<script>document.querySelector('div').style.background = 'green'</script>"
    source = FINE.replace("green", "red") + script
    assert is_green(renderer.render(source))


def test_files_lie_beside_the_page(renderer: WebPage) -> None:
    stream = BytesIO()
    Image.new("RGB", (80, 80), GREEN).save(stream, "PNG")
    for more in ("", "<script>1</script>"):
        source = f"<body style='margin:0'><img src='a picture.png'>{more}"
        assert is_green(renderer.render(source, {"a picture.png": stream.getvalue()}))
        assert isinstance(renderer.render(source), RenderedPicture | Reject)


def test_the_same_page_gives_the_same_picture(renderer: WebPage) -> None:
    source = "<h1>Totals</h1><table border=1><tr><td>1<td>2</table>"
    first = renderer.render(source)
    renderer.render(SCRIPTED)
    assert first == renderer.render(source)


@pytest.mark.parametrize("source", ["", "<p> </p>", "<div hidden>x</div>", "<script>1</script>"])
def test_an_empty_page_is_a_reject(renderer: WebPage, source: str) -> None:
    outcome = renderer.render(source)
    assert isinstance(outcome, Reject)
    assert (outcome.reason, outcome.detail) == ("render_failed", "the page shows nothing")


@pytest.mark.parametrize("source", ["<p>\udc80 \x00", "<" * 100_000, "</html>text", "﻿a\x01"])
def test_odd_text_is_no_crash(renderer: WebPage, source: str) -> None:
    assert isinstance(renderer.render(source), RenderedPicture | Reject)


@pytest.mark.parametrize("side", ["width", "height"])
def test_a_huge_page_is_too_large(renderer: WebPage, side: str) -> None:
    outcome = attack(renderer, f"<div style='{side}:100000px;background:red'>x</div>")
    assert isinstance(outcome, Reject)
    assert outcome.reason == "render_too_large"


@pytest.mark.parametrize(
    "source",
    [
        "<script>while (true) {}</script>",
        "<p>x</p><script>onload = () => { for (;;) document.body.append('x') }</script>",
        "<script>const f = () => Promise.resolve().then(f); f()</script>",
        "<img src=x onerror='while(true);'>",
        "<script>for (;;) alert(1)</script>",
        "<script>for (;;) window.open('about:blank')</script>",
    ],
    ids=["loop", "append", "promises", "handler", "alerts", "windows"],
)
def test_a_page_that_runs_for_ever_is_ended(renderer: WebPage, source: str) -> None:
    outcome = attack(renderer, source)
    assert isinstance(outcome, Reject)
    assert outcome.reason in ("render_timeout", "render_memory")


@pytest.mark.parametrize(
    "source",
    [
        "<script>const a = []; for (;;) a.push(new Array(1e6).fill(Math.random()))</script>",
        "<script>const a = []; for (;;) a.push(new Uint8Array(5e7).fill(1))</script>",
        "<script>let s = 'x'.repeat(1e6), a = []; for (let i = 0;; i++) a.push(s + i + s)</script>",
    ],
    ids=["numbers", "bytes", "text"],
)
def test_a_page_that_allocates_for_ever_is_ended(renderer: WebPage, source: str) -> None:
    outcome = attack(renderer, source)
    assert isinstance(outcome, Reject)
    assert outcome.reason in ("render_memory", "render_timeout")


@pytest.mark.parametrize(
    "source",
    [
        "<script>for (let i = 0; i < 50; i++) window.open('about:blank#' + i)</script>x",
        "<script>alert(1); confirm(2); prompt(3); print()</script>x",
        "<script>onbeforeunload = () => 'stay'; location = 'https://elsewhere.invalid/'</script>x",
        "<meta http-equiv=refresh content='0;url=https://elsewhere.invalid/'>x",
        "<meta http-equiv=refresh content='0'>x",
        "<a id=a download href='data:application/zip,x'>x</a><script>a.click()</script>",
        "<script>location.reload()</script>x",
        "<script>for (let i = 0; i < 20; i++) new Worker(URL.createObjectURL("
        "new Blob(['for(;;);'])))</script>x",
    ],
    ids=["windows", "dialogs", "leaves", "refresh", "reload", "download", "again", "workers"],
)
def test_mischief_does_not_reach_the_next_page(renderer: WebPage, source: str) -> None:
    attack(renderer, source)


class Listener:
    """A real server on this machine that counts who connects."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()


def test_nothing_is_fetched_from_this_machine(renderer: WebPage) -> None:
    listener = Listener()
    url = f"http://127.0.0.1:{listener.port}"
    socket.create_connection(("127.0.0.1", listener.port)).close()
    pages = [
        f"<img src='{url}/a.png'><link rel=stylesheet href='{url}/b.css'><iframe src='{url}'>x",
        f"<script>fetch('{url}').then(r => document.body.append('reached'))</script>x",
        f"<script>new WebSocket('ws://127.0.0.1:{listener.port}')</script>x",
        f"<script>navigator.sendBeacon('{url}', 'x'); new EventSource('{url}')</script>x",
        f"<script>new Worker(URL.createObjectURL(new Blob([`fetch('{url}')`])))</script>x",
        f"<script>window.open('{url}')</script>x",
        f"<meta http-equiv=refresh content='0;url={url}'>x",
        f"<link rel=preconnect href='{url}'><link rel=dns-prefetch href='{url}'>x",
    ]
    for page in pages:
        attack(renderer, page)
    time.sleep(0.5)
    listener.socket.close()
    assert listener.connections == 1  # our own


def test_no_file_of_this_machine_is_shown(renderer: WebPage) -> None:
    blank = renderer.render("<iframe style='width:300px;height:200px'></iframe>")
    for address in ("file:///etc/passwd", "file:///", "/etc/passwd", "view-source:file:///etc"):
        page = f"<iframe style='width:300px;height:200px' src='{address}'></iframe>"
        assert attack(renderer, page) == blank


def test_no_state_survives(renderer: WebPage) -> None:
    """What a page leaves in every place a browser has would turn the next one red."""
    leave = (
        "<script>try { localStorage.a = 1; sessionStorage.a = 1 } catch {}"
        "document.cookie = 'a=1'; window.name = 'left'; history.pushState({}, '', '#left');"
        "indexedDB.open('left'); Object.prototype.left = 1</script>x"
    )
    look = (
        f"{FINE}<script>let left = ({{}}).left || window.name || document.cookie || location.hash;"
        "try { left ||= localStorage.a || sessionStorage.a } catch {}"
        "if (left || history.length > 2) document.querySelector('div').style.background = 'red'"
        "</script>"
    )
    assert is_green(renderer.render(look))
    renderer.render(leave)
    assert is_green(renderer.render(look))
