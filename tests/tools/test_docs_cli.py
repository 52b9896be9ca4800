"""`pixmo docs` and its section of a recipe: what is refused, and what a dry run tells."""

from pathlib import Path

import pytest

from pipelines.docs import Docs
from pipelines.services.rendering import tools as renderers
from pipelines.services.rendering.renderer import RenderConfig, Renderer
from schemas.errors import MissingPart, UsageError
from schemas.store import Store
from tests.tools.in_process import pixmo, refused, refused_options
from tools import stages
from tools.docs_recipe import DocsRecipe
from tools.recipe import load_recipe
from tools.stages import Run

PERSONAS = "samples/personas.jsonl"


def test_a_dry_run_tells_the_calls_and_makes_no_store(tmp_path: Path) -> None:
    store = tmp_path / "store"
    words = ("--personas", PERSONAS, "--tools", "html,latex", "--per-persona", 2)
    done = pixmo("docs", "--store", store, *words, "--dry-run")
    assert done.exit_code == 0
    assert " 12 " in done.output, "three personas, two tools, two of each"
    assert "48 LLM" in done.output
    assert not store.exists()


def test_what_is_no_tool_and_no_list_is_refused(tmp_path: Path) -> None:
    said = refused("docs", "--store", tmp_path, "--personas", PERSONAS, "--tools", "html,excel")
    assert "no tool 'excel'; tools: matplotlib" in said
    assert "no such file" in refused("docs", "--store", tmp_path, "--personas", "nobody.jsonl")
    other = tmp_path / "other.jsonl"
    other.write_text('{"name": "Ada"}\n')
    assert "no column `persona`" in refused("docs", "--store", tmp_path, "--personas", other)
    assert "--personas" in refused_options("docs", "--store", tmp_path)


def test_a_missing_part_is_one_line_before_any_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(config: RenderConfig) -> Renderer:
        raise MissingPart("LaTeX is not installed: apt-get install texlive")

    monkeypatch.setitem(renderers.TOOLS, "latex", absent)
    words = ("--personas", PERSONAS, "--tools", "latex", "--llm-base-url", "http://127.0.0.1:9/v1")
    said = refused("docs", "--store", tmp_path / "store", *words)
    assert "apt-get install texlive" in said


def test_a_section_is_read_strictly(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(
        "store: out/\n"
        f"docs:\n  personas: {PERSONAS}\n  tools: [html, graphviz]\n"
        "  documents: {rows: 5, questions: 6, least_questions: 2}\n"
        "  rendering: {scale: 2.0}\n"
    )
    section = load_recipe(file).docs
    assert section
    assert section.tools == ("html", "graphviz")
    assert (section.documents.rows, section.rendering.scale) == (5, 2.0)
    file.write_text("store: out/\ndocs: {personas: x, tool: [html]}\n")
    with pytest.raises(UsageError, match="tools"):
        load_recipe(file)


@pytest.mark.parametrize(
    "wrong",
    [{"tools": ("gnuplot",)}, {"tools": ()}, {"per_persona": 0}, {"max_rejects": 1.5}],
)
def test_impossible_sections_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="docs"):
        DocsRecipe("x", **wrong)  # type: ignore[arg-type]


def test_what_is_remembered_of_a_run_keeps_the_sandbox(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    unsafe = RenderConfig(scale=2.0, run_untrusted_code_without_sandbox=True)
    stages.run(Run(store), Docs(tools=("html",), rendering=unsafe), 1)
    kept = stages.recall(store, "docs")
    assert kept.tools == ("html",)
    assert kept.rendering == RenderConfig(scale=2.0)
