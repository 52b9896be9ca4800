"""Reading from the stand-in as users read from the Hub: `hf://` paths and `load_dataset`."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import HfFileSystem, constants

from pipelines.services.hub.publish import HubConfig, Target, publish_release
from schemas.records import EvaluationItem
from schemas.store import Store
from tests import pixmo_command, toy_store
from tests.hub_repos import Repo
from tests.hub_server import WRITER, HubServer, hub
from tests.toy_release import contents, make_release
from tools.release.card_merge import merge_card

NAME = "org/toys"
LOAD = """
import datasets, fsspec
rows = datasets.load_dataset("org/toys", "cap", split="train")
streamed = datasets.load_dataset("org/toys", "cap", split="train", streaming=True)
fs, path = fsspec.core.url_to_fs("hf://datasets/org/toys")
print(len(rows), sum(1 for _ in streamed), len(fs.glob(f"{path}/**/*.parquet")))
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """With a release of three shards in a public repository."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    with hub() as running:
        target = Target(NAME, config=HubConfig(running.url, WRITER))
        publish_release(str(make_release(tmp_path)), target, merge_card)
        yield running


def test_hf_paths_list_and_read(server: HubServer, tmp_path: Path) -> None:
    fs = HfFileSystem(endpoint=server.url, token=False, skip_instance_cache=True)
    root = f"datasets/{NAME}"
    found = [path.removeprefix(f"{root}/") for path in fs.glob(f"{root}/cap/*.parquet")]
    assert found == sorted(p for p in contents(tmp_path / "release") if p.startswith("cap/"))
    with fs.open(f"{root}/{found[1]}", "rb") as handle:
        assert pq.read_table(handle, columns=["caption"]).num_rows == 3
    data = fs.cat_file(f"{root}/{found[0]}")
    assert data == (tmp_path / "release" / found[0]).read_bytes()
    assert not fs.exists(f"{root}/none.parquet")


def test_listings_come_in_pages(server: HubServer) -> None:
    server.page_size = 2
    fs = HfFileSystem(endpoint=server.url, token=False, skip_instance_cache=True)
    assert len(fs.find(f"datasets/{NAME}")) == 10
    assert server.count("tree") > 4


@pytest.mark.slow
def test_users_load_it_by_its_name(server: HubServer, tmp_path: Path) -> None:
    """In a process of its own: the libraries read HF_ENDPOINT when they are imported."""
    settings = {"HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        env={**os.environ, **settings, "HF_HUB_DISABLE_XET": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.stdout.split() == ["9", "9", "6"], done.stderr


@pytest.mark.slow
def test_decontaminate_reads_a_benchmark_by_its_name(
    server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, table = Store(str(tmp_path / "store")), tmp_path / "test.parquet"
    toy_store.put_images(store, {"a.png": toy_store.picture(1), "b.png": toy_store.picture(2)})
    pictures = [{"bytes": toy_store.picture(seed), "path": None} for seed in (2, 3)]
    pq.write_table(pa.table({"image": pictures}), table)
    server.repos["org/bench"] = Repo("org/bench", private=False)
    server.repos["org/bench"].put({"data/test-00000-of-00001.parquet": table.read_bytes()})
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    done = pixmo_command.pixmo("decontaminate", "--store", store.url, "--against", "org/bench")
    assert done.status == 0, done.complained
    items = toy_store.rows(store, "evaluation", EvaluationItem)
    known = {hashlib.sha256(picture["bytes"]).hexdigest() for picture in pictures}
    assert {item.image_sha256 for item in items} == known
