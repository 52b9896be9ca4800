"""The page of cost: calls by stage, with what was batched, how fast and how well used."""

import json
import re
from pathlib import Path

from pipelines.services.budget import Usage
from pipelines.services.llm_usage import keep_usage
from schemas.store import Store
from tests import toy_store
from tools.report.cost import cost_html


def store_with(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "store"))
    toy_store.put_images(made, {"a.png": toy_store.picture(1)})
    return made


def rows(page: str) -> dict[str, list[str]]:
    """The cells of the table of calls, by stage."""
    found = re.findall(r"<tr>(.*?)</tr>", page.split("Calls of all runs")[-1], re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in found]
    return {row[0]: row[1:] for row in cells}


def test_without_calls_the_page_says_so(tmp_path: Path) -> None:
    assert "No language model has been called" in cost_html(store_with(tmp_path), ())


def test_calls_are_told_by_stage(tmp_path: Path) -> None:
    store = store_with(tmp_path)
    slow = {"seconds": 8.0, "saturated_seconds": 2.0}
    keep_usage(store, "a-1", "caption", Usage(30, 4, 1, 3000, 600, 0, 0.5, **slow))
    keep_usage(store, "a-2", "caption", Usage(10, 0, 0, 1000, 200, 0, 0.25, **slow))
    keep_usage(store, "batch-b-0", "cap-qa", Usage(9, 0, 0, 900, 90, 0, 0.1, batch_calls=9))
    old = {"calls": 3, "cached": 1, "failures": 0, "prompt_tokens": 50, "completion_tokens": 5}
    text = json.dumps(old | {"estimated_tokens": 0, "usd": 1.0})
    (Path(store.url) / "cache/usage/old.json").write_text(text)
    found = rows(cost_html(store, ()))
    heads = ["calls", "in batches", "failed", "cached", "tokens in", "tokens out", "US$"]
    assert found["stage"] == [*heads, "requests/s", "saturated"]
    assert found["caption"] == ["40", "0", "1", "4", "4 000", "800", "0.75", "2.5", "25%"]
    assert found["cap-qa"] == ["9", "9", "0", "0", "900", "90", "0.10", "-", "-"]
    assert found["runs of older versions"][-3:] == ["1.00", "-", "-"]
    assert found["all"][:7] == ["52", "9", "1", "5", "4 950", "895", "1.85"]
