"""What becomes of rows that several people's work was merged into."""

from dataclasses import replace

from pipelines.steps.denylist import Denylist
from pipelines.steps.takedown_rows import GONE, Doomed, fate_of
from pipelines.takedown.judged import SOURCES
from pipelines.takedown.parts import WAITING
from schemas.judgment import RejectRow
from schemas.subset_records import PointSet
from schemas.tables import TABLES

ROW = PointSet("k", "i", "u", "cup", (), 0, "pointing", (), ("1", "2"), "annotated", "g")


def fate(row: PointSet, *gone: str) -> object:
    return fate_of(row, "points", Doomed(item_ids=frozenset(gone)), Denylist()).row


def test_a_row_stays_when_none_of_its_work_goes() -> None:
    assert fate(ROW, "3") == ROW


def test_a_row_goes_with_all_of_its_work() -> None:
    assert fate(ROW, "1", "2", "3") == GONE.row
    assert fate(replace(ROW, item_ids=("1",)), "1") == GONE.row


def test_a_row_of_which_some_work_goes_is_made_again() -> None:
    for gone in ("1", "2"):
        left = fate(ROW, gone)
        assert isinstance(left, RejectRow)
        assert (left.stage, left.key, left.reason) == ("points", "k", "taken_down")
        assert "cup" not in left.row


def test_every_table_of_merged_work_waits_for_its_stage() -> None:
    merged = [name for name, table in TABLES.items() if "item_ids" in table.record.__annotations__]
    assert set(merged) <= set(WAITING)


def test_published_rows_are_looked_through() -> None:
    assert "sources/published/points" in SOURCES
