"""Runs that are killed, and runs that share a store: the end is as if nothing had happened."""

import hashlib
import json
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.services.sample_server import SampleServer
from schemas.store import Store
from tests import toy_store as toy
from tests.pipelines.toy_stage import write_list
from tests.pixmo_command import ROOT, Done, kill_after, pixmo
from tests.toy_llm import ToyLlm, serving_llm
from tests.toy_store import HOST, picture, url_of

KILLS = 7
SPOKEN = ("chelsea-1.webm", "horse-1.webm", "sign-1.webm", "retina-short.webm")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough pictures that worker processes are worth starting, near-duplicates among them."""
    folder = tmp_path_factory.mktemp("pictures")
    for n in range(90):
        (folder / f"{n:03d}.png").write_bytes(picture(n))
    for n in range(20):
        (folder / f"{n:03d}.jpg").write_bytes(picture(n, "JPEG"))
    return folder


@pytest.fixture(scope="module")
def llm() -> Iterator[ToyLlm]:
    with serving_llm(delay_s=0.1) as served:
        yield served


def write_recipe(folder: Path, pictures: Path, llm: ToyLlm) -> Callable[[str], Path]:
    """A recipe for a store of the given name; pictures in five parts, recordings in two."""
    names = [*sorted(path.name for path in pictures.iterdir()), "gone.png"]
    manifest = [
        {
            "audio": f"recordings/{name}",
            "image_url": url_of(f"{at:03d}.png"),
            "annotator": f"speaker {at}",
            "language": "en",
        }
        for at, name in enumerate(SPOKEN)
    ]
    (folder / "recordings").symlink_to(ROOT / "samples" / "recordings")
    urls = write_list(folder / "urls.jsonl", [{"image_url": url_of(name)} for name in names])
    spoken = write_list(folder / "spoken.jsonl", manifest)

    def write(name: str) -> Path:
        recipe: dict[str, Any] = {
            "store": str(folder / name),
            "workers": 2,
            "serve": {"folder": str(pictures), "host": HOST},
            "ingest": {"urls": str(urls), "rows_per_part": 25, "fetch": {"per_host_rate": 0}},
            "recordings": {
                "manifest": str(spoken),
                "rows_per_part": 2,
                "limits": {"min_duration_s": 15},
            },
            "caption": {"llm": {"base_url": llm.base_url, "model": "m"}},
            "splits": {"shares": {"train": 0.5, "validation": 0.5}},
            "release": {"rows_per_shard": 1},
        }
        path = folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(recipe))
        return path

    return write


def release_of(folder: Path) -> dict[str, str]:
    """The release's files by their digests."""
    root = folder / "release"
    found = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_killed_again_and_again_the_store_ends_the_same(
    tmp_path: Path, pictures: Path, llm: ToyLlm, model_folder: Callable[[str], Path]
) -> None:
    model_folder("tiny.en")
    write = write_recipe(tmp_path, pictures, llm)
    whole = pixmo("run", write("whole"))
    assert whole.status == 0, whole.complained
    rng, killed = random.Random(0), []
    for _ in range(KILLS):
        moment = rng.uniform(0.1, 0.45) * whole.seconds
        killed.append((round(moment, 1), kill_after(moment, "run", write("killed"))))
    last = pixmo("run", write("killed"))
    assert last.status == 0, last.complained
    assert sum(under_way for _, under_way in killed) >= 2, killed
    stores = [Store(str(tmp_path / name)) for name in ("whole", "killed")]
    assert toy.contents(stores[0]) == toy.contents(stores[1]), killed
    assert release_of(tmp_path / "whole") == release_of(tmp_path / "killed"), killed
    for store in stores:
        assert not toy.findings(store)
        assert not toy.leftovers(Path(store.url)), killed
    assert "nothing new" in pixmo("run", write("killed")).said


@pytest.mark.slow
def test_two_shards_at_once_make_what_one_run_makes(tmp_path: Path, pictures: Path) -> None:
    names = sorted(path.name for path in pictures.iterdir())
    urls = write_list(tmp_path / "urls.jsonl", [{"image_url": url_of(name)} for name in names])
    results: dict[str, Done] = {}
    with SampleServer(pictures) as server:
        here = ("--connect-to", f"{HOST}=127.0.0.1:{server.port}", "--rate", 0)

        def ingest(store: str, shard: str) -> None:
            words = ("ingest", "--urls", urls, "--store", tmp_path / store, "--shard", shard)
            results[shard] = pixmo(*words, "--rows-per-part", 12, "--workers", 1, *here)

        shards = [
            threading.Thread(target=ingest, args=("shared", f"{index}/2")) for index in range(2)
        ]
        for thread in shards:
            thread.start()
        for thread in shards:
            thread.join()
        ingest("alone", "0/1")
    assert [(done.status, done.complained) for done in results.values() if done.status] == []
    shared, alone = Store(str(tmp_path / "shared")), Store(str(tmp_path / "alone"))
    assert toy.contents(shared) == toy.contents(alone)
    assert not toy.findings(shared)
    assert not toy.leftovers(tmp_path / "shared")
    summaries = [tmp_path / name / "images" / "_stage.json" for name in ("shared", "alone")]
    facts = [json.loads(path.read_text()) for path in summaries]
    assert [fact["parts"] for fact in facts] == [10, 10]
    assert facts[0]["records"] == facts[1]["records"] == 110
