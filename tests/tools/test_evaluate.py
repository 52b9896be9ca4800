"""`pixmo evaluate preference`: from judgments to a leaderboard, files and a plot."""

import csv
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image as Pictures
from typer.testing import CliRunner

from schemas.annotations import Preference, PreferencePair, Work
from schemas.store import Store
from tests.toy_store import put
from tools.cli import app

WORK = Work("1:1", "k", "a1", "preference_v1", 9.0, "2026-01-01T00:00:00Z")
FILES = ["leaderboard.csv", "leaderboard.json", "leaderboard.png", "leaderboard.svg", "pairs.csv"]


def pair(name: str, model_a: str, model_b: str, prompt: str = "p") -> PreferencePair:
    return PreferencePair(name, prompt, "", "what?", model_a, "one", model_b, "two", False)


def judged(store: Store, choices: list[tuple[str, str]]) -> None:
    rows = [
        Preference(f"i{n}", pair_id, choice, WORK) for n, (pair_id, choice) in enumerate(choices)
    ]
    put(store, "annotations/preference", 0, Preference, rows)


def evaluate(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["evaluate", "preference", *words])
    return result.exit_code, " ".join(result.output.split())


def lines(path: Path, *rows: object) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_a_store_becomes_a_leaderboard(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "out"))
    pairs = [pair("x", "ada", "b$b", "p1"), pair("y", "ada", "b$b", "p2"), pair("z", "ada", "cid")]
    put(store, "preference_pairs", 0, PreferencePair, pairs)
    judged(
        store,
        [
            *[("x", "a"), ("x", "a"), ("x", "cannot_tell"), ("y", "b"), ("y", "both_good")],
            *[("z", "a"), ("z", "b"), ("z", "a")],
        ],
    )
    status, said = evaluate("--store", store.url, "--bootstrap", "50")
    assert status == 0, said
    assert "7 judgments; 1 more say cannot_tell" in said
    assert "50 resamples of 3 prompts, seed 0" in said
    folder = tmp_path / "out" / "evaluation-preference"
    assert sorted(path.name for path in folder.iterdir()) == FILES
    board = json.loads((folder / "leaderboard.json").read_text(encoding="utf-8"))
    assert [row["model"] for row in board["leaderboard"]] == ["ada", "b$b", "cid"]
    assert board["mean"] == 1000
    assert sum(row["rating"] for row in board["leaderboard"]) == pytest.approx(3000, abs=1e-3)
    with (folder / "pairs.csv").open(encoding="utf-8", newline="") as file:
        rows = {(row["model"], row["opponent"]): row for row in csv.DictReader(file)}
    assert rows["ada", "b$b"]["games"] == "4"
    assert float(rows["ada", "b$b"]["win_rate"]) == pytest.approx(2.5 / 4)


def test_the_plot_names_every_model_and_is_the_same_again(tmp_path: Path) -> None:
    rows = [
        {"model_a": a, "model_b": b, "choice": choice, "prompt_id": str(n)}
        for n, (a, b, choice) in enumerate(
            [("a_$1$", "b<b>", "a"), ("b<b>", "a_$1$", "a"), ("cid", "b<b>", "both_bad")] * 4
        )
    ]
    file = lines(tmp_path / "judgments.jsonl", *rows)
    for name in ("one", "two"):
        status, said = evaluate("--judgments", file, "--output", str(tmp_path / name))
        assert status == 0, said
    for name in FILES:
        if not name.endswith(".png"):
            assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    with Pictures.open(tmp_path / "one" / "leaderboard.png") as plot:
        assert plot.width == 1200
        assert len(plot.convert("L").getcolors(256) or []) > 20
    svg = ElementTree.parse(tmp_path / "one" / "leaderboard.svg")
    texts = {
        "".join(one.itertext()).strip() for one in svg.iter("{http://www.w3.org/2000/svg}text")
    }
    assert {"a_$1$", "b<b>", "cid"} <= texts


GOOD = {"model_a": "ada", "model_b": "bob", "choice": "a"}


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (GOOD | {"choice": "left"}, "row 2: unknown choice 'left'; choices: a, b, both_good"),
        (GOOD | {"model_b": "ada"}, "row 2: ada stands against itself; remove the row"),
        ({"model_a": "ada", "choice": "a"}, "row 2 lacks model_b"),
        ("not a row", "row 2: "),
        ({"model_a": "cid", "model_b": "dot", "choice": "a"}, "ada, bob | cid, dot"),
    ],
)
def test_bad_rows_end_in_one_line(tmp_path: Path, row: object, says: str) -> None:
    status, said = evaluate("--judgments", lines(tmp_path / "judgments.jsonl", GOOD, row))
    assert status == 2
    assert said.startswith("error: ")
    assert says in said
    assert not (tmp_path / "evaluation-preference").exists()


def test_a_model_that_never_lost_is_named_as_a_limit(tmp_path: Path) -> None:
    file = lines(tmp_path / "judgments.jsonl", GOOD, GOOD)
    status, said = evaluate(
        "--judgments", file, "--output", str(tmp_path / "e"), "--bootstrap", "5"
    )
    assert status == 0
    assert "its rating has no bound: one tie was added" in said
    assert "2 judgments are few" in said


def test_wrong_use(tmp_path: Path) -> None:
    assert evaluate() == (2, "error: give either --store or --judgments")
    store = Store(str(tmp_path / "out"))
    put(store, "preference_pairs", 0, PreferencePair, [pair("x", "ada", "bob")])
    status, said = evaluate("--store", store.url)
    assert (status, "no judgments: run `pixmo annotate pull`" in said) == (2, True)
    judged(store, [("gone", "a")])
    status, said = evaluate("--store", store.url)
    assert (status, "which preference_pairs lacks" in said) == (2, True)
