"""`pixmo annotate status` without Label Studio: what the store knows, by name and by pseudonym."""

import json
from pathlib import Path
from typing import Any

import pytest

from annotation.annotators import Annotator, save_annotators
from annotation.campaign import Campaign, StudioConfig, save_campaign
from annotation.home import Home
from annotation.kinds import KINDS
from annotation.push.gold_file import add_gold
from annotation.push.tasks.task import KnownAnswer
from annotation.quality.stored_work import known_answers, stored_work
from annotation.registry import Project, save_project
from schemas.annotations import CountAnnotation, Point, PointAnnotation, Preference, Work
from schemas.judgment import RejectRow
from schemas.part_writer import PartWriter
from schemas.records import Recording
from schemas.store import Store
from tests import toy_store
from tests.tools.in_process import pixmo, refused

ADA, BOB = "a0123456789ab", "a9876543210ab"


def work(who: str, task: str, number: int, seconds: float = 10.0) -> Work:
    return Work(f"1:{number}", task, who, "points_v1", seconds, "2026-01-02T00:00:00.000000Z")


def pointed(item: str, label: str, points: tuple[Point, ...], made: Work) -> PointAnnotation:
    return PointAnnotation(item, "i" * 32, label, points, "pointing", made)


def item(who: str, task: str, number: int, **more: Any) -> dict[str, Any]:
    base = {"annotation": f"1:{number}", "revision": "2026-01-02T00:00:00.000000Z"}
    return base | {"annotator_id": who, "task_key": task, "seconds": 5.0} | more


def put(store: Store, table: str, record: type, rows: list[Any], rejects: list[RejectRow]) -> None:
    """One part with rows and rejects, as a stage writes it."""
    with PartWriter(store, table, 0, record) as writer:
        outcomes = [(getattr(row, next(iter(record.__annotations__))), row) for row in rows]
        for _, one in sorted([*outcomes, *((row.key, row) for row in rejects)], key=lambda o: o[0]):
            writer.add(one)
        writer.commit(
            fingerprint="f",
            rows_in=len(outcomes) + len(rejects),
            seconds=0.0,
            code_version="test",
            config={},
            inputs={},
        )


def reject(key: str, reason: str, row: dict[str, Any], retryable: bool = False) -> RejectRow:
    return RejectRow("annotations", key, reason, "", retryable, json.dumps(row))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A campaign on a store with points, recordings and preferences; Label Studio is away."""
    store = Store(str(tmp_path / "out"))
    here, near = (Point(10, 10),), (Point(11, 11),)
    rows = [
        pointed("p1", "Red car", here, work(ADA, "t1", 1)),
        pointed("p2", "moon", (), work(ADA, "t1", 1)),
        pointed("p3", "red  CAR", near, work(BOB, "t1", 2, 30.0)),
        pointed("p4", "cat", here, work(BOB, "t2", 3, 50.0)),
    ]
    refused_rows = [
        reject("r1", "out_of_range", item(BOB, "t3", 4)),
        reject("r2", "skipped", item(BOB, "t4", 5)),
        reject("r3", "superseded", item(ADA, "t1", 1)),
        reject("r4", "unknown_task", item(ADA, "t5", 6), retryable=True),
    ]
    put(store, "annotations/points", PointAnnotation, rows, refused_rows)
    spoken = toy_store.recording("one.png", "1", b"x")
    carried = json.dumps({k: v for k, v in item(ADA, "t9", 9).items() if k != "annotator_id"})
    values = spoken.__dict__ | {"annotator_id": ADA, "carried": carried}
    listed = toy_store.recording("two.png", "2", b"y")
    short = reject("zz", "too_short", item(ADA, "t8", 8) | {"audio": "x.webm"})
    foreign = reject("zy", "too_short", {"audio": "y.webm", "annotator": "somebody"})
    put(store, "recordings", Recording, [Recording(**values), listed], [short, foreign])
    golden = [
        reject("g1", "unknown_task", item(ADA, "gold", 20, choice="left"), retryable=True),
        reject("g2", "unknown_task", item(BOB, "gold", 21, choice="right"), retryable=True),
    ]
    judged = [Preference("j1", "pair", "a", work(BOB, "t7", 22))]
    put(store, "annotations/preference", Preference, judged, golden)
    put(store, "annotations/count", CountAnnotation, [], [])
    made = Home(tmp_path / "home")
    made.make()
    save_campaign(made, Campaign(store.url, StudioConfig(port=1)))
    accounts = [Annotator("ada@x", "ada", 7, ADA), Annotator("bob@x", "bob", 8, BOB)]
    save_annotators(made, {one.user_id: one for one in accounts})
    for number, kind in enumerate(("points", "cap", "preference"), start=1):
        save_project(made, Project(kind, number))
    add_gold(made, "preference", [KnownAnswer("gold", {"choice": "left"})])
    expected = {"label": "red car", "points": [{"x": 90, "y": 90}]}
    add_gold(made, "points", [KnownAnswer("t1", expected)])
    return made


def test_work_is_found_by_kind(home: Home, tmp_path: Path) -> None:
    store = Store(str(tmp_path / "out"))
    found = stored_work(store, KINDS["points"], known_answers(home, "points"))
    assert [(one.annotation, one.items) for one in found.judged] == [
        ("1:1", 2),
        ("1:2", 1),
        ("1:3", 1),
    ]
    assert [(one.annotator_id, one.reason) for one in found.refused] == [(BOB, "out_of_range")]
    spoken = stored_work(store, KINDS["cap"], {})
    assert [(one.annotation, one.annotator_id, one.seconds) for one in spoken.judged] == [
        ("1:9", ADA, 5.0)
    ]
    assert [one.reason for one in spoken.refused] == ["too_short"]


def test_pairs_with_known_answers_are_scored_and_no_rejects(home: Home, tmp_path: Path) -> None:
    known = known_answers(home, "preference")
    found = stored_work(Store(str(tmp_path / "out")), KINDS["preference"], known)
    assert known == {"gold": "a"}
    assert {(one.annotator_id, one.answer) for one in found.judged} == {
        (ADA, "a"),
        (BOB, "b"),
        (BOB, "a"),
    }
    assert found.refused == ()


def test_the_coordinator_sees_names(home: Home) -> None:
    said = pixmo("annotate", "status", "--home", home.root)
    assert said.exit_code == 0
    assert "nothing answers at" in said.stderr
    assert "this is what the store knows" in said.stderr
    assert max(len(line) for line in said.stdout.splitlines()) <= 80
    text = " ".join(said.stdout.split())
    assert "points (project 1)" in text
    assert "ada - 1 10.0 10.0 0.0% 1.00 (1) 0.00 (1)" in text
    assert "bob - 2 40.0 50.0 33.3% 1.00 (1) 0.00 (1)" in text
    assert "rejects: 1 out_of_range" in text
    assert "ada - 1 5.0 5.0 50.0% - -" in text
    assert "F1 of points within 5%" in text
    assert ADA not in said.stdout


def test_programs_see_pseudonyms(home: Home) -> None:
    said = pixmo("annotate", "status", "--home", home.root, "--json").stdout
    assert "ada" not in said.replace(ADA, "")
    assert "@" not in said
    found = json.loads(said)
    points = found["projects"][1]
    assert [one["kind"] for one in found["projects"]] == ["cap", "points", "preference"]
    assert points["counts"] is None
    assert "nothing answers" in points["silent"]
    assert [one["annotator_id"] for one in points["annotators"]] == [ADA, BOB]
    assert points["annotators"][0]["opened"] is None
    assert points["annotators"][0]["facts"]["gold"] == {"mean": 0.0, "comparisons": 1}
    preference = found["projects"][2]
    assert preference["annotators"][1]["facts"]["gold"] == {"mean": 0.0, "comparisons": 1}


def test_wrong_use(home: Home, tmp_path: Path) -> None:
    assert "run `pixmo annotate up" in refused("annotate", "status", "--home", tmp_path / "none")
    said = refused("annotate", "status", "--home", home.root, "--store", tmp_path / "other")
    assert "--home" in said
