"""What a release says of itself: true, complete, the same each time, and nothing private."""

import dataclasses
import hashlib
import json
from pathlib import Path

import pytest

from pipelines.steps import prompts
from schemas.files import TEMPORARY
from schemas.manifest import ModelUse, ReleaseManifest, read_manifest
from schemas.records import Recording
from schemas.store import Store
from tests import toy_store as toy
from tests.tools.release import toy_release
from tests.tools.release.toy_release import CONFIG
from tools.release import checksums
from tools.release.describe import describe_release
from tools.release.stage_runs import without_private


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return toy_release.release(str(tmp_path / "out"))


def folder(store: Store) -> Path:
    return Path(store.url, "release")


def test_the_manifest_says_what_is_there(store: Store) -> None:
    made = describe_release(store, dataclasses.replace(CONFIG, embedding_right="they are ours"))
    assert made == read_manifest(store.fs, store.path("release"))
    assert (made.title, made.license) == (CONFIG.title, "cc-by-4.0")
    assert made.embedding_right == "they are ours"
    assert made.rows == {"cap": {"train": 1, "test": 1}}
    assert made.images == {"cap": "embed"}
    assert made.policy == {"cap": {"refusal_v1": 1.0, "caption_long_v1": 4.0}}
    assert made.evaluation == {"ai2d": 2}
    assert made.models == (
        ModelUse("cap", "toy@00000000", "speech_recogniser"),
        ModelUse("cap", "m", "text_llm"),
    )


def test_prompts_are_known_by_the_checksum_of_their_file(store: Store) -> None:
    made = describe_release(store, CONFIG)
    texts = Path(prompts.__file__).parent.parent / "prompts"
    assert made.prompts == {
        name: hashlib.sha256((texts / f"{name}.md").read_bytes()).hexdigest()
        for name in ("caption_v1", "clean_v1")
    }


def test_stages_account_for_their_inputs(store: Store) -> None:
    stages = {run.name: run for run in describe_release(store, CONFIG).stages}
    assert list(stages) == [
        *("ingest", "transcribe", "caption", "splits", "evaluation", "decontaminate"),
        "select-cap",
    ]
    assert stages["ingest"].rejects == {"http_404": 1}
    for run in stages.values():
        assert run.rows_in == run.records + sum(run.rejects.values())


def test_every_file_is_listed_with_its_checksum(store: Store) -> None:
    (folder(store) / ".cache").mkdir()
    (folder(store) / ".cache" / "x").write_text("of the Hub's client")
    (folder(store) / "cap" / f"{TEMPORARY}x").write_text("of a killed export")
    (folder(store) / "NOTICE").write_text("by a person")
    made = describe_release(store, CONFIG)
    names = {str(p.relative_to(folder(store))) for p in folder(store).rglob("*") if p.is_file()}
    assert {file.path for file in made.files} == {
        name for name in names if not name.startswith(("manifest", ".cache", f"cap/{TEMPORARY}"))
    }
    for file in made.files:
        data = (folder(store) / file.path).read_bytes()
        assert (file.sha256, file.bytes) == (hashlib.sha256(data).hexdigest(), len(data))
        assert file.rows == (1 if file.path.endswith(".parquet") else 0)


def test_the_same_store_gives_the_same_bytes(tmp_path: Path, store: Store) -> None:
    first = describe_release(store, CONFIG)
    before = toy.stamps(Path(store.url))
    assert describe_release(store, CONFIG) == first
    assert toy.stamps(Path(store.url)) == before
    again = toy_release.release(str(tmp_path / "elsewhere"))
    describe_release(again, CONFIG)
    for name in ("README.md", "croissant.json", "manifest.json"):
        assert (folder(again) / name).read_bytes() == (folder(store) / name).read_bytes()


def test_a_file_is_hashed_once_and_again_when_it_changes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe_release(store, CONFIG)
    hashed: list[str] = []

    def counted(fs: object, path: str) -> str:
        hashed.append(path)
        return whole(fs, path)

    whole = checksums.sha256_file
    monkeypatch.setattr(checksums, "sha256_file", counted)
    describe_release(store, CONFIG)
    assert not hashed
    lineage = folder(store) / "lineage" / "cap" / "test-00000-of-00001.parquet"
    data = bytearray(lineage.read_bytes())
    data[8] ^= 1
    lineage.write_bytes(data)
    made = describe_release(store, CONFIG)
    assert [path.rsplit("/", 3)[1:] for path in hashed] == [["lineage", "cap", lineage.name]]
    (own,) = (file for file in made.files if file.path.startswith("lineage/cap/test"))
    assert own.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"release/x": 3}', '{"release/x": {"state": 1}}'])
def test_a_damaged_cache_costs_time_alone(store: Store, text: str) -> None:
    first = describe_release(store, CONFIG)
    Path(store.url, "cache", "release.json").write_text(text)
    assert describe_release(store, CONFIG) == first


def test_nothing_private_is_told(tmp_path: Path, store: Store) -> None:
    settings = {"salt": "5eeec3e7", "model": "/home/someone/models/large", "stage": "recordings"}
    toy_release.commit(store, "recordings", Recording, [], config=settings)
    made = describe_release(store, CONFIG)
    assert {run.name: run.settings for run in made.stages}["recordings"] == {"model": "large"}
    said = "".join(p.read_text() for p in folder(store).glob("*.*"))
    for secret in ("5eeec3e7", "pepper", "someone", str(tmp_path)):
        assert secret not in said


@pytest.mark.parametrize(
    ("value", "public"),
    [
        ("/data/models/large", "large"),
        ("./models/large/", "large"),
        ("file:///data/x.parquet", "x.parquet"),
        ("C:\\models\\large", "large"),
        ("https://me:secret@llm.example.org/v1", "https://llm.example.org/v1"),
        ("org/model-7b", "org/model-7b"),
        ("tiny.en", "tiny.en"),
        (["/a/b", 1, None], ["b", 1, None]),
        ({"api_key": "k", "llm": {"contact": "me", "seed": 0}}, {"llm": {"seed": 0}}),
    ],
)
def test_settings_as_they_are_published(value: object, public: object) -> None:
    assert without_private(value) == public


def test_a_store_without_a_release_gets_none(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    toy_release.put_tables(store)
    made = describe_release(store, CONFIG)
    assert made.rows == {}
    assert not folder(store).exists()


def test_whatever_subsets_lie_there_are_described(store: Store) -> None:
    toy_release.put_config(store, "docs_tables", [{"image_id": "d", "questions": None}])
    toy_release.put_config(store, "points", [{"image_url": "u", "label": "cat"}] * 2, "validation")
    made = describe_release(store, CONFIG)
    assert made.rows == {
        "cap": {"train": 1, "test": 1},
        "points": {"validation": 2},
        "docs_tables": {"train": 1},
    }
    assert made.images == {"cap": "embed", "points": "url", "docs_tables": "embed"}


def test_on_an_object_store() -> None:
    store = toy_release.release("memory://described")
    first = describe_release(store, CONFIG)
    assert describe_release(store, CONFIG) == first
    assert {file.path for file in first.files} >= {"README.md", "croissant.json"}
    assert isinstance(read_manifest(store.fs, store.path("release")), ReleaseManifest)


def test_parts_of_two_kinds_are_told_by_what_most_rows_went_through(store: Store) -> None:
    pictures = [toy.image(name, toy.picture(n)) for n, name in enumerate(("x", "y", "z", "w"))]
    toy.put(store, "images", 1, toy_release.Image, pictures[:1])
    (ingest,) = (r for r in describe_release(store, CONFIG).stages if r.name == "ingest")
    assert (ingest.version, ingest.rows_in, ingest.records) == ("1", 5, 4)


def test_the_manifest_is_plain_json_without_dates(store: Store) -> None:
    describe_release(store, CONFIG)
    text = (folder(store) / "manifest.json").read_text(encoding="utf-8")
    assert json.loads(text)["format"] == 1
    assert "2026-" not in text
