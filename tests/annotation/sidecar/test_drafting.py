"""The ask loop over HTTP, with a model that answers, refuses, is slow, too dear, or down."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from annotation.ask.notices import BUDGET, BUSY, DOWN, MALFORMED, NO_POINTS, NOT_KEPT, SLOW
from annotation.home import Home
from annotation.sidecar.drafting import MOST_AT_ONCE
from tests.annotation.ask.asking import payload, point, text, verdict
from tests.annotation.sidecar.running import Client, lines_of, make_home, serving
from tests.toy_llm import ToyLlm, serving_llm

QUESTION = text("question", "What colour?", id="q1")


def answers(body: dict[str, Any]) -> str:
    """Another draft for every refusal, citing a point where there are some."""
    user = body["messages"][1]["content"]
    number = user.count("Refused answer") + 1
    return json.dumps(
        {"answer": f"Draft {number} of the [bus](1)." if "Points" in user else f"Draft {number}."}
    )


@pytest.fixture
def llm() -> Iterator[ToyLlm]:
    with serving_llm(answers) as llm:
        yield llm


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def client(tmp_path: Path, llm: ToyLlm, home: Home) -> Iterator[Client]:
    with serving(*make_home(tmp_path, base_url=llm.base_url)) as client:
        yield client


def in_background(client: Client, *payloads: Any) -> "list[tuple[threading.Thread, list[Any]]]":
    """Ask for drafts at the same time; each thread's list gets what came."""
    found: list[tuple[threading.Thread, list[Any]]] = []
    for sent in payloads:
        came: list[Any] = []
        thread = threading.Thread(target=lambda s=sent, c=came: c.append(client.draft(s)))
        thread.start()
        found.append((thread, came))
    return found


def wait_for(llm: ToyLlm, calls: int) -> None:
    deadline = time.monotonic() + 20
    while llm.calls < calls and time.monotonic() < deadline:
        time.sleep(0.01)


def test_reject_and_revise_again_and_again(client: Client, home: Home) -> None:
    assert client.draft(payload(QUESTION)) == "Draft 1."
    page = [QUESTION, text("answer", "Draft 1."), verdict("reject"), text("explanation", "No.")]
    assert client.draft(payload(*page)) == "Draft 2."
    assert client.draft(payload(QUESTION, text("answer", "Draft 2."), *page[2:])) is None
    page = [*page[:1], text("answer", "Draft 2."), page[2], text("explanation", "No.", "Still no.")]
    assert client.draft(payload(*page)) == "Draft 3."
    found = [(one["rejected"], one["explanation"], one["draft"]) for one in lines_of(home.turns)]
    assert found == [
        ("", "", "Draft 1."),
        ("Draft 1.", "No.", "Draft 2."),
        ("Draft 2.", "Still no.", "Draft 3."),
    ]


def test_an_edit_stays_also_after_a_restart(tmp_path: Path, llm: ToyLlm) -> None:
    home, campaign = make_home(tmp_path, base_url=llm.base_url)
    with serving(home, campaign) as client:
        assert client.draft(payload(QUESTION)) == "Draft 1."
    with serving(home, campaign) as client:
        for answer in ("Draft 1.", "Draft 1. And mine.", ""):
            page = [QUESTION] + ([text("answer", answer)] if answer else [])
            assert client.draft(payload(*page)) is None
        changed = [text("question", "Who?", id="q1"), text("answer", "Draft 1. And mine.")]
        assert client.draft(payload(*changed)) is None
        assert client.draft(payload(changed[0], text("answer", "Draft 1."))) == "Draft 1."
    assert llm.calls == 2


def test_half_a_turn_in_the_log_is_passed_over(tmp_path: Path, llm: ToyLlm) -> None:
    home, campaign = make_home(tmp_path, base_url=llm.base_url)
    home.turns.write_text('[]\n{"at": 1}\n{"task_key": "tas', encoding="utf-8")
    with serving(home, campaign) as client:
        assert client.draft(payload(QUESTION)) == "Draft 1."
    assert json.loads(home.turns.read_text("utf-8").splitlines()[-1])["draft"] == "Draft 1."


def test_two_people_on_one_task(client: Client, llm: ToyLlm) -> None:
    other = {**QUESTION, "id": "q2"}
    assert client.draft(payload(QUESTION, user=1)) == "Draft 1."
    assert client.draft(payload(QUESTION, text("answer", "Mine."), user=1)) is None
    assert client.draft(payload(other, user=2)) == "Draft 1."
    assert client.draft(payload(QUESTION, text("answer", "Mine."), user=1)) is None
    assert llm.calls == 1  # the same question: the answer is in the cache


def test_points_first(client: Client, llm: ToyLlm) -> None:
    kind = "point_explanations"
    assert client.draft(payload(QUESTION, kind=kind)) == NO_POINTS
    placed = [QUESTION, text("answer", NO_POINTS), *point(1, 10, 20, "bus")]
    assert client.draft(payload(*placed, kind=kind)) == "Draft 1 of the [bus](1)."
    assert llm.calls == 1


@pytest.mark.parametrize(
    ("reply", "notice", "error"),
    [
        ("no json", MALFORMED, "llm_malformed"),
        (web.Response(status=503), DOWN, "llm_unavailable"),
        (web.Response(status=400, text="content policy"), MALFORMED, "llm_bad_request"),
        (web.Response(status=401, text="the key sk-x is wrong"), DOWN, "llm: "),
        (web.Response(status=402, text="pay"), BUDGET, "llm: "),
    ],
)
def test_what_fails_is_told_and_tried_again(
    client: Client, llm: ToyLlm, home: Home, reply: Any, notice: str, error: str
) -> None:
    def refuse(_: Any) -> Any:
        if isinstance(reply, str):
            return reply
        return web.Response(status=reply.status, text=reply.text)

    llm.answer = refuse
    assert client.draft(payload(QUESTION)) == notice
    assert client.draft(payload(QUESTION, text("answer", notice))) is None
    assert client.draft(payload(QUESTION, text("answer", "By hand."))) is None
    llm.answer = answers
    changed = text("question", "Who?", id="q1")
    assert client.draft(payload(changed, text("answer", notice))) == "Draft 1."
    assert lines_of(home.turns)[0]["error"].startswith(error)
    assert lines_of(home.turns)[0]["draft"] == ""


def test_a_draft_is_asked_for_again_expressly(client: Client, llm: ToyLlm) -> None:
    llm.answer = lambda _: web.Response(status=503)
    assert client.draft(payload(QUESTION)) == DOWN
    llm.answer = answers
    assert client.draft(payload(QUESTION, text("answer", DOWN), again=True)) == "Draft 1."


def test_no_server_at_all(tmp_path: Path) -> None:
    with serving(*make_home(tmp_path, base_url="http://127.0.0.1:9/v1")) as client:
        assert client.draft(payload(QUESTION)) == DOWN


def test_no_embedded_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXMO_CACHE", str(tmp_path / "empty"))
    with serving(*make_home(tmp_path, model="qwen2.5-coder-0.5b")) as client:
        assert client.draft(payload(QUESTION)) == DOWN


def test_a_slow_model(tmp_path: Path, llm: ToyLlm) -> None:
    llm.delay_s = 5.0
    home, campaign = make_home(tmp_path, base_url=llm.base_url)
    with serving(home, campaign, turn_s=0.4) as client:
        assert client.draft(payload(QUESTION)) == SLOW


def test_a_budget(tmp_path: Path, llm: ToyLlm) -> None:
    with serving(*make_home(tmp_path, base_url=llm.base_url, budget_tokens=100)) as client:
        assert client.draft(payload(QUESTION)) == "Draft 1."
        assert client.draft(payload(QUESTION, key="task two", caption="A tram.")) == BUDGET


def test_a_draft_that_cannot_be_written_down_is_not_shown(client: Client, home: Home) -> None:
    home.turns.mkdir()
    assert client.draft(payload(QUESTION)) == NOT_KEPT
    home.turns.rmdir()
    assert client.draft(payload(QUESTION, text("answer", NOT_KEPT))) == "Draft 1."


def test_the_newest_page_decides(client: Client, llm: ToyLlm, home: Home) -> None:
    llm.delay_s = 0.5
    [(first, came)] = in_background(client, payload(QUESTION))
    wait_for(llm, 1)
    assert client.draft(payload(QUESTION, text("answer", "By hand."))) is None
    first.join()
    assert came == [None]
    assert lines_of(home.turns)[0]["error"].startswith("superseded")


def test_pages_that_want_the_same_draft_share_it(client: Client, llm: ToyLlm) -> None:
    llm.delay_s = 0.5
    asked = in_background(client, payload(QUESTION), payload(QUESTION, verdict("reject")))
    for thread, _ in asked:
        thread.join()
    assert [came for _, came in asked] == [["Draft 1."], ["Draft 1."]]
    assert llm.calls == 1


def test_a_changed_question_ends_the_draft_under_way(client: Client, llm: ToyLlm) -> None:
    llm.delay_s = 0.5
    [(first, came)] = in_background(client, payload(QUESTION))
    wait_for(llm, 1)
    assert client.draft(payload(text("question", "Who?", id="q1"))) == "Draft 1."
    first.join()
    assert came == [None]


def test_many_at_once_are_told_so(client: Client, llm: ToyLlm) -> None:
    llm.delay_s = 1.0
    many = [
        payload(QUESTION, key=f"task {n}", caption=f"Bus {n}.") for n in range(MOST_AT_ONCE + 2)
    ]
    asked = in_background(client, *many)
    for thread, _ in asked:
        thread.join()
    came = sorted(one for _, [one] in asked)
    assert came == ["Draft 1."] * MOST_AT_ONCE + [BUSY] * 2
