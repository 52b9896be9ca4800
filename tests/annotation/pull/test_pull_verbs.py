"""`pixmo annotate pull` and a recipe's section `pull`, with what every store's verbs make of it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from annotation.annotators import Annotator, save_annotators
from annotation.campaign import Campaign, StudioConfig, save_campaign
from annotation.home import HOME, Home
from annotation.registry import Project, save_project
from annotation.sidecar.lines import append_line
from schemas.annotations import PointAnnotation, TranscriptReview
from schemas.errors import StageError, UsageError
from schemas.records import Caption, Source
from schemas.store import Store
from schemas.takedown import TakedownRequest
from tests import toy_store as toy
from tests.annotation.pull.studio_page import PERSON, StudioPage, clock, phrase, textarea
from tests.tools.in_process import pixmo, refused
from tools import pull as pulling
from tools.recipe import PullRecipe, load_recipe
from tools.stages import STAGES, Run
from tools.steps import steps_of
from tools.takedown import take_down

OTHER = "a00000000000b"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "store"))
    toy.put_images(made, {"a.png": toy.picture(1), "b.png": toy.picture(2)})
    return made


@pytest.fixture
def home(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = Home(tmp_path / "home")
    made.make()
    monkeypatch.setenv(HOME, str(made.root))
    monkeypatch.delenv("PIXMO_ANNOTATOR_SALT", raising=False)
    save_campaign(made, Campaign(store.url, StudioConfig(port=1)))  # where nothing listens
    people = {3: Annotator("ada@x", "ada", 3, PERSON), 4: Annotator("bob@x", "bob", 4, OTHER)}
    save_annotators(made, people)
    return made


@pytest.fixture
def page(home: Home, monkeypatch: pytest.MonkeyPatch) -> StudioPage:
    """A studio with a project of points, in which two people did one task each."""
    made = StudioPage()
    save_project(home, Project("points", 1, (("points_v1", clock(0)),)))
    made.submit(phrase("cup", (10, 20)), image_id=toy.id_of("a.png"))
    bobs = made.submit(phrase("spoon", (30, 40)), image_id=toy.id_of("b.png"))
    made.rows[bobs]["completed_by_id"] = 4
    monkeypatch.setattr(
        "annotation.pull.pull.ask_studio", lambda home, campaign, path, **p: made(path, **p)
    )
    return made


def labels(store: Store) -> list[str]:
    return sorted(row.label for row in toy.rows(store, "annotations/points", PointAnnotation))


def test_pull_shows_what_it_brought(page: StudioPage, store: Store) -> None:
    done = pixmo("annotate", "pull", "--store", store.url)
    assert done.exit_code == 0, done.output
    assert "points: 2 new or changed, 0 deleted" in done.stdout
    assert "annotations-points" in done.stdout
    assert labels(store) == ["cup", "spoon"]


def test_the_verbs_of_a_store_know_what_was_pulled(page: StudioPage, store: Store) -> None:
    page.submit(phrase("fork", (10, 20)), image_id="f" * 32)
    page.submit([], image_id=toy.id_of("a.png"))
    pixmo("annotate", "pull")
    status = pixmo("status", "--store", store.url).stdout
    assert "annotations/points" in status
    assert "empty_label" in status
    lines = pixmo("rejects", "--store", store.url, "--stage", "annotations-points", "--json").stdout
    assert {json.loads(line)["reason"] for line in lines.splitlines()} == {
        "empty_label",
        "unknown_task",
    }
    assert (
        pixmo("rejects", "--store", store.url, "--stage", "sources-annotations-points").exit_code
        == 0
    )
    tried = pixmo("retry", "--store", store.url)
    assert tried.exit_code == 0, tried.output
    assert "annotations-points" in tried.stdout
    assert not toy.findings(store, "images")


def test_without_a_studio_the_line_says_what_to_do(home: Home, store: Store) -> None:
    save_project(home, Project("points", 1))
    line = refused("annotate", "pull", "--store", store.url)
    assert "annotate up" in line


def test_a_studio_that_goes_away_ends_with_1(page: StudioPage, store: Store) -> None:
    page.fail_after = 1
    line = refused("annotate", "pull", status=1)
    assert "nothing is lost" in line


def test_recordings_that_nobody_submitted_are_told_of(
    page: StudioPage, home: Home, store: Store
) -> None:
    (home.recordings / f"{'1' * 32}.json").write_text("{}")
    done = pixmo("annotate", "pull")
    assert "1 recordings belong to no annotation (1 of them were broken off)" in done.stdout


# --- in a recipe


def recipe_of(folder: Path, text: str) -> Any:
    path = folder / "recipe.yaml"
    path.write_text(f"store: {folder / 'store'}\n{text}\n", encoding="utf-8")
    return load_recipe(path)


def test_a_recipe_pulls_before_it_transcribes(tmp_path: Path) -> None:
    steps = list(steps_of(recipe_of(tmp_path, "pull: {}")))
    assert steps.index("pull") < steps.index("recordings") < steps.index("transcribe")
    assert steps.index("annotations-transcript_review") < steps.index("caption")
    assert {"pull", *steps} <= {"pull", *STAGES}
    both = list(steps_of(recipe_of(tmp_path, "pull: {}\nrecordings: {manifest: x.jsonl}")))
    assert both == steps


def test_a_recipe_can_run_the_steps_one_by_one(
    page: StudioPage, store: Store, tmp_path: Path
) -> None:
    recipe_of(tmp_path, "pull: {rules: {duplicate_percent: 1.5}}")
    path = tmp_path / "recipe.yaml"
    planned = pixmo("run", path, "--stage", "pull", "--dry-run")
    assert planned.exit_code == 0, planned.output
    assert not store.infos("sources/annotations/points")
    done = pixmo("run", path, "--stage", "pull", "--stage", "annotations-points")
    assert done.exit_code == 0, done.output
    assert labels(store) == ["cup", "spoon"]
    info = store.infos("annotations/points")[0]
    assert info.config["duplicate_percent"] == 1.5
    again = pixmo("run", path, "--stage", "pull", "--stage", "annotations-points")
    assert "annotations-points: nothing new" in again.stderr


def test_an_optional_pull_is_skipped_with_a_line(home: Home, tmp_path: Path) -> None:
    save_project(home, Project("points", 1))
    for text, status in (("pull: {}", 2), ("pull: {optional: true}", 0)):
        recipe_of(tmp_path, text)
        done = pixmo("run", tmp_path / "recipe.yaml", "--stage", "pull")
        assert done.exit_code == status, done.output
        assert "annotate up" in done.stderr


def test_a_recipe_may_wait_for_the_studio(page: StudioPage, store: Store) -> None:
    answers = iter([0, 0])

    class Slow(StudioPage):
        def __call__(self, path: str, **params: Any) -> dict[str, Any]:
            if next(answers, None) is not None:
                raise UsageError("nothing answers")
            return page(path, **params)

    with pytest.MonkeyPatch.context() as patch:
        slow = Slow()
        patch.setattr("annotation.pull.pull.ask_studio", lambda h, c, path, **p: slow(path, **p))
        patch.setattr(pulling, "POLL_S", 0.01)
        (pulled,) = pulling.pull_rows(store, PullRecipe(wait_s=5.0))
    assert pulled.rows == 2


# --- going on


def test_watching_pulls_at_once_when_told_and_survives_a_restart(
    page: StudioPage, home: Home, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Away, back, an event, and interrupted: each wait is counted, none is waited for."""
    shown: list[int] = []
    waits = 0

    def sleep(seconds: float) -> None:
        nonlocal waits
        waits += 1
        page.fail_after = None
        if waits == 40:
            page.submit(phrase("fork", (1, 2)), image_id=toy.id_of("a.png"))
            append_line(home.events, {"project": 1, "annotation": 3}, durable=False)
        if waits == 60:
            raise KeyboardInterrupt

    moment = iter(range(10_000))
    monkeypatch.setattr(pulling.time, "sleep", sleep)
    monkeypatch.setattr(pulling.time, "monotonic", lambda: float(next(moment)))
    page.fail_after = 0
    with pytest.raises(KeyboardInterrupt):
        pulling.watch(Run(store), PullRecipe(), lambda found: shown.append(found[0].rows))
    assert [rows for rows in shown if rows] == [2, 1]
    assert labels(store) == ["cup", "fork", "spoon"]


# --- takedowns


def test_a_person_is_taken_out_of_all_that_they_judged(page: StudioPage, store: Store) -> None:
    pixmo("annotate", "pull")
    take_down(Run(store), TakedownRequest("withdrew", annotators=(PERSON,)))
    assert labels(store) == ["spoon"]
    sources = toy.rows(store, "sources/annotations/points", Source)
    assert len(sources) == 1
    assert PERSON not in sources[0].row
    assert not toy.findings(store, "images")
    done = pixmo("annotate", "pull")
    assert done.exit_code == 0
    assert labels(store) == ["spoon"]
    assert not toy.findings(store, "images")


def test_a_part_that_stays_is_not_done_again(page: StudioPage, store: Store) -> None:
    pixmo("annotate", "pull")
    take_down(Run(store), TakedownRequest("withdrew", annotators=(PERSON,)))
    before = store.infos("annotations/points")
    pixmo("annotate", "pull")
    assert store.infos("annotations/points") == before


def test_a_picture_goes_with_what_was_judged_about_it(page: StudioPage, store: Store) -> None:
    pixmo("annotate", "pull")
    take_down(Run(store), TakedownRequest("asked", urls=(toy.url_of("b.png"),)))
    assert labels(store) == ["cup"]
    pixmo("annotate", "pull")
    assert labels(store) == ["cup"]
    assert not toy.findings(store, "images")


def test_a_reviewer_goes_with_the_captions_made_from_the_review(
    home: Home, page: StudioPage, store: Store
) -> None:
    """The recording stays: its picture gets a caption again from what was recognised."""
    page.rows.clear()
    home.projects.unlink()
    save_project(home, Project("transcript_review", 1))
    spoken = toy.transcript("a.png", "a read cup upon a wooden table")
    toy.put_transcripts(store, [spoken])
    page.submit(
        [textarea("text", "a red cup upon a wooden table")],
        image_id=spoken.image_id,
        recording_id=spoken.recording_id,
    )
    pixmo("annotate", "pull")
    (review,) = toy.rows(store, "annotations/transcript_review", TranscriptReview)
    (info,) = store.infos("annotations/transcript_review")
    made = toy.caption("a.png", "A red cup.")
    made = type(made)(
        **{**vars(made), "transcripts": (review.text,), "review_ids": (review.item_id,)}
    )
    toy.put(store, "captions", 0, Caption, [made])
    assert info.records == 1
    receipt = take_down(Run(store), TakedownRequest("withdrew", annotators=(PERSON,)))
    assert not toy.rows(store, "annotations/transcript_review", TranscriptReview)
    assert receipt.captions == (spoken.image_id,)
    assert toy.reasons(store, "captions") == {"taken_down": 1}
    assert len(toy.rows(store, "transcripts", type(spoken))) == 1


def test_the_home_of_a_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME, str(tmp_path))
    assert pulling.home_of(PullRecipe()).root == tmp_path
    given = pulling.home_of(PullRecipe(home="~/x")).root
    assert given == Path(os.path.expanduser("~/x")).resolve()
    with pytest.raises(UsageError, match="wait_s"):
        PullRecipe(wait_s=-1)
    assert issubclass(StageError, Exception)
