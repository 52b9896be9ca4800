"""What the recorder's addresses answer to a script that is not the recorder."""

import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from annotation.studio.recording_files import MAX_CHUNK_BYTES
from tests.annotation.studio.recorder_page import SAMPLES, make_tasks

pytestmark = pytest.mark.studio
SPOKEN = (SAMPLES / "recordings" / "retina-short.webm").read_bytes()


class Client:
    """A person's session without a browser; it says that it comes from our own page."""

    def __init__(self, studio: Any, name: str) -> None:
        self.http = httpx.Client(base_url=studio.url, headers={"Origin": studio.url}, timeout=30)
        self.http.get("/user/login/")
        form = {"email": studio.email(name), "password": studio.password(name)}
        form["csrfmiddlewaretoken"] = self.http.cookies["csrftoken"]
        assert self.http.post("/user/login/", data=form).status_code == 302
        self.http.headers["X-CSRFToken"] = self.http.cookies["csrftoken"]

    def start(self, key: str) -> str:
        answer = self.http.post(f"/pixmo/recordings?key={key}")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def put(self, recording_id: str, number: int, data: bytes) -> int:
        path = f"/pixmo/recordings/{recording_id}/chunks/{number}"
        return self.http.put(path, content=data).status_code

    def finish(self, recording_id: str) -> httpx.Response:
        return self.http.post(f"/pixmo/recordings/{recording_id}/finish")

    def hear(self, recording_id: str) -> httpx.Response:
        return self.http.get(f"/pixmo/recordings/{recording_id}/sound")


@pytest.fixture(scope="module")
def people(studio: Any) -> Iterator[dict[str, Client]]:
    """Two annotators and the admin."""
    names = {name: f"{name}-{secrets.token_hex(4)}" for name in ("ada", "bob")}
    for name in names.values():
        studio.add_user(name)
    clients = {who: Client(studio, name) for who, name in names.items()}
    clients["admin"] = Client(studio, "admin")
    yield clients
    for client in clients.values():
        client.http.close()


@pytest.fixture(scope="module")
def key(studio: Any) -> str:
    _, [made] = make_tasks(studio, "cap", [{"min_seconds": 5}])
    return made


def test_a_whole_recording(people: dict[str, Client], key: str) -> None:
    mine = people["ada"].start(key)
    half = len(SPOKEN) // 2
    assert people["ada"].put(mine, 0, SPOKEN[:half]) == 200
    assert people["ada"].put(mine, 2, SPOKEN[half:]) == 409
    assert people["ada"].put(mine, 1, SPOKEN[half:]) == 200
    assert people["ada"].put(mine, 1, SPOKEN[half:]) == 200
    first, second = people["ada"].finish(mine), people["ada"].finish(mine)
    assert (first.status_code, first.json()["refused"]) == (200, "")
    assert first.json() == second.json()
    assert people["ada"].put(mine, 2, b"more") == 409
    heard = people["ada"].http.get(
        f"/pixmo/recordings/{mine}/sound", headers={"Range": "bytes=0-3"}
    )
    assert (heard.status_code, heard.content) == (206, b"\x1aE\xdf\xa3")
    assert heard.headers["content-type"] == "audio/webm"


def test_other_people(people: dict[str, Client], key: str) -> None:
    mine = people["ada"].start(key)
    assert people["ada"].put(mine, 0, SPOKEN) == 200
    for who in ("bob", "admin"):
        assert people[who].put(mine, 1, b"theirs") == 403
        assert people[who].finish(mine).status_code == 403
    people["ada"].finish(mine)
    answers = {who: client.hear(mine).status_code for who, client in people.items()}
    assert answers == {"ada": 200, "bob": 403, "admin": 200}


@pytest.mark.parametrize("who", ["ada", "admin"])
def test_what_is_no_recording(people: dict[str, Client], key: str, who: str) -> None:
    client = people[who]
    mine = client.start(key)
    assert client.put(mine, 0, bytes(MAX_CHUNK_BYTES + 1)) == 413
    assert client.put(mine, 0, b"<html><script>alert(1)</script></html>") == 400
    assert client.put(mine, 0, b"") == 400
    assert client.put("ab" * 16, 0, SPOKEN) == 404
    for bad in ("AB" * 16, "x.webm", "..%2F..%2Fsecrets.env"):
        assert client.put(bad, 0, SPOKEN) in (400, 403, 404), bad
        assert client.hear(bad).status_code in (400, 403, 404), bad
    assert client.put("ab" * 15, 0, SPOKEN) == 400
    assert client.finish("ab" * 15).status_code == 400
    assert client.hear("ab" * 15).status_code == 400


def test_tasks_that_are_none(people: dict[str, Client], studio: Any) -> None:
    _, [no_recording] = make_tasks(studio, "points", [{"collection_method": "pointing"}])
    for bad, status in (("../x", 400), ("ab" * 16, 404), (no_recording, 404)):
        query = {"key": bad}
        assert people["ada"].http.get("/pixmo/recorder", params=query).status_code == status
        for path in ("/pixmo/recordings", "/pixmo/recordings/kept"):
            assert people["ada"].http.post(path, params=query).status_code == status


def test_the_page_says_the_minimum_of_the_task_and_is_for_our_pages_only(
    people: dict[str, Client], key: str
) -> None:
    answer = people["ada"].http.get("/pixmo/recorder", params={"key": key, "min_seconds": 0})
    assert '"minSeconds": 5.0' in answer.text
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "no-store" in answer.headers["Cache-Control"]


def test_a_session_and_a_token_are_needed(studio: Any, people: dict[str, Client], key: str) -> None:
    nobody = httpx.Client(base_url=studio.url, headers={"Origin": studio.url})
    with nobody:
        for path in (f"/pixmo/recordings?key={key}", f"/pixmo/recordings/kept?key={key}"):
            assert nobody.post(path).status_code in (401, 403)
        assert nobody.get(f"/pixmo/recorder?key={key}").status_code in (302, 401, 403)
    with_token = {"Authorization": f"Token {studio.token}"}
    answer = httpx.post(f"{studio.url}/pixmo/recordings?key={key}", headers=with_token)
    assert answer.status_code in (401, 403)
    people["bob"].http.headers.pop("X-CSRFToken")
    assert people["bob"].http.post(f"/pixmo/recordings?key={key}").status_code == 403
    elsewhere = {"Origin": "https://elsewhere.example"}
    answer = people["ada"].http.post(f"/pixmo/recordings?key={key}", headers=elsewhere)
    assert answer.status_code == 403
