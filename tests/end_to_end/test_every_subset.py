"""recipes/full.yaml with real models and real renderers, made shorter: five recordings, one person.

What it proves is that every subset comes out of one command and opens; how many rows a small model
is good for is told by the recipe itself, which nobody makes shorter.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from datasets import load_dataset

from pipelines.services.llm_config import EMBEDDED_MODEL
from pipelines.services.rendering.tools import TOOLS
from schemas.manifest import read_manifest
from schemas.store import Store
from schemas.subset_records import Document
from schemas.subsets import SUBSETS
from tests import toy_store as toy
from tests.conftest import missing
from tests.pixmo_command import ROOT, pixmo

pytestmark = pytest.mark.slow
SURE = ("points", "point_explanations", "ask_model_anything", "count", "clocks")
LEAST = 8  # rows of each
SPOKEN = ("chelsea-1", "horse-1", "rocket-1", "sign-1", "coffee-1")


def write_recipe(folder: Path, store: Path) -> Path:
    """The recipe with another store, five recordings, one persona, two questions a caption."""
    recipe: dict[str, Any] = yaml.safe_load((ROOT / "recipes" / "full.yaml").read_text())
    recipe["store"] = str(store)
    samples = ROOT / "samples"
    lines = (samples / "recordings.jsonl").read_text().splitlines()
    spoken = [line for line in lines if any(name in line for name in SPOKEN)]
    (folder / "recordings").symlink_to(samples / "recordings")
    (folder / "recordings.jsonl").write_text("\n".join(spoken))
    recipe["recordings"]["manifest"] = str(folder / "recordings.jsonl")
    (folder / "personas.jsonl").write_text(json.dumps({"persona": "A baker in a small town"}))
    recipe["docs"] |= {"personas": str(folder / "personas.jsonl"), "max_rejects": 1.0}
    recipe["docs"]["documents"] = {"rows": 4, "questions": 2, "least_questions": 1, "repairs": 0}
    recipe["cap_qa"] |= {"asking": {"questions": 2}, "max_rejects": 1.0}
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, model_folder: Any) -> Store:
    """The store after the whole recipe."""
    for name in ("tiny.en", EMBEDDED_MODEL, "nanodet", "mermaid"):
        model_folder(name)
    folder = tmp_path_factory.mktemp("full")
    done = pixmo("run", write_recipe(folder, folder / "store"), timeout_s=1500)
    if "apt-get install" in done.complained:
        missing(done.complained.splitlines()[-1])
    assert done.status == 0, done.complained[-3000:]
    return Store(str(folder / "store"))


@pytest.mark.timeout(1600)
def test_each_subset_is_made(store: Store) -> None:
    rows = read_manifest(store.fs, store.path("release")).rows
    made = {name: 0 for name in SUBSETS}
    for config, splits in rows.items():
        made["docs" if config.startswith("docs_") else config] += sum(splits.values())
    assert {name: made[name] for name in SURE if made[name] < LEAST} == {}
    assert min(made[name] for name in ("cap", "cap_qa", "docs")) > 0
    for config, splits in rows.items():
        for split, count in splits.items():
            opened = load_dataset(store.path("release"), config, split=split)
            assert len(opened) == count
            assert opened[0]["image"].size[0] > 0


def test_each_tool_was_asked_for_one_document(store: Store) -> None:
    tools = [row.tool for row in toy.rows(store, "docs", Document)]
    tools += [json.loads(reject.row)["tool"] for reject in toy.rejects(store, "docs")]
    assert sorted(tools) == sorted(TOOLS)


def test_the_store_and_its_release_keep_their_promises(store: Store) -> None:
    for words in (("--store", store.url), ("--release", store.path("release"))):
        done = pixmo("audit", *words)
        assert done.status == 0, done.said


def test_the_report_shows_what_was_drawn(store: Store) -> None:
    done = pixmo("report", "--store", store.url)
    assert done.status == 0, done.complained
    sheet = Path(store.url, "report", "contact-sheet.html").read_text()
    assert sheet.count("<figure") >= 30
