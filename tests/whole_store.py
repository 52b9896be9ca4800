"""A small store made by every stage from list to release, for tests of what cuts across them.

Servers of pictures and answers run on this machine; speech is heard by a toy that knows what was
said by how long it took. All of it is counted, so that a test can say that nothing was asked again.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines import transcribe as transcribe_module
from pipelines.release_plan import ExportConfig
from pipelines.run_stage import StageResult
from pipelines.services.fetch_config import FetchConfig
from pipelines.services.llm_config import LlmConfig
from pipelines.services.speech import Speech
from pipelines.steps.audio import SAMPLE_RATE_HZ, AudioLimits
from pipelines.transcribe import Transcribe
from schemas.judgment import Reject
from schemas.records import Segment
from schemas.store import Store
from tests.loopback_server import serving
from tests.pipelines.toy_stage import InlineEngine, write_list
from tests.tools.in_process import PictureServer
from tests.toy_llm import Body, ToyLlm, asked_text, field_of, serving_llm
from tests.toy_store import HOST, picture, sound
from tools import recipe, stages
from tools.making import release as making
from tools.stages import Run

FAR = "img.far.test"
LIST = [
    *(f"http://{HOST}/{name}.png" for name in ("a", "b", "c", "d", "e")),
    f"http://{HOST}/a-small.png",  # near a
    f"http://{FAR}/a-copy.png",  # the bytes of a
    f"http://cdn.{FAR}/f.png",
    f"http://{HOST}/gone.png",
]
# Who speaks about what, in seconds: the toy ear knows a recording by its length.
SPOKEN = [
    ("a", "Ann Doe", 3),
    ("a", "Bob Roe", 4),
    ("b", "Ann Doe", 5),
    ("c", "Bob Roe", 6),
    ("d", "Ann Doe", 7),
    ("f", "Cy Poe", 8),
    ("a", "Cy Poe", 1),  # too short: a reject
]
SAID = {
    3: "three wobbly pelicans are balancing on a lilac fence above the harbour wall",
    4: "four copper kettles hang beneath the striped awning of a very old bakery",
    5: "five nervous otters carry their marbles over a frozen and crooked footbridge",
    6: "six velvet umbrellas lean against the piano inside an abandoned railway lounge",
    7: "seven patient beekeepers repaint a tiny lighthouse using borrowed silver brushes",
    8: "eight sleepy violins rest upon the windowsill near one enormous cactus",
}


class Ear:
    """Hears what SAID has for the seconds; counts what it was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def transcribe(
        self, audio: NDArray[np.float32], language: str | None = None
    ) -> Speech | Reject:
        seconds = round(len(audio) / SAMPLE_RATE_HZ)
        self.asked.append(seconds)
        text = SAID[seconds]
        segment = Segment(0.0, float(seconds), text, -0.1, 0.0, 1.2)
        return Speech(text, (segment,), "en", 0.9, "ear@1", float(seconds), float(seconds))


def answer(body: Body) -> str:
    """Written words for spoken ones; the first answer about pelicans is no JSON; d gets none."""
    said = asked_text(body)
    again = "no JSON" in body["messages"][1]["content"] or body["seed"] > 0
    if "beekeepers" in said and field_of(body) == "caption":
        return "I will not write of " + said
    if "pelicans" in said and not again:
        return "Well, " + said
    opening = "Written: " if field_of(body) == "text" else "A picture in which "
    return json.dumps({field_of(body): opening + said})


@dataclass
class Whole:
    """A store with the servers that it was made from."""

    store: Store
    lists: Path
    pictures: PictureServer
    llm: ToyLlm
    ear: Ear = field(default_factory=Ear)

    @property
    def asked(self) -> tuple[int, int, int]:
        """Pictures, recordings and questions asked for so far."""
        return self.pictures.asked.total(), len(self.ear.asked), self.llm.calls

    def run(self, store: Store | None = None) -> list[StageResult]:
        """All stages on the store or on a copy of it."""
        run_ = Run(store or self.store, workers=1)
        results = [stage(run_) for stage in (self.ingest, self.recordings)]
        results.append(stages.run(run_, Transcribe(), 1))
        results.append(self.caption(run_))
        results.append(stages.dedupe(run_, recipe.DedupeRecipe()))
        shares = recipe.SplitsRecipe((("train", 0.5), ("validation", 0.5)))
        more, _ = making.release(
            run_, making.ReleasePlan(shares, {}, ExportConfig(rows_per_shard=2))
        )
        return [*results, *more]

    def ingest(self, run_: Run) -> StageResult:
        """The list, through the server of pictures."""
        hosts = (HOST, FAR, f"cdn.{FAR}")
        reach = tuple((host, self.pictures.endpoint) for host in hosts)
        fetch = FetchConfig(per_host_rate=0, retries=0, connect_to=reach)
        section = recipe.IngestRecipe(str(self.lists / "urls.jsonl"), 5, 1.0, fetch)
        return stages.ingest(run_, section)

    def recordings(self, run_: Run) -> StageResult:
        """The manifest."""
        limits = AudioLimits(min_duration_s=2.0)
        section = recipe.RecordingsRecipe(str(self.lists / "spoken.jsonl"), 4, 1.0, limits)
        return stages.recordings(run_, section)

    def caption(self, run_: Run) -> StageResult:
        """Captions, from the server of answers."""
        llm = LlmConfig(base_url=self.llm.base_url, model="m", retries=0)
        return stages.caption(run_, recipe.CaptionRecipe(llm=llm, max_rejects=1.0))


def _files() -> dict[str, bytes]:
    files = {f"/{name}.png": picture(at) for at, name in enumerate("abcdef")}
    files["/a-copy.png"] = files["/a.png"]
    files["/a-small.png"] = picture(0, width=64, height=48)
    return files


def _write_lists(folder: Path) -> None:
    rows: list[dict[str, Any]] = [{"image_url": url, "topic": "toys"} for url in LIST]
    write_list(folder / "urls.jsonl", [*rows, {"image_url": LIST[0], "topic": "again"}])
    spoken = []
    for at, (name, who, seconds) in enumerate(SPOKEN):
        (folder / f"{at}.wav").write_bytes(sound(seconds, seed=at))
        host = f"cdn.{FAR}" if name == "f" else HOST
        url = f"http://{host}/{name}.png"
        spoken.append({"audio": f"{at}.wav", "image_url": url, "annotator": who, "language": "en"})
    write_list(folder / "spoken.jsonl", spoken)


@contextmanager
def whole_store(
    folder: Path, patch: pytest.MonkeyPatch, answers: Callable[[Body], str] = answer
) -> Iterator[Whole]:
    """The store, made; its servers run while the block lasts."""
    (folder / "lists").mkdir(parents=True)
    _write_lists(folder / "lists")
    with ExitStack() as stack:
        pictures = stack.enter_context(serving(PictureServer(_files(), {})))
        llm = stack.enter_context(serving_llm(answers))
        whole = Whole(Store(str(folder / "store")), folder / "lists", pictures, llm)
        patch.setattr(transcribe_module, "_loaded", lambda config: whole.ear)
        patch.setattr(stages, "BeamEngine", lambda *_: InlineEngine())  # seconds for each stage
        whole.run()
        yield whole
