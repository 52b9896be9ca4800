"""Benchmarks as they come: what is pointed at, and what is said where there is nothing."""

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.steps.evaluation_rows import PICTURE, benchmark_name, pointer_rows
from pipelines.steps.evaluation_values import Pointer, read_pointers
from schemas.errors import UsageError
from schemas.judgment import Reject
from tests.toy_store import picture

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write(path: Path, columns: dict[str, Any], rows: int = 2) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, row_group_size=rows)
    return path


def images(*seeds: int | None) -> pa.Array:
    values = [None if s is None else {"bytes": picture(s), "path": None} for s in seeds]
    return pa.array(values, IMAGE)


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [row.values or {} for row in pointer_rows(str(path))]


def values_of(path: Path) -> list[Any]:
    """What the pointers of a benchmark point at, in their order."""
    pointers = [Pointer(key=f"{n:04d}", **row) for n, row in enumerate(rows_of(path))]
    found = {pointer.key: value for pointer, value in read_pointers(pointers)}
    assert set(found) == {pointer.key for pointer in pointers}
    return [found[key] for key in sorted(found)]


def test_pictures_and_texts_of_parquet_by_row_group(tmp_path: Path) -> None:
    columns = {
        "id": pa.array(["a", "b", "c"]),
        "image": images(1, 2, 3),
        "second": images(None, 4, None),
        "choices": pa.array([["x y", "z"], [], None], pa.list_(pa.string())),
        "qa": pa.array([{"question": ["q"], "answer": "n"}] * 3),
        "label": pa.array([1, 2, 3]),
    }
    path = write(tmp_path / "test.parquet", columns)
    rows = rows_of(tmp_path)
    kinds = [(row["row"], row["kind"], row.get("column", "")) for row in rows]
    assert kinds == [
        (1, PICTURE, "image"),
        (1, "text", ""),
        (2, PICTURE, "image"),
        (2, PICTURE, "second"),
        (2, "text", ""),
        (3, PICTURE, "image"),
        (3, "text", ""),
    ]
    assert {row["benchmark"] for row in rows} == {tmp_path.name}
    assert not any(isinstance(value, bytes) for row in rows for value in row.values())
    texts = ("x y", "z", "a", "n", "q")
    found = values_of(path)
    assert found[0] == picture(1)
    assert sorted(found[1]) == sorted(texts)
    assert found[3] == picture(4)
    assert found[5] == picture(3)


def test_lists_of_pictures_and_plain_binary(tmp_path: Path) -> None:
    several = [[{"bytes": picture(1), "path": "1"}, {"bytes": picture(2), "path": "2"}], [], None]
    columns = {
        "images": pa.array(several, pa.list_(IMAGE)),
        "raw": pa.array([picture(5), None, picture(6)]),
        "sound": pa.array([b"RIFF....WAVE", b"RIFF", None]),
    }
    path = write(tmp_path / "set" / "x.parquet", columns)
    rows = rows_of(path)
    assert [(row["row"], row["column"], row["item"]) for row in rows] == [
        (1, "images", 0),
        (1, "images", 1),
        (1, "raw", 0),
        (3, "raw", 0),
    ]
    assert values_of(path) == [picture(1), picture(2), picture(5), picture(6)]


def test_a_folder_of_pictures_tables_and_lists(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.png").write_bytes(picture(1))
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("not read")
    (tmp_path / "q.jsonl").write_text('{"q": "what is it"}\n{half\n{"n": 3}\n')
    (tmp_path / "r.csv").write_text("question,image_url\nhow many,http://a/b\n")
    found = values_of(tmp_path)
    assert found[0] == b"no picture"
    assert found[1] == picture(1)
    assert found[2] == ("what is it",)
    assert isinstance(found[3], Reject)
    assert (found[3].reason, found[4]) == ("bad_row", ())
    assert found[5] == ("how many", "http://a/b")


def test_train_is_left_out_where_there_is_another_split(tmp_path: Path) -> None:
    for name in ("data/train-00000-of-00001", "data/test-00000-of-00001", "val/0000"):
        write(tmp_path / f"{name}.parquet", {"q": ["a b"]})
    files = {row["file"].rsplit("/", 2)[-1] for row in rows_of(tmp_path)}
    assert files == {"test-00000-of-00001.parquet", "0000.parquet"}
    alone = write(tmp_path / "only" / "train.parquet", {"q": ["a b"]})
    assert len(rows_of(alone.parent)) == 1, "a set that has no other split is taken"
    assert len(rows_of(tmp_path / "data" / "train-00000-of-00001.parquet")) == 1, "so is a file"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("file:///x/ai2d_test", "ai2d_test"),
        ("file:///x/ai2d/test-00000-of-00003.parquet", "ai2d"),
        ("file:///x/ai2d/data/validation.parquet", "ai2d"),
        ("file:///x/chart_qa.jsonl", "chart_qa"),
        ("hf://datasets/org/bench", "org/bench"),
        ("hf://datasets/org/bench@refs%2Fconvert%2Fparquet/default/test", "org/bench"),
        ("hf://datasets/org/bench/data/test.parquet", "org/bench"),
    ],
)
def test_names_of_benchmarks(url: str, name: str) -> None:
    assert benchmark_name(url) == name


def test_nothing_there_or_nothing_of_use(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("x")
    for path, said in (
        (tmp_path / "none", "no such file or folder"),
        (tmp_path / "empty", "no picture and no text in it"),
        (write(tmp_path / "numbers.parquet", {"n": [1, 2]}), "no picture and no text in it"),
    ):
        with pytest.raises(UsageError, match=f"{path.name}: {said}"):
            rows_of(path)


def test_a_damaged_parquet_is_named_with_its_row(tmp_path: Path) -> None:
    path = tmp_path / "half.parquet"
    path.write_bytes(b"PAR1 this is none")
    with pytest.raises(UsageError, match=r"half.parquet, after row 0: not a readable Parquet file"):
        rows_of(path)
    buffer = io.BytesIO()
    table = pa.table({"image": images(1, None, 3, None)})
    pq.write_table(table, buffer, row_group_size=2, compression="none", use_dictionary=False)
    data = bytearray(buffer.getvalue())
    second = data.index(picture(3))
    data[second - 34 : second - 8] = b"\xff" * 26  # the header of the second group's page
    path.write_bytes(bytes(data))
    with pytest.raises(UsageError, match=r"half.parquet, after row 2: not a readable Parquet file"):
        rows_of(path)


def test_what_goes_away_later_is_a_reject_for_each_pointer(tmp_path: Path) -> None:
    path = write(tmp_path / "x.parquet", {"image": images(1, 2, 3), "q": ["a", "b", "c"]})
    other = tmp_path / "a.png"
    other.write_bytes(picture(9))
    pointers = [Pointer(key=f"{n:04d}", **row) for n, row in enumerate(rows_of(tmp_path))]
    other.unlink()
    write(path, {"image": images(1), "q": ["a"]})
    found = {p.key: v for p, v in read_pointers(pointers)}
    reasons = [v.reason for v in found.values() if isinstance(v, Reject)]
    assert sorted(reasons) == ["missing_file", *["missing_row"] * 4]
    path.write_bytes(b"PAR1")
    again = [v for p, v in read_pointers(pointers) if p.file.endswith("parquet")]
    assert {v.reason for v in again if isinstance(v, Reject)} == {"unreadable_file"}
    assert len(again) == 6


def test_encoded_files_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"image": "iVBORw0KGgo" * 40, "q": "what is it"}) + "\n")
    assert values_of(path) == [("what is it",)]
