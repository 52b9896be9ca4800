"""`pixmo eval-set captions` as it is typed: the folder, what is refused, batches, errors."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq
import pytest
from PIL import Image as Pictures

from pipelines.eval_sets.caption_files import JUDGES
from pipelines.steps.prompts import prompt_text
from schemas.records import Caption, Selected, Split
from schemas.store import Store
from tests import toy_store as toy
from tests.batch_service import BatchService
from tests.tools.in_process import pixmo, refused
from tests.toy_llm import ToyLlm, field_of, serving_llm

TOLD = {
    "a.png": ("A red toy stands on a table. Two cups are beside the toy.", "A red toy is there."),
    "b.png": ("A green frog sits on a stone. The pond is small.", "A frog sits on a stone."),
    "c.png": ("Three boats lie in the harbour.",),
    "d.png": ("A dog sleeps on a sofa.", "The sofa is brown."),
    "e.png": ("A kite flies over a field.", "The field is wide."),
}
SPLITS = {"a.png": "validation", "b.png": "test", "c.png": "test", "d.png": "train"}


def sentences(body: Any) -> str:
    """A model that makes a statement of every sentence, and one that nobody told."""
    assert field_of(body) == "statements"
    said = body["messages"][1]["content"].splitlines()[0].split(": ", 1)[1]
    told = [f"{part.strip()}." for part in said.split(".") if part.strip()]
    return json.dumps({"statements": [*told, "A purple parrot flies by."]})


@pytest.fixture
def llm() -> Iterator[ToyLlm]:
    with serving_llm(sentences) as served:
        yield served


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "store"))
    toy.put_images(made, {name: toy.picture(at) for at, name in enumerate(sorted(TOLD))})
    toy.put(made, "captions", 0, Caption, [_caption(*pair) for pair in TOLD.items()])
    drawn = {name: SPLITS.get(name, "validation") for name in TOLD}
    toy.put(made, "splits", 0, Split, [Split(toy.id_of(n), s, "x") for n, s in drawn.items()])
    return made


def _caption(name: str, told: tuple[str, ...]) -> Caption:
    return Caption(
        image_id=toy.id_of(name),
        image_url=toy.url_of(name),
        caption=told[0],
        transcripts=told,
        cleaned=told,
        recording_ids=tuple(f"{name}-{at}" for at in range(len(told))),
        dropped=(),
        tags=(),
        model="m",
        speech_model="w",
        clean_prompt="clean_v1",
        caption_prompt="caption_v1",
        prompt_tokens=1,
        completion_tokens=1,
    )


def build(store: Store, folder: Path, *words: object) -> str:
    done = pixmo(
        *("eval-set", "captions", "--store", store.url, "--output", folder, "--llm-model", "m"),
        *words,
    )
    assert done.exit_code == 0, done.output
    return done.stdout


def rejects(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(folder / "rejects.parquet").to_pylist()
    return found


def test_the_set_opens_with_datasets_and_tells_who_said_what(
    store: Store, llm: ToyLlm, tmp_path: Path
) -> None:
    folder = tmp_path / "set"
    shown = build(store, folder, "--llm-base-url", llm.base_url)
    assert "evaluation set captions" in shown
    assert "1 few_transcripts" in shown
    assert "6 calls (0 failed)" in shown
    found = datasets.load_dataset(str(folder))
    assert {name: len(rows) for name, rows in found.items()} == {"validation": 2, "test": 1}
    assert found["test"].features == {
        "image_url": datasets.Value("string"),
        "image_sha256": datasets.Value("string"),
        "transcripts": datasets.List(datasets.Value("string")),
        "statements": datasets.List(datasets.Value("string")),
        "statement_transcripts": datasets.List(datasets.List(datasets.Value("int32"))),
        "image": datasets.Image(),
    }
    (frog,) = found["test"]
    assert frog["image_url"] == toy.url_of("b.png")
    assert frog["transcripts"] == list(TOLD["b.png"])
    assert dict(zip(frog["statements"], frog["statement_transcripts"], strict=True)) == {
        "A green frog sits on a stone.": [0, 1],
        "The pond is small.": [0],
    }
    assert isinstance(frog["image"], Pictures.Image)
    image = next(
        row for row in store.records("images", 0, toy.Image) if row.image_id == toy.id_of("b.png")
    )
    assert frog["image_sha256"] == image.image_sha256


def test_what_is_not_in_it_is_listed(store: Store, llm: ToyLlm, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    build(store, folder, "--llm-base-url", llm.base_url)
    found = rejects(folder)
    reasons = sorted((row["reason"], row["key"]) for row in found)
    assert reasons.count(("few_transcripts", toy.id_of("c.png"))) == 1
    assert len([reason for reason, _ in reasons if reason == "unsupported_statement"]) == 6
    assert len(reasons) == 7
    assert not any(row["key"] == toy.id_of("d.png") for row in found), "it is not held out"
    parrot = next(row for row in found if row["reason"] == "unsupported_statement")
    assert "parrot" in json.loads(parrot["row"])["statement"]


def test_prompts_and_lineage_lie_beside_the_data(store: Store, llm: ToyLlm, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    build(store, folder, "--llm-base-url", llm.base_url, "--images", "url")
    for name in ("statements_v1", *JUDGES):
        assert (folder / "prompts" / f"{name}.md").read_text() == prompt_text(name)
        assert json.loads((folder / "prompts" / f"{name}.schema.json").read_text())["properties"]
    card = (folder / "README.md").read_text()
    assert "by `m`." in card
    assert "2 held-out pictures" not in card
    for split in ("validation", "test"):
        data, lineage = (
            pq.read_table(folder / kind / f"{split}-00000-of-00001.parquet").to_pylist()
            for kind in ("data", "lineage")
        )
        assert [row["image_url"] for row in data] == [row["image_url"] for row in lineage]
        assert "image" not in data[0]
        assert {row["statements_prompt"] for row in lineage} == {"statements_v1"}
        assert all(row["recording_ids"] for row in lineage)


def test_the_same_again_makes_no_call_and_the_same_files(
    store: Store, llm: ToyLlm, tmp_path: Path
) -> None:
    folder = tmp_path / "set"
    build(store, folder, "--llm-base-url", llm.base_url)
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    build(store, folder, "--llm-base-url", "http://127.0.0.1:9/v1")
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    assert llm.calls == 6
    build(store, folder, "--llm-base-url", llm.base_url, "--split", "test")
    assert [path.name for path in (folder / "data").iterdir()] == ["test-00000-of-00001.parquet"]
    assert set(datasets.load_dataset(str(folder))) == {"test"}


def test_batches_bring_the_same_set(store: Store, llm: ToyLlm, tmp_path: Path) -> None:
    live, batch, files = (tmp_path / name for name in ("live", "batch", "files"))
    said = build(store, batch, "--batch-write", files)
    assert "6 requests for 3 rows" in said
    assert not batch.exists()
    (path,) = files.glob("*.jsonl")
    output, errors = BatchService(answer=sentences).run(path)
    assert pixmo("batch", "read", output, errors, "--store", store.url).exit_code == 0
    assert "holds every answer" in build(store, batch, "--batch-write", files)
    build(store, batch, "--llm-base-url", "http://127.0.0.1:9/v1")
    build(store, live, "--llm-base-url", llm.base_url)
    assert llm.calls == 0
    for one in (p for p in live.rglob("*") if p.is_file()):
        assert one.read_bytes() == (batch / one.relative_to(live)).read_bytes()


def test_a_picture_that_fails_costs_itself_alone(store: Store, tmp_path: Path) -> None:
    def badly(body: Any) -> str:
        return "prose" if "frog" in body["messages"][1]["content"] else sentences(body)

    folder = tmp_path / "set"
    with serving_llm(badly) as llm:
        build(store, folder, "--llm-base-url", llm.base_url)
    assert set(datasets.load_dataset(str(folder))) == {"validation"}
    frog = [row for row in rejects(folder) if row["key"] == toy.id_of("b.png")]
    assert [row["reason"] for row in frog] == ["llm_malformed"]
    assert json.loads(frog[0]["row"])["transcripts"] == list(TOLD["b.png"])


def test_only_pictures_that_were_selected_count(store: Store, llm: ToyLlm, tmp_path: Path) -> None:
    chosen = [Selected(toy.id_of("a.png"), toy.id_of("a.png"), "validation")]
    toy.put(store, "selected/cap", 0, Selected, chosen)
    folder = tmp_path / "set"
    build(store, folder, "--llm-base-url", llm.base_url)
    assert set(datasets.load_dataset(str(folder))) == {"validation"}
    assert {row["reason"] for row in rejects(folder)} == {"not_selected", "unsupported_statement"}


def test_wrong_use_is_one_line(store: Store, tmp_path: Path) -> None:
    words = ["eval-set", "captions", "--store", store.url, "--output"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "README.md").write_text("my own")
    assert "holds something else" in refused(*words, tmp_path / "mine")
    assert (tmp_path / "mine" / "README.md").read_text() == "my own"
    said = refused(*words, tmp_path / "set", "--split", "dev")
    assert "no picture of" in said
    assert "is in dev: hold some out with `pixmo export all --validation SHARE`" in said
    said = refused(
        *words, tmp_path / "set", "--transcripts", "9", "--llm-base-url", "http://h/v1", status=1
    )
    assert "no held-out picture can be in the set: few_transcripts 4" in said
    assert not (tmp_path / "set").exists()
