"""A person in front of the recorder: Chromium, with a file as its microphone."""

import json
import re
import secrets
import shutil
import time
import wave
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright import sync_api as playwright

from pipelines.steps.audio import SAMPLE_RATE_HZ, decode_audio
from schemas.judgment import Reject

SAMPLES = Path(__file__).parents[3] / "samples"
SUBMIT = "[data-testid=bottombar-submit-button]"
MICROPHONE = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")


def launch(driver: Any, chromium: str, *flags: str) -> Any:
    """A headless Chromium of a playwright driver."""
    return driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", *flags])


class Microphone:
    """The file that Chromium takes for its microphone; it is read anew for every recording."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.hear_nothing()

    @property
    def flags(self) -> tuple[str, ...]:
        return (*MICROPHONE, f"--use-file-for-fake-audio-capture={self.place}%noloop")

    def hear(self, recording: Path, start_s: float = 0.0, stop_s: float = 600.0) -> None:
        samples = decode_audio(recording.read_bytes())
        assert not isinstance(samples, Reject), samples
        self._write(samples[int(start_s * SAMPLE_RATE_HZ) : int(stop_s * SAMPLE_RATE_HZ)])

    def hear_nothing(self, seconds: float = 10.0) -> None:
        self._write(np.zeros(int(seconds * SAMPLE_RATE_HZ), dtype=np.float32))

    def _write(self, samples: NDArray[np.float32]) -> None:
        fresh = self.place.with_suffix(".fresh")
        with wave.open(str(fresh), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE_HZ)
            file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
        fresh.replace(self.place)


class Recorder:
    """The labeling page of a project, opened on its first task, with the recorder in it."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(url)
        self.frame = page.frame_locator("iframe[title=Recorder]")

    def wait(self) -> "Recorder":
        """Until one may record."""
        self.frame.locator("#record:enabled").wait_for(timeout=60_000)
        return self

    def press(self) -> None:
        """The one button, by keyboard."""
        self.frame.locator("#record").press("Enter")

    def record(self, seconds: float) -> None:
        """Record for a while, and wait until it is saved or refused."""
        self.press()
        self.frame.locator("#record.recording").wait_for()
        self.page.wait_for_timeout(seconds * 1000)
        self.press()
        self.frame.locator("#record:enabled", has_text="Record again").wait_for()

    def expect(self, part: str, text: str) -> None:
        """What the status, the problem or the connection says, sooner or later."""
        found = self.frame.locator(f"#{part}")
        playwright.expect(found).to_contain_text(re.compile(text), timeout=20_000)

    @property
    def recording_id(self) -> str:
        """What stands in the annotation; empty when nothing does."""
        script = "Htx.annotationStore.selected.names.get('recording').selectedValues()[0] ?? ''"
        return str(self.page.evaluate(script))

    def submit(self) -> dict[str, Any]:
        """What Label Studio answers."""
        with self.page.expect_response(is_new_annotation) as waiting:
            self.page.click(SUBMIT)
        assert waiting.value.status == 201
        return dict(waiting.value.json())


def is_new_annotation(answer: Any) -> bool:
    """Whether this is Label Studio's answer to a submission."""
    path = answer.url.split("?")[0].rstrip("/")
    return answer.request.method == "POST" and path.endswith("/annotations")


def make_tasks(studio: Any, kind: str, data: list[dict[str, Any]], **more: Any) -> tuple[int, list]:
    """A project of a kind with a picture, and a task for each entry of `data`; their keys."""
    image_id = secrets.token_hex(16)
    shutil.copy(SAMPLES / "images" / "astronaut.jpg", studio.home.pictures / f"{image_id}.jpg")
    project = studio.make_project(kind)
    keys = [secrets.token_hex(16) for _ in data]
    about = {"image_id": image_id, "image": f"/pixmo/pictures/{image_id}"}
    tasks = [
        {"data": about | {"key": key} | one, **more} for key, one in zip(keys, data, strict=True)
    ]
    studio.sdk.projects.import_tasks(project, request=tasks)
    return project, keys


def recordings_of(studio: Any, key: str) -> list[dict[str, Any]]:
    """What the server has written about the recordings of a task, in the order of their start."""
    found = [json.loads(place.read_text()) for place in studio.home.recordings.glob("*.json")]
    return sorted((one for one in found if one["task_key"] == key), key=lambda r: r["started_at"])


def wait_for_chunks(studio: Any, page: Any, key: str, count: int) -> dict[str, Any]:
    """Until the server has so many chunks of the newest recording of a task."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = recordings_of(studio, key)
        if found and found[-1]["chunks"] >= count:
            return found[-1]
        page.wait_for_timeout(100)
    raise AssertionError(f"no {count} chunks of {key}: {recordings_of(studio, key)}")
