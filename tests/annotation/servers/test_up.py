"""The servers of a campaign: started once, found again, repaired, ended; nothing goes outside."""

import contextlib
import os
import signal
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from playwright import sync_api as playwright

from annotation.campaign import load_campaign
from annotation.credentials import load_credentials
from annotation.home import Home
from annotation.servers.server_process import answers, find
from annotation.servers.up import NAMES, free_port
from tests.annotation.conftest import Studio, make_store
from tests.tools.in_process import pixmo, refused

pytestmark = pytest.mark.studio


def pids(home: Home) -> dict[str, int]:
    """The process of each server that runs."""
    found = {name: find(home, name) for name in NAMES}
    return {name: running.owner.pid for name, running in found.items() if running}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "home")
    yield made
    pixmo("annotate", "down", "--home", made.root)


def until(said: str, holds: object) -> None:
    """Wait at most ten seconds."""
    deadline = time.monotonic() + 10
    while not holds() and time.monotonic() < deadline:  # type: ignore[operator]
        time.sleep(0.05)
    assert holds(), said  # type: ignore[operator]


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("same_code")
def test_a_campaign_starts_goes_on_and_ends(home: Home, tmp_path: Path) -> None:
    port = free_port()
    words = ("annotate", "up", "--store", make_store(tmp_path / "store"), "--home", home.root)
    first = pixmo(*words, "--port", port)
    assert first.exit_code == 0
    secrets = load_credentials(home)
    for line in (f"http://127.0.0.1:{port}/", "admin@pixmo.localhost", str(home.accounts)):
        assert line in first.stdout
    assert not [value for value in secrets.values() if value in first.output]
    began = pids(home)
    assert set(began) == set(NAMES)
    _check_privacy(home, began, secrets)

    again = pixmo(*words)
    assert "was up already" in again.stdout
    assert pids(home) == began

    os.kill(began["sidecar"], signal.SIGKILL)
    until("the sidecar is gone", lambda: find(home, "sidecar") is None)
    assert pixmo(*words).exit_code == 0
    repaired = pids(home)
    assert repaired["studio"] == began["studio"]
    assert repaired["sidecar"] != began["sidecar"]

    workers = psutil.Process(began["studio"]).children(recursive=True)
    os.kill(began["studio"], signal.SIGKILL)
    until("its workers end with it", lambda: not any(worker.is_running() for worker in workers))
    assert pixmo(*words).exit_code == 0
    assert answers(f"http://127.0.0.1:{port}/pixmo/health")

    changed = pixmo(*words, "--llm-model", "another")
    assert changed.exit_code == 0
    assert load_campaign(home).llm.model == "another"
    assert load_campaign(home).studio.port == port

    assert "is down" in pixmo("annotate", "down", "--home", home.root).stdout
    assert not pids(home)
    assert not answers(f"http://127.0.0.1:{port}/pixmo/health")
    assert "was not up" in pixmo("annotate", "down", "--home", home.root).stdout


def _check_privacy(home: Home, began: dict[str, int], secrets: dict[str, str]) -> None:
    """Files are for their owner alone, and no secret is an argument or in a log."""
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o700
    private = [home.secrets, home.accounts, home.annotators, home.campaign]
    private += [home.studio / "label_studio.sqlite3", home.studio / ".env", *home.logs.iterdir()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}
    shown = [word for pid in began.values() for word in psutil.Process(pid).cmdline()]
    logged = [path.read_text("utf-8", "replace") for path in home.logs.iterdir()]
    assert not [text for text in (*shown, *logged) for one in secrets.values() if one in text]


def test_a_port_of_another_program_is_said(home: Home, tmp_path: Path, studio: Studio) -> None:
    words = ("annotate", "up", "--store", make_store(tmp_path / "store"), "--home", home.root)
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as other:
        taken = other.getsockname()[1]
        said = refused(*words, "--port", taken)
        assert f"port {taken} of this machine is busy: a program" in said
    said = refused(*words, "--port", studio.campaign.studio.port)
    assert "is busy: a Label Studio that is not of the campaign" in said
    assert not pids(home)
    assert answers(f"{studio.url}/pixmo/health")


def test_the_service_account_is_let_in(studio: Studio) -> None:
    assert studio.sdk.users.whoami().email == "service@pixmo.localhost"


def test_nobody_signs_up(studio: Studio) -> None:
    with httpx.Client(base_url=studio.url, trust_env=False) as client:
        client.get("/user/login/")
        told = {"email": "eve@example.org", "password": "a long password, of hers"}
        told["csrfmiddlewaretoken"] = client.cookies["csrftoken"]
        answer = client.post("/user/signup/", data=told, headers={"Origin": studio.url})
        assert not answer.is_success
        assert not client.get("/api/current-user/whoami").is_success
    assert "eve@example.org" not in {user.email for user in studio.sdk.users.list()}


def test_nothing_leaves_this_machine(studio: Studio, chromium: str) -> None:
    """Neither from the browser nor from the servers, while somebody logs in and looks around."""
    studio.add_user("lise")
    project = studio.sdk.projects.create(
        title="quiet", label_config="<View><Text name='t' value='$t'/></View>"
    )
    studio.sdk.projects.import_tasks(project.id, request=[{"t": "hello"}])
    asked: set[str] = set()
    connected: set[str] = set()
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, places in (
            ("admin", ("/projects", f"/projects/{project.id}/data")),
            ("lise", ("/",)),
        ):
            page = browser.new_context().new_page()
            page.on("request", lambda request: asked.add(request.url))
            studio.login(page, name)
            for place in places:
                page.goto(f"{studio.url}{place}", wait_until="networkidle")
                connected |= _remote_addresses(studio.home)
            assert page.url.startswith(studio.url)
        browser.close()
    web = {urlsplit(url).netloc for url in asked if url.startswith("http")}
    assert web == {urlsplit(studio.url).netloc}
    assert not connected - {"127.0.0.1", "::1"}


def _remote_addresses(home: Home) -> set[str]:
    """Whom the servers and their workers are connected to."""
    roots = [psutil.Process(pid) for pid in pids(home).values()]
    every = [one for root in roots for one in (root, *root.children(recursive=True))]
    return {line.raddr.ip for one in every for line in one.net_connections("inet") if line.raddr}
