"""A person speaks about a picture: Label Studio, Chromium, Whisper and the voice are real.

Chromium's microphone is a file. Twelve words are few, so the bound of the word error rate is one
wrong word in five; the same recording without browser and network has none wrong.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python import sync_playwright as axe
from playwright import sync_api as playwright

from pipelines.services.speech import Speech, WhisperTranscriber
from pipelines.services.speech_models import SpeechConfig
from pipelines.steps.audio import decode_audio
from pipelines.steps.remux import with_duration
from pipelines.steps.wer import count_word_errors
from schemas.judgment import Reject
from tests.annotation.screenshots import screenshot
from tests.annotation.studio.recorder_page import (
    MICROPHONE,
    SAMPLES,
    SUBMIT,
    Microphone,
    Recorder,
    is_new_annotation,
    launch,
    make_tasks,
    recordings_of,
    wait_for_chunks,
)

pytestmark = pytest.mark.studio
SPOKEN = SAMPLES / "recordings" / "retina-short.webm"
VOICE = "speech/vidln/recordings/oops_train/4009_2.webm"
WORDS_S = (2.0, 16.2)  # where its words are
MAX_WORD_ERRORS = 0.2
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Microphone:
    return Microphone(tmp_path_factory.mktemp("microphone") / "microphone.wav")


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(driver: Any, chromium: str, microphone: Microphone) -> Iterator[Any]:
    opened = launch(driver, chromium, *microphone.flags)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def ada(studio: Any) -> str:
    name = f"ada-{secrets.token_hex(4)}"
    studio.add_user(name)
    return name


@pytest.fixture(scope="module")
def context(studio: Any, browser: Any, ada: str) -> Iterator[Any]:
    """A browser that is logged in as an annotator."""
    opened = browser.new_context(viewport=DESK)
    page = opened.new_page()
    studio.login(page, ada)
    page.close()
    yield opened
    opened.close()


def open_recorder(studio: Any, context: Any, project: int) -> Recorder:
    url = f"{studio.url}/projects/{project}/data?labeling=1"
    return Recorder(context.new_page(), url).wait()


def test_speak_be_refused_speak_again_and_submit(
    studio: Any,
    context: Any,
    microphone: Microphone,
    ada: str,
    test_data: Path,
    model_folder: Callable[[str], Path],
) -> None:
    model_folder("tiny.en")
    project, [key] = make_tasks(studio, "cap", [{"min_seconds": 3}])
    recorder = open_recorder(studio, context, project)
    screenshot(recorder.page, "cap-1-open")
    recorder.page.click(SUBMIT)
    playwright.expect(recorder.page.get_by_text("There is no recording yet")).to_be_visible()
    screenshot(recorder.page, "cap-2-nothing-to-submit")
    recorder.page.get_by_text("OK", exact=True).click()

    microphone.hear_nothing()
    recorder.record(4.6)
    recorder.expect("problem", "Nothing was heard")
    assert recorder.recording_id == ""
    screenshot(recorder.page, "cap-3-silence")

    microphone.hear(test_data / VOICE, *WORDS_S)
    recorder.record(WORDS_S[1] - WORDS_S[0] + 0.5)
    recorder.expect("status", r"Saved: 0:1\d")
    screenshot(recorder.page, "cap-4-saved")
    listen(recorder)
    annotation = recorder.submit()
    recorder.page.close()

    silent, spoken = recordings_of(studio, key)
    assert (silent["refused"], spoken["refused"]) == ("silent", "")
    [result] = annotation["result"]
    assert result["from_name"] == "recording"
    assert result["value"]["text"] == [spoken["id"]]
    assert spoken["email"] == studio.email(ada)
    assert (spoken["user_id"], spoken["project"]) == (annotation["completed_by"], project)
    sound = (studio.home.recordings / spoken["file"]).read_bytes()
    assert spoken["file"] == f"{spoken['id']}.webm"
    assert spoken["sha256"] == hashlib.sha256(sound).hexdigest()
    assert_same_words(sound, test_data)


def listen(recorder: Recorder) -> None:
    """Play what was saved."""
    player = recorder.frame.locator("#player")
    player.evaluate("async (one) => { one.muted = true; await one.play(); }")
    player.evaluate(
        "(one) => new Promise((done) => { one.ontimeupdate = () => "
        "{ if (one.currentTime > 0.2) done(); }; })"
    )
    assert player.evaluate("(one) => one.duration") == pytest.approx(14.7, abs=1.5)
    player.evaluate("(one) => one.pause()")


def assert_same_words(sound: bytes, test_data: Path) -> None:
    listed = (test_data / "speech" / "transcripts.jsonl").read_text(encoding="utf-8").splitlines()
    [said] = [one["text"] for one in map(json.loads, listed) if one["file"] == VOICE]
    samples = decode_audio(sound)
    assert not isinstance(samples, Reject)
    heard = WhisperTranscriber(SpeechConfig(model="tiny.en")).transcribe(samples, "en")
    assert isinstance(heard, Speech), heard
    assert count_word_errors(said, heard.text).rate <= MAX_WORD_ERRORS, heard.text


def test_a_closed_tab_keeps_what_was_said(
    studio: Any, context: Any, microphone: Microphone
) -> None:
    project, [key] = make_tasks(studio, "cap", [{"min_seconds": 3}])
    microphone.hear(SPOKEN)
    recorder = open_recorder(studio, context, project)
    recorder.press()
    wait_for_chunks(studio, recorder.page, key, 4)
    screenshot(recorder.page, "cap-5-recording")
    recorder.page.close()  # as a crash: nothing is asked and nothing is finished

    again = open_recorder(studio, context, project)
    again.expect("status", "was kept")
    screenshot(again.page, "cap-6-kept")
    [kept] = recordings_of(studio, key)
    assert kept["finished_by"] == "server"
    assert kept["duration_s"] >= 3
    assert again.recording_id == ""
    again.frame.locator("#use").press("Enter")
    assert again.recording_id == kept["id"]
    assert again.submit()["result"][0]["value"]["text"] == [kept["id"]]
    assert again.errors == []
    again.page.close()


def test_too_short_is_refused_and_the_recording_before_it_stays(
    studio: Any, context: Any, microphone: Microphone
) -> None:
    project, [key] = make_tasks(studio, "cap", [{"min_seconds": 3}])
    microphone.hear(SPOKEN)
    recorder = open_recorder(studio, context, project)
    recorder.record(1.5)
    recorder.expect("problem", "is 0:0[12] long; at least 0:03 is needed")
    assert recorder.recording_id == ""
    screenshot(recorder.page, "cap-7-too-short")
    recorder.record(4.0)
    good = recorder.recording_id
    assert good
    recorder.press()
    recorder.frame.locator("#record.recording").wait_for()
    assert recorder.recording_id == ""  # nobody submits the old one while speaking
    recorder.page.wait_for_timeout(1200)
    recorder.press()
    recorder.expect("problem", "at least 0:03 is needed")
    recorder.expect("status", "recording before it stays")
    assert recorder.recording_id == good
    assert [one["refused"] for one in recordings_of(studio, key)] == ["too_short", "", "too_short"]
    recorder.page.evaluate("Htx.annotationStore.selected.undo()")
    recorder.page.evaluate("Htx.annotationStore.selected.names.get('recording').updateFromResult()")
    recorder.expect("status", "not in your annotation any more")
    recorder.page.close()


def test_a_lost_connection_is_seen_and_nothing_is_lost(
    studio: Any, context: Any, microphone: Microphone
) -> None:
    project, [key] = make_tasks(studio, "cap", [{"min_seconds": 3}])
    microphone.hear(SPOKEN)
    recorder = open_recorder(studio, context, project)
    lost: list[str] = []

    def lose_once(route: Any) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(route.request.url)
            route.abort()

    recorder.page.route("**/chunks/1", lose_once)
    recorder.press()
    recorder.expect("connection", "connection is lost")
    screenshot(recorder.page, "cap-8-connection-lost")
    wait_for_chunks(studio, recorder.page, key, 4)
    playwright.expect(recorder.frame.locator("#connection")).to_be_empty()
    recorder.press()
    recorder.expect("status", "Saved")
    assert len(lost) == 1
    [kept] = recordings_of(studio, key)
    assert kept["id"] == recorder.recording_id
    assert kept["duration_s"] > 3
    recorder.page.close()


def test_what_the_server_lost_is_sent_again(
    studio: Any, context: Any, microphone: Microphone
) -> None:
    project, [key] = make_tasks(studio, "cap", [{"min_seconds": 3}])
    microphone.hear(SPOKEN)
    recorder = open_recorder(studio, context, project)
    recorder.press()
    first = wait_for_chunks(studio, recorder.page, key, 3)
    (studio.home.recordings / f"{first['id']}.json").unlink()
    second = wait_for_chunks(studio, recorder.page, key, 5)
    assert second["id"] != first["id"]
    recorder.press()
    recorder.expect("status", "Saved")
    assert recordings_of(studio, key)[0]["duration_s"] > 4
    recorder.page.close()


def test_a_login_that_ends_while_somebody_speaks(
    studio: Any, context: Any, microphone: Microphone, ada: str
) -> None:
    project, [key] = make_tasks(studio, "cap", [{"min_seconds": 3}])
    microphone.hear(SPOKEN)
    recorder = open_recorder(studio, context, project)
    recorder.press()
    wait_for_chunks(studio, recorder.page, key, 1)
    context.clear_cookies()
    recorder.expect("connection", "You are logged out")
    elsewhere = context.new_page()
    studio.login(elsewhere, ada)
    elsewhere.close()
    wait_for_chunks(studio, recorder.page, key, 4)
    recorder.press()
    recorder.expect("status", "Saved")
    [kept] = recordings_of(studio, key)
    assert kept["id"] == recorder.recording_id
    recorder.page.close()


def test_a_phone_in_the_dark_and_what_a_screen_reader_meets(
    studio: Any, context: Any, microphone: Microphone
) -> None:
    project, _ = make_tasks(studio, "cap", [{"min_seconds": 60}])
    microphone.hear(SPOKEN)
    recorder = open_recorder(studio, context, project)
    recorder.page.set_viewport_size(PHONE)
    recorder.page.evaluate("document.documentElement.setAttribute('data-color-scheme', 'dark')")
    recorder.record(2)
    recorder.page.wait_for_timeout(500)
    screenshot(recorder.page, "cap-9-phone-dark")
    submit = recorder.page.locator(SUBMIT).bounding_box()
    assert submit["x"] + submit["width"] <= PHONE["width"]
    frame = recorder.page.frame(url="**/pixmo/recorder?*")
    assert frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = axe.Axe().run(frame)
    assert not found.response["violations"], found.generate_report()
    recorder.page.close()


HINDRANCES = {
    "blocked": (("--use-fake-device-for-media-stream",), False, "", "The microphone is blocked"),
    "absent": (("--disable-audio-input",), True, "", "No microphone was found"),
    "without https": (MICROPHONE, True, "mediaDevices", "no microphone to this address"),
}


@pytest.mark.parametrize("hindrance", HINDRANCES)
def test_no_microphone_is_told_in_a_sentence(
    studio: Any, context: Any, driver: Any, chromium: str, hindrance: str
) -> None:
    flags, granted, without, text = HINDRANCES[hindrance]
    project, _ = make_tasks(studio, "cap", [{"min_seconds": 3}])
    browser = launch(driver, chromium, *flags)
    mine = browser.new_context(storage_state=context.storage_state(), viewport=DESK)
    if granted:
        mine.grant_permissions(["microphone"])
    if without:
        gone = f"Object.defineProperty(Navigator.prototype, '{without}', {{ get() {{}} }})"
        mine.add_init_script(gone)
    recorder = open_recorder(studio, mine, project)
    recorder.press()
    recorder.expect("problem", text)
    assert recorder.recording_id == ""
    browser.close()


def test_a_transcript_is_heard_and_corrected(studio: Any, context: Any) -> None:
    recording_id = secrets.token_hex(16)
    copy = with_duration(SPOKEN.read_bytes(), "webm")
    assert isinstance(copy, bytes)
    (studio.home.sounds / f"{recording_id}.webm").write_bytes(copy)
    heard = {"from_name": "text", "to_name": "audio", "type": "textarea"}
    heard["value"] = {"text": ["That is the inside of a nigh."]}  # type: ignore[assignment]
    about = {"recording_id": recording_id, "audio": f"/pixmo/sounds/{recording_id}"}
    guess = [{"model_version": "tiny.en", "result": [heard]}]
    project, _ = make_tasks(studio, "transcript_review", [about], predictions=guess)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{studio.url}/projects/{project}/data?labeling=1")
    text = (
        page.get_by_test_id("textarea-region-item")
        .locator("textarea")
        .or_(page.locator("textarea").first)
        .first
    )
    playwright.expect(text).to_have_value("That is the inside of a nigh.", timeout=60_000)
    page.wait_for_function("document.querySelector('audio, canvas')")
    text.fill("That's the inside of an eye.")
    text.blur()
    screenshot(page, "review-1-corrected")
    with page.expect_response(is_new_annotation) as waiting:
        page.click(SUBMIT)
    [result] = waiting.value.json()["result"]
    assert result["value"]["text"] == ["That's the inside of an eye."]
    assert result["origin"] == "prediction-changed"
    assert not [error for error in errors if "Invalid time value" in error]
    page.close()
