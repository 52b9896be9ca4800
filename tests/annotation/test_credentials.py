"""Secrets: made once, kept in a file of mode 600, unless the environment has them."""

import stat
from pathlib import Path

import pytest

from annotation.credentials import MADE, load_credentials, secret
from annotation.home import Home
from schemas.errors import UsageError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in (*MADE, "PIXMO_STUDIO_DATABASE_PASSWORD", "MY_KEY"):
        monkeypatch.delenv(name, raising=False)
    made = Home(tmp_path)
    made.make()
    return made


def test_secrets_are_made_once(home: Home) -> None:
    first = load_credentials(home)
    assert set(first) == set(MADE)
    assert len(set(first.values())) == len(MADE)
    assert load_credentials(home) == first
    assert stat.S_IMODE(home.secrets.stat().st_mode) == 0o600


def test_the_environment_wins_and_is_not_kept(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXMO_ANNOTATOR_SALT", "from outside")
    monkeypatch.setenv("PIXMO_STUDIO_DATABASE_PASSWORD", "of the database")
    found = load_credentials(home)
    assert found["PIXMO_ANNOTATOR_SALT"] == "from outside"
    assert found["PIXMO_STUDIO_DATABASE_PASSWORD"] == "of the database"
    assert "outside" not in home.secrets.read_text("utf-8")
    assert "database" not in home.secrets.read_text("utf-8")


def test_lines_that_the_owner_adds_are_kept(home: Home) -> None:
    load_credentials(home)
    text = home.secrets.read_text("utf-8").replace("PIXMO_ANNOTATOR_SALT", "# PIXMO_ANNOTATOR_SALT")
    home.secrets.write_text(text + "MY_KEY = k=1\n", encoding="utf-8")
    found = load_credentials(home)
    assert found["MY_KEY"] == "k=1"
    assert len(found["PIXMO_ANNOTATOR_SALT"]) == 32
    assert "MY_KEY=k=1" in home.secrets.read_text("utf-8")


def test_one_secret(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert secret(home, "MY_KEY") == ""
    load_credentials(home)
    with home.secrets.open("a", encoding="utf-8") as file:
        file.write("MY_KEY=kept\n")
    assert secret(home, "MY_KEY") == "kept"
    monkeypatch.setenv("MY_KEY", "given")
    assert secret(home, "MY_KEY") == "given"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_that_others_read_is_refused(home: Home, mode: int) -> None:
    load_credentials(home)
    home.secrets.chmod(mode)
    with pytest.raises(UsageError, match="chmod 600"):
        load_credentials(home)


@pytest.mark.parametrize("token", ["short", "g" * 40, "a" * 41])
def test_a_token_of_another_form_is_refused(
    home: Home, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("PIXMO_STUDIO_TOKEN", token)
    with pytest.raises(UsageError, match="40 hex digits") as error:
        load_credentials(home)
    assert token not in str(error.value)
