"""The docs say what the code does: reasons, verbs, tags, settings and links are compared to it."""

import ast
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from annotation.pull.checks import CheckRules
from pipelines.documents.under_way import DocConfig
from pipelines.release_plan import ExportConfig
from pipelines.services.detector import DetectorConfig
from pipelines.services.fetch_config import FetchConfig
from pipelines.services.llm_config import LlmConfig
from pipelines.services.ocr import OcrConfig
from pipelines.services.rendering.renderer import RenderConfig
from pipelines.services.speech_models import SpeechConfig
from pipelines.sources import Import
from pipelines.steps.audio import AudioLimits
from pipelines.steps.cap_qa import CapQaConfig
from pipelines.steps.caption_checks import DEFAULT_LIMITS as CAPTION_LIMITS
from pipelines.steps.caption_checks import check_caption
from pipelines.steps.captions import CaptionConfig
from pipelines.steps.clocks.examples import ClockRules
from pipelines.steps.contamination import DEFAULT_LIMITS as EVALUATION_LIMITS
from pipelines.steps.count_rules import CountConfig
from pipelines.steps.decode import DecodeLimits
from pipelines.steps.fetch_reasons import REASONS
from pipelines.steps.picture_checks import PictureLimits
from pipelines.steps.point_sets import PointRules
from pipelines.steps.speech_checks import DEFAULT_LIMITS as SPEECH_LIMITS
from pipelines.steps.speech_checks import check_transcript
from pipelines.subsets.registry import EXPORTS, SELECTS
from schemas.tables import TABLES
from tools import recipe
from tools.cli import app
from tools.docs_recipe import DocsRecipe
from tools.policy import load_policy
from tools.recipe import load_recipe

ROOT = Path(__file__).parent.parent
# Of annotation, what makes rejects of the store: push and the pages refuse for other reasons.
CODE = [
    *sorted(path for name in ("pipelines", "tools") for path in (ROOT / name).rglob("*.py")),
    *(ROOT / "annotation" / "pull" / name for name in ("checks.py", "stages.py")),
]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("samples/*.md")]

# Reasons that are no literal where the Reject is made, and where they come from. A new form of
# naming a reason fails the test until it is listed here and its reasons are collected.
NAMED_ELSEWHERE = {
    ("fetch_reasons.py", "reason"): set(REASONS),
    ("fetch_reasons.py", "f'http_{status}'"): {"http_<status>"},
    ("sources.py", "what.duplicate"): {Import.duplicate, "duplicate_url"},
    ("count.py", "reason"): {"not_checked", "count_out_of_range", "surplus_of_count"},
}
SETTINGS: list[tuple[str, str, Any]] = [
    ("ingest.md", "ingest", recipe.IngestRecipe),
    ("ingest.md", "ingest.fetch", FetchConfig),
    ("ingest.md", "ingest.limits", DecodeLimits),
    ("captions.md", "recordings", recipe.RecordingsRecipe),
    ("captions.md", "recordings.limits", AudioLimits),
    ("annotation.md", "pull", recipe.PullRecipe),
    ("annotation.md", "pull.rules", CheckRules),
    ("captions.md", "transcribe", recipe.TranscribeRecipe),
    ("captions.md", "transcribe.speech", SpeechConfig),
    ("captions.md", "caption", recipe.CaptionRecipe),
    ("captions.md", "caption.llm", LlmConfig),
    ("captions.md", "caption.captions", CaptionConfig),
    ("cap-qa.md", "cap_qa", recipe.CapQaRecipe),
    ("cap-qa.md", "cap_qa.asking", CapQaConfig),
    ("ocr.md", "ocr", recipe.OcrRecipe),
    ("ocr.md", "ocr.ocr", OcrConfig),
    ("points.md", "points", recipe.PointsRecipe),
    ("points.md", "points.rules", PointRules),
    ("points.md", "point_explanations", recipe.JudgedRecipe),
    ("points.md", "ask_model_anything", recipe.JudgedRecipe),
    ("count.md", "count", recipe.CountRecipe),
    ("count.md", "count.detector", DetectorConfig),
    ("count.md", "count.counts", CountConfig),
    ("documents.md", "docs", DocsRecipe),
    ("documents.md", "docs.documents", DocConfig),
    ("documents.md", "docs.pictures", PictureLimits),
    ("documents.md", "docs.rendering", RenderConfig),
    ("clocks.md", "clocks", recipe.ClocksRecipe),
    ("clocks.md", "clocks.rules", ClockRules),
    ("captions.md", "dedupe", recipe.DedupeRecipe),
    ("release.md", "splits", recipe.SplitsRecipe),
    ("decontamination.md", "decontaminate", recipe.DecontaminateRecipe),
    ("release.md", "release", ExportConfig),
]


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def table_rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the tables whose first heading is this, without ticks around the first one."""
    rows: list[list[str]] = []
    inside = False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif cells[0] == heading:
            inside = True
        elif inside and set(cells[0]) != {"-"}:
            rows.append([cells[0].strip("`"), *cells[1:]])
    return rows


def literals(node: ast.expr) -> set[str] | None:
    """The texts that an expression can be, where that can be seen."""
    if isinstance(node, ast.Constant):
        return {str(node.value)}
    if isinstance(node, ast.IfExp):
        body, other = literals(node.body), literals(node.orelse)
        return body | other if body is not None and other is not None else None
    return None


def rejects_in(path: Path) -> Iterator[tuple[str, bool]]:
    """Reason and whether it can be tried again, of every Reject that a file makes."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            again = any(keyword.arg == "retryable" for keyword in node.keywords)
            if node.func.id == "Reject":
                found = literals(node.args[0])
                if found is None:
                    found = NAMED_ELSEWHERE[path.name, ast.unparse(node.args[0])]
                    yield from ((name, REASONS[name].retryable) for name in found & set(REASONS))
                    found = found - set(REASONS)
                yield from ((name, again) for name in found)
            elif node.func.id == "Import":
                given = [k.value for k in node.keywords if k.arg == "duplicate"] + node.args[4:5]
                yield from ((name, False) for arg in given for name in literals(arg) or ())


def code_reasons() -> dict[str, set[bool]]:
    found: dict[str, set[bool]] = {}
    for path in CODE:
        for name, again in rejects_in(path):
            found.setdefault(name, set()).add(again)
    return found


def test_every_reason_is_documented_with_its_remedy() -> None:
    rows = table_rows(page("docs/rejects.md"), "reason")
    assert len(rows) == len({row[0] for row in rows}), "a reason stands there twice"
    code = code_reasons()
    assert {row[0] for row in rows} == set(code)
    assert len(code) > 50
    for name, again, meaning, remedy in rows:
        words = {"yes": {True}, "no": {False}, "depends": {False, True}}
        assert code[name] <= words[again], f"{name}: can it be tried again?"
        assert meaning, name
        assert remedy, name


def test_stages_are_named_in_the_page_of_rejects() -> None:
    headings = " ".join(re.findall(r"^## (.*)$", page("docs/rejects.md"), re.MULTILINE))
    names = ("sources-images", "sources-recordings", "ingest", "recordings", "transcribe")
    names += ("caption", "sources-evaluation", "evaluation", "select-cap")
    for name in names:
        assert f"`{name}`" in headings


def verbs(command: Any, prefix: str = "pixmo") -> Iterator[str]:
    for name, inner in getattr(command, "commands", {}).items():
        if name == "models":
            yield f"{prefix} {name}"
        elif prefix == "pixmo export" and name in EXPORTS:
            yield prefix
        elif hasattr(inner, "commands"):
            yield from verbs(inner, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}"


def test_every_verb_is_in_the_table_of_the_readme() -> None:
    rows = table_rows(page("README.md"), "verb")
    shown = {" ".join(word for word in row[0].split() if not word.isupper()) for row in rows}
    assert shown == set(verbs(typer.main.get_command(app)))


def test_every_command_in_a_page_is_a_verb_with_known_options() -> None:
    known: Any = typer.main.get_command(app)
    for path in PAGES:
        for line in re.findall(r"^pixmo +(.+?)(?:  +#.*)?$", page(str(path)), re.MULTILINE):
            words, command = line.split(), known
            while words and words[0] in getattr(command, "commands", {}):
                command = command.commands[words.pop(0)]
            assert not hasattr(command, "commands"), line
            options = {option for param in command.params for option in param.opts}
            used = {word for word in words if word.startswith("--") and word != "--"}
            assert used <= options, f"{path.name}: {line}"


def anchors(text: str) -> set[str]:
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_resolve(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not target.startswith(("http://", "https://", "mailto:")):
            name, _, anchor = target.partition("#")
            other = path.parent / name if name else path
            assert other.exists(), f"{path.name}: {target}"
            assert not anchor or anchor in anchors(other.read_text(encoding="utf-8")), target


def test_pages_are_reached_from_the_readme() -> None:
    for path in ROOT.glob("docs/*.md"):
        assert f"(docs/{path.name})" in page("README.md")


def test_files_that_pages_name_exist() -> None:
    for path in PAGES:
        for name in re.findall(
            r"`((?:tests|tools|pipelines|schemas|recipes|samples)/[\w./-]+)`", page(str(path))
        ):
            assert (ROOT / name).exists(), f"{path.name}: {name}"


def test_every_table_is_in_the_architecture() -> None:
    text = page("ARCHITECTURE.md")
    for table in TABLES:
        # Tables of one folder share a line there.
        assert all(f"{folder}/" in text for folder in table.split("/")), table


def test_tags_are_documented_with_their_limits() -> None:
    limits = {**SPEECH_LIMITS, **dict(CAPTION_LIMITS)}
    made = [*check_transcript([], 1.0), *check_caption("", [], [])]
    rows = table_rows(page("docs/captions.md"), "tag")
    assert [row[0] for row in rows] == [tag.name for tag in made]
    for name, limit, score in rows:
        assert limit == str(limits.get(name, "none")), name
        assert score, name
    assert set(limits) <= {tag.name for tag in made}


def test_rules_on_evaluation_sets_are_documented_with_their_limits() -> None:
    rows = table_rows(page("docs/release.md"), "rule")
    assert [(name, limit) for name, limit, _ in rows] == [
        (name, str(limit)) for name, limit in EVALUATION_LIMITS
    ]


def written(default: Any) -> str:
    """A default as the tables write it: YAML's words, nothing for what is empty or a section."""
    if dataclasses.is_dataclass(default) or default in (None, "", ()):
        return ""
    return str(default).lower() if isinstance(default, bool) else str(default)


def documented(field: "dataclasses.Field[Any]", heading: str) -> str:
    if field.name in ("policy", "shares"):
        return ""
    if field.default is not dataclasses.MISSING:
        return written(field.default)
    return "" if field.default_factory is not dataclasses.MISSING else "required"


@pytest.mark.parametrize(("name", "section", "cls"), SETTINGS, ids=[row[1] for row in SETTINGS])
def test_settings_are_documented_with_their_defaults(name: str, section: str, cls: Any) -> None:
    rows = table_rows(page(f"docs/{name}"), f"key of `{section}`")
    fields = dataclasses.fields(cls)
    assert [row[0] for row in rows] == [field.name for field in fields]
    for field, (key, default, meaning) in zip(fields, rows, strict=True):
        assert default == documented(field, section), f"{section}.{key}"
        assert meaning, key


def test_every_section_of_a_recipe_has_its_tables() -> None:
    sections = {section for _, section, _ in SETTINGS}
    own = {"store", "workers", "contact", "serve", "policy"}
    assert {field.name for field in dataclasses.fields(recipe.Recipe)} - own <= sections


def test_recipes_in_pages_and_in_the_folder_parse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)  # where the paths in them start from
    for path in ROOT.glob("recipes/*.yaml"):
        assert load_policy(path) if path.name == "policy.yaml" else load_recipe(path).store
    for path in PAGES:
        for text in re.findall(r"^```yaml\n(.*?)^```", page(str(path)), re.MULTILINE | re.DOTALL):
            file = tmp_path / "example.yaml"
            is_policy = text.split(":")[0] in SELECTS
            file.write_text(text if is_policy else f"store: out/\n{text}", encoding="utf-8")
            assert load_policy(file) if is_policy else load_recipe(file)


def test_settings_named_in_pages_exist() -> None:
    """Dotted keys such as `caption.llm.base_url`."""
    keys = {f"{s}.{field.name}" for _, s, cls in SETTINGS for field in dataclasses.fields(cls)}
    sections = {section.split(".")[0] for _, section, _ in SETTINGS}
    for path in PAGES:
        for name in re.findall(r"`([a-z]+(?:\.[a-z_0-9]+)+)`", page(str(path))):
            if name.split(".")[0] in sections and not name.endswith((".md", ".jsonl", ".py")):
                assert name in keys | {section for _, section, _ in SETTINGS}, path.name
