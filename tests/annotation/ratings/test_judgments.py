"""Judgments as files have them."""

import json
from pathlib import Path

from annotation.push.preference_pairs import read_answers
from annotation.ratings.judgments import judgments_of_file

ROW = {"model_a": "x", "model_b": "y", "choice": "a"}
ANSWER = {"prompt": "How many?", "model": "x", "answer": "Two."}


def _file(folder: Path, rows: list[dict[str, object]]) -> str:
    path = folder / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return str(path)


def test_prompts_may_be_numbered_from_zero(tmp_path: Path) -> None:
    url = _file(tmp_path, [ROW | {"prompt_id": number} for number in (0, 0, 1)])
    assert [one.prompt for one in judgments_of_file(url)] == ["0", "0", "1"]
    url = _file(tmp_path, [ANSWER | {"prompt_id": 0}, ANSWER | {"prompt_id": "a"}])
    assert [one.prompt_id for one in read_answers(url)] == ["0", "a"]


def test_without_an_id_the_prompt_is_not_known(tmp_path: Path) -> None:
    url = _file(tmp_path, [ROW, ROW | {"prompt_id": None}, ROW | {"prompt_id": ""}])
    assert [one.prompt for one in judgments_of_file(url)] == ["", "", ""]
