"""Push into a real Label Studio: once, again, after a kill, with more overlap, with a new page."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from annotation.campaign import ask_studio
from annotation.home import Home
from annotation.kinds import KINDS, Kind
from annotation.push.gold_file import load_gold
from annotation.push.options import PushOptions
from annotation.push.push import push
from annotation.registry import load_projects
from annotation.sidecar.login import SECRET_HEADER
from schemas.errors import StageError
from schemas.records import Recording
from schemas.store import Store
from tests import toy_store as toy
from tests.annotation.conftest import Studio
from tests.tools.in_process import pixmo, refused

pytestmark = pytest.mark.studio
NAMES = "abcdefghij"


@dataclasses.dataclass
class Campaign:
    """A store with its own home on the shared server."""

    studio: Studio
    store: Store
    home: Home

    def push(self, *words: object) -> str:
        """What the command says."""
        done = pixmo(
            "annotate", "push", *words, "--store", self.store.url, "--home", self.home.root
        )
        assert done.exit_code == 0, done.output
        return done.stdout

    def project(self, kind: str) -> int:
        """The number of a kind's project."""
        return load_projects(self.home)[kind].project_id

    def tasks(self, kind: str) -> list[Any]:
        """The tasks in Label Studio, with predictions."""
        number = self.project(kind)
        return list(self.studio.sdk.tasks.list(project=number, fields="all", page_size=1000))

    def keys(self, kind: str) -> list[str]:
        """Their keys."""
        return [task.data["key"] for task in self.tasks(kind)]


@pytest.fixture
def campaign(studio: Studio, tmp_path: Path) -> Campaign:
    store = Store(str(tmp_path / "store"))
    halves = NAMES[:6], NAMES[6:]
    files = [{name: toy.picture(ord(name)) for name in half} for half in halves]
    toy.put_images(store, *files)
    return Campaign(studio, store, studio.home_for(store.url, tmp_path / "home"))


def file_of(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return path


def test_the_same_command_adds_what_is_missing(campaign: Campaign) -> None:
    assert "cap: 4 new tasks, 0 were there" in campaign.push("cap", "--limit", 4)
    said = campaign.push("cap", "--limit", 4)
    assert "cap: 4 new tasks, 4 were there" in said
    assert "2 more wait" in said
    assert "cap: 2 new tasks, 8 were there" in campaign.push("cap")
    said = campaign.push("cap")
    assert "cap: 0 new tasks, 10 were there" in said
    assert f"/projects/{campaign.project('cap')}" in said
    assert "brought up to date" not in said
    keys = campaign.keys("cap")
    assert len(keys) == len(set(keys)) == 10
    for task in campaign.tasks("cap"):
        assert (campaign.home.pictures / f"{task.data['image_id']}.jpg").exists()


def test_the_project_is_as_annotators_need_it(campaign: Campaign) -> None:
    campaign.push("cap", "--overlap", 2, "--min-seconds", 90)
    project = campaign.studio.sdk.projects.get(campaign.project("cap"))
    assert project.show_instruction
    assert "<h1>" in project.expert_instruction
    assert project.sampling == "Sequential sampling"
    assert project.maximum_annotations == 2
    assert not project.show_collab_predictions
    assert {task.data["min_seconds"] for task in campaign.tasks("cap")} == {90.0}
    registered = load_projects(campaign.home)["cap"]
    assert registered.settings == {"overlap": 2, "min_seconds": 90.0}
    assert [version for version, _ in registered.guidelines] == ["cap_v1"]


def test_raising_the_overlap_reaches_older_tasks(campaign: Campaign) -> None:
    campaign.push("points", "--limit", 4)
    campaign.push("points", "--limit", 2, "--overlap", 3)
    assert {task.overlap for task in campaign.tasks("points")} == {3}
    campaign.push("points")  # without the option it stays
    assert {task.overlap for task in campaign.tasks("points")} == {3}
    assert len(campaign.tasks("points")) == 10


def test_our_own_server_is_told(campaign: Campaign) -> None:
    campaign.push("points", "--limit", 1)
    number = campaign.project("points")
    (hook,) = campaign.studio.sdk.webhooks.list(project=str(number))
    assert hook.url == f"{campaign.studio.campaign.studio.sidecar_url}/events"
    assert set(hook.headers) == {SECRET_HEADER}
    expected = {"ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_DELETED"}
    assert {str(action) for action in hook.actions} == expected
    campaign.studio.sdk.webhooks.update(hook.id, url="http://127.0.0.1:1/events")
    campaign.push("points", "--limit", 1)
    (again,) = campaign.studio.sdk.webhooks.list(project=str(number))
    assert (again.id, again.url) == (hook.id, hook.url)


@pytest.mark.parametrize("kind", ["ask_model_anything", "point_explanations"])
def test_asking_has_the_text_model_behind_it(campaign: Campaign, tmp_path: Path, kind: str) -> None:
    toy.put_captions(campaign.store, [toy.caption("a", "A dog."), toy.caption("b", "A cat.")])
    texts = file_of(tmp_path, {"image_url": toy.url_of("a"), "text": "STOP"})
    campaign.push(kind, "--ocr", texts)
    shown = {task.data["caption"]: task.data["ocr"] for task in campaign.tasks(kind)}
    assert shown == {"A dog.": "STOP", "A cat.": ""}
    number = campaign.project(kind)
    project = campaign.studio.sdk.projects.get(number)
    assert not project.evaluate_predictions_automatically
    assert not project.show_collab_predictions
    campaign.push(kind, "--ocr", texts)
    (backend,) = campaign.studio.sdk.ml.list(project=number)
    assert backend.is_interactive
    assert backend.url == campaign.studio.campaign.studio.sidecar_url


def test_transcripts_start_with_what_was_heard(campaign: Campaign) -> None:
    toy.put(
        campaign.store,
        "recordings",
        0,
        Recording,
        [toy.recording(name, "1", toy.sound(1.0)) for name in "ab"],
    )
    toy.put_transcripts(
        campaign.store,
        [
            toy.transcript("a", "one"),
            dataclasses.replace(toy.transcript("b", "two"), model="large"),
            toy.transcript("c", "unheard"),
        ],
    )
    said = campaign.push("transcript_review")
    assert "2 new tasks" in said
    assert "1 no_recording" in said
    number = campaign.project("transcript_review")
    prefilled = set()
    for task in campaign.tasks("transcript_review"):
        assert list(campaign.home.sounds.glob(f"{task.data['recording_id']}.*"))
        (shown,) = _opened(campaign, number, task.id)["predictions"]
        prefilled.add(shown["result"][0]["value"]["text"][0])
    assert prefilled == {"one", "two"}


def _opened(campaign: Campaign, project: int, task: int) -> Any:
    """A task as the labeling page gets it."""
    path = f"/api/tasks/{task}/?project={project}"
    return ask_studio(campaign.home, campaign.studio.campaign, path)


def test_counts_start_with_candidates_and_hide_what_is_known(
    campaign: Campaign, tmp_path: Path
) -> None:
    row = {"image_url": toy.url_of("a"), "label": "cat", "points": [{"x": 1, "y": 99.5}]}
    candidates = file_of(tmp_path, row, row | {"label": "dog"}, {"label": "x"})
    gold = tmp_path / "gold.jsonl"
    known = {"image_url": toy.url_of("b"), "label": "hat", "expected": {"count": 417}}
    gold.write_text(json.dumps(known) + "\n", encoding="utf-8")
    said = campaign.push("count", "--candidates", candidates, "--gold", gold)
    assert "3 new tasks (1 with known answers)" in said
    assert "no task: 1 bad_row" in said
    assert "row 3" in said
    tasks = campaign.tasks("count")
    shown = {task.data["label"]: task.predictions[0].result for task in tasks}
    assert [one["type"] for one in shown["cat"]] == ["keypoint", "number"]
    assert shown["cat"][0]["value"]["y"] == 99.5
    assert "417" not in json.dumps([task.data for task in tasks])
    (answer,) = load_gold(campaign.home, "count")
    assert [task.data["label"] for task in tasks if task.data["key"] == answer.key] == ["hat"]
    assert "0 new tasks, 3 were there" in campaign.push(
        "count", "--candidates", candidates, "--gold", gold
    )


def test_no_model_name_reaches_label_studio(campaign: Campaign, tmp_path: Path) -> None:
    rows = [
        {"prompt": f"why {at}?", "model": model, "answer": f"{at}{model[-1]}"}
        for at in range(3)
        for model in ("secret-x", "secret-y")
    ]
    answers = file_of(tmp_path, *rows)
    assert "3 new tasks" in campaign.push("preference", "--answers", answers)
    assert "0 new tasks, 3 were" in campaign.push("preference", "--answers", answers)
    tasks = campaign.tasks("preference")
    assert "secret" not in json.dumps([task.data for task in tasks])
    stored = campaign.store.read("preference_pairs", 0, ["pair_id"])[0].to_pylist()
    assert {task.data["pair_id"] for task in tasks} == set(stored)


def test_nothing_to_push_is_a_failure(campaign: Campaign, tmp_path: Path) -> None:
    bad = file_of(tmp_path, {"label": "cat"})
    where = ("--store", campaign.store.url, "--home", campaign.home.root)
    done = pixmo("annotate", "push", "count", "--candidates", bad, *where)
    assert done.exit_code == 1
    assert "nothing to push" in done.stdout
    assert "count" not in load_projects(campaign.home)
    line = refused("annotate", "push", "cap", "--ocr", bad, *where)
    assert "--ocr" in line
    assert "no kind" in refused("annotate", "push", "caps", *where)


KILLED = """
import sys
from pathlib import Path
from annotation.push import push as module
from annotation.home import Home
from annotation.kinds import KINDS
from annotation.push.options import PushOptions

class Watch:
    def begin(self, what, total): pass
    def done(self, count):
        print(count, flush=True)

NOW = "2026-01-01T00:00:00Z"
module.TASKS_PER_REQUEST = 2
module.push(KINDS["cap"], Home(Path(sys.argv[1])), None, PushOptions(), Watch(), NOW)
"""


@pytest.mark.parametrize("requests", [0, 2])
def test_a_killed_push_is_completed_without_a_double(campaign: Campaign, requests: int) -> None:
    command = [sys.executable, "-c", KILLED, str(campaign.home.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        seen = 0
        for line in process.stdout:
            seen += line.strip() == "2"
            if seen >= requests:
                break
        time.sleep(0.05 * requests)
        os.kill(process.pid, signal.SIGKILL)
    campaign.push("cap")
    assert len(campaign.keys("cap")) == len(set(campaign.keys("cap"))) == 10
    assert toy.leftovers(campaign.home.pictures.resolve()) == []


def test_tasks_that_came_in_twice_are_tidied(campaign: Campaign) -> None:
    campaign.push("cap")
    number = campaign.project("cap")
    sdk = campaign.studio.sdk
    doubles = [{"data": task.data} for task in campaign.tasks("cap")[:3]]
    sdk.projects.import_tasks(number, request=doubles)
    worked, drafted = campaign.tasks("cap")[-2:]
    sdk.annotations.create(worked.id, result=[], was_cancelled=False)
    campaign.push("cap")
    left = campaign.tasks("cap")
    assert len(left) == 10
    assert worked.id in {task.id for task in left}
    assert drafted.id not in {task.id for task in left}


def test_the_lost_registry_finds_its_project_again(campaign: Campaign) -> None:
    campaign.push("cap", "--limit", 2)
    number = campaign.project("cap")
    campaign.home.projects.unlink()
    assert "8 new tasks, 2 were there" in campaign.push("cap")
    assert campaign.project("cap") == number
    campaign.studio.sdk.projects.delete(number)
    said = campaign.push("cap")
    assert f"project {number} is gone" in said
    assert "10 new tasks, 0 were there" in said


@dataclasses.dataclass(frozen=True)
class NewPage(Kind):
    """A kind after a release of ours: another page, another version of the guidelines."""

    page: str = ""

    @property
    def label_config(self) -> str:
        """The new page."""
        return self.page

    @property
    def guideline_text(self) -> str:
        """The new text."""
        return "# Second version"


class Silent:
    """Shows nothing."""

    def begin(self, what: str, total: int) -> None:
        """Nothing."""

    def done(self, count: int) -> None:
        """Nothing."""


def test_a_new_release_brings_the_project_up_to_date(campaign: Campaign) -> None:
    campaign.push("points", "--limit", 1)
    number = campaign.project("points")
    old = KINDS["points"]
    known = {field.name: getattr(old, field.name) for field in dataclasses.fields(old)}
    page = old.label_config.replace('"point"', '"spot"')
    new = NewPage(**(known | {"guideline": "points_v2"}), page=page)

    def again(kind: Kind, when: str) -> tuple[str, ...]:
        return push(kind, campaign.home, None, PushOptions(limit=1), Silent(), when).notes

    assert again(new, "2030-01-01T00:00:00Z") == ("the labeling page was brought up to date",)
    project = campaign.studio.sdk.projects.get(number)
    assert 'name="spot"' in project.label_config
    assert "Second version" in project.expert_instruction
    registered = load_projects(campaign.home)["points"]
    assert registered.guideline_at("2030-06-01T00:00:00Z") == "points_v2"
    assert registered.guideline_at("2029-01-01T00:00:00Z") == "points_v1"
    place = {"from_name": "spot", "to_name": "img", "type": "keypoint", "value": {"x": 1, "y": 2}}
    campaign.studio.sdk.annotations.create(campaign.tasks("points")[0].id, result=[place])
    (note,) = again(old, "2031-01-01T00:00:00Z")
    assert "stays as it was" in note
    assert "spot" in note
    assert 'name="spot"' in campaign.studio.sdk.projects.get(number).label_config


def test_keys_are_for_staff(campaign: Campaign) -> None:
    campaign.push("cap", "--limit", 2)
    number = campaign.project("cap")
    rows = ask_studio(campaign.home, campaign.studio.campaign, "/pixmo/tasks", project=number)
    assert sorted(key for _, key, _ in rows["tasks"]) == sorted(campaign.keys("cap"))
    with pytest.raises(StageError, match="400"):
        ask_studio(campaign.home, campaign.studio.campaign, "/pixmo/tasks", project="x")
    asked = f"/pixmo/tasks?project={number}"
    with httpx.Client(base_url=campaign.studio.url) as client:
        assert client.get(asked).status_code in (302, 401, 403)
        campaign.studio.add_user("curious")
        client.get("/user/login/")
        form = {"email": Studio.email("curious"), "password": campaign.studio.password("curious")}
        token = client.cookies["csrftoken"]
        form["csrfmiddlewaretoken"] = token
        headers = {"Referer": f"{campaign.studio.url}/user/login/"}
        assert client.post("/user/login/", data=form, headers=headers).status_code == 302
        assert client.get(asked).status_code == 403
