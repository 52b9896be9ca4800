"""The registry is complete, and a model is in the cache whole or not at all."""

import hashlib
import re
import threading
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from pipelines.services import models
from pipelines.services.models import (
    Hub,
    Model,
    ModelFile,
    Registry,
    SourceError,
    Wheel,
    fetch_model,
    load_registry,
    model_path,
    verify_model,
)
from schemas.errors import MissingPart, UsageError

WEIGHTS = {"config.json": b"{}", "model.bin": b"weights" * 100}


def tiny(entry: str = ".") -> Registry:
    """A registry with one model of two small files."""
    files = tuple(
        ModelFile(
            path=name, bytes=len(data), sha256=hashlib.sha256(data).hexdigest(), members=(name,)
        )
        for name, data in WEIGHTS.items()
    )
    hub, wheel = Hub(repository="a/b", revision="main"), Wheel(requirement="x==1", sha256="0" * 64)
    kind = "speech" if entry == "." else "text"
    model = Model("tiny", kind, "a toy", "MIT", entry, hub, files, (wheel,))
    return {"tiny": model}


def good(model: Model, folder: Path, progress: models.Progress) -> None:
    for name, data in WEIGHTS.items():
        (folder / name).write_bytes(data)


def damaged(model: Model, folder: Path, progress: models.Progress) -> None:
    good(model, folder, progress)
    (folder / "model.bin").write_bytes(b"weightz" * 100)


def unreachable(model: Model, folder: Path, progress: models.Progress) -> None:
    raise SourceError("no route")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIXMO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def in_cache(cache: Path) -> set[str]:
    """Visible entries and left-overs, locks apart."""
    return {p.name for p in (cache / "models").iterdir() if not p.name.endswith(".lock")}


def test_shipped_registry_names_everything_needed() -> None:
    registry = load_registry()
    assert {"tiny.en", "base", "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"} <= set(registry)
    for model in registry.values():
        assert model.home.count("/") == 1
        assert model.hub is not None or (model.upstream and (model.wheels or model.npm))
        assert model.entry == "." or model.entry in {file.path for file in model.files}
        for digest in [part.sha256 for part in (*model.files, *model.wheels, *model.npm)]:
            assert len(bytes.fromhex(digest)) == 32
        assert all("==" in wheel.requirement for wheel in model.wheels)
        assert all(
            re.fullmatch(r"\d+(\.\d+)+", p.requirement[len(p.name) + 1 :]) for p in model.npm
        )
        assert all(file.members and not file.path.startswith("/") for file in model.files)


def test_unknown_key_in_a_registry_is_an_error() -> None:
    text = Path(models.__file__).with_name("models.yaml").read_text(encoding="utf-8")
    entries = yaml.safe_load(text)
    entries["base"]["licens"] = "MIT"
    with pytest.raises(ValidationError, match="licens"):
        models.parse_registry(yaml.safe_dump(entries))


def test_absent_and_unknown_models_say_what_to_do() -> None:
    with pytest.raises(MissingPart, match="run: pixmo models fetch tiny"):
        model_path("tiny", tiny())
    with pytest.raises(UsageError, match="known: tiny"):
        model_path("tny", tiny())


def test_fetch_tries_the_next_source(cache: Path) -> None:
    lines: list[str] = []
    sources = {"hub": unreachable, "packages": good}
    path = fetch_model("tiny", lines.append, sources=sources, registry=tiny())
    assert path == cache / "models" / "tiny"
    assert in_cache(cache) == {"tiny"}
    assert models.model_origin("tiny") == "packages"
    assert any("no route" in line for line in lines)
    assert verify_model("tiny", tiny()) == ()


def test_entry_decides_what_a_loader_is_handed(cache: Path) -> None:
    path = fetch_model("tiny", sources={"hub": good}, registry=tiny("model.bin"))
    assert path == cache / "models" / "tiny" / "model.bin"


def test_damaged_files_never_reach_the_cache(cache: Path) -> None:
    sources = {"hub": unreachable, "packages": damaged}
    with pytest.raises(MissingPart, match=r"hub: no route; packages: model\.bin: sha256 is"):
        fetch_model("tiny", sources=sources, registry=tiny())
    assert in_cache(cache) == set()


def test_crash_and_kill_leave_nothing_with_the_final_name(cache: Path) -> None:
    def crash(model: Model, folder: Path, progress: models.Progress) -> None:
        (folder / "model.bin").write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_model("tiny", sources={"hub": crash}, registry=tiny())
    assert in_cache(cache) == set()
    (cache / "models" / ".tiny.tmp-killed").mkdir()
    fetch_model("tiny", sources={"hub": good}, registry=tiny())
    assert in_cache(cache) == {"tiny"}


def test_verify_finds_damage_and_force_repairs_it(cache: Path) -> None:
    fetch_model("tiny", sources={"hub": good}, registry=tiny())
    (cache / "models" / "tiny" / "model.bin").write_bytes(b"weightz" * 100)
    (cache / "models" / "tiny" / "config.json").unlink()
    problems = verify_model("tiny", tiny())
    assert [line.split(":")[0] for line in problems] == ["config.json", "model.bin"]
    fetch_model("tiny", sources={"hub": good}, registry=tiny(), force=True)
    assert verify_model("tiny", tiny()) == ()


def test_what_is_present_is_not_fetched_again() -> None:
    fetch_model("tiny", sources={"hub": good}, registry=tiny())
    assert fetch_model("tiny", sources={"hub": unreachable}, registry=tiny()).is_dir()


def test_two_fetches_at_once_download_once() -> None:
    started, calls = threading.Barrier(2, timeout=10), []

    def slow(model: Model, folder: Path, progress: models.Progress) -> None:
        calls.append(folder)
        good(model, folder, progress)

    def fetch() -> None:
        started.wait()
        fetch_model("tiny", sources={"hub": slow}, registry=tiny())

    threads = [threading.Thread(target=fetch) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1


def test_a_cache_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PIXMO_CACHE", str(tmp_path / "file"))
    with pytest.raises(MissingPart, match="PIXMO_CACHE names another folder"):
        fetch_model("tiny", sources={"hub": good}, registry=tiny())
