"""What a person reads after a run: the summary, the plan, the duplicates, the sample."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.run_stage import StageResult
from pipelines.services.budget import Usage
from pipelines.services.llm_usage import keep_usage, read_usages, usage_text
from schemas.records import Duplicate
from schemas.store import PartInfo, Store
from tests import toy_store
from tools.run_cli import show_duplicates, show_plan
from tools.summary import reason_lines, show_summary, usage_line


def info(records: int, reasons: dict[str, int]) -> PartInfo:
    rows = records + sum(reasons.values())
    return PartInfo("images", 0, "f", "c", "m", rows, records, reasons, 0, 1.0, "", {}, {})


def result(*infos: PartInfo, ran: int = 0, seconds: float = 0.0, calls: str = "") -> StageResult:
    rows = sum(one.rows_in for one in infos) if ran else 0
    return StageResult("ingest", "images", infos, ran, rows, seconds, calls)


def test_reasons_are_sorted_by_count_then_name() -> None:
    assert reason_lines({"b": 1, "a": 1, "c": 7}) == "7 c\n1 a\n1 b"


def test_summary_adds_up_parts_and_fits_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    reasons = {"retry_after_too_long": 2_000_000}
    show_summary([result(info(5_000_000, reasons), info(3, {}), ran=2, seconds=2.0)])
    shown = capsys.readouterr().out
    assert all(len(line) <= 80 for line in shown.splitlines())
    line = next(line for line in shown.splitlines() if "ingest" in line)
    assert line.split() == [
        *("ingest", "2", "7000003", "5000003"),
        *("2000000", "retry_after_too_long", "2.0", "3.5e+06"),
    ]


def test_summary_of_a_run_that_did_nothing_states_no_speed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_summary([result(info(3, {}))])
    line = next(line for line in capsys.readouterr().out.splitlines() if "ingest" in line)
    assert line.split() == ["ingest", "1", "3", "3", "-", "-", "-"]


def test_plan_counts_what_is_done_and_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    show_plan([StageResult("ingest", "images", (info(3, {}),), 2, 20, 0.0, "20 GET")])
    shown = capsys.readouterr().out
    line = next(line for line in shown.splitlines() if "ingest" in line)
    assert line.split() == ["ingest", "1", "2", "20", "20", "GET"]
    assert "nothing was done" in shown


@pytest.mark.parametrize("alarm", [False, True])
def test_duplicates_are_told_and_a_large_cluster_is_alarmed(
    alarm: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(str(tmp_path))
    kinds = {"a": "unique", "b": "near", "c": "exact", "d": "blank"}
    rows = [Duplicate(name, "a", kind, 0, 0, 0.0, "a", 3) for name, kind in kinds.items()]
    toy_store.put(store, "duplicates", 0, Duplicate, rows)
    largest = {"representative_id": "a", "pictures": 3, "alarm": alarm}
    (tmp_path / "duplicates" / "_largest.json").write_text(json.dumps(largest))
    show_duplicates(store)
    said = capsys.readouterr()
    assert "duplicates: 2 pictures are near another one" in said.out
    assert ("alarm: the cluster of a is too large" in said.err) == alarm


def test_without_duplicates_nothing_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show_duplicates(Store(str(tmp_path)))
    assert capsys.readouterr().out == ""


def test_usage_is_summed_over_runs(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    assert usage_line(store) == ""
    (tmp_path / "cache/usage").mkdir(parents=True)
    for name, calls in (("a", 3), ("b", 4)):
        usage = {"calls": calls, "cached": 1, "failures": 1, "prompt_tokens": 50}
        text = json.dumps(usage | {"completion_tokens": 10, "usd": 0.5})
        (tmp_path / f"cache/usage/{name}.json").write_text(text)
    said = "LLM, all runs: 7 calls (2 failed), 2 answers from the cache, 120 tokens, $1.00"
    assert usage_line(store) == said
    keep_usage(store, "c", "caption", Usage(calls=3, prompt_tokens=80, usd=0.25, seconds=2.0))
    assert "10 calls" in usage_line(store)
    assert "200 tokens, $1.25" in usage_line(store)
    assert [found.stage for found in read_usages(store)] == ["", "", "caption"]


def test_what_a_stage_spent_is_told_below_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    used = Usage(
        calls=40,
        cached=2,
        failures=1,
        prompt_tokens=4000,
        completion_tokens=800,
        usd=0.1234567,
        seconds=4.0,
        saturated_seconds=3.0,
    )
    show_summary([replace(result(info(3, {}), ran=1, seconds=1.0), spent=usage_text(used))])
    assert capsys.readouterr().out.splitlines()[-1] == (
        "ingest: 40 calls (1 failed), 2 answers from the cache, 4000 tokens in, 800 out, $0.1235, "
        "10 requests/s, saturated 75% of the time"
    )
    assert usage_text(Usage()) == ""
    assert usage_text(Usage(cached=2)).endswith("0 out, $0")
