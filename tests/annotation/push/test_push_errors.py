"""What goes wrong on the way to Label Studio is one line for a person."""

import dataclasses
import fcntl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from label_studio_sdk.core.api_error import ApiError

from annotation.campaign import Campaign, StudioConfig, ask_studio, save_campaign
from annotation.credentials import load_credentials
from annotation.home import Home
from annotation.refusals import said_by
from annotation.studio_errors import studio_errors
from schemas.errors import StageError, UsageError
from schemas.store import Store
from tests import toy_store as toy
from tests.loopback_server import serving
from tests.tools.in_process import PictureServer, refused

DEAD = Campaign("store", StudioConfig(port=9))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.make()
    return made


@pytest.fixture
def answering(home: Home) -> Iterator[Campaign]:
    files = {"/pixmo/tasks?project=1": b'{"tasks": []}', "/list": b"[1]", "/html": b"<html>"}
    server = PictureServer(files, {"/refused": 403})
    with serving(server):
        yield Campaign("store", StudioConfig(port=server.server_address[1]))


def test_our_own_pages_are_asked(home: Home, answering: Campaign) -> None:
    assert ask_studio(home, answering, "/pixmo/tasks", project=1) == {"tasks": []}
    for path, said in (("/gone", "404"), ("/list", "JSON"), ("/html", "JSON")):
        with pytest.raises(StageError, match=said):
            ask_studio(home, answering, path)
    with pytest.raises(UsageError, match="is not the Label Studio of the campaign"):
        ask_studio(home, answering, "/refused")
    with pytest.raises(UsageError, match="annotate up"):
        ask_studio(home, DEAD, "/pixmo/tasks")


@pytest.mark.parametrize(
    ("error", "expected", "said"),
    [
        (httpx.ConnectError("refused"), UsageError, "annotate up"),
        (httpx.ReadTimeout("slow"), StageError, "same command again"),
        (httpx.RemoteProtocolError("cut"), StageError, "same command again"),
        (ApiError(status_code=400, body={"detail": "<b>no</b>\n page"}), StageError, "400: .*no"),
    ],
)
def test_every_failure_has_its_line(error: Exception, expected: type[Exception], said: str) -> None:
    with pytest.raises(expected, match=said) as caught, studio_errors(DEAD, "push cap"):
        raise error
    assert "\n" not in str(caught.value)


def test_what_is_said_is_short_and_plain() -> None:
    page = "<html><head><style>p {}</style></head><body>a\n\nb</body>"
    assert said_by(page) == "a b"
    assert len(said_by({"detail": "x" * 5000})) == 200


def test_a_campaign_that_does_not_run(home: Home, tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    toy.put_images(store, {"a": toy.picture(1)})
    where = ("annotate", "push", "cap", "--home", home.root)
    assert "annotate up" in refused(*where)
    save_campaign(home, dataclasses.replace(DEAD, store=store.url))
    assert "nothing answers at http://127.0.0.1:9" in refused(*where)
    assert "not on" in refused(*where, "--store", tmp_path / "other")
    secret = load_credentials(home)["PIXMO_STUDIO_TOKEN"]
    assert secret not in refused(*where)


def test_one_push_at_a_time(home: Home, tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    toy.put_images(store, {"a": toy.picture(1)})
    save_campaign(home, dataclasses.replace(DEAD, store=store.url))
    with (home.root / "push.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        said = refused("annotate", "push", "cap", "--home", home.root, status=3)
    assert "another push" in said
