"""Pulling from a real Label Studio: changes, removals, lost events, a server that dies."""

import json
import os
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from annotation.campaign import ask_studio, connect, load_campaign
from annotation.home import Home
from annotation.pull.event_queue import is_waiting
from annotation.pull.pull import Puller
from annotation.registry import Project, save_project
from annotation.servers.server_process import find
from annotation.servers.up import down, free_port, up
from annotation.servers.up_settings import Asked
from schemas.annotations import PointAnnotation
from schemas.errors import StageError
from schemas.records import Recording, Source
from schemas.store import Store
from tests import toy_store as toy
from tests.annotation.conftest import Studio, make_store
from tests.annotation.pull.studio_page import StudioPage, clock, phrase, textarea
from tests.annotation.pull.test_pull import Pulling, record
from tests.tools.in_process import pixmo, refused

pytestmark = [pytest.mark.studio, pytest.mark.timeout(300)]
FEED = "sources/annotations/points"


def make_campaign(studio: Studio, folder: Path, kind: str = "points") -> tuple[Home, Store, int]:
    """A store of its own on the running server, with one project."""
    store = Store(make_store(folder / "store"))
    home = studio.home_for(store.url, folder / "home")
    project = studio.make_project(kind)
    save_project(home, Project(kind, project, ((f"{kind}_v1", clock(0)),), {"min_seconds": 2.0}))
    return home, store, project


def task(**more: Any) -> dict[str, Any]:
    return {"key": "d" * 32, "image_id": toy.id_of("first.png"), "image": "/pixmo/none"} | more


def submit(sdk: Any, project: int, results: list[Any], who: int, **data: Any) -> None:
    """Tasks with one annotation each."""
    tasks = [
        {"data": task(**data), "annotations": [{"result": r, "completed_by": who, "lead_time": 9}]}
        for r in results
    ]
    sdk.projects.import_tasks(project, request=tasks)


def annotations_of(sdk: Any, project: int) -> list[int]:
    found = sdk.tasks.list(project=project, fields="all")
    return sorted(a["id"] for one in found for a in one.annotations or ())


def items(store: Store, table: str = FEED) -> list[dict[str, Any]]:
    return [json.loads(row.row) for row in toy.rows(store, table, Source)]


def test_the_page_is_for_staff_alone(studio: Studio) -> None:
    with urllib.request.urlopen(f"{studio.url}/pixmo/annotations?project=1") as answer:
        assert "/user/login" in answer.url


@pytest.mark.parametrize(
    ("asked", "status"),
    [("?", 400), ("999999", 404), ("own&after=now,1", 400), ("own&only=x", 400)],
)
def test_questions_that_make_no_sense(studio: Studio, asked: str, status: int) -> None:
    own = str(studio.make_project("points"))
    path = f"/pixmo/annotations?project={asked.replace('own', own)}"
    with pytest.raises(StageError, match=f"answers {status}"):
        ask_studio(studio.home, studio.campaign, path)


def test_an_annotator_does_not_get_it(studio: Studio, page_of: Any) -> None:
    studio.add_user("curious")
    page = page_of("curious")
    answer = page.request.get(f"{studio.url}/pixmo/annotations?project=1")
    assert answer.status == 403


@pytest.fixture
def page_of(studio: Studio, chromium: str) -> Iterator[Any]:
    """A browser page of an annotator who is logged in."""
    from playwright import sync_api as playwright

    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium)

        def logged_in(name: str) -> Any:
            page = browser.new_page()
            studio.login(page, name)
            return page

        yield logged_in
        browser.close()


def test_new_changed_and_deleted_annotations(studio: Studio, tmp_path: Path) -> None:
    home, store, project = make_campaign(studio, tmp_path)
    ada = studio.add_user("ada")
    home = studio.home_for(store.url, tmp_path / "home2")
    save_project(home, Project("points", project, (("points_v1", clock(0)),)))
    submit(studio.sdk, project, [phrase("cup", (10, 20)), phrase("spoon", (1, 1))], ada)
    words = ("annotate", "pull", "--store", store.url, "--home", home.root)
    done = pixmo(*words)
    assert done.exit_code == 0, done.output
    assert "points: 2 new or changed, 0 deleted" in done.stdout
    found = toy.rows(store, "annotations/points", PointAnnotation)
    assert sorted(row.label for row in found) == ["cup", "spoon"]
    assert {row.work.guideline for row in found} == {"points_v1"}
    assert "ada" not in json.dumps(items(store))
    first, second = annotations_of(studio.sdk, project)
    studio.sdk.annotations.update(first, result=phrase("mug", (10, 20)))
    studio.sdk.annotations.delete(second)
    done = pixmo(*words)
    assert "points: 1 new or changed, 1 deleted" in done.stdout
    assert toy.reasons(store, "annotations/points") == {"deleted": 2, "superseded": 1}
    before = toy.contents(store)
    assert "points: 0 new or changed, 0 deleted" in pixmo(*words).stdout
    (home.root / "pulled.json").unlink()
    assert "points: 0 new or changed, 0 deleted" in pixmo(*words).stdout
    assert toy.contents(store) == before
    assert toy.findings(store, "images/") == []


def test_drafts_are_no_annotations(studio: Studio, tmp_path: Path) -> None:
    home, store, project = make_campaign(studio, tmp_path)
    made = studio.sdk.projects.import_tasks(
        project, request=[{"data": task()}], return_task_ids=True
    )
    request = urllib.request.Request(
        f"{studio.url}/api/tasks/{made.task_ids[0]}/drafts?project={project}",
        json.dumps({"result": phrase("cup", (1, 1)), "lead_time": 3}).encode(),
        {"Authorization": f"Token {studio.token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 201
    (pulled,) = Puller(home, load_campaign(home), store).pull()
    assert pulled.rows == 0


def test_recordings_come_with_their_sound(studio: Studio, tmp_path: Path) -> None:
    home, store, project = make_campaign(studio, tmp_path, "cap")
    speaker = studio.add_user("speaker")
    (home.root / "recordings").unlink()  # the server's own, which other tests use as well
    home.make()

    audio = toy.sound(3)
    record(Pulling(home, store, StudioPage()), "1" * 32, audio, user_id=speaker)
    record(Pulling(home, store, StudioPage()), "2" * 32, audio, user_id=speaker, finished=False)
    submit(studio.sdk, project, [[textarea("recording", "1" * 32)]], speaker, min_seconds=2.0)
    done = pixmo("annotate", "pull", "--home", home.root)
    assert done.exit_code == 0, done.output
    assert "1 recordings belong to no annotation" in done.stdout
    assert "pixmo transcribe" in done.stdout
    (made,) = toy.rows(store, "recordings", Recording)
    assert made.audio == audio


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[tuple[Home, Store]]:
    """A server that a test may kill."""
    home, store = Home(tmp_path / "home"), Store(make_store(tmp_path / "store"))
    up(home, Asked(store.url, port=free_port()))
    yield home, store
    down(home)


def kill(home: Home) -> None:
    """Label Studio and its workers, without a chance to say goodbye."""
    running = find(home, "studio")
    assert running
    main = psutil.Process(running.owner.pid)
    for process in [main, *main.children(recursive=True)]:
        os.kill(process.pid, signal.SIGKILL)
    main.wait(10)


def test_a_server_killed_in_the_middle(mortal: tuple[Home, Store]) -> None:
    """With webhooks that nobody hears: what was told of is lost, and what was done is not."""
    home, store = mortal
    campaign = load_campaign(home)
    sdk = connect(home, campaign)
    project = int(sdk.projects.create(title="mortal").id)
    save_project(home, Project("points", project, (("points_v1", clock(0)),)))
    submit(sdk, project, [phrase("cup", (at % 97, 1)) for at in range(1200)], 1)
    asked = 0

    def dying(path: str, **params: Any) -> dict[str, Any]:
        nonlocal asked
        asked += 1
        if asked == 3:  # after the numbers and the first page of a thousand
            kill(home)
        return ask_studio(home, campaign, path, **params)

    with pytest.raises(StageError, match="nothing is lost"):
        Puller(home, campaign, store, rows_per_part=400, ask=dying).pull()
    assert len(items(store)) == 800  # whole parts stay
    line = refused("annotate", "pull", "--home", home.root)
    assert "annotate up" in line
    up(home, Asked(store.url))
    home.events.unlink(missing_ok=True)
    assert pixmo("annotate", "pull", "--home", home.root).exit_code == 0
    assert len(items(store)) == len({item["annotation"] for item in items(store)}) == 1200
    assert len(toy.rows(store, "annotations/points", PointAnnotation)) == 1200
    assert not is_waiting(home.events)
