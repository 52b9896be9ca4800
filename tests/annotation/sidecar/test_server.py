"""The sidecar over HTTP: strangers, malformed and oversized bodies, webhooks, and no fall."""

import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from annotation.home import Home
from tests.annotation.ask.asking import payload, text
from tests.annotation.sidecar.running import SECRET, Client, lines_of, make_home, serving
from tests.toy_llm import ToyLlm, serving_llm

CREATED = {
    "action": "ANNOTATION_CREATED",
    "annotation": {"id": 3, "completed_by": 2, "result": [{"value": "an answer"}]},
    "project": {"id": 5},
}


@pytest.fixture
def llm() -> Iterator[ToyLlm]:
    with serving_llm(lambda _: '{"answer": "It is red."}') as llm:
        yield llm


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def client(tmp_path: Path, llm: ToyLlm, home: Home) -> Iterator[Client]:
    with serving(*make_home(tmp_path, base_url=llm.base_url)) as client:
        yield client


def test_what_label_studio_asks_of_a_backend(client: Client) -> None:
    assert client.call("/health").body["status"] == "UP"
    version = "toy, ask_v1, explain_v1"
    assert client.call("/setup", {"access_token": "x"}).body == {"model_version": version}
    assert client.call("/versions").body == {"versions": [version]}
    assert client.call("/webhook", {"action": "START_TRAINING"}).status == 201


def test_a_draft(client: Client, home: Home) -> None:
    assert client.draft(payload(text("question", "What colour?"))) == "It is red."
    [line] = lines_of(home.turns)
    assert stat.S_IMODE(home.turns.stat().st_mode) == 0o600
    assert line["seconds"] > 0
    del line["at"], line["seconds"]
    assert line == {
        "project": 5,
        "task_key": "task one",
        "user": 7,
        "question_id": "question",
        "question": "What colour?",
        "points": [],
        "explanations": [],
        "rejected": "",
        "explanation": "",
        "draft": "It is red.",
        "model": "toy",
        "prompt": "ask_v1",
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "error": "",
    }


def test_without_a_page_nothing_is_drafted(client: Client, llm: ToyLlm) -> None:
    sent = payload(text("question", "What colour?"))
    sent["params"]["context"] = None
    results = client.call("/predict", {**sent, "tasks": sent["tasks"] * 2}).body["results"]
    assert [one["result"] for one in results] == [[], []]
    assert llm.calls == 0


@pytest.mark.parametrize("path", ["/predict", "/setup", "/events", "/versions", "/nothing"])
@pytest.mark.parametrize("secret", ["", "wrong", SECRET + " "])
def test_strangers_are_refused(client: Client, llm: ToyLlm, path: str, secret: str) -> None:
    sent = payload(text("question", "What colour?"))
    assert Client(client.port, secret).call(path, sent).status == 401
    assert client.call(path, sent, Authorization="Basic %%%").status == 401
    assert client.call(path, sent, Authorization=f"Bearer {SECRET}").status == 401
    assert llm.calls == 0


def test_the_secret_in_our_header_will_do(client: Client) -> None:
    stranger = Client(client.port, "wrong")
    assert stranger.call("/setup", {}, **{"X-Pixmo-Secret": SECRET}).status == 200
    assert stranger.call("/setup", {}, **{"X-Pixmo-Secret": "wrong"}).status == 401


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff\xfe", b'"x"', b"[" * 100_000, b'{"tasks": [{"id": 1}]}']
)
@pytest.mark.parametrize("path", ["/predict", "/events"])
def test_a_malformed_body_ends_nothing(client: Client, home: Home, path: str, body: bytes) -> None:
    reply = client.call(path, body)
    assert reply.status == 400 or body.startswith(b'{"tasks"')
    assert client.call("/health").status == 200
    assert not home.events.exists()


def test_an_oversized_body_is_refused(client: Client, home: Home) -> None:
    assert client.call("/events", b" " * (2**21 + 1)).status == 413
    assert client.call("/events", CREATED).status == 202
    assert len(lines_of(home.events)) == 1


def test_an_unknown_path_is_none(client: Client) -> None:
    assert client.call("/nothing", {}).status == 404


def test_our_own_fault_ends_one_request(client: Client, home: Home) -> None:
    home.events.mkdir()
    reply = client.call("/events", CREATED)
    assert reply.status == 500
    home.events.rmdir()
    assert client.call("/events", CREATED).status == 202


def test_webhooks_are_queued_without_what_people_wrote(client: Client, home: Home) -> None:
    deleted = {"action": "ANNOTATIONS_DELETED", "annotations": [{"id": 8}, {"id": 9}]}
    for sent in (CREATED, {**deleted, "project": {"id": 5}}, {"action": "TASKS_CREATED"}):
        assert client.call("/events", sent).status == 202
    found = [
        (one["action"], one["project"], one["annotation"], one["user"])
        for one in lines_of(home.events)
    ]
    assert found == [
        ("ANNOTATION_CREATED", 5, 3, 2),
        ("ANNOTATIONS_DELETED", 5, 8, 0),
        ("ANNOTATIONS_DELETED", 5, 9, 0),
        ("TASKS_CREATED", 0, 0, 0),
    ]
    assert "an answer" not in home.events.read_text("utf-8")


def test_half_a_line_spoils_no_other(client: Client, home: Home) -> None:
    home.events.write_text('{"at": "2026', encoding="utf-8")
    client.call("/events", CREATED)
    assert home.events.read_text("utf-8").startswith('{"at": "2026\n{')


def test_webhooks_do_not_wait_for_the_model(client: Client, llm: ToyLlm) -> None:
    llm.delay_s = 1.5
    drafting = threading.Thread(
        target=client.draft, args=(payload(text("question", "What colour?")),)
    )
    drafting.start()
    while llm.calls == 0:
        time.sleep(0.01)
    started = time.monotonic()
    statuses = [client.call("/events", CREATED).status for _ in range(5)]
    took = time.monotonic() - started
    drafting.join()
    assert statuses == [202] * 5
    assert took < 1.0


@pytest.mark.parametrize("odd", [None, 5, "x", [], {"result": 5}, {"result": [{"from_name": 5}]}])
def test_odd_contexts_end_nothing(client: Client, odd: Any) -> None:
    sent = payload()
    sent["params"]["context"] = odd
    assert client.call("/predict", sent).status in (200, 400)
    assert client.draft(payload(text("question", "What colour?"))) == "It is red."
