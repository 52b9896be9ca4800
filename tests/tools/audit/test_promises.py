"""The page of promises has the list that the code proves, and the command prints it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.store import Store
from tests.sound_store import export_release, sound_rows, write_store
from tests.tools.in_process import pixmo, refused
from tools.audit import audit_store
from tools.audit.findings import KEPT
from tools.audit.promises import RELEASE, STORE

PAGE = (Path(__file__).parents[3] / "docs" / "audit.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = write_store(str(tmp_path_factory.mktemp("audit") / "store"), sound_rows())
    export_release(made)
    return made


@pytest.mark.parametrize(("kind", "promises"), [("store", STORE), ("release", RELEASE)])
def test_promises_are_documented(kind: str, promises: tuple[object, ...]) -> None:
    table = PAGE.split(f"| promise of a {kind} |")[1].split("\n\n")[0]
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()[2:]]
    assert [row[0].strip("`") for row in rows] == [promise.name for promise in promises]  # type: ignore[attr-defined]
    for name, proves, remedy in rows:
        assert proves, name
        assert remedy, name


def test_names_are_short_and_statements_are_one_line() -> None:
    for promise in (*STORE, *RELEASE):
        assert len(promise.name) <= 14
        assert len(promise.statement) <= 80
        assert promise.remedy


@pytest.mark.parametrize(("kind", "promises"), [("store", STORE), ("release", RELEASE)])
def test_every_promise_is_printed(kind: str, promises: tuple[object, ...], store: Store) -> None:
    url = store.url if kind == "store" else store.path("release")
    done = pixmo("audit", f"--{kind}", url, "--workers", 1)
    assert done.exit_code == 0
    *lines, last = done.stdout.splitlines()
    assert [line.split()[1] for line in lines] == [p.name for p in promises]  # type: ignore[attr-defined]
    assert last.endswith(", 0 findings")


def test_findings_say_where_what_and_the_remedy(store: Store, tmp_path: Path) -> None:
    shutil.copytree(store.path("release"), tmp_path / "release")
    (tmp_path / "release" / "cap" / "train-00001-of-00002.parquet").unlink()
    done = pixmo("audit", "--release", tmp_path / "release", "--workers", 1)
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    (at,) = [n for n, line in enumerate(lines) if line.startswith("FAILED")]
    assert lines[at].split()[1] == "files"
    missing = "cap/train-00001-of-00002.parquet: is in the manifest, but is not there"
    assert lines[at + 1].strip() == missing
    assert lines[at + 2].strip().startswith("remedy: run `pixmo export all` again")
    assert lines[-1].endswith("1 findings")


def test_the_rest_is_counted(tmp_path: Path) -> None:
    rows = sound_rows()
    rows["sources/evaluation"] = [[rows["sources/evaluation"][0][0]] for _ in range(KEPT + 5)]
    store = write_store(str(tmp_path / "store"), rows)
    done = pixmo("audit", "--store", store.url, "--workers", 1)
    assert "         and 4 more\n" in done.stdout


def test_json_for_programs(store: Store, tmp_path: Path) -> None:
    done = pixmo("audit", "--store", store.url, "--workers", 1, "--json")
    values = json.loads(done.stdout)
    assert (done.exit_code, values["kind"], values["failed"]) == (0, "store", 0)
    assert [row["name"] for row in values["promises"]] == [promise.name for promise in STORE]
    shutil.copytree(store.path("release"), tmp_path / "release")
    (tmp_path / "release" / "manifest.json").unlink()
    done = pixmo("audit", "--release", tmp_path / "release", "--json")
    values = json.loads(done.stdout)
    assert done.exit_code == 1
    (finding,) = values["promises"][0]["findings"]
    assert (finding["promise"], finding["place"]) == ("readable", "manifest.json")


@pytest.mark.parametrize("words", [[], ["--store", "a", "--release", "b"]])
def test_one_of_the_two(words: list[str]) -> None:
    assert "give either --store or --release" in refused("audit", *words)


def test_what_is_not_there(tmp_path: Path) -> None:
    assert "there is no store here" in refused("audit", "--store", tmp_path / "no")
    assert "there is no release here" in refused("audit", "--release", tmp_path / "no")


def test_a_report_adds_up(store: Store) -> None:
    report = audit_store(store, 1)
    assert report.failed == len(report.findings) == 0
    assert report.rows > 60
