"""Rewritten parts: footers that hold, streams that stay small, parts of older versions."""

import dataclasses
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.stage import fingerprint
from pipelines.steps.denylist import Denylist
from pipelines.steps.takedown_rows import Doomed
from pipelines.steps.takedown_traces import Traces
from pipelines.takedown.parts import (
    Hits,
    Rewriter,
    count_hits,
    footer_fingerprint,
    parts_up_to_date,
    read_rows,
)
from pipelines.takedown.scan import find_traces
from schemas.errors import StageError
from schemas.records import Image, Selected, Split
from schemas.store import Store
from tests import toy_store as toy
from tests.pipelines import toy_stage
from tests.pipelines.toy_stage import ToyStage, write_list
from tests.toy_store import id_of, picture

DOOMED = Doomed(image_ids=frozenset({id_of("a.png")}))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "store"))
    toy.put_images(made, {"a.png": picture(1), "b.png": picture(2)}, {"c.png": picture(3)})
    return made


def rewriter(store: Store, hits: frozenset[str] | None = None) -> Rewriter:
    contents = toy.contents(store)
    return Rewriter(store, DOOMED, Denylist(b"x"), contents, frozenset(), hits)


def test_a_footer_tells_whether_its_part_is_up_to_date(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "s"))
    rows = write_list(tmp_path / "l.jsonl", [{"id": f"{n:02d}", "value": n} for n in range(12)])
    toy_stage.add_rows(store, rows)
    stage = ToyStage(factor=3)
    toy.run(stage, store)
    for shard in stage.plan(store):
        info = store.info("toys", shard.number)
        assert info
        assert footer_fingerprint(info, shard) == fingerprint(stage, shard) == info.fingerprint
    # It does not matter how the stage is set today, but whether the inputs are the same.
    assert parts_up_to_date(store, ToyStage(factor=7)) == {0, 1, 2}
    shard = dataclasses.replace(stage.plan(store)[0], inputs=(("sources/toys/0", "other"),))
    info = store.info("toys", 0)
    assert info
    assert footer_fingerprint(info, shard) != info.fingerprint


def test_only_parts_that_hold_it_are_rewritten(store: Store) -> None:
    before = toy.stamps(Path(store.url))
    assert count_hits(store, "images", 0, DOOMED, Denylist(b"x")) == Hits(1, 0)
    assert not count_hits(store, "images", 1, DOOMED, Denylist(b"x"))
    rewriter(store).table("images", None)
    after = toy.stamps(Path(store.url))
    assert {n for n in after if after[n] != before[n]} == {
        "images/part-00000.parquet",
        "rejects/images/part-00000.parquet",
    }
    info = store.info("images", 0)
    assert info
    assert (info.rows_in, info.records) == (1, 1)
    assert [row.image_id for row in toy.rows(store, "images", Image)] == [
        *(id_of(name) for name in ("b.png", "c.png"))
    ]
    rewriter(store).table("images", None)
    assert toy.stamps(Path(store.url)) == after


def test_a_part_that_was_never_committed_goes_when_it_holds_it(store: Store) -> None:
    for number in (0, 1):
        Path(store.part_path("rejects/images", number)).unlink()
    rewriter(store).table("images", None)
    assert store.part_numbers("images") == [1]


def test_columns_that_an_older_version_did_not_write(store: Store) -> None:
    toy.put(store, "splits", 0, Split, [Split(id_of("b.png"), "train", "c")])
    drop_column(store, "splits", "moved_from")
    assert [row.moved_from for row in read_rows(store, "splits", 0, Split)] == [""]
    toy.put(store, "selected/cap", 0, Selected, [Selected("r", id_of("a.png"), "train")])
    drop_column(store, "selected/cap", "row_id")
    rewriter(store).table("selected/cap", None)
    assert store.part_numbers("selected/cap") == []  # made anew anyway
    drop_column(store, "images", "final_url")
    with pytest.raises(StageError, match="images, part 0 has no column final_url"):
        rewriter(store).table("images", None)


def drop_column(store: Store, table: str, name: str) -> None:
    path = store.part_path(table, 0)
    rows = pq.read_table(path)
    pq.write_table(rows.drop_columns([name]), path)


def test_the_search_looks_into_names_footers_cells_and_lists(tmp_path: Path) -> None:
    store, needle = Store(str(tmp_path)), "0123456789abcdef"
    traces = Traces(values=frozenset({needle}))
    nested = pa.table({"a": [[{"b": [f"x {needle}"]}]], "n": [1]})
    clean = pa.table({"a": ["nothing"]})
    pq.write_table(nested, tmp_path / "nested.parquet", compression="zstd")
    pq.write_table(clean, tmp_path / f"{needle}.parquet")
    pq.write_table(clean.replace_schema_metadata({"k": needle}), tmp_path / "footer.parquet")
    pq.write_table(clean, tmp_path / "clean.parquet")
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1 no more")
    (tmp_path / "page.html").write_text(f"<p>{needle}</p>")
    (tmp_path / ".tmp-x").write_text("")
    (tmp_path / "denylist").mkdir()
    (tmp_path / "denylist" / "denylist.json").write_text(needle)
    found = dict(find_traces(store, traces))
    assert sorted(found) == [
        *(".tmp-x", f"{needle}.parquet", "damaged.parquet", "footer.parquet", "nested.parquet"),
        "page.html",
    ]
    assert found["nested.parquet"].startswith("column a")
