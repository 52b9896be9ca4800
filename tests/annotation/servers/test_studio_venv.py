"""The environment of Label Studio: whole or done again, by one process, with a clear error."""

import os
import threading
from pathlib import Path

import pytest

from annotation.servers import studio_venv
from annotation.servers.studio_venv import alone, install_studio, installed_python, studio_folder
from schemas.errors import MissingPart


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIXMO_CACHE", str(tmp_path))
    return tmp_path


def python_of(cache: Path) -> Path:
    python = studio_folder(cache) / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    return python


def test_only_a_whole_environment_counts(cache: Path) -> None:
    assert installed_python() is None
    python = python_of(cache)
    assert installed_python() is None
    (studio_folder(cache) / "installed").touch()
    assert installed_python() == python
    assert install_studio() == python
    python.unlink()  # the interpreter that made it was removed
    assert installed_python() is None


@pytest.mark.slow
def test_without_a_network_it_says_so_and_is_done_again(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real pip, sent to a port where nothing listens, on top of what was cut off."""
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    left = python_of(cache).with_name("left-over")
    left.touch()
    said: list[str] = []
    with pytest.raises(MissingPart, match="no package index can be reached"):
        install_studio(said.append)
    assert said[0].startswith("installing Label Studio 1.23.2 into ")
    assert not left.exists()
    assert installed_python() is None


def test_a_full_disk_is_said_before(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio_venv, "NEEDED_BYTES", 10**18)
    with pytest.raises(MissingPart, match="make room, or name another folder with PIXMO_CACHE"):
        install_studio()


def test_the_second_waits_and_says_so(tmp_path: Path) -> None:
    place, inside, said = tmp_path / "lock", threading.Event(), []
    let_go, order = threading.Event(), []

    def first() -> None:
        with alone(place, "never said", said.append):
            inside.set()
            let_go.wait(10)
            order.append("first")

    def tell(line: str) -> None:
        said.append(line)
        let_go.set()

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(10)
    with alone(place, "another process installs it", tell):
        order.append("second")
    thread.join()
    assert said == ["waiting: another process installs it"]
    assert order == ["first", "second"]
