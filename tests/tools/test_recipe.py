"""Recipes: what a file says reaches the settings, and what it says wrongly is one line."""

from pathlib import Path

import pytest

from pipelines.release_plan import ExportConfig
from schemas.errors import UsageError
from tests.tools.in_process import refused
from tools.recipe import Recipe, load_recipe

ROOT = Path(__file__).parents[2]
RECIPES = sorted(p for p in ROOT.glob("recipes/*.yaml") if p.name != "policy.yaml")
URLS = "ingest: {urls: x.parquet, "


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths in recipes start from there."""
    monkeypatch.chdir(ROOT)


def load(folder: Path, text: str) -> Recipe:
    path = folder / "recipe.yaml"
    path.write_text(f"store: {folder / 'out'}\n{text}\n", encoding="utf-8")
    return load_recipe(path)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_the_recipes_of_the_repository_parse(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.store
    assert recipe.ingest is not None
    assert recipe.ingest.fetch.contact == recipe.contact


def test_only_a_store_is_needed(tmp_path: Path) -> None:
    recipe = load(tmp_path, "")
    assert recipe.ingest is recipe.recordings is recipe.serve is None
    assert recipe.caption.policy == ()  # the defaults, whatever they are
    assert recipe.policy == ""
    assert recipe.release == ExportConfig()


def test_nested_settings_arrive(tmp_path: Path) -> None:
    recipe = load(
        tmp_path,
        "contact: me@example.org\n"
        "ingest:\n"
        "  urls: u.csv\n"
        "  fetch: {per_host: 2, allow_hosts: [intranet], connect_to: {a.test: '127.0.0.1:80'}}\n"
        "caption: {policy: {loop_v1: 1}, llm: {base_url: 'http://llm.test/v1'}}\n"
        "splits: {shares: {train: 0.9, test: 0.1}}\n"
        "policy: recipes/policy.yaml\n"
        "release: {images: url, embedding_right: all are mine}",
    )
    assert recipe.ingest is not None
    fetch = recipe.ingest.fetch
    assert (fetch.per_host, fetch.allow_hosts, fetch.contact) == (
        2,
        ("intranet",),
        "me@example.org",
    )
    assert fetch.connect_to == (("a.test", "127.0.0.1:80"),)
    assert recipe.caption.policy == (("loop_v1", 1.0),)
    assert recipe.splits.shares == (("train", 0.9), ("test", 0.1))
    assert recipe.policy == "recipes/policy.yaml"
    assert recipe.release == ExportConfig("url", embedding_right="all are mine")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dedupe: {raduis: 4}", "recipe.yaml.dedupe: unknown key 'raduis'; did you mean 'radius'?"),
        ("ingset: {}", "unknown key 'ingset'; did you mean 'ingest'?"),
        ("zzz: 1", "unknown key 'zzz'; known keys: ask_model_anything, "),
        ("ingest: {}", "recipe.yaml.ingest: missing urls"),
        ("ingest: u.parquet", "recipe.yaml.ingest: expected keys and values, found 'u.parquet'"),
        (URLS + "rows_per_part: many}", "ingest.rows_per_part: Input should be a valid integer"),
        (URLS + "rows_per_part: 0}", "ingest.rows_per_part is 0; it must be at least 1"),
        (URLS + "max_rejects: 7}", "max_rejects is 7; it must be at least 0 and at most 1"),
        (URLS + "fetch: {per_host: 0}}", "per_host is 0; it must be above 0"),
        (URLS + "fetch: {contact: 5}}", "ingest.fetch.contact: Input should be a valid string"),
        (URLS + "fetch: {allow_hosts: ['http://x']}}", "write the name or the address alone"),
        (URLS + "limits: {max_pixels: -1}}", "ingest.limits.max_pixels is -1"),
        ("recordings: {manifest: m, limits: {min_duration_s: 9999}}", "and at most 1800"),
        ("transcribe: {speech: {device: gpu}}", "device 'gpu' is not auto, cpu or cuda"),
        ("transcribe: {speech: {beam_size: 0}}", "transcribe.speech.beam_size is 0"),
        ("caption: {llm: {base_url: llm.test}}", "base_url 'llm.test' is no http(s) URL"),
        ("caption: {llm: {budget_usd: 1}}", "budget_usd needs usd_per_1m_prompt"),
        ("caption: {llm: {structured: yes}}", "structured: Input should be 'json_schema'"),
        ("caption: {captions: {clean_prompt: clean_v9}}", "no prompt 'clean_v9'; there are:"),
        ("caption: {policy: {loop: 1}}", "caption.policy: no tag 'loop'; tags: compression_v1,"),
        ("caption: {policy: {loop_v1: often}}", "Input should be a valid number"),
        ("policy: none.yaml", "none.yaml: cannot be read"),
        ("policy: {cap: {refusal_v1: 1}}", "recipe.yaml.policy: Input should be a valid string"),
        ("release: {images: png}", "Input should be 'embed' or 'url', found 'png'"),
        ("release: {rows_per_shard: -1}", "release.rows_per_shard is -1; it must be at least 0"),
        ("workers: 1\nworkers: 2", "line 3: key 'workers' stands there twice"),
        ("dedupe: {radius: 99}", "dedupe.radius is 99; it must be at least 0 and at most 16"),
        ("splits: {shares: {train: 0.5}}", "must be positive and add up to 1, not 0.5"),
        ("splits: {shares: {dev: 1}}", "unknown split 'dev'"),
        ("workers: -1", "workers is -1; it must be at least 0"),
        ("workers: [", "not valid YAML: line "),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refusal:
        load(tmp_path, text)
    assert said in str(refusal.value)
    assert str(refusal.value).startswith(str(tmp_path / "recipe.yaml"))
    assert "\n" not in str(refusal.value)


def test_a_policy_that_is_wrong_is_told_of_before_anything_runs(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("cap: {refusal: 1}")
    with pytest.raises(UsageError) as refusal:
        load(tmp_path, f"policy: {path}")
    assert str(refusal.value).startswith(f"{tmp_path / 'recipe.yaml'}: {path}: cap: unknown tag")


def test_files_that_are_no_recipe(tmp_path: Path) -> None:
    assert "nope.yaml: cannot be read" in refused("run", tmp_path / "nope.yaml")
    assert "cannot be read (Is a directory)" in refused("run", tmp_path)
    assert "not a text file in UTF-8" in refused("run", ROOT / "samples" / "urls.parquet")
    empty = tmp_path / "empty.yaml"
    empty.write_text("")
    assert "expected keys and values, found None" in refused("run", empty)
    empty.write_text("workers: 1\n")
    assert "missing store" in refused("run", empty)
    empty.write_text("store: ''\n")
    assert "--store is empty" in refused("run", empty)
    empty.write_text(f"store: {tmp_path / 'none'}\n")
    assert "there is no store here" in refused("run", empty, "--dry-run")
