"""Benchmarks in the store: hashes and words, never a byte; what cannot be read stops nothing."""

import os
from pathlib import Path

import numpy as np
import pytest

from pipelines.evaluation import SOURCES, Evaluation, evaluation_import, evaluation_url
from pipelines.sources import count_new, import_source
from pipelines.steps.crops import crop_hashes
from pipelines.steps.evaluation_rows import PICTURE
from schemas.errors import UsageError
from schemas.records import EvaluationItem, Source
from schemas.store import Store
from tests import toy_store as toy
from tests.toy_store import picture


def bench(folder: Path) -> Path:
    """A benchmark with two pictures, one that is none, and three questions."""
    folder.mkdir()
    (folder / "a.png").write_bytes(picture(1))
    (folder / "b.png").write_bytes(picture(2))
    (folder / "c.jpg").write_bytes(picture(3, "JPEG")[:300])
    lines = ['{"question": "What is IT?", "choices": ["A cat", "a cat", ""]}', "{}", "{half"]
    (folder / "q.jsonl").write_text("\n".join(lines))
    return folder


def bring(store: Store, folder: Path) -> None:
    import_source(store, evaluation_import(str(folder), 4))
    toy.run(Evaluation(), store)


def items(store: Store) -> list[EvaluationItem]:
    return toy.rows(store, "evaluation", EvaluationItem)


def test_pictures_become_hashes_and_texts_words(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    bring(store, bench(tmp_path / "toybench"))
    by_place = {item.place: item for item in items(store)}
    assert sorted(by_place) == ["a.png", "b.png", "q.jsonl, row 1", "q.jsonl, row 2"]
    assert {item.benchmark for item in by_place.values()} == {"toybench"}
    shown, known = by_place["a.png"], toy.image("a.png", picture(1))
    assert (shown.kind, shown.text) == (PICTURE, "")
    assert (shown.image_sha256, shown.phash) == (known.image_sha256, known.phash)
    assert shown.grey32 == known.grey32
    grey = np.frombuffer(known.grey32, np.uint8).reshape(1, 32, 32)
    assert np.frombuffer(shown.crop_hashes, ">u8").tolist() == crop_hashes(grey)[0].tolist()
    assert by_place["q.jsonl, row 1"].text == "what is it\na cat"
    assert by_place["q.jsonl, row 2"].text == ""
    assert toy.reasons(store, "evaluation") == {"bad_row": 1, "truncated": 1}
    assert not toy.findings(store)


def test_the_store_holds_no_byte_of_a_benchmark(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    bring(store, bench(tmp_path / "toybench"))
    for path in (tmp_path / "store").rglob("*.parquet"):
        data = path.read_bytes()
        assert picture(1)[100:200] not in data
        assert b"IDAT" not in data
    assert max(len(source.row) for source in toy.rows(store, SOURCES, Source)) < 400


def test_the_same_again_adds_nothing_and_more_adds_parts(tmp_path: Path) -> None:
    store, folder = Store(str(tmp_path / "store")), bench(tmp_path / "toybench")
    bring(store, folder)
    before = toy.contents(store)
    for file in folder.iterdir():
        os.utime(file, (1, 1))  # copied or touched, not changed
    assert count_new(store, evaluation_import(str(folder), 4)) == 0
    bring(store, folder)
    assert toy.contents(store) == before
    (folder / "d.png").write_bytes(picture(4))
    assert count_new(store, evaluation_import(str(folder), 4)) == 1
    bring(store, folder)
    assert before.items() <= toy.contents(store).items()
    assert "d.png" in {item.place for item in items(store)}


def test_a_set_that_is_gone_stays_known(tmp_path: Path) -> None:
    store, folder = Store(str(tmp_path / "store")), bench(tmp_path / "toybench")
    bring(store, folder)
    before = toy.contents(store)
    for file in folder.iterdir():
        file.unlink()
    assert toy.run(Evaluation(), store).ran == 0
    assert toy.contents(store) == before


def test_a_name_is_a_path_a_url_or_a_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bench(tmp_path / "toybench")
    assert evaluation_url("toybench/") == "toybench/"
    assert evaluation_url("memory://x/y.parquet") == "memory://x/y.parquet"
    assert evaluation_url("no_such_file.parquet") == "no_such_file.parquet"
    with pytest.raises(UsageError, match=r"no_such_file.parquet: no such file or folder"):
        import_source(Store(str(tmp_path / "s")), evaluation_import("no_such_file.parquet", 4))
    assert not (tmp_path / "s").exists()
