"""The rules of the house that a machine can check: who may import whom, how long is too long."""

import ast
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHIPPED = ("schemas", "pipelines", "annotation", "tools")
FILES = sorted(path for name in SHIPPED for path in (ROOT / name).rglob("*.py"))
OURS = (*SHIPPED, "annotation", "trainer", "tests", "benchmarks", "samples")

# What each layer may import of ours; the longest prefix of a module's name decides.
MAY_IMPORT = {
    "schemas": ("schemas",),
    "pipelines.steps": ("schemas", "pipelines.steps"),
    "pipelines.services": ("schemas", "pipelines.steps", "pipelines.services"),
    "pipelines.transforms": (
        *("schemas", "pipelines.steps", "pipelines.services", "pipelines.transforms"),
    ),
    "pipelines": ("schemas", "pipelines"),
    "annotation": ("schemas", "pipelines", "annotation"),
    # What runs in Label Studio's own environment, which has neither Beam nor our services.
    "annotation.studio": ("schemas", "pipelines.steps", "annotation.studio"),
    "tools": ("schemas", "pipelines", "annotation", "tools"),
}


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _within(module: str, layer: str) -> bool:
    return module == layer or module.startswith(f"{layer}.")


def _layer(module: str) -> str:
    return max((layer for layer in MAY_IMPORT if _within(module, layer)), key=len)


# What stages are built on, and no stages themselves.
BASES = ("pipelines.llm_stage", "pipelines.selection")

EACH = pytest.mark.parametrize("path", FILES, ids=_name)


@EACH
def test_imports_point_one_way(path: Path) -> None:
    allowed = MAY_IMPORT[_layer(_name(path))]
    ours = [name for name in _imports(path) if name.split(".")[0] in OURS]
    wrong = [name for name in ours if not any(_within(name, layer) for layer in allowed)]
    assert not wrong


def test_stages_talk_through_tables() -> None:
    """A module that is a stage imports no other stage."""
    stages = {_name(path) for path in FILES if _is_stage(path)}
    assert {"pipelines.ingest", "pipelines.dedupe"} <= stages
    for path in FILES:
        if _name(path) in stages:
            others = stages - {_name(path)}
            imported = {name.rpartition(".")[0] for name in _imports(path)}
            assert not imported & others, _name(path)


def _is_stage(path: Path) -> bool:
    bases = [
        base.id
        for node in _tree(path).body
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if isinstance(base, ast.Name)
    ]
    return not {"BaseStage", "LlmStage"}.isdisjoint(bases) and _name(path) not in BASES


@EACH
def test_beam_is_known_to_transforms_alone(path: Path) -> None:
    beams = [name for name in _imports(path) if name.split(".")[0] == "apache_beam"]
    assert not beams or _layer(_name(path)) == "pipelines.transforms"


@EACH
def test_annotations_are_evaluated(path: Path) -> None:
    """`from __future__ import annotations` switches off Beam's type checks."""
    if _name(path).startswith("pipelines"):
        assert "__future__.annotations" not in list(_imports(path))


@EACH
def test_names_say_what_is_inside(path: Path) -> None:
    vague = {"utils", "util", "common", "helpers", "helper", "misc"}
    assert path.stem not in vague
    assert path.stem not in sys.stdlib_module_names


@EACH
def test_modules_say_what_they_are_for(path: Path) -> None:
    if path.name != "__init__.py":
        assert ast.get_docstring(_tree(path))


@EACH
def test_budgets(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 60, f"{node.name} has {length} lines"


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_names_are_ours(name: str) -> None:
    """Another distribution may own a folder of the same name, and would win silently."""
    module = importlib.import_module(name)
    assert module.__file__
    assert Path(module.__file__).is_relative_to(ROOT)
    assert len(module.__path__) == 1
