"""The main job on a few samples with the real small models, by way of the command."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from pipelines.recordings import SOURCES as RECORDINGS
from pipelines.services.llm_config import EMBEDDED_MODEL
from pipelines.steps.spoken_words import strip_hesitations
from pipelines.steps.wer import count_word_errors
from schemas.ids import image_id_of
from schemas.records import Caption, Duplicate, Source, Transcript
from schemas.store import Store
from tests import toy_store as toy
from tests.pipelines.toy_stage import write_list
from tests.pixmo_command import ROOT, pixmo

SAMPLES = ROOT / "samples"
HOST = "samples.pixmo.test"
PICTURES = ("chelsea.jpg", "chelsea-mirrored.jpg", "horse.png", "tissue.jpg")
SPOKEN = ("chelsea-1.webm", "horse-1.webm", "tissue-noise.webm", "hubble-silent.webm")


def url_of(name: str) -> str:
    return f"http://{HOST}/{name}"


def write_recipe(folder: Path, store: Path, **more: Any) -> Path:
    """Four pictures, one failing URL, four recordings (one of noise, one silent)."""
    urls = [{"image_url": url_of(name)} for name in (*PICTURES, "missing.jpg")]
    manifest = [
        json.loads(line) for line in (SAMPLES / "recordings.jsonl").read_text().splitlines()
    ]
    wanted = [row for row in manifest if Path(row["audio"]).name in SPOKEN]
    for row in wanted:
        if "silent" in row["audio"]:
            row["image_url"] = url_of("horse.png")
    (folder / "recordings").symlink_to(SAMPLES / "recordings")
    recipe = {
        "store": str(store),
        "contact": "https://example.org/test",
        "serve": {
            "folder": str(SAMPLES / "images"),
            "host": HOST,
            "faults": str(SAMPLES / "faults.yaml"),
        },
        "ingest": {
            "urls": str(write_list(folder / "urls.jsonl", urls)),
            "fetch": {"per_host_rate": 0},
        },
        "recordings": {
            "manifest": str(write_list(folder / "recordings.jsonl", wanted)),
            "limits": {"min_duration_s": 15},
        },
        "transcribe": {"speech": {"model": "tiny.en"}},
        "splits": {"shares": {"train": 0.5, "validation": 0.5}},
        "release": {"license": "cc0-1.0"},
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe | more))
    return path


def word_error_rate(store: Store) -> float:
    """Errors per word against what was spoken, hesitations aside."""
    lines = (SAMPLES / "spoken.jsonl").read_text().splitlines()
    spoken = {
        row["audio"]: row["text"] for row in map(json.loads, lines) if row["kind"] == "speech"
    }
    audio = {s.key: json.loads(s.row)["audio"] for s in toy.rows(store, RECORDINGS, Source)}
    errors = [
        count_word_errors(strip_hesitations(spoken[name]), strip_hesitations(transcript.text))
        for transcript in toy.rows(store, "transcripts", Transcript)
        if (name := audio[transcript.recording_id]) in spoken
    ]
    assert len(errors) == 2
    return sum(e.errors for e in errors) / sum(e.words for e in errors)


def small_files(store: Path) -> dict[str, str]:
    """The settings of the stages and the card."""
    paths = [*(store / "stages").iterdir(), store / "release" / "README.md"]
    return {str(path.relative_to(store)): path.read_text() for path in paths}


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_real_thing(tmp_path: Path, model_folder: Callable[[str], Path]) -> None:
    for name in ("tiny.en", EMBEDDED_MODEL):
        model_folder(name)
    store = Store(str(tmp_path / "store"))
    recipe = write_recipe(tmp_path, tmp_path / "store")
    first = pixmo("run", recipe, timeout_s=230)
    assert first.status == 0, first.complained
    for said in ("summary", "1 http_404", "1 silent", "a caption", "small embedded default"):
        assert said in first.said, first.said

    captions = toy.rows(store, "captions", Caption)
    assert {c.image_url for c in captions} == {url_of("chelsea.jpg"), url_of("horse.png")}
    assert all(len(c.caption.split()) > 15 for c in captions)
    assert {c.model for c in captions} == {EMBEDDED_MODEL}
    kinds = {row.image_id: row.kind for row in toy.rows(store, "duplicates", Duplicate)}
    pair = [kinds[image_id_of(url_of(name))] for name in PICTURES[:2]]
    assert sorted(pair) == ["near", "unique"]
    rate = word_error_rate(store)
    assert rate < 0.1, rate
    released = pq.read_table(tmp_path / "store" / "release" / "cap")
    assert released.num_rows == 2
    assert released.column_names == ["image_url", "caption", "transcripts", "image"]
    assert set(released["caption"].to_pylist()) == {c.caption for c in captions}
    assert {len(texts) for texts in released["transcripts"].to_pylist()} == {1}
    assert pixmo("audit", "--store", store.url).status == 0
    assert not toy.leftovers(tmp_path / "store")

    before, said = toy.stamps(tmp_path / "store"), small_files(tmp_path / "store")
    second = pixmo("run", recipe)
    assert second.status == 0, second.complained
    assert "nothing new: everything in this recipe was done before" in second.said
    assert second.seconds < 15
    after = toy.stamps(tmp_path / "store")
    assert small_files(tmp_path / "store") == said
    assert after.keys() == before.keys()
    # Settings and card may be written again, in the same words; data may not.
    assert {n for n in after if after[n] != before[n]} <= said.keys()
