"""The verbs that write and read batch files: what they print, and what they refuse."""

from pathlib import Path

import pytest
import yaml

from schemas.records import Caption
from schemas.store import Store
from tests import toy_store
from tests.batch_service import BatchService
from tests.tools.in_process import pixmo, refused

SAID = {
    "a.png": "A red toy stands on a wooden table beside two blue cups.",
    "b.png": "A green frog sits on a grey stone in a small pond.",
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "store"))
    toy_store.put_images(made, {"a.png": toy_store.picture(1), "b.png": toy_store.picture(2)})
    toy_store.put_transcripts(made, [toy_store.transcript(*pair) for pair in SAID.items()])
    return made


def caption(store: Store, *words: object) -> str:
    done = pixmo("caption", "--store", store.url, "--llm-model", "m", "--workers", "1", *words)
    assert done.exit_code == 0, done.output
    return done.stdout


def answered(folder: Path, service: BatchService) -> tuple[Path, Path]:
    (path,) = folder.glob("*.jsonl")
    return service.run(path)


def test_round_by_round_until_nothing_is_left(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "batch"
    said = caption(store, "--batch-write", folder)
    assert "caption: 2 requests for 2 rows, in" in said
    assert "requests-caption-00000.jsonl" in said
    assert "pixmo batch read OUTPUT..." in said
    assert not (Path(store.url) / "stages").exists(), "nothing was run"

    again = caption(store, "--batch-write", folder)
    assert "2 of them were written before and have no answer yet" in again

    done = pixmo("batch", "read", *answered(folder, BatchService(twice=True)), "--store", store.url)
    assert done.exit_code == 0, done.output
    assert "2 answers were taken into the cache" in done.stdout
    assert "2 calls (0 failed), 0 answers from the cache, 200 tokens in, 40 out, $0" in done.stdout
    assert "2 lines passed over, doubled" in done.stdout

    assert "2 requests for 2 rows" in caption(store, "--batch-write", folder)
    pixmo("batch", "read", *answered(folder, BatchService()), "--store", store.url)
    last = caption(store, "--batch-write", folder)
    assert "no request is left to write, and the cache holds every answer" in last
    assert "without --batch-write; it makes no call" in last
    assert list(folder.glob("*.jsonl")) == []

    shown = caption(store, "--llm-base-url", "http://127.0.0.1:9/v1")
    assert "caption: 0 calls (0 failed), 4 answers from the cache" in shown
    found = toy_store.rows(store, "captions", Caption)
    assert {row.image_url.rsplit("/", 1)[1]: row.caption for row in found} == SAID
    assert "since it is up to date" in caption(
        store, "--llm-base-url", "http://127.0.0.1:9/v1", "--batch-write", folder
    )


def test_failures_are_a_table_and_half_a_line_an_error(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "batch"
    caption(store, "--batch-write", folder)
    output, errors = answered(folder, BatchService(fails=lambda body: "expired"))
    output.write_bytes(b'{"custom_id": "')
    done = pixmo("batch", "read", output, errors, "--store", store.url)
    assert done.exit_code == 1
    assert "0 answers were taken" in done.stdout
    assert "batch_expired" in done.stdout
    assert "lines that cannot be read: 1, the first at" in " ".join(done.stderr.split())
    requests = next(folder.glob("*.jsonl"))
    assert "a file of requests" in refused("batch", "read", requests, "--store", store.url)
    assert "no such file" in refused("batch", "read", folder / "no", "--store", store.url)


def test_a_recipe_writes_the_requests_of_one_stage(store: Store, tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text(yaml.safe_dump({"store": store.url, "caption": {"llm": {"model": "m"}}}))
    folder = tmp_path / "batch"
    done = pixmo("run", recipe, "--stage", "caption", "--batch-write", folder)
    assert done.exit_code == 0, done.output
    assert "caption: 2 requests for 2 rows" in done.stdout
    assert "summary" not in done.stdout
    words = ["run", recipe, "--batch-write", folder]
    assert "name it with --stage" in refused(*words)
    assert "dedupe asks no text LLM" in refused(*words, "--stage", "dedupe")
    assert "export asks no text LLM" in refused(*words, "--stage", "export")
    assert not store.part_numbers("duplicates")
