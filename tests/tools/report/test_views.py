"""Views: every column of every subset is shown somewhere, none of it tells of a person."""

import json
from typing import Any

import pytest

from schemas.subsets import SUBSET_OF_CONFIG
from tests.tools.report import toy_release
from tools.report.views import view

ROWS = {config: rows[0] for config, rows in toy_release.subset_rows().items()}
ROWS["cap"] = toy_release.cap_row("coffee.jpg", "A cup.")


def kinds(blocks: list[list[Any]]) -> list[str]:
    return [block[0] for block in blocks]


@pytest.mark.parametrize("config", ROWS)
def test_no_column_is_lost(config: str) -> None:
    row = ROWS[config]
    shown = json.dumps(view(SUBSET_OF_CONFIG[config], row, {}).blocks, ensure_ascii=False)
    for name, value in row.items():
        if isinstance(value, str) and name != "parsed_response" and not row.get("messages"):
            assert value in shown, name
    assert "bytes" not in shown


def test_a_caption_stands_beside_what_was_said() -> None:
    row = ROWS["cap"]
    lineage = toy_release.cap_lineage(row, ["r1", "r2"]) | {"annotator_ids": ["a1"]}
    blocks = {block[0]: block[1:] for block in view(SUBSET_OF_CONFIG["cap"], row, lineage).blocks}
    assert blocks["speech"][0][0] == ["um, A cup.", "A cup.", "r1"]
    assert ["caption_short_v1", 0.4] in blocks["tags"][0]
    assert ["model", "toy-llm"] in blocks["made"][0]
    assert "a1" not in json.dumps(blocks)


def test_a_row_without_lineage_has_its_transcripts() -> None:
    blocks = view(SUBSET_OF_CONFIG["cap"], ROWS["cap"], {}).blocks
    assert ["speech", [["um, A cup.", "", ""], ["I see that A cup.", "", ""]]] in blocks
    assert "made" not in kinds(blocks)


def test_points_keep_their_unit_and_their_labels() -> None:
    points = view(SUBSET_OF_CONFIG["points"], ROWS["points"], {}).blocks[0]
    assert points == ["points", "percent", [["cup", [[25.0, 50.0], [75.0, 10.0]]]]]
    count = view(SUBSET_OF_CONFIG["count"], ROWS["count"], {}).blocks[0]
    assert count[1] == "pixels"


def test_references_of_an_answer_have_the_numbers_of_their_points() -> None:
    name = "point_explanations"
    blocks = view(SUBSET_OF_CONFIG[name], ROWS[name], {}).blocks
    assert ["text", "Answer with its points", "It can run [1] with its legs."] in blocks
    groups = next(block for block in blocks if block[0] == "points")[2]
    assert groups == [["legs (the legs of the horse)", [[30.0, 80.0], [60.0, 80.0]]]]


def test_a_point_without_a_place_is_kept_as_such() -> None:
    row = {"points": [{"x": float("nan"), "y": None}], "label": "cup"}
    assert view(SUBSET_OF_CONFIG["points"], row, {}).blocks[0][2] == [["cup", [[None, None]]]]


def test_facts_count_what_can_be_counted() -> None:
    def facts(config: str) -> dict[str, float]:
        return view(SUBSET_OF_CONFIG[config], ROWS[config], {}).facts

    assert facts("cap") == {"words in caption": 2, "transcripts": 2}
    assert facts("points") == {"points": 2, "count": 2}
    assert facts("point_explanations")["points"] == 2
    assert facts("docs_charts") == {"questions": 2}
    assert facts("clocks")["time"] == pytest.approx(10 + 8 / 60)
    assert facts("cap_qa")["turns"] == 4


def test_rules_that_dropped_a_row_come_first() -> None:
    one = view(SUBSET_OF_CONFIG["cap"], ROWS["cap"], {}, ("short_v1", "duplicate: of x"))
    assert one.blocks[0] == ["why", ["short_v1", "duplicate: of x"]]
    assert one.facts["why duplicate"] == 1
