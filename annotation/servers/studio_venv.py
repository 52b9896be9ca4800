"""Label Studio in an environment of its own, installed on first use: ours and it do not mix.

The environment is shared by all campaigns of a machine and lies in the cache folder, under a name
that changes with what is in it. A marker is written last, so that an installation that was cut off
is done again; a lock lets only one process install.
"""

import contextlib
import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from pipelines.services.models import cache_dir
from schemas.errors import MissingPart

VERSION = "1.23.2"
CONSTRAINTS = Path(__file__).parent / "studio_constraints.txt"
REQUIREMENTS = (f"label-studio=={VERSION}", "av", "gunicorn")  # the rest is in the constraints
NEEDED_BYTES = 1_500_000_000
FETCHED = ("Downloading ", "Using cached ")
BROKEN = "connection broken by"
EVERY = 40  # packages between two lines of progress

Say = Callable[[str], None]


def silent(line: str) -> None:
    """Progress that nobody is told."""


@functools.cache
def studio_folder(cache: Path) -> Path:
    """Where the environment is in a cache folder, present or not."""
    inside = "\n".join([*REQUIREMENTS, CONSTRAINTS.read_text(encoding="utf-8")])
    return cache / f"label-studio-{VERSION}-{hashlib.sha256(inside.encode()).hexdigest()[:8]}"


def installed_python() -> Path | None:
    """The Python of a whole environment; None when there is none."""
    folder = studio_folder(cache_dir())
    python = folder / "bin" / "python"
    return python if (folder / "installed").exists() and python.exists() else None


def install_studio(say: Say = silent) -> Path:
    """The Python of the environment, installed when it is not there; MissingPart when it fails."""
    return installed_python() or _install_alone(studio_folder(cache_dir()), say)


def _install_alone(folder: Path, say: Say) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with alone(folder.with_name(f"{folder.name}.lock"), "another process installs it", say):
        return installed_python() or _install(folder, say)


def _install(folder: Path, say: Say) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    free = shutil.disk_usage(folder.parent).free
    if free < NEEDED_BYTES:
        raise MissingPart(
            f"Label Studio needs {NEEDED_BYTES / 1e9:.1f} GB in {folder.parent}, where "
            f"{free / 1e9:.1f} GB are free; make room, or name another folder with PIXMO_CACHE"
        )
    say(f"installing Label Studio {VERSION} into {folder}: once per machine, 1 GB, a few minutes")
    _run([sys.executable, "-m", "venv", str(folder)], silent)
    python = folder / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    _run([*pip, "-c", str(CONSTRAINTS), *REQUIREMENTS], say)
    (folder / "installed").write_text(VERSION + "\n", encoding="utf-8")
    return python


def _run(command: list[str], say: Say) -> None:
    """Run a step of the installation; MissingPart with its last words when it fails."""
    said: list[str] = []
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    ) as process:
        for line in process.stdout or ():
            said.append(line.rstrip())
            _tell(said, say)
    if process.returncode:
        raise MissingPart(_why(said))


def _tell(said: list[str], say: Say) -> None:
    if said[-1].startswith("Collecting "):
        count = sum(line.startswith("Collecting ") for line in said)
        total = len(CONSTRAINTS.read_text(encoding="utf-8").splitlines())
        if count % EVERY == 0:
            say(f"  {count} of {total} packages fetched")
    elif said[-1].startswith("Installing collected packages"):
        say("  unpacking them")


def _why(said: list[str]) -> str:
    text = f"Label Studio {VERSION} could not be installed"
    fetched = any(line.strip().startswith(FETCHED) for line in said)
    if not fetched or any(BROKEN in line for line in said):
        return (
            f"{text}: no package index can be reached. Connect this machine once, or name a mirror "
            "with PIP_INDEX_URL, and run the same command again"
        )
    return f"{text}; pip says:\n" + "\n".join(said[-8:])


@contextlib.contextmanager
def alone(place: Path, why: str, say: Say) -> Iterator[None]:
    """Hold a lock file of this machine; says why it waits. The lock ends with the process."""
    with place.open("a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting: {why}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
