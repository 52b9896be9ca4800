"""The sample annotations: made by their script, on pictures that are there, with true numbers."""

import json
from pathlib import Path
from typing import Any

import pytest

from annotation.pull.checks import CheckRules, check_item
from annotation.pull.given import given_key
from samples import make_annotations as made
from schemas.annotations import CountAnnotation, PointAnnotation
from schemas.ids import image_id_of
from schemas.judgment import Reject
from schemas.takedown import is_pseudonym

FOLDER = Path(made.__file__).parent / "annotations"
KINDS = ("points", "ask_model_anything", "point_explanations", "count")
PICTURES = {
    image_id_of(f"{made.HOST}/{path.name}"): path for path in (FOLDER.parent / "images").iterdir()
}


def rows(kind: str) -> list[dict[str, Any]]:
    lines = (FOLDER / f"{kind}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_the_files_are_what_the_script_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "images").symlink_to(FOLDER.parent / "images")
    monkeypatch.setattr(made, "HERE", tmp_path)
    made.main()
    for kind in KINDS:
        written = (tmp_path / "annotations" / f"{kind}.jsonl").read_bytes()
        assert written == (FOLDER / f"{kind}.jsonl").read_bytes(), kind


@pytest.mark.parametrize("kind", KINDS)
def test_enough_rows_can_be_used_and_some_are_wrong(kind: str) -> None:
    found = [check_item(kind, str(given_key(row)), row, CheckRules()) for row in rows(kind)]
    good = [one for one in found if not isinstance(one, Reject)]
    assert len(good) >= 10
    assert sum(isinstance(one, Reject) for one in found) >= 2
    assert sum(record.image_id in PICTURES for record in good) >= 10
    for row in rows(kind):
        assert is_pseudonym(row["annotator_id"])


def test_numbers_are_those_of_the_points() -> None:
    for row in rows("count"):
        found = check_item("count", "1", row, CheckRules())
        if isinstance(found, CountAnnotation):
            assert found.count == len(found.points)
    coins = [row for row in rows("points") if row["label"] == "coins"]
    found = [check_item("points", "1", row, CheckRules()) for row in coins]
    assert {len(one.points) for one in found if isinstance(one, PointAnnotation)} == {23, 24}
