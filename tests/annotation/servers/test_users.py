"""Accounts: names that may be, passwords that nobody else sees, and doors that close at once."""

import json
import stat
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from annotation.annotators import load_annotators
from annotation.campaign import Campaign, save_campaign
from annotation.credentials import load_credentials
from annotation.home import Home
from annotation.servers.users import add_users, disable_users, login_of
from pipelines.steps.pseudonyms import pseudonym
from schemas.errors import UsageError
from tests.annotation.conftest import Studio
from tests.tools.in_process import pixmo, refused

PLACE = "/api/current-user/whoami"


@pytest.mark.parametrize(
    ("name", "login"),
    [
        ("ada", "ada@pixmo.localhost"),
        (" Ada.L-2_x ", "ada.l-2_x@pixmo.localhost"),
        ("7", "7@pixmo.localhost"),
        ("ada@pixmo.localhost", "ada@pixmo.localhost"),
        ("Grace@Example.org", "grace@example.org"),
        ("g.h+1@mail.example.org", "g.h+1@mail.example.org"),
    ],
)
def test_what_a_name_logs_in_with(name: str, login: str) -> None:
    assert login_of(name) == login


@pytest.mark.parametrize(
    "name",
    ["", "a b", "ada!", "-ada", "ada.", "é", "a" * 61, "a\tb", "@example.org", "a@b", "a@b@c.org"],
)
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is no name"):
        login_of(name)


@pytest.mark.parametrize("name", ["admin", "Service", "admin@pixmo.localhost"])
def test_our_own_accounts_are_not_for_people(name: str) -> None:
    with pytest.raises(UsageError, match="account of pixmo"):
        login_of(name)


def test_users_want_a_campaign(tmp_path: Path) -> None:
    for words in (("add", "ada"), ("disable", "ada"), ("list",)):
        said = refused("annotate", "users", *words, "--home", tmp_path / "none")
        assert "run `pixmo annotate up --store STORE` first" in said


def test_an_unknown_name_is_told_who_there_is(tmp_path: Path) -> None:
    home = Home(tmp_path)
    save_campaign(home, Campaign("memory://x"))
    said = refused("annotate", "users", "disable", "ada", "--home", tmp_path)
    assert "no account of ada; there is nobody yet" in said


def sign_in(studio: Studio, email: str, password: str) -> httpx.Client:
    """A session as a browser has it; the caller closes it."""
    client = httpx.Client(base_url=studio.url, trust_env=False)
    client.get("/user/login/")  # it gives the cookie against posts from other sites
    told = {
        "email": email,
        "password": password,
        "csrfmiddlewaretoken": client.cookies["csrftoken"],
    }
    client.post("/user/login/", data=told, headers={"Origin": studio.url})
    return client


@pytest.mark.studio
def test_accounts_are_made_and_handed_out(studio: Studio) -> None:
    words = ("--home", studio.home.root)
    done = pixmo("annotate", "users", "add", "Berta", "carl@example.org", "berta", *words)
    assert done.exit_code == 0
    accounts = {one.email: one for one in load_annotators(studio.home).values()}
    berta, carl = accounts["berta@pixmo.localhost"], accounts["carl@example.org"]
    salt = load_credentials(studio.home)["PIXMO_ANNOTATOR_SALT"]
    assert berta.pseudonym == pseudonym("berta", salt)
    assert carl.pseudonym == pseudonym("carl@example.org", salt)
    assert len({berta.password, carl.password}) == 2
    for place in (studio.home.accounts, studio.home.annotators):
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
    handed = [line.split("\t") for line in studio.home.accounts.read_text("utf-8").splitlines()]
    assert ["annotator", berta.email, berta.password, f"{studio.url}/"] in handed
    assert {row[0] for row in handed} == {"role", "admin", "annotator"}
    for one in (berta, carl):
        with closing(sign_in(studio, one.email, one.password)) as client:
            assert client.get(PLACE).json()["email"] == one.email
    again = pixmo("annotate", "users", "add", "berta", *words)
    assert "berta@pixmo.localhost: there already" in again.output
    shown = pixmo("annotate", "users", "list", *words)
    assert berta.pseudonym in shown.output
    for said in (done.output, again.output, shown.output):
        assert berta.password not in said
        assert carl.password not in said


@pytest.mark.studio
@pytest.mark.timeout(300)
def test_a_locked_account_is_out_at_once(studio: Studio) -> None:
    token = "d0" * 20
    first = add_users(studio.home, ["dora"])[0].annotator
    told = {"email": first.email, "name": "dora", "password": None, "token": token}
    studio.ask({"users": [told]})
    with (
        closing(sign_in(studio, first.email, first.password)) as browser,
        httpx.Client(base_url=studio.url, trust_env=False) as program,
    ):
        key = {"Authorization": f"Token {token}"}
        assert browser.get(PLACE).status_code == 200
        assert program.get(PLACE, headers=key).status_code == 200
        assert [one.email for one in disable_users(studio.home, ["dora"])] == [first.email]
        assert browser.get(PLACE).status_code in (401, 403)
        assert program.get(PLACE, headers=key).status_code in (401, 403)
        with closing(sign_in(studio, first.email, first.password)) as late:
            assert late.get(PLACE).status_code in (401, 403)
        assert first.email not in studio.home.accounts.read_text("utf-8")

        second = add_users(studio.home, ["dora"])[0]
        assert second.what == "let in again"
        assert second.annotator.user_id == first.user_id
        assert second.annotator.pseudonym == first.pseudonym
        # What was open before stays shut: it may be a stolen computer.
        assert browser.get(PLACE).status_code in (401, 403)
        assert program.get(PLACE, headers=key).status_code in (401, 403)
        with closing(sign_in(studio, first.email, second.annotator.password)) as back:
            assert back.get(PLACE).status_code == 200


@pytest.mark.studio
def test_the_file_of_accounts_has_ours_too(studio: Studio) -> None:
    ours = [one for one in load_annotators(studio.home).values() if one.is_ours]
    assert [one.name for one in ours] == ["admin", "service"]
    assert len({one.pseudonym for one in ours}) == 2
    text = json.loads(studio.home.annotators.read_text("utf-8"))
    passwords = [one["password"] for one in text["accounts"] if one["name"] in ("admin", "service")]
    assert passwords == ["", ""]
