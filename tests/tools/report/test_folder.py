"""The folder of a report: whole or not at all, and nothing else is ever touched."""

import os
from pathlib import Path

import fsspec
import pytest

from schemas.errors import UsageError
from tools.report.folder import _half_name, is_report, report_folder


def write(url: str, text: str = "new", name: str = "index.html") -> None:
    with report_folder(url) as folder:
        (folder / "data").mkdir()
        (folder / "data" / "a.js").write_text(text)
        (folder / name).write_text(text)


def test_a_report_takes_the_place_of_a_report(tmp_path: Path) -> None:
    target = tmp_path / "report"
    write(str(target), "old", "old.html")
    write(str(target))
    assert sorted(path.name for path in target.iterdir()) == ["data", "index.html", "report.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["report"]
    assert is_report(fsspec.filesystem("file"), str(target))


def test_an_empty_folder_may_be_used_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write(str(tmp_path / "link"))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "index.html").read_text() == "new"


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    with pytest.raises(UsageError, match="is not empty and no report"):
        write(str(tmp_path / "mine"))
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        write(str(tmp_path / "file"))


def test_a_failure_leaves_the_old_report(tmp_path: Path) -> None:
    target = tmp_path / "report"
    write(str(target), "old")
    with pytest.raises(FileNotFoundError), report_folder(str(target)) as folder:
        (folder / "none" / "index.html").write_text("half")
    assert (target / "index.html").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_what_a_killed_run_left_is_removed_and_a_live_one_keeps_its_own(tmp_path: Path) -> None:
    live = tmp_path / _half_name()
    dead = tmp_path / live.name.replace(f"~{os.getpid()}~", "~999999999~")
    for folder in (live, dead):
        (folder / "data").mkdir(parents=True)
    write(str(tmp_path / "report"))
    assert live.is_dir()
    assert not dead.exists()


def test_on_an_object_store_old_files_go(tmp_path: Path) -> None:
    url = "memory://bucket/store/report"
    fs = fsspec.filesystem("memory")
    write(url, "old", "old.html")
    write(url)
    names = sorted(name.removeprefix("/bucket/store/report/") for name in fs.find("/bucket"))
    assert names == ["data/a.js", "index.html", "report.json"]
    assert fs.cat_file("/bucket/store/report/index.html") == b"new"
    fs.rm("/bucket", recursive=True)
