"""What a pull adds: everything new, once, whatever was lost, late, changed or removed meanwhile."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from annotation.annotators import Annotator, save_annotators
from annotation.campaign import Campaign, save_campaign
from annotation.home import Home
from annotation.pull.event_queue import is_waiting, taken
from annotation.pull.fetch import PAGE_ROWS, earlier
from annotation.pull.pull import Puller
from annotation.pull.stages import PointsStage, QuestionStage
from annotation.registry import Project, load_projects, save_project
from annotation.sidecar.lines import append_line
from pipelines.denylist import add_denied
from pipelines.recordings import SOURCES, Recordings, recording_key
from pipelines.run_stage import StageResult
from pipelines.sources import Import, import_source
from pipelines.steps.audio import AudioLimits
from schemas.annotations import PointAnnotation, QuestionAnnotation
from schemas.errors import LockedError, StageError, UsageError
from schemas.ids import sha256_hex
from schemas.judgment import RejectRow
from schemas.locks import hold
from schemas.records import Recording, Source
from schemas.store import Store
from tests import toy_store as toy
from tests.annotation.pull.studio_page import (
    KEY,
    PERSON,
    StudioPage,
    chosen,
    clock,
    phrase,
    textarea,
)

FEED = "sources/annotations/points"
CUP = phrase("cup", (10, 20))


@dataclasses.dataclass
class Pulling:
    """A campaign with one project per kind, each answered by a list."""

    home: Home
    store: Store
    page: StudioPage

    def project(self, kind: str, **settings: Any) -> None:
        guidelines = ((f"{kind}_v1", clock(0)), (f"{kind}_v2", clock(500)))
        save_project(self.home, Project(kind, 1, guidelines, settings))

    def pull(self, **more: Any) -> Any:
        campaign = Campaign(self.store.url)
        puller = Puller(self.home, campaign, self.store, ask=self.page, **more)
        (pulled,) = puller.pull()
        return pulled

    def items(self, table: str = FEED) -> list[dict[str, Any]]:
        return [json.loads(row.row) for row in toy.rows(self.store, table, Source)]

    def points(self) -> StageResult:
        return toy.run(PointsStage(), self.store)


@pytest.fixture
def pulling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pulling:
    monkeypatch.delenv("PIXMO_ANNOTATOR_SALT", raising=False)
    home = Home(tmp_path / "home")
    home.make()
    store = Store(str(tmp_path / "store"))
    save_campaign(home, Campaign(store.url))
    save_annotators(home, {3: Annotator("ada@pixmo.localhost", "ada", 3, PERSON)})
    made = Pulling(home, store, StudioPage())
    made.project("points")
    toy.put_images(store, {"a.png": toy.picture(1)})
    made.page.submit(CUP, image_id=toy.id_of("a.png"))
    made.page.submit(phrase("spoon", (1, 1), (2, 2)), image_id=toy.id_of("a.png"))
    return made


def test_every_annotation_becomes_a_row_and_a_record(pulling: Pulling) -> None:
    pulled = pulling.pull()
    assert (pulled.changed, pulled.deleted, pulled.rows) == (2, 0, 2)
    result = pulling.points()
    assert (result.records, result.reasons) == (2, {})
    (cup, _) = sorted(
        toy.rows(pulling.store, "annotations/points", PointAnnotation), key=lambda r: r.label
    )
    assert cup.work.annotator_id == PERSON
    assert cup.work.annotation == "1:1"
    assert cup.work.guideline == "points_v1"


def test_no_row_names_a_person(pulling: Pulling) -> None:
    pulling.pull()
    text = json.dumps(pulling.items())
    assert "ada" not in text
    assert PERSON in text
    pulling.page.rows[1]["completed_by_id"] = 99  # an account that nobody wrote down
    pulling.page.change(1, CUP)
    pulling.pull()
    assert all(str(item["annotator_id"]).startswith("a") for item in pulling.items())


def test_the_same_pull_again_adds_nothing(pulling: Pulling) -> None:
    pulling.pull()
    before = toy.stamps(Path(pulling.store.url))
    assert pulling.pull().rows == 0
    assert toy.stamps(Path(pulling.store.url)) == before


def test_a_lost_cursor_only_costs_time(pulling: Pulling) -> None:
    pulling.pull()
    before = toy.contents(pulling.store)
    (pulling.home.root / "pulled.json").unlink()
    assert pulling.pull().rows == 0
    assert toy.contents(pulling.store) == before


def test_only_what_is_new_is_asked_for(pulling: Pulling) -> None:
    for _ in range(30):
        pulling.page.submit(CUP)
    pulling.pull()
    pulling.page.submit(CUP)
    pulling.page.asked.clear()
    assert pulling.pull().changed == 1
    assert [params.get("after", "") != "" for params in pulling.page.asked] == [False, True]


def test_a_changed_annotation_supersedes(pulling: Pulling) -> None:
    pulling.pull()
    pulling.points()
    pulling.page.change(1, phrase("mug", (10, 20)))
    assert pulling.pull().changed == 1
    result = pulling.points()
    assert (result.records, result.reasons) == (2, {"superseded": 1})


def test_a_revision_that_changes_nothing_adds_nothing(pulling: Pulling) -> None:
    pulling.pull()
    pulling.page.change(1, CUP)
    pulling.page.rows[1]["lead_time"] = 75.0
    assert pulling.pull().rows == 0


def test_a_phrase_less_is_a_change(pulling: Pulling) -> None:
    pulling.page.change(1, CUP + phrase("spoon", (5, 5)))
    pulling.pull()
    pulling.points()
    pulling.page.change(1, CUP)
    assert pulling.pull().changed == 1
    assert pulling.points().reasons == {"superseded": 2}


def test_a_deleted_annotation_is_a_reject(pulling: Pulling) -> None:
    pulling.pull()
    pulling.points()
    del pulling.page.rows[1]
    pulled = pulling.pull()
    assert (pulled.deleted, pulled.rows) == (1, 1)
    result = pulling.points()
    assert (result.records, result.reasons) == (1, {"deleted": 2})
    assert pulling.pull().rows == 0


def test_all_at_once_annotations_of_one_instant_are_not_missed(pulling: Pulling) -> None:
    for at in range(2 * PAGE_ROWS + 5):
        pulling.page.submit(phrase("cup", (at % 97, 1)), at=200.0)
    pulled = pulling.pull()
    assert pulled.changed == 2 * PAGE_ROWS + 7
    assert len({item["annotation"] for item in pulling.items()}) == 2 * PAGE_ROWS + 7


def test_a_late_transaction_is_not_missed(pulling: Pulling) -> None:
    """Committed after the pull, with a time before the last that the pull saw."""
    pulling.page.submit(CUP, at=300.0)
    pulling.pull()
    pulling.page.submit(phrase("late", (1, 1)), at=295.0)
    pulling.page.change(2, phrase("late change", (1, 1)), at=296.0)
    assert pulling.pull().changed == 2


def test_a_clock_that_was_put_back_hides_nothing_new(pulling: Pulling) -> None:
    pulling.page.submit(CUP, at=5000.0)
    pulling.pull()
    pulling.page.submit(phrase("early", (1, 1)), at=7.0)
    assert pulling.pull().changed == 1


def test_an_event_tells_of_a_change_that_no_clock_shows(pulling: Pulling) -> None:
    pulling.page.submit(CUP, at=5000.0)
    pulling.pull()
    pulling.page.change(1, phrase("mug", (10, 20)), at=4000.0)
    assert pulling.pull().changed == 0
    append_line(pulling.home.events, {"project": 1, "annotation": 1}, durable=False)
    assert pulling.pull().changed == 1
    assert not is_waiting(pulling.home.events)


def test_a_studio_that_goes_away_costs_nothing(pulling: Pulling) -> None:
    for at in range(2 * PAGE_ROWS):
        pulling.page.submit(phrase("cup", (at % 97, 1)))
    append_line(pulling.home.events, {"project": 1, "annotation": 1}, durable=False)
    for answers in (1, 2, 3):
        pulling.page.fail_after = answers
        pulling.page.asked.clear()
        with pytest.raises(StageError, match="nothing is lost"):
            pulling.pull(rows_per_part=300)
    assert 0 < len(pulling.items()) < 2 * PAGE_ROWS
    pulling.page.fail_after = None
    pulling.pull(rows_per_part=300)
    assert len({item["annotation"] for item in pulling.items()}) == 2 * PAGE_ROWS + 2
    assert len(pulling.items()) == 2 * PAGE_ROWS + 2
    assert pulling.pull().rows == 0
    with taken(pulling.home.events) as told:
        assert not told


def test_a_studio_that_never_answers_is_wrong_use(pulling: Pulling) -> None:
    pulling.page.fail_after = 0
    with pytest.raises(UsageError):
        pulling.pull()


def test_two_pulls_at_once_are_refused(pulling: Pulling) -> None:
    with (
        hold(Store(pulling.store.url), "sources-annotations-points", 0, 2),
        pytest.raises(LockedError),
    ):
        pulling.pull()


def test_another_studio_with_the_same_numbers_is_another_project(pulling: Pulling) -> None:
    pulling.pull()
    pulling.page = StudioPage(made_at="2026-09-09T00:00:00.000000Z")
    pulling.page.submit(CUP, image_id=toy.id_of("a.png"))
    pulled = pulling.pull()
    assert (pulled.changed, pulled.deleted) == (1, 0)
    assert pulling.points().records == 3


def test_empty_and_skipped_annotations_are_not_lost(pulling: Pulling) -> None:
    number = pulling.page.submit([])
    pulling.page.rows[number]["was_cancelled"] = True
    pulling.page.submit([], image_id=toy.id_of("a.png"))
    pulling.page.submit(CUP, key="")
    assert pulling.pull().rows == 5
    result = pulling.points()
    assert result.reasons == {"empty_label": 1, "skipped": 1, "unknown_task": 1}


def test_what_was_taken_down_does_not_come_back(pulling: Pulling) -> None:
    add_denied(pulling.store, [("annotator", PERSON, 0)])
    assert pulling.pull().rows == 2
    assert not pulling.items()
    refused = toy.rejects(pulling.store, FEED)
    assert {row.reason for row in refused} == {"denied"}
    assert all(PERSON not in row.row for row in refused)
    pulling.pull()
    pulling.page.asked.clear()
    assert pulling.pull().rows == 0
    assert not any("only" in params for params in pulling.page.asked)


def test_a_damaged_answer_ends_the_pull(pulling: Pulling) -> None:
    class Odd:
        def __call__(self, path: str, **params: Any) -> dict[str, Any]:
            return {"detail": "?"}

    with pytest.raises(StageError, match="restart"):
        Puller(pulling.home, Campaign(pulling.store.url), pulling.store, ask=Odd()).pull()


def test_earlier_is_a_cursor_before() -> None:
    assert earlier("2026-02-01T00:00:05.250000Z,7", 10) == "2026-01-31T23:59:55.250000Z,0"
    assert earlier("", 10) == ""
    assert earlier("yesterday,7", 10) == ""


# --- the ask loop


def turn(draft: str, user: int = 3, **more: Any) -> dict[str, Any]:
    line = {"at": "t", "project": 1, "task_key": KEY, "user": user, "question_id": "q"}
    line |= {"question": "What colour?", "points": [], "explanations": [], "rejected": ""}
    line |= {"explanation": "", "draft": draft, "model": "m", "prompt": "p_v1", "seconds": 1.0}
    return line | {"prompt_tokens": 1, "completion_tokens": 1, "error": ""} | more


def test_turns_are_those_of_the_person_the_task_and_the_question(pulling: Pulling) -> None:
    pulling.project("ask_model_anything")
    (pulling.home.projects).write_text(
        json.dumps(
            {
                k: dataclasses.asdict(v)
                for k, v in load_projects(pulling.home).items()
                if k != "points"
            }
        )
    )
    lines = [
        turn("Green."),
        turn("Somebody else's.", user=4),
        turn("Red.", rejected="Green.", explanation="look again"),
        turn("", error="down"),
        turn("Of another question.", question="What shape?"),
        turn("Of another task.", task_key="e" * 32),
    ]
    for line in lines:
        append_line(pulling.home.turns, line, durable=False)
    pulling.page.rows.clear()
    result = [
        textarea("question", "What  colour?"),
        textarea("answer", "Red."),
        chosen("verdict", "accept"),
    ]
    pulling.page.submit(result, image_id=toy.id_of("a.png"))
    pulling.pull()
    assert toy.run(QuestionStage(), pulling.store).records == 1
    (made,) = toy.rows(pulling.store, "annotations/ask_model_anything", QuestionAnnotation)
    assert [(t.draft, t.explanation) for t in made.turns] == [
        ("Green.", "look again"),
        ("Red.", ""),
    ]
    assert not made.edited


# --- speech


def record(pulling: Pulling, recording_id: str, audio: bytes, **more: Any) -> None:
    """A recording as the recorder's page leaves it."""
    folder = pulling.home.recordings
    (folder / f"{recording_id}.webm").write_bytes(audio)
    about = {"id": recording_id, "user_id": 3, "email": "ada@pixmo.localhost", "task_key": KEY}
    about |= {"file": f"{recording_id}.webm", "sha256": sha256_hex(audio), "finished": True}
    (folder / f"{recording_id}.json").write_text(json.dumps(about | more))


@pytest.fixture
def speaking(pulling: Pulling) -> Pulling:
    (pulling.home.projects).unlink()
    pulling.project("cap", min_seconds=2.0)
    pulling.page.rows.clear()
    return pulling


def speak(pulling: Pulling, recording_id: str, **data: Any) -> int:
    result = [textarea("recording", recording_id)]
    task = {"image_id": toy.id_of("a.png"), "min_seconds": 2.0} | data
    return pulling.page.submit(result, **task)


def recorded(pulling: Pulling) -> StageResult:
    return toy.run(Recordings(AudioLimits(min_duration_s=9.0), max_rejects=1.0), pulling.store)


def test_a_recording_becomes_a_record_as_it_was_made(speaking: Pulling) -> None:
    audio = toy.sound(3)
    record(speaking, "1" * 32, audio)
    speak(speaking, "1" * 32)
    assert speaking.pull().rows == 1
    assert recorded(speaking).records == 1  # the page asked for 2 seconds, other lists for 9
    (made,) = toy.rows(speaking.store, "recordings", Recording)
    assert made.audio == audio
    assert made.annotator_id == PERSON
    assert made.image_id == toy.id_of("a.png")
    carried = json.loads(made.carried)
    assert carried["annotation"] == "1:1"
    assert carried["guideline"] == "cap_v1"
    assert carried["recording"] == "1" * 32
    assert "ada" not in made.carried
    assert toy.findings(speaking.store, "images/") == []


def test_recordings_that_do_not_belong_are_rejects(speaking: Pulling) -> None:
    audio = toy.sound(3)
    record(speaking, "1" * 32, audio, user_id=4)
    record(speaking, "2" * 32, audio, task_key="e" * 32)
    record(speaking, "3" * 32, audio, sha256="0" * 64)
    record(speaking, "4" * 32, toy.sound(1))
    record(speaking, "5" * 32, audio)
    (speaking.home.recordings / f"{'5' * 32}.webm").unlink()
    for name in ("1" * 32, "2" * 32, "3" * 32, "4" * 32, "5" * 32, "9" * 32, "", "../secrets"):
        speak(speaking, name)
    skipped = speak(speaking, "1" * 32)
    speaking.page.rows[skipped]["was_cancelled"] = True
    speak(speaking, "1" * 32, key="")
    assert speaking.pull().rows == 10
    assert recorded(speaking).reasons == {
        "checksum_mismatch": 1,
        "foreign_recording": 2,
        "missing_audio": 1,
        "missing_recording": 3,
        "skipped": 1,
        "too_short": 1,
        "unknown_task": 1,
    }


def test_a_new_recording_supersedes_and_the_same_one_does_not(speaking: Pulling) -> None:
    for at, name in enumerate("12", 3):
        record(speaking, name * 32, toy.sound(at))
    number = speak(speaking, "1" * 32)
    speaking.pull()
    recorded(speaking)
    (first,) = toy.rows(speaking.store, "recordings", Recording)
    speaking.page.change(number, [textarea("recording", "1" * 32)])
    assert speaking.pull().rows == 0
    speaking.page.change(number, [textarea("recording", "2" * 32)])
    assert speaking.pull().rows == 1
    assert recorded(speaking).reasons == {"superseded": 1}
    (second,) = toy.rows(speaking.store, "recordings", Recording)
    assert second.recording_id != first.recording_id
    del speaking.page.rows[number]
    speaking.pull()
    assert recorded(speaking).reasons == {"deleted": 3}


def test_lists_and_people_share_a_table(speaking: Pulling, tmp_path: Path) -> None:
    """A manifest that happens to have columns of these names is a manifest."""
    (tmp_path / "x.wav").write_bytes(toy.sound(10))
    row = {"audio": "x.wav", "image_id": toy.id_of("a.png"), "annotator": "Ann Doe"}
    row |= {"annotation": "good", "revision": "2", "annotator_id": "a0123456789ac"}
    (tmp_path / "list.jsonl").write_text(json.dumps(row))
    what = Import(str(tmp_path / "list.jsonl"), SOURCES, recording_key, 10, relative=True)
    import_source(speaking.store, what)
    record(speaking, "1" * 32, toy.sound(3))
    speak(speaking, "1" * 32)
    speaking.pull()
    assert recorded(speaking).records == 2
    who = {row.annotator_id for row in toy.rows(speaking.store, "recordings", Recording)}
    assert PERSON in who
    assert "a0123456789ac" not in who  # who names a person is not believed to know the pseudonym


def test_rejects_of_the_studio_keep_their_rows(speaking: Pulling) -> None:
    speak(speaking, "")
    speaking.pull()
    recorded(speaking)
    (row,) = toy.rejects(speaking.store, "recordings")
    assert isinstance(row, RejectRow)
    assert json.loads(row.row)["annotation"] == "1:1"
