"""A list becomes parts that never change: it may grow, be imported again, and hold anything."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

from pipelines.denylist import add_denied, denylist_path
from pipelines.ingest import SOURCES, image_key
from pipelines.sources import Import, count_new, import_source
from pipelines.steps.denylist import redacted_reject
from schemas.errors import LockedError, UsageError
from schemas.ids import image_id_of
from schemas.judgment import RejectRow
from schemas.locks import hold
from schemas.part_writer import PartWriter
from schemas.records import Source
from schemas.store import PartInfo, Store, sum_reasons
from tests.pipelines.toy_stage import write_list
from tests.schemas.writing import files_below


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def _images_of(url: object, rows_per_part: int = 3, **more: Any) -> Import:
    return Import(str(url), SOURCES, image_key, rows_per_part, "duplicate_url", **more)


def _import(store: Store, url: object, rows_per_part: int = 3, **more: Any) -> list[PartInfo]:
    return import_source(store, _images_of(url, rows_per_part, **more))


def _sources(store: Store) -> list[Source]:
    return [s for i in store.infos(SOURCES) for s in store.records(SOURCES, i.number, Source)]


def _rejects(store: Store) -> list[RejectRow]:
    rejects = f"rejects/{SOURCES}"
    return [r for i in store.infos(SOURCES) for r in store.records(rejects, i.number, RejectRow)]


def _urls(*numbers: int) -> list[dict[str, Any]]:
    return [{"image_url": f"http://a/{number}", "note": number} for number in numbers]


def _contents(store: Store) -> dict[int, str]:
    return {info.number: info.content for info in store.infos(SOURCES)}


def test_rows_go_to_parts_in_the_order_of_the_list(store: Store, tmp_path: Path) -> None:
    infos = _import(store, write_list(tmp_path / "l.jsonl", _urls(*range(8))))
    assert [info.rows_in for info in infos] == [3, 3, 2]
    assert sorted(json.loads(s.row)["note"] for s in _sources(store)) == list(range(8))
    first = [json.loads(s.row)["note"] for s in store.records(SOURCES, 0, Source)]
    assert sorted(first) == [0, 1, 2]
    assert {s.key for s in _sources(store)} == {image_key(row) for row in _urls(*range(8))}


def test_importing_again_adds_nothing(store: Store, tmp_path: Path) -> None:
    path = write_list(tmp_path / "l.jsonl", [*_urls(1, 2, 2), {"image_url": None}])
    before = _import(store, path)
    files = files_below(tmp_path / "store")
    assert _import(store, path) == before
    os.utime(path, (1, 1))  # looks new, is not
    assert _import(store, path) == before
    copy = write_list(tmp_path / "copy.jsonl", [*_urls(1, 2, 2), {"image_url": None}])
    assert _import(store, copy) == before
    assert files_below(tmp_path / "store") == files


def test_a_list_that_grows_adds_parts(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "l.jsonl"
    _import(store, write_list(path, _urls(1, 2, 3, 4)))
    before = _contents(store)
    infos = _import(store, write_list(path, [*_urls(0), *_urls(1, 2, 3, 4, 5)]))
    assert [info.rows_in for info in infos] == [3, 1, 2]
    assert {number: _contents(store)[number] for number in before} == before


def test_doubles_are_rejected_not_lost(store: Store, tmp_path: Path) -> None:
    rows = [*_urls(1, 1), {"image_url": " http://a/1", "note": "other"}, *_urls(2)]
    (first, second) = _import(store, write_list(tmp_path / "l.jsonl", rows))
    assert (first.records, first.reasons) == (1, {"duplicate_url": 2})
    assert (second.records, second.reasons) == (1, {})
    assert [r.detail for r in _rejects(store)] == [f"{tmp_path}/l.jsonl, row {n}" for n in (2, 3)]
    assert json.loads(_rejects(store)[1].row)["note"] == "other"
    _import(store, write_list(tmp_path / "m.jsonl", [{"image_url": "http://a/2", "new": 1}]))
    assert _rejects(store)[-1].reason == "duplicate_url"


def test_bad_rows_name_file_and_row(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "l.jsonl"
    path.write_text('{"image_url": "http://a/1"}\n{half\n{"image_url": ""}\n')
    (info,) = _import(store, path)
    assert (info.rows_in, info.records) == (3, 1)
    assert info.reasons == {"bad_row": 1, "missing_url": 1}
    details = [reject.detail for reject in _rejects(store)]
    assert details[0].startswith(f"{path}, row 2: not JSON")
    assert details[1] == f"{path}, row 3: image_url is empty"
    assert [json.loads(reject.row) for reject in _rejects(store)] == ["{half", {"image_url": ""}]


def test_a_list_without_urls_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"/l.jsonl: the input has no column `image_url`"):
        _import(store, write_list(tmp_path / "l.jsonl", [{"url": "http://a/1"}]))
    assert _sources(store) == []
    assert not store.fs.exists(store.path(SOURCES, "_imports.json"))


def test_a_row_that_lacks_its_url_is_a_bad_row(store: Store, tmp_path: Path) -> None:
    rows = [*_urls(1), {"url": "http://a/2"}, *_urls(3)]
    (info,) = _import(store, write_list(tmp_path / "l.jsonl", rows))
    assert (info.records, info.reasons) == (2, {"bad_row": 1})
    assert ", row 2: the input has no column" in _rejects(store)[0].detail


def test_origin_is_for_lists_that_name_files(store: Store, tmp_path: Path) -> None:
    path = write_list(tmp_path / "l.jsonl", _urls(1))
    _import(store, path)
    assert _sources(store)[0].origin == ""
    other = Store(str(tmp_path / "other"))
    _import(other, path, relative=True)
    assert _sources(other)[0].origin == f"file://{tmp_path}"
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"")
    third = Store(str(tmp_path / "third"))
    _import(third, tmp_path / "pictures")
    assert _sources(third)[0].origin == f"file://{tmp_path}/pictures"


def test_a_part_that_is_not_whole_is_imported_again(store: Store, tmp_path: Path) -> None:
    path = write_list(tmp_path / "l.jsonl", _urls(*range(9)))
    whole = _import(store, path)
    os.unlink(store.part_path(f"rejects/{SOURCES}", 1))
    assert [info.number for info in store.infos(SOURCES)] == [0, 2]
    assert _import(store, path) == whole


def test_an_import_that_was_stopped_goes_on(store: Store, tmp_path: Path) -> None:
    rows = [*_urls(0, 1, 2, 3, 4), *_urls(0, 5), {"image_url": ""}]
    undisturbed = Store(str(tmp_path / "undisturbed"))
    path = write_list(tmp_path / "l.jsonl", rows)
    _import(undisturbed, path)
    _import(store, path)
    os.unlink(store.part_path(SOURCES, 2))
    os.unlink(store.path(SOURCES, "_imports.json"))
    _import(store, path)
    assert _import(store, path) == _import(undisturbed, path)
    assert files_below(tmp_path / "store") == files_below(tmp_path / "undisturbed")


def test_two_imports_at_once(store: Store, tmp_path: Path) -> None:
    path = write_list(tmp_path / "l.jsonl", _urls(1))
    lease = store.path("locks", "sources-images", "0-of-1-far-77.json")
    store.fs.makedirs(lease.rsplit("/", 1)[0], exist_ok=True)
    facts = {"stage": "sources-images", "index": 0, "count": 1, "host": "far", "pid": 77}
    store.fs.pipe_file(lease, json.dumps(facts | {"started": 1.0, "expires": 9e9}).encode())
    with pytest.raises(LockedError, match="process 77 on far"):
        _import(store, path)
    store.fs.rm(lease)
    with hold(store, "another"):
        assert len(_import(store, path)) == 1


def test_any_file_system(tmp_path: Path) -> None:
    store = Store("memory://sources-store")
    lines = "".join(json.dumps(row) + "\n" for row in _urls(1, 2, 3, 4))
    store.fs.pipe_file("/sources-list/l.jsonl", lines.encode())
    assert [info.rows_in for info in _import(store, "memory://sources-list/l.jsonl")] == [3, 1]
    lines += json.dumps(_urls(5)[0])
    store.fs.pipe_file("/sources-list/l.jsonl", lines.encode())
    assert [info.rows_in for info in _import(store, "memory://sources-list/l.jsonl")] == [3, 1, 1]


ROW = st.fixed_dictionaries(
    {"image_url": st.none() | st.integers(0, 3).map(str) | st.text(max_size=2)},
    optional={"note": st.integers(0, 1) | st.floats() | st.text(max_size=2)},
)


@given(first=st.lists(ROW, max_size=10), more=st.lists(ROW, max_size=10), size=st.integers(1, 4))
@settings(max_examples=20, deadline=None)
def test_no_row_is_lost(
    tmp_path_factory: pytest.TempPathFactory,
    first: list[dict[str, Any]],
    more: list[dict[str, Any]],
    size: int,
) -> None:
    folder = tmp_path_factory.mktemp("any")
    store, path = Store(str(folder / "store")), folder / "l.jsonl"
    for rows in (first, first + more):
        infos = _import(store, write_list(path, rows), size)
        assert sum(info.rows_in for info in infos) == len(rows)
        assert sum(info.records + info.rejects for info in infos) == len(rows)
    keys = Counter(source.key for source in _sources(store))
    assert set(keys.values()) <= {1}


# --- what the denylist refuses


def _all_bytes(store: Store) -> bytes:
    """Every byte of the store, and every value of its Parquet files, which may be compressed."""
    found = [store.fs.cat_file(path) for path in store.fs.find(store.path())]
    for path in store.fs.find(store.path()):
        if path.endswith(".parquet"):
            found.append(repr(pq.read_table(path).to_pylist()).encode())
            found.append(repr(pq.read_metadata(path).metadata).encode())
    return b"\n".join(found)


DENIED = "http://denied.test/secret-zyzzy.jpg"
SHA256 = "ab" * 32


@pytest.mark.parametrize(
    ("entry", "row"),
    [
        (("url", DENIED, 0), {"image_url": DENIED}),
        (("url", DENIED, 0), {"image_url": "HTTPS://Denied.test:443/secret-zyzzy.jpg#x"}),
        (("host", "denied.test", 0), {"image_url": "http://img.denied.test/other-zyzzy"}),
        (("sha256", SHA256, 0), {"image_url": "http://b/secret-zyzzy", "image_sha256": SHA256}),
    ],
)
def test_a_denied_row_leaves_only_a_salted_digest(
    store: Store, tmp_path: Path, entry: tuple[str, str, int], row: dict[str, Any]
) -> None:
    add_denied(store, [entry])
    path = write_list(tmp_path / "l.jsonl", [*_urls(1), row | {"note": "said-zyzzy"}, *_urls(2)])
    (info,) = _import(store, path)
    assert (info.rows_in, info.records, info.reasons) == (3, 2, {"denied": 1})
    (reject,) = _rejects(store)
    assert (reject.stage, reject.detail) == ("sources-images", entry[0])
    for trace in (b"zyzzy", image_id_of(row["image_url"]).encode(), SHA256.encode()):
        assert trace not in _all_bytes(store)


def test_a_denied_row_is_counted_once_however_often_it_is_given(
    store: Store, tmp_path: Path
) -> None:
    add_denied(store, [("url", DENIED, 0)])
    path, rows = tmp_path / "l.jsonl", [*_urls(1), {"image_url": DENIED}, {"image_url": DENIED}]
    before = _import(store, write_list(path, rows))
    files = files_below(tmp_path / "store")
    os.utime(path, (1, 1))  # looks new, is not
    assert _import(store, path) == before
    assert _import(store, write_list(tmp_path / "copy.jsonl", rows)) == before
    assert files_below(tmp_path / "store") == files
    infos = _import(store, write_list(path, [*rows, *_urls(2), {"image_url": DENIED}]))
    assert [(i.rows_in, i.reasons) for i in infos] == [(3, {"denied": 2}), (2, {"denied": 1})]
    assert count_new(store, _images_of(path)) == 0


def test_a_dry_run_counts_denied_rows_as_the_import_does(store: Store, tmp_path: Path) -> None:
    add_denied(store, [("url", DENIED, 0)])
    path = write_list(tmp_path / "l.jsonl", [*_urls(1), {"image_url": DENIED}])
    assert count_new(store, _images_of(path)) == 2
    assert sum(info.rows_in for info in _import(store, path)) == 2


def test_a_row_that_was_taken_out_stays_out_whatever_it_was_denied_by(
    store: Store, tmp_path: Path
) -> None:
    """A takedown by phash leaves nothing in the list that could be asked about: the row itself is
    known again."""
    path = write_list(tmp_path / "l.jsonl", [*_urls(1), {"image_url": DENIED, "note": 1}])
    _import(store, path)
    denied = add_denied(store, [("phash", "0" * 16, 8)])
    rows = sorted(_sources(store), key=lambda s: "secret" in s.row)
    gone = redacted_reject(denied, "sources-images", "phash", rows[1].row)
    with PartWriter(store, SOURCES, 0, Source) as writer:
        writer.add(rows[0])
        writer.add(gone)
        facts = {"fingerprint": "f", "seconds": 0.0, "code_version": "test", "config": {}}
        before = writer.commit(rows_in=2, inputs={}, **facts)
    os.utime(path, (1, 1))
    assert _import(store, path) == [before]
    infos = _import(
        store, write_list(path, [*_urls(1, 2), *[{"image_url": DENIED, "note": 1}] * 2])
    )
    assert [info.reasons for info in infos] == [{"denied": 1}, {"denied": 1}]
    assert b"secret-zyzzy" not in _all_bytes(store)


def test_a_damaged_line_with_a_denied_url_is_not_kept(store: Store, tmp_path: Path) -> None:
    add_denied(store, [("host", "denied.test", 0)])
    path = tmp_path / "l.jsonl"
    path.write_text(f'{{"image_url": "http://a/1"}}\n{{"image_url": "{DENIED}", half\n{{half\n')
    (info,) = _import(store, path)
    assert info.reasons == {"bad_row": 1, "denied": 1}
    assert b"zyzzy" not in _all_bytes(store)


def test_a_row_that_mentions_what_is_denied_comes_in_without_it(
    store: Store, tmp_path: Path
) -> None:
    add_denied(store, [("url", DENIED, 0)])
    rows = [{"image_url": "http://a/1", "seen_with": DENIED, "note": 1}, *_urls(1)]
    path = write_list(tmp_path / "l.jsonl", rows)
    before = _import(store, path)
    assert json.loads(_sources(store)[0].row) == {**rows[0], "seen_with": None}
    assert [reject.reason for reject in _rejects(store)] == ["duplicate_url"]
    os.utime(path, (1, 1))
    assert _import(store, path) == before
    assert b"zyzzy" not in _all_bytes(store)


def test_evaluation_lists_may_name_what_is_denied(store: Store, tmp_path: Path) -> None:
    add_denied(store, [("url", DENIED, 0)])
    path = write_list(tmp_path / "l.jsonl", [{"image_url": DENIED}])
    (info,) = import_source(store, Import(str(path), "sources/evaluation", image_key, 3))
    assert (info.records, info.reasons) == (1, {})


def test_a_damaged_denylist_lets_nothing_in(store: Store, tmp_path: Path) -> None:
    add_denied(store, [("url", DENIED, 0)])
    Path(denylist_path(store)).write_text("{")
    with pytest.raises(UsageError, match=r"denylist\.json: not a denylist"):
        _import(store, write_list(tmp_path / "l.jsonl", _urls(1)))
    assert store.part_numbers(SOURCES) == []


@given(first=st.lists(ROW, max_size=10), more=st.lists(ROW, max_size=10), bad=st.integers(0, 3))
@settings(max_examples=20, deadline=None)
def test_no_row_is_lost_where_some_are_denied(
    tmp_path_factory: pytest.TempPathFactory,
    first: list[dict[str, Any]],
    more: list[dict[str, Any]],
    bad: int,
) -> None:
    folder = tmp_path_factory.mktemp("any")
    store, path = Store(str(folder / "store")), folder / "l.jsonl"
    add_denied(store, [("url", str(bad), 0)])
    for rows in (first, first + more, first + more):
        infos = _import(store, write_list(path, rows), 4)
        assert sum(info.records + info.rejects for info in infos) == len(rows)
    denied = sum(str(row["image_url"]).strip() == str(bad) for row in first + more)
    assert sum_reasons(infos)["denied"] == denied
