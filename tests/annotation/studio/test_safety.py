"""What an annotator's account cannot do, on a real server with a real session."""

import concurrent.futures
import json
import re
import secrets
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from annotation.servers.launch import environment, prepare
from annotation.servers.server_process import inherited
from annotation.servers.studio_venv import install_studio

pytestmark = pytest.mark.studio

CONFIG = (
    '<View><Image name="img" value="$image"/><TextArea name="absent" toName="img"/>'
    '<KeyPoint name="point" toName="img"/></View>'
)
ANSWER = [{"from_name": "absent", "to_name": "img", "type": "textarea", "value": {"text": ["x"]}}]
SECRET = "what mallory must not read"
SOUND = bytes(range(256)) * 16


class Person:
    """An annotator's browser without a browser: a session that logged in by the form."""

    def __init__(self, studio: Any, name: str) -> None:
        self.url = studio.url
        self.http = requests.Session()
        self.http.headers["Origin"] = studio.url
        form = self.http.get(f"{self.url}/user/login/").text
        token = re.search(r'csrfmiddlewaretoken" value="([^"]+)', form)
        assert token
        fields = {"email": studio.email(name), "password": studio.password(name)}
        fields["csrfmiddlewaretoken"] = token[1]
        done = self.http.post(f"{self.url}/user/login/", data=fields, allow_redirects=False)
        assert done.status_code == 302

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """One request; redirects are answers."""
        return self.http.request(method, self.url + path, allow_redirects=False, **more)

    def status(self, method: str, path: str, **more: Any) -> int:
        """Only how it was answered."""
        return self.ask(method, path, **more).status_code


class Scene:
    """A project with four tasks, where victim answered the first and has a draft of the second."""

    def __init__(self, studio: Any) -> None:
        self.studio = studio
        self.url = studio.url
        names = ("mallory", "victim")
        self.key = secrets.token_hex(20)  # what somebody with the database could make for mallory
        users = [
            {"email": studio.email(one), "password": studio.password(one), "name": one}
            for one in names
        ]
        users[0]["token"] = self.key
        made = prepare(studio.home, studio.campaign.studio, {"users": users})["users"]
        self.ids = {one: made[studio.email(one)] for one in names}
        self.project = studio.make_project("points", "safety", label_config=CONFIG)
        self.tasks = self.add_tasks(4, maximum_annotations=2)
        self.mallory, self.victim = (Person(studio, one) for one in names)
        answered = self.victim.ask(
            "POST", f"/api/tasks/{self.tasks[0]}/annotations", json=_values(SECRET)
        )
        drafted = self.victim.ask(
            "POST", f"/api/tasks/{self.tasks[1]}/drafts", json=_values(SECRET)
        )
        assert (answered.status_code, drafted.status_code) == (201, 201)
        self.annotation, self.draft = answered.json()["id"], drafted.json()["id"]

    def service(self, method: str, path: str, **more: Any) -> requests.Response:
        """As the service account."""
        headers = {"Authorization": f"Token {self.studio.token}"}
        return requests.request(method, self.url + path, headers=headers, **more)

    def add_tasks(self, count: int, project: int = 0, **settings: Any) -> list[int]:
        """More tasks; their numbers."""
        project = project or self.project
        self.service("PATCH", f"/api/projects/{project}", json=settings).raise_for_status()
        data = [
            {"data": {"key": f"{n:032x}", "image": f"/pixmo/pictures/{n:032x}"}}
            for n in range(count)
        ]
        done = self.service("POST", f"/api/projects/{project}/import?return_task_ids=1", json=data)
        return list(done.json()["task_ids"])


def _values(text: str, **more: Any) -> dict[str, Any]:
    result = [{**ANSWER[0], "value": {"text": [text]}}]
    return {"result": result, "lead_time": 3.5, **more}


@pytest.fixture(scope="module")
def scene(studio: Any) -> Iterator[Scene]:
    return Scene(studio)


def test_project_rights_are_refused(scene: Scene) -> None:
    me, project = scene.mallory, scene.project
    assert me.status("DELETE", f"/api/projects/{project}") == 403
    assert me.status("DELETE", f"/api/projects/{project}/") == 403
    assert me.status("PATCH", f"/api/projects/{project}", json={"title": "mine"}) == 403
    assert me.status("POST", "/api/projects", json={"title": "mine"}) == 403
    assert me.status("GET", f"/api/projects/{project}/export?exportType=JSON") == 403
    assert me.status("POST", f"/api/projects/{project}/exports", json={}) == 403
    assert me.status("POST", f"/api/projects/{project}/import", json=[{"image": "x"}]) == 403
    assert me.status("POST", f"/api/dm/actions?id=delete_tasks&project={project}", json={}) == 403
    assert me.status("POST", "/api/dm/actions?id=next_task&id=delete_tasks", json={}) == 403
    assert me.status("GET", f"/projects/{project}/settings") == 403
    assert me.status("DELETE", f"/api/tasks/{scene.tasks[0]}") == 403
    assert scene.service("GET", f"/api/projects/{project}").json()["title"] == "safety"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/invite"),
        ("POST", "/api/invite/reset-token"),
        ("POST", "/api/users/"),
        ("GET", "/api/organizations/1/memberships"),
        ("POST", "/api/token/"),
        ("GET", "/api/current-user/token"),
        ("POST", "/api/current-user/reset-token/"),
        ("POST", "/api/webhooks/"),
        ("POST", "/api/ml/"),
        ("POST", "/api/storages/localfiles/"),
        ("GET", "/admin/"),
        ("GET", "/django-rq/"),
        ("GET", "/docs/api/"),
        ("GET", "/organization/"),
        ("GET", "/user/account/"),
        ("GET", "/user/signup/"),
        ("GET", "/metrics/"),
        ("GET", "/pixmo/tasks?project=1"),
    ],
)
def test_accounts_tokens_and_settings_are_refused(scene: Scene, method: str, path: str) -> None:
    more = {"json": {}} if method == "POST" else {}
    answer = scene.mallory.ask(method, path, **more)
    assert answer.status_code == 403
    assert answer.headers["Content-Type"].startswith(
        "application/json" if path.startswith("/api/") else "text/html"
    )


def test_the_work_of_others_is_out_of_reach(scene: Scene) -> None:
    me, task = scene.mallory, scene.tasks[0]
    for path in (f"/api/annotations/{scene.annotation}", f"/api/drafts/{scene.draft}"):
        assert me.status("GET", path) == 403
        assert me.status("PATCH", path, json=_values("mine")) == 403
        assert me.status("PUT", path, json=_values("mine")) == 403
        assert me.status("DELETE", path) == 403
    drafts = f"/api/tasks/{task}/annotations/{scene.annotation}/drafts"
    assert me.status("GET", drafts) == 403
    assert me.status("POST", drafts, json=_values("mine")) == 403
    assert me.status("POST", f"/api/annotations/{scene.annotation}/convert-to-draft") == 403
    kept = scene.service("GET", f"/api/annotations/{scene.annotation}").json()
    assert kept["result"][0]["value"]["text"] == [SECRET]


def test_nothing_that_is_read_tells_of_others(scene: Scene) -> None:
    me, project = scene.mallory, scene.project
    paths = [
        *(f"/api/tasks/{scene.tasks[0]}", f"/api/tasks/{scene.tasks[1]}?project={project}"),
        *(f"/api/tasks/{scene.tasks[0]}/annotations", f"/api/tasks/{scene.tasks[1]}/drafts"),
        *(f"/api/tasks?project={project}&fields=all", f"/api/projects/{project}"),
        *(f"/api/dm/project?project={project}", f"/api/dm/columns?project={project}"),
        *(f"/api/users?project={project}", "/api/current-user/whoami", "/api/users"),
        *(f"/api/ml?project={project}", f"/api/dm/views?project={project}", "/pixmo/"),
        f"/projects/{project}/data?labeling=1",
    ]
    for path in paths:
        answer = me.ask("GET", path)
        assert answer.status_code == 200, path
        assert SECRET not in answer.text, path
        assert not re.search("(victim|service|admin)@", answer.text), path
    asked = me.ask("GET", "/api/users").json()
    assert [one["id"] for one in asked] == [scene.ids["mallory"]]
    task = me.ask("GET", f"/api/tasks/{scene.tasks[0]}").json()
    assert task["annotations"] == task["drafts"] == task["annotators"] == []
    own = scene.victim.ask("GET", f"/api/tasks/{scene.tasks[0]}").json()
    assert [one["id"] for one in own["annotations"]] == [scene.annotation]


def test_the_next_task_cannot_be_picked_by_what_others_answered(scene: Scene) -> None:
    path = f"/api/dm/actions?id=next_task&project={scene.project}"
    asked = {"filter": "filter:tasks:annotations_results", "operator": "contains", "value": "x"}
    filters = {"conjunction": "and", "items": [asked]}
    me = scene.mallory
    assert me.status("POST", path, json={"filters": filters}) == 403
    assert me.status("POST", path, json={"ordering": ["-tasks:updated_at"]}) == 403
    picked = {"all": False, "included": [scene.tasks[3]]}
    assert me.status("POST", path, json={"selectedItems": picked}) == 403
    query = json.dumps({"filters": filters})
    assert me.status("POST", path, params={"query": query}, json={}) == 403
    assert me.status("POST", path + "&view=1", json={}) == 403
    assert me.status("POST", "/api/dm/views", json={"data": {"filters": filters}}) == 403
    dealt = me.ask("POST", path, json={"project": str(scene.project)})
    assert dealt.status_code == 200
    assert SECRET not in dealt.text


def test_work_is_sent_for_oneself_and_once(scene: Scene) -> None:
    me = scene.mallory
    task, other = scene.add_tasks(2, maximum_annotations=2)
    path = f"/api/tasks/{task}/annotations"
    theirs = scene.ids["victim"]
    assert me.status("POST", path, json=_values("x", completed_by=theirs)) == 403
    assert me.status("POST", path, json=_values("x", task=other)) == 403
    assert me.status("POST", path, json=_values("x", ground_truth=True)) == 403
    assert me.status("POST", path, data=_values("x")) == 415
    utf7 = {"Content-Type": "application/json; charset=utf-7"}
    assert me.status("POST", path, data=b'{"result": []}', headers=utf7) == 415
    assert me.status("POST", path, data=b"{", headers={"Content-Type": "application/json"}) == 400
    done = me.ask("POST", path, json=_values("x", completed_by=scene.ids["mallory"]))
    assert done.status_code == 201
    again = me.ask("POST", path, json=_values("y"))
    assert again.status_code == 409
    assert "already" in again.json()["detail"]
    mine = f"/api/annotations/{done.json()['id']}"
    assert me.status("PATCH", mine, json=_values("z", completed_by=theirs)) == 403
    assert me.status("PATCH", mine, json={"task": other}) == 403
    assert me.status("PATCH", mine, json=_values("z")) == 200
    assert me.status("DELETE", mine) == 403
    draft = me.ask("POST", f"/api/tasks/{other}/drafts", json=_values("d")).json()["id"]
    assert me.status("PATCH", f"/api/drafts/{draft}", json={"task": task}) == 403
    assert me.status("PATCH", f"/api/drafts/{draft}", json={"annotation": scene.annotation}) == 403
    assert me.status("PATCH", f"/api/drafts/{draft}", json=_values("e")) == 200
    assert me.status("DELETE", f"/api/drafts/{draft}") == 204


def test_no_more_answers_than_a_task_wants(scene: Scene) -> None:
    (task,) = scene.add_tasks(1, maximum_annotations=1)
    path = f"/api/tasks/{task}/annotations"
    everyone = [scene.mallory, scene.victim] * 4
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(one.status, "POST", path, json=_values("x")) for one in everyone]
        statuses = sorted(one.result() for one in asked)
    assert statuses[0] == 201
    assert set(statuses[1:]) <= {403, 409}
    kept = scene.service("GET", path).json()
    assert len(kept) == 1
    late = next(one for one in everyone if one.status("GET", path) == 403)
    assert late.ask("POST", path, json=_values("x")).status_code == 403
    scene.service("PATCH", f"/api/projects/{scene.project}", json={"maximum_annotations": 2})


def test_skipping_is_up_to_the_project(scene: Scene) -> None:
    project = scene.studio.make_project("points", "no skipping", label_config=CONFIG)
    (task,) = scene.add_tasks(1, project=project, show_skip_button=False)
    skip = _values("x", was_cancelled=True)
    me, path = scene.mallory, f"/api/tasks/{task}/annotations"
    assert me.status("POST", path, json=skip) == 403
    assert me.status("POST", path + "?was_cancelled=1", json=_values("x")) == 403
    scene.service("PATCH", f"/api/projects/{project}", json={"show_skip_button": True})
    skipped = me.ask("POST", path, json=skip)
    assert skipped.status_code == 201
    assert me.status("DELETE", f"/api/annotations/{skipped.json()['id']}") == 204


def test_other_sites_cannot_use_a_session(scene: Scene) -> None:
    for who in (scene.mallory, Person(scene.studio, "admin")):
        path = f"/api/tasks/{scene.tasks[3]}/drafts"
        evil = [
            {"Origin": "http://evil.test"},
            {"Origin": "null"},
            {"Origin": None, "Sec-Fetch-Site": "same-site"},
            {"Origin": None, "Referer": "http://evil.test/"},
            {"Origin": None},
        ]
        for headers in evil:
            answer = who.ask("POST", path, json=_values("x"), headers=headers)
            assert answer.status_code == 403, headers
            assert "another site" in answer.text
        project = f"/api/projects/{scene.project}"
        assert who.status("DELETE", project, headers=evil[0]) == 403
        left = {"Origin": None, "Sec-Fetch-Site": "cross-site"}
        assert who.status("GET", "/logout", headers=left) == 403
    answer = requests.get(f"{scene.url}/api/version", headers={"Origin": "http://evil.test"})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_bodies_are_refused_by_their_size(scene: Scene) -> None:
    me, task = scene.mallory, scene.tasks[3]
    big = b'{"result": "' + b"x" * 4_100_000 + b'"}'
    kind = {"Content-Type": "application/json"}
    assert me.status("POST", f"/api/tasks/{task}/annotations", data=big, headers=kind) == 413
    assert me.status("POST", "/api/dm/actions?id=next_task", data=big, headers=kind) == 413
    chunk = f"/pixmo/recordings/{'0' * 32}/chunks/0"
    assert me.status("PUT", chunk, data=b"x" * 2_000_001) == 413
    assert me.status("GET", "/api/version", data=b"x") == 413
    pieces = (b"x" for _ in range(3))
    assert me.status("POST", f"/api/tasks/{task}/drafts", data=pieces, headers=kind) == 411
    anyone = requests.post(f"{scene.url}/user/login/", data=b"x" * 100_000)
    assert anyone.status_code == 413


@pytest.mark.parametrize("spelling", ["Token", "token", "Bearer", "X-API-Key"])
def test_a_token_opens_no_more_than_a_session(scene: Scene, spelling: str) -> None:
    headers = {"Authorization": f"{spelling} {scene.key}"}
    if spelling == "X-API-Key":
        headers = {spelling: scene.key}
    if spelling == "Bearer":
        headers = {"Authorization": f"Bearer {_access_token(scene, 'mallory')}"}

    def status(method: str, path: str, who: Any = requests) -> int:
        return int(who.request(method, scene.url + path, headers=headers).status_code)

    assert status("GET", "/api/current-user/whoami") == 200
    assert status("DELETE", f"/api/projects/{scene.project}") == 403
    assert status("GET", f"/api/projects/{scene.project}/export") == 403
    assert status("GET", f"/api/annotations/{scene.annotation}") == 403
    assert status("GET", "/api/current-user/whoami", scene.victim.http) == 403


def _access_token(scene: Scene, name: str) -> str:
    """A JSON web token that the server takes, for five minutes."""
    code = (
        "import sys, label_studio, os; sys.path.insert(0, os.path.dirname(label_studio.__file__)); "
        "import django; django.setup(); from users.models import User; "
        "from rest_framework_simplejwt.tokens import AccessToken; "
        f"print(AccessToken.for_user(User.objects.get(email={scene.studio.email(name)!r})))"
    )
    done = subprocess.run(
        [str(install_studio()), "-c", code],
        env=inherited() | environment(scene.studio.home, scene.studio.campaign.studio),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()[-1]


def test_no_other_site_frames_our_pages(scene: Scene) -> None:
    for path in ("/user/login/", "/pixmo/", f"/projects/{scene.project}/data?labeling=1"):
        assert scene.mallory.ask("GET", path).headers["X-Frame-Options"] == "SAMEORIGIN"


def test_a_wrong_token_opens_nothing(scene: Scene) -> None:
    for value in ("Token 0", "Bearer x.y.z", "Token " + "0" * 40):
        headers = {"Authorization": value}
        assert requests.get(f"{scene.url}/api/version", headers=headers).status_code == 401


def test_tricks_with_methods_and_paths(scene: Scene) -> None:
    me, project = scene.mallory, scene.project
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        path = f"/api/tasks/{scene.tasks[3]}/drafts"
        done = me.ask("POST", path, json=_values("x"), headers={name: "DELETE"})
        assert done.status_code == 201
    assert me.status("OPTIONS", f"/api/projects/{project}") == 403
    assert me.status("HEAD", f"/api/projects/{project}/export") == 403
    for path in (
        *(f"//api/projects/{project}", f"/pixmo/../api/projects/{project}/export"),
        *(f"/API/projects/{project}/export", f"/api/projects/{project}/export;x"),
        *("/static/..%2f..%2fadmin/", "/static/%2e%2e/admin/", "/anything/version/", "/x/health/"),
        f"/api/projects/{project}//export/",
    ):
        prepared = requests.Request("GET", scene.url).prepare()
        prepared.url = scene.url + path
        prepared.prepare_cookies(me.http.cookies)
        assert me.http.send(prepared, allow_redirects=False).status_code == 403, path


def test_media(scene: Scene) -> None:
    me, home = scene.mallory, scene.studio.home
    name, hidden = "ab" * 16, "cd" * 16
    (home.pictures / f"{name}.jpg").write_bytes(SOUND)
    (home.pictures / f"{hidden}.jpg").symlink_to(home.secrets)
    got = me.ask("GET", f"/pixmo/pictures/{name}")
    assert (got.status_code, got.content) == (200, SOUND)
    assert got.headers["Content-Type"] == "image/jpeg"
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert "private" in got.headers["Cache-Control"]
    part = me.ask("GET", f"/pixmo/pictures/{name}", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, SOUND[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(SOUND)}"
    past = me.ask("GET", f"/pixmo/pictures/{name}", headers={"Range": "bytes=99999-"})
    assert (past.status_code, past.headers["Content-Range"]) == (416, f"bytes */{len(SOUND)}")
    same = {"If-None-Match": got.headers["ETag"]}
    assert me.status("GET", f"/pixmo/pictures/{name}", headers=same) == 304
    head = me.ask("HEAD", f"/pixmo/pictures/{name}")
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(SOUND)))
    assert me.status("GET", f"/pixmo/pictures/{hidden}") == 404
    assert me.status("GET", f"/pixmo/pictures/{'ef' * 16}") == 404
    assert requests.get(f"{scene.url}/pixmo/pictures/{name}").status_code == 401


@pytest.mark.parametrize(
    "name",
    [
        *("..%2f..%2fsecrets.env", "..%2Fsecrets.env", "%2e%2e/secrets.env", "../secrets.env"),
        *("..%5csecrets.env", "%00", "ab" * 16 + "%00.webm", "AB" * 16, "ab" * 16 + "%0a", ""),
        *("....//secrets.env", "/etc/passwd", "ab" * 16 + "/x", "%c0%ae%c0%ae/secrets.env"),
    ],
)
def test_no_path_in_an_audio_address(scene: Scene, name: str) -> None:
    for folder in ("sounds", "pictures"):
        prepared = requests.Request("GET", scene.url).prepare()
        prepared.url = f"{scene.url}/pixmo/{folder}/{name}"
        prepared.prepare_cookies(scene.mallory.http.cookies)
        answer = scene.mallory.http.send(prepared, allow_redirects=False)
        assert answer.status_code in (400, 403)
        assert "PIXMO" not in answer.text


def test_sounds_are_heard_by_who_may_review_them(scene: Scene) -> None:
    name, nobodys = "12" * 16, "34" * 16
    for one in (name, nobodys):
        (scene.studio.home.sounds / f"{one}.webm").write_bytes(SOUND)
    project = scene.studio.make_project("points", "review", label_config=CONFIG)
    data = [{"data": {"recording_id": name, "image": "/x"}}]
    path = f"/api/projects/{project}/import?return_task_ids=1"
    (task,) = scene.service("POST", path, json=data).json()["task_ids"]
    heard = scene.mallory.ask("GET", f"/pixmo/sounds/{name}", headers={"Range": "bytes=-4"})
    assert (heard.status_code, heard.content) == (206, SOUND[-4:])
    assert heard.headers["Content-Type"] == "audio/webm"
    assert scene.mallory.status("GET", f"/pixmo/sounds/{nobodys}") == 403
    assert Person(scene.studio, "admin").status("GET", f"/pixmo/sounds/{nobodys}") == 200
    done = scene.victim.status("POST", f"/api/tasks/{task}/annotations", json=_values("x"))
    assert done == 201
    assert scene.mallory.status("GET", f"/pixmo/sounds/{name}") == 403
    assert scene.victim.status("GET", f"/pixmo/sounds/{name}") == 200


def test_strangers_get_the_login_page(scene: Scene) -> None:
    for path in ("/", "/pixmo/", f"/projects/{scene.project}/data", "/admin/", "/user/signup/"):
        answer = requests.get(scene.url + path, allow_redirects=False)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/user/login/")
    for path in ("/api/projects/", "/api/users/", "/api/version", f"/pixmo/sounds/{'0' * 32}"):
        assert requests.get(scene.url + path).status_code == 401
    assert requests.post(f"{scene.url}/api/token/refresh/", json={}).status_code == 401
    assert requests.get(f"{scene.url}/pixmo/health").status_code == 200
    assert requests.get(f"{scene.url}/health").status_code == 200
    assert requests.get(f"{scene.url}/heidi-tips").json() == {}


def test_an_account_that_is_locked_out_is_out_at_once(scene: Scene) -> None:
    email, password = scene.studio.email("leaver"), scene.studio.password("leaver")
    user: dict[str, Any] = {"email": email, "password": password, "name": "leaver"}
    prepare(scene.studio.home, scene.studio.campaign.studio, {"users": [user]})
    leaver = Person(scene.studio, "leaver")
    assert leaver.status("GET", "/api/current-user/whoami") == 200
    user |= {"active": False, "password": None}
    prepare(scene.studio.home, scene.studio.campaign.studio, {"users": [user]})
    assert leaver.status("GET", "/api/current-user/whoami") == 401


def test_coordinators_are_not_held_back(scene: Scene) -> None:
    admin = Person(scene.studio, "admin")
    assert admin.status("GET", f"/projects/{scene.project}/settings") == 200
    assert admin.status("GET", f"/projects/{scene.project}/data") == 200
    assert SECRET in admin.ask("GET", f"/api/tasks/{scene.tasks[0]}").text
    assert SECRET in scene.service("GET", f"/api/projects/{scene.project}/export").text
