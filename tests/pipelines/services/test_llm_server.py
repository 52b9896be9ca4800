"""The child process around the embedded LLM: starts, says why it cannot, and never outlives us."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from pipelines.services.budget import Meter
from pipelines.services.cores import idle_cores, usable_cores
from pipelines.services.llm_cache import CachedTextModel, LlmCache
from pipelines.services.llm_config import EMBEDDED_MODEL
from pipelines.services.llm_server import LocalLlmConfig, LocalLlmServer, default_threads
from pipelines.services.models import is_present, model_path
from pipelines.services.text_model import LlmConfig, OpenAiTextModel
from pipelines.steps.caption_checks import DEFAULT_LIMITS
from pipelines.steps.captions import CaptionConfig, Captioned, caption_image
from pipelines.steps.policy import Policy
from schemas.errors import MissingPart, StageError
from tests.conftest import missing

SAID = (
    "Um, so in this picture there's a, there's a ginger cat, it's looking straight at the camera. "
    "Its eyes are, uh, green. And, um, behind it there's a brown cushion."
)
PARENT = """
import sys, time
from pathlib import Path
from pipelines.services.llm_server import LocalLlmServer
with LocalLlmServer(Path(sys.argv[1]), Path(sys.argv[2])) as server:
    sys.stdout.write(f"{server.pid}\\n")
    sys.stdout.flush()
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def weights() -> Path:
    if not is_present(EMBEDDED_MODEL):
        missing(f"the model {EMBEDDED_MODEL}: run `pixmo models fetch {EMBEDDED_MODEL}`")
    return model_path(EMBEDDED_MODEL)


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    with (
        pytest.raises(MissingPart, match="pixmo models fetch"),
        LocalLlmServer(tmp_path / "none.gguf", tmp_path / "log"),
    ):
        pass


def test_a_file_that_is_no_model_shows_the_end_of_the_log(tmp_path: Path) -> None:
    fake = tmp_path / "fake.gguf"
    fake.write_bytes(b"GGUF" + bytes(100))
    server = LocalLlmServer(fake, tmp_path / "logs" / "llm.log")
    with (
        pytest.raises(StageError, match=r"(?s)ended before it was ready.*llm\.log.*\n.*model"),
        server,
    ):
        pass
    assert server.pid is None


def test_a_server_that_does_not_get_ready_is_ended(tmp_path: Path) -> None:
    fake = tmp_path / "fake.gguf"
    fake.write_bytes(b"GGUF")
    config = LocalLlmConfig(start_timeout_s=0.01)
    before = psutil.Process().children()  # servers of other tests
    with (
        pytest.raises(StageError, match=r"not ready within 0\.01 s"),
        LocalLlmServer(fake, tmp_path / "log", config),
    ):
        pass
    assert not set(psutil.Process().children()) - set(before)


def test_threads_are_the_idle_cores() -> None:
    assert [default_threads(idle) for idle in (0.0, 0.9, 1.4, 1.8, 64.0)] == [1, 1, 1, 2, 8]
    assert 0 <= idle_cores() <= usable_cores()


def test_a_quota_of_the_container_counts() -> None:
    cores = len(os.sched_getaffinity(0))
    assert usable_cores("max 100000") == usable_cores("rubbish") == cores
    assert usable_cores("50000 100000") == 0.5
    assert usable_cores("99900000 100000") == cores


@pytest.mark.slow
def test_the_real_model_captions_and_a_second_run_makes_no_call(
    weights: Path, tmp_path: Path
) -> None:
    async def run(base_url: str, meter: Meter) -> Captioned:
        config = LlmConfig(base_url=base_url)
        async with OpenAiTextModel(config, meter) as client:
            model = CachedTextModel(client, LlmCache(str(tmp_path / "cache")), meter)
            done = await caption_image(model, [SAID], CaptionConfig())
        assert isinstance(done, Captioned)
        return done

    with LocalLlmServer(weights, tmp_path / "log") as server:
        pid = server.pid
        meter = Meter()
        first = asyncio.run(run(server.base_url, meter))
        assert meter.usage().calls >= 2
    assert pid is not None
    assert not psutil.pid_exists(pid)
    meter = Meter()
    assert asyncio.run(run("http://127.0.0.1:1/v1", meter)) == first
    assert (meter.usage().calls, meter.usage().prompt_tokens) == (0, 0)
    assert "cat" in first.caption.lower()
    assert " um" not in first.cleaned[0]
    assert Policy(DEFAULT_LIMITS).broken_by(first.tags) is None


@pytest.mark.slow
def test_the_server_dies_with_its_parent(weights: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(weights), str(tmp_path / "log")]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert psutil.pid_exists(child)
        os.kill(parent.pid, signal.SIGKILL)
    end = time.monotonic() + 20
    while time.monotonic() < end and _runs(child):
        time.sleep(0.1)
    assert not _runs(child)


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
