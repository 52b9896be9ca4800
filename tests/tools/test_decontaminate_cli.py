"""`pixmo decontaminate` as it is typed: what it prints, and everything that can be wrong."""

import io
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import constants

from schemas.records import Contamination
from schemas.store import Store
from tests import toy_store as toy
from tests.hub_repos import Repo
from tests.hub_server import HubServer, hub
from tests.tools.in_process import pixmo, refused
from tests.toy_store import encode, id_of, picture, pixels, url_of
from tools.recipe import load_recipe
from tools.steps import steps_of

LONG = "on the left a small brown dog sits beside two red chairs near the open garden door"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(str(tmp_path / "store"))
    toy.put_images(store, {"a.png": picture(1), "b.png": picture(2)})
    toy.put_captions(store, [toy.caption("a.png", LONG), toy.caption("b.png", "A cat.")])
    return store


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    """A mirrored picture, one that is none, and a question."""
    folder = tmp_path / "toybench"
    folder.mkdir()
    (folder / "m.png").write_bytes(encode(pixels(1)[:, ::-1]))
    (folder / "u.png").write_bytes(picture(9))
    (folder / "x.jpg").write_bytes(b"<html>")
    (folder / "q.jsonl").write_text(json.dumps({"question": f"What if {LONG}?"}) + "\n")
    return folder


def tagged(store: Store, table: str) -> set[str]:
    rows = toy.rows(store, f"contamination/{table}", Contamination)
    return {row.row_id for row in rows if row.tags}


def line_of(output: str, word: str) -> list[str]:
    return next(line.split() for line in output.splitlines() if line.split()[:1] == [word])


def test_the_summary_the_counts_and_the_evidence(store: Store, bench: Path) -> None:
    done = pixmo("decontaminate", "--store", store.url, "--against", f"{bench}/")
    assert done.exit_code == 0, done.output
    assert line_of(done.output, "evaluation")[:4] == ["evaluation", "1", "4", "3"]
    assert line_of(done.output, "toybench") == ["toybench", "2", "1", "1", "1"]
    assert f"{url_of('a.png')} looks like toybench, m.png, turned (orientation 1)" in done.output
    assert f'{url_of("a.png")} shares words with toybench, q.jsonl, row 1: "{LONG}"' in done.output
    assert tagged(store, "images") == tagged(store, "cap") == {id_of("a.png")}


def test_without_a_name_the_known_sets_are_held_against_what_is_new(
    store: Store, bench: Path
) -> None:
    pixmo("decontaminate", "--store", store.url, "--against", bench)
    shutil.rmtree(bench)
    before = toy.stamps(Path(store.url) / "contamination")
    done = pixmo("decontaminate", "--store", store.url)
    assert done.exit_code == 0, done.output
    assert toy.stamps(Path(store.url) / "contamination") == before
    assert pixmo("decontaminate", "--store", store.url, "--no-crops").exit_code == 0
    assert toy.stamps(Path(store.url) / "contamination") != before


def test_a_dry_run_writes_nothing(store: Store, bench: Path) -> None:
    before = toy.stamps(Path(store.url))
    done = pixmo("decontaminate", "--store", store.url, "--against", bench, "--dry-run")
    assert done.exit_code == 0, done.output
    assert line_of(done.output, "evaluation")[:4] == ["evaluation", "0", "1", "4"]
    assert line_of(done.output, "decontaminate")[:4] == ["decontaminate", "0", "1", "2"]
    assert toy.stamps(Path(store.url)) == before


def test_a_set_without_pictures_says_so(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "urls.jsonl"
    path.write_text(json.dumps({"image_url": "http://a/b.jpg", "question": "what"}) + "\n")
    done = pixmo("decontaminate", "--store", store.url, "--against", path)
    assert "urls: texts only; addresses of pictures are not fetched" in done.output


def test_what_can_be_wrong_with_a_set(store: Store, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "half.parquet").write_bytes(b"PAR1 half")
    for name, said in (
        ("none", "none: no such file or folder"),
        ("empty", "empty: no picture and no text in it"),
        ("half.parquet", "half.parquet, after row 0: not a readable Parquet file"),
    ):
        assert said in refused("decontaminate", "--store", store.url, "--against", tmp_path / name)
    assert "--against is empty" in refused("decontaminate", "--store", store.url, "--against", " ")
    assert "name one with --against" in refused("decontaminate", "--store", store.url)
    assert not store.part_numbers("contamination/images")


def test_too_many_unreadable_pictures_fail_and_say_why(store: Store, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    for name in ("a.png", "b.png"):
        (bad / name).write_bytes(b"<html>")
    said = refused("decontaminate", "--store", store.url, "--against", bad, status=1)
    assert "evaluation: 2 of 2 inputs were rejected" in said
    assert "not_an_image 2" in said


def test_a_recipe_decontaminates_before_it_selects(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("store: out\ndecontaminate: {against: [samples/evaluation], ngram: 9}\n")
    names = list(steps_of(load_recipe(path)))
    own = ["evaluation", "decontaminate", "decontaminate-cap"]
    at = names.index("evaluation")
    assert names[at : at + 3] == own
    assert names.index("splits") < at < names.index("select-cap")
    path.write_text("store: out\n")
    assert not set(own) & set(steps_of(load_recipe(path)))


# --- datasets of the Hub


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A Hub that the client of this process takes for the real one."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    with hub() as running:
        template = running.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield running


def parquet(*seeds: int) -> bytes:
    images = [{"bytes": picture(seed), "path": None} for seed in seeds]
    out = io.BytesIO()
    pq.write_table(pa.table({"image": images, "question": ["what"] * len(seeds)}), out)
    return out.getvalue()


def test_a_dataset_of_the_hub_by_its_name(
    store: Store, server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    repo = server.repos["org/bench"] = Repo("org/bench", False)
    repo.put({"data/train-0.parquet": parquet(2), "data/test-0.parquet": parquet(1, 5)})
    done = pixmo("decontaminate", "--store", store.url, "--against", "org/bench")
    assert done.exit_code == 0, done.output
    assert line_of(done.output, "org/bench") == ["org/bench", "2", "2", "1", "0"]
    assert tagged(store, "images") == {id_of("a.png")}, "train is no evaluation split"


def test_datasets_that_are_not_there_or_not_ours(
    store: Store, server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    server.repos["org/secret"] = Repo("org/secret", True)
    server.repos["org/secret"].put({"test.parquet": parquet(1)})
    for name in ("org/none", "org/secret"):
        said = refused("decontaminate", "--store", store.url, "--against", name)
        assert f"{name}: no such dataset or file on the Hub, or it is private" in said


def test_a_hub_that_cannot_be_reached(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    said = refused("decontaminate", "--store", store.url, "--against", "org/unreachable")
    assert "hf://datasets/org/unreachable: cannot be reached: ConnectError" in said


def test_without_the_client_of_the_hub(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "hf", raising=False)
    said = refused("decontaminate", "--store", store.url, "--against", "org/bench2")
    assert "datasets of the Hub need huggingface_hub: pip install 'pixmo[hub]'" in said
