"""The verbs of the stages, with real servers: what they write, print and refuse."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from pipelines.run_stage import StageResult
from pipelines.services.sample_server import SampleServer, load_faults
from schemas.records import Caption, Recording, Split
from schemas.store import Store
from tests import toy_store
from tests.loopback_server import serving
from tests.tools.in_process import TextServer, pixmo, refused
from tools import recipe, stages
from tools.stages import Run

SAMPLES = Path(__file__).parents[2] / "samples"
TEXTS = {
    "a.png": ("A red toy stands on a table.", "There are two cups beside the toy."),
    "b.png": ("A green hill under a grey sky.",),
    "c.png": ("Three boats lie in the harbour.",),
}


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A store with the sample pictures, and what ingest printed."""
    store = str(tmp_path_factory.mktemp("samples") / "out")
    with SampleServer(SAMPLES / "images", load_faults(SAMPLES / "faults.yaml")) as server:
        there = f"samples.pixmo.test=127.0.0.1:{server.port}"
        words = ["--urls", SAMPLES / "urls.parquet", "--connect-to", there, "--rate", "0"]
        done = pixmo("ingest", "--store", store, *words, "--workers", "2", "--rows-per-part", "18")
    assert done.exit_code == 0, done.output
    return store, done.stdout


def test_ingest_of_the_samples(samples: tuple[str, str]) -> None:
    url, shown = samples
    store = Store(url)
    assert toy_store.reasons(store, "images") == {
        "http_404": 1,
        "not_an_image": 1,
        "opt_out": 1,
        "retry_after_too_long": 1,
        "sha256_mismatch": 1,
        "truncated": 1,
        "truncated_body": 1,
    }
    assert [info.rows_in for info in store.infos("images")] == [18, 18]
    summary = next(line for line in shown.splitlines() if line.strip().startswith("ingest"))
    assert summary.split()[:4] == ["ingest", "2", "36", "29"]
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert toy_store.findings(store) == []


def test_ingest_again_does_nothing_without_any_server(samples: tuple[str, str]) -> None:
    before = toy_store.contents(Store(samples[0]))
    done = pixmo("ingest", "--store", samples[0], "--urls", SAMPLES / "urls.parquet")
    assert done.exit_code == 0
    row = next(line for line in done.stdout.splitlines() if line.strip().startswith("ingest"))
    assert row.split()[-2:] == ["-", "-"]
    assert toy_store.contents(Store(samples[0])) == before


def test_recordings_of_the_samples(
    samples: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIXMO_ANNOTATOR_SALT", "a long secret")
    manifest = SAMPLES / "recordings.jsonl"
    words = ["--manifest", manifest, "--store", samples[0]]
    plan = pixmo("recordings", *words, "--dry-run")
    assert plan.exit_code == 0
    assert Store(samples[0]).part_numbers("recordings") == []

    said = refused("recordings", *words, "--max-rejects", "0.1", "--workers", "1", status=1)
    assert "recordings: " in said
    assert "more than max_rejects = 10% allows; most of them: too_short" in said
    assert "pixmo rejects" in said

    done = pixmo("recordings", *words, "--min-seconds", "15", "--workers", "1")
    assert done.exit_code == 0, done.output
    store = Store(samples[0])
    assert toy_store.reasons(store, "recordings") == {
        "silent": 1,
        "too_short": 1,
        "unknown_image": 1,
    }
    assert toy_store.findings(store) == []
    names = {row.annotator_id for row in toy_store.rows(store, "recordings", Recording)}
    assert not any("speaker" in name for name in names)
    kept = (Path(samples[0]) / "stages" / "recordings.json").read_text()
    assert "a long secret" not in kept


def test_a_stage_without_input_says_so(samples: tuple[str, str]) -> None:
    done = pixmo("caption", "--store", samples[0])
    assert done.exit_code == 0
    assert "nothing to do: the store holds no input of caption" in done.stdout


def test_dry_run_of_a_recipe_creates_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(SAMPLES.parent)
    values = yaml.safe_load(Path("recipes/demo.yaml").read_text(encoding="utf-8"))
    path = tmp_path / "demo.yaml"
    path.write_text(yaml.safe_dump(values | {"store": str(tmp_path / "out")}))
    done = pixmo("run", path, "--dry-run")
    assert done.exit_code == 0, done.output
    rows = {words[0]: words for line in done.stdout.splitlines() if (words := line.split())}
    assert rows["ingest"] == ["ingest", "0", "2", "36", "36", "GET"]
    assert rows["recordings"] == ["recordings", "0", "2", "21", "-"]
    assert list(tmp_path.iterdir()) == [path]


def test_run_refuses_a_stage_that_the_recipe_lacks(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(f"store: {tmp_path / 'out'}\ningest: {{urls: {SAMPLES / 'images'}}}\n")
    assert "--stage recordings: this recipe has ingest, " in refused(
        "run", path, "--stage", "recordings"
    )
    assert "unexpected argument 'more'" in refused("run", path, "more")


def test_a_folder_of_pictures_needs_no_server(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(toy_store.picture(len(name)))
    (tmp_path / "c.jpg").write_text("no picture")
    out = tmp_path / "out"
    done = pixmo("ingest", "--urls", tmp_path, "--store", out, "--workers", "1")
    assert done.exit_code == 0, done.output
    assert toy_store.reasons(Store(str(out)), "images") == {"not_an_image": 1}


def test_max_rejects_that_is_passed_ends_with_1_and_the_reasons(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("no picture")
    (tmp_path / "b.jpg").write_text("neither")
    (tmp_path / "c.png").write_bytes(toy_store.picture(1))
    words = ["--urls", tmp_path, "--store", tmp_path / "out", "--workers", "1"]
    said = refused("ingest", *words, status=1)
    assert "2 of 3 inputs were rejected (67%), more than max_rejects = 50% allows" in said
    assert "most of them: not_an_image 2" in said
    assert pixmo("ingest", *words, "--max-rejects", "0.7").exit_code == 0


@pytest.fixture
def spoken(tmp_path: Path) -> Store:
    """A store with pictures and transcripts."""
    store = Store(str(tmp_path / "out"))
    pictures = {name: toy_store.picture(seed) for seed, name in enumerate(TEXTS)}
    toy_store.put_images(store, pictures)
    spoken = [
        toy_store.transcript(name, text, str(number))
        for name, texts in TEXTS.items()
        for number, text in enumerate(texts)
    ]
    toy_store.put_transcripts(store, spoken)
    return store


@pytest.fixture
def llm() -> Iterator[TextServer]:
    with serving(TextServer()) as started:
        yield started


def test_a_budget_ends_with_4_and_a_larger_one_goes_on(spoken: Store, llm: TextServer) -> None:
    words = ["--store", spoken.url, "--llm-base-url", llm.base_url, "--llm-model", "stub"]
    said = refused("caption", *words, "--concurrency", "1", "--budget-tokens", "200", status=4)
    assert "caption: the LLM budget is used up: 240 of 200 tokens" in said
    assert "raise budget_tokens and run the same command again" in said
    assert llm.asked.total() == 2
    assert spoken.infos("captions") == []

    done = pixmo("caption", *words, "--budget-tokens", "5000")
    assert done.exit_code == 0, done.output
    # One call per transcript and one per picture over both runs: nothing was paid twice.
    assert llm.asked == {"text": 4, "caption": 3}
    assert len(toy_store.rows(spoken, "captions", Caption)) == 3
    assert pixmo("caption", *words).exit_code == 0
    assert llm.asked.total() == 7


def test_captions_to_a_release(spoken: Store, llm: TextServer) -> None:
    words = ["--store", spoken.url]
    named = ["--llm-base-url", llm.base_url, "--llm-model", "stub"]
    assert "7 LLM" in pixmo("caption", *words, *named, "--dry-run").stdout
    assert llm.asked.total() == 0
    for step in (["caption", *words, *named], ["dedupe", *words, "--workers", "1"]):
        assert pixmo(*step).exit_code == 0
    export = ["export", "cap", *words, "--workers", "1", "--test", "0.5", "--license", "cc0-1.0"]
    plan = pixmo(*export, "--dry-run")
    assert plan.exit_code == 0
    assert not Path(spoken.url, "release").exists()

    done = pixmo(*export)
    assert done.exit_code == 0, done.output
    splits = {row.image_id: row.split for row in toy_store.rows(spoken, "splits", Split)}
    rows = [
        (path.name.split("-")[0], row)
        for path in Path(spoken.url, "release", "cap").glob("*.parquet")
        for row in pq.read_table(path).to_pylist()
    ]
    assert {(split, row["image_url"]) for split, row in rows} == {
        (splits[toy_store.id_of(name)], toy_store.url_of(name)) for name in TEXTS
    }
    # Splits stay, whatever shares are asked for later.
    assert pixmo("export", "cap", *words, "--workers", "1").exit_code == 0
    assert {r.image_id: r.split for r in toy_store.rows(spoken, "splits", Split)} == splits
    assert "wrote 0 files" in pixmo("export", "cap", *words, "--workers", "1").stdout


def test_a_budget_is_divided_and_never_becomes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def record(run: Run, stage: object, workers: int) -> StageResult:
        asked.append((stage, workers))
        return StageResult("caption", "captions", (), 0, 0, 0.0)

    monkeypatch.setattr(stages, "run", record)
    section = recipe.CaptionRecipe(
        recipe.LlmConfig(budget_tokens=3, budget_usd=1.0, usd_per_1m_prompt=1.0)
    )
    stages.caption(Run(Store(str(tmp_path)), workers=4), section)
    llm = asked[0][0].llm  # type: ignore[attr-defined]
    assert (llm.budget_tokens, llm.budget_usd) == (1, 0.25)


def test_what_a_stage_last_ran_with_is_kept_without_what_held_for_the_run(
    samples: tuple[str, str],
) -> None:
    kept = json.loads((Path(samples[0]) / "stages" / "ingest.json").read_text())
    assert "connect_to" not in kept["fetch"]
    assert "share" not in kept["fetch"]
    assert stages.recall(Store(samples[0]), "ingest").fetch.connect_to == ()


def test_an_export_without_captions_says_so_and_writes_no_release(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    toy_store.put_images(store, {})
    done = pixmo("export", "cap", "--store", store.url)
    assert done.exit_code == 0, done.output
    assert "nothing to release" in done.stdout
    assert not (tmp_path / "store" / "release").exists()
