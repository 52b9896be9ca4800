"""status, rejects, audit and retry on stores that were really made."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.records import Image
from schemas.store import Store
from tests import toy_store
from tests.loopback_server import serving
from tests.tools.in_process import PictureServer, pixmo

HOST = "pics.test"
ROWS = [
    {"image_url": f"http://{HOST}/good.png", "topic": "toys"},
    {"image_url": f"http://{HOST}/busy.png"},
    {"image_url": f"http://{HOST}/late.png"},
    {"image_url": f"http://{HOST}/gone.png"},
    {"image_url": f"http://{HOST}/good.png", "topic": "again"},
    {"image_url": None},
]
WORDS = ["--max-rejects", "1", "--workers", "1"]


@pytest.fixture(scope="module")
def server() -> Iterator[PictureServer]:
    """Three pictures, two of them busy at first."""
    files = {f"/{n}.png": toy_store.picture(i) for i, n in enumerate(["good", "busy", "late"])}
    with serving(PictureServer(files, {"/busy.png": 503, "/late.png": 429})) as started:
        yield started


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("list") / "urls.jsonl"
    lines = [json.dumps(row) for row in ROWS]
    path.write_text("\n".join([*lines, "not json"]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def recipe(urls: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `pixmo ingest`, but without waiting for busy servers."""
    folder = tmp_path_factory.mktemp("recipe")
    fetch = '{retries: 0, connect_to: {pics.test: "ENDPOINT"}}'
    path = folder / "recipe.yaml"
    path.write_text(
        f"store: {folder / 'out'}\n"
        f"ingest: {{urls: {urls}, rows_per_part: 4, max_rejects: 1, fetch: {fetch}}}\n"
    )
    return path


@pytest.fixture(scope="module")
def store(recipe: Path, server: PictureServer) -> Store:
    recipe.write_text(recipe.read_text().replace("ENDPOINT", server.endpoint))
    done = pixmo("run", recipe, "--stage", "ingest")
    assert done.exit_code == 0, done.output
    assert "sources-images: 3 of 7 input rows were refused" in done.stderr
    assert "1 bad_row, 1 duplicate_url, 1 missing_url" in done.stderr
    return Store(str(recipe.parent / "out"))


def test_status_shows_rows_and_reasons(store: Store) -> None:
    lines = pixmo("status", "--store", store.url).stdout.splitlines()
    images = next(line for line in lines if line.strip().startswith("images"))
    assert images.split()[:6] == ["images", "2", "4", "1", "1", "http_404"]
    assert any(line.split() == ["1", "http_429"] for line in lines)
    assert all(len(line) <= 80 for line in lines)


def test_status_names_parts_that_are_not_whole(store: Store, tmp_path: Path) -> None:
    other = Store(str(tmp_path / "s"))
    toy_store.put_images(other, {"a.png": toy_store.picture(1)})
    Path(other.part_path("rejects/images", 0)).unlink()
    assert "1 (1 incomplete)" in pixmo("status", "--store", other.url).stdout


def test_rejects_as_a_table_fit_80_columns_and_lose_nothing(store: Store) -> None:
    shown = pixmo("rejects", "--store", store.url).stdout
    assert all(len(line) <= 80 for line in shown.splitlines())
    for text in ("http_503", "http_429", "http_404", "bad_row", "duplicate_url", "missing_url"):
        assert text in shown
    assert "not json" in shown
    assert f"http://{HOST}/gone.png" in shown
    assert "…" not in shown
    assert "the first" not in shown


def test_rejects_as_json_are_whole_rows(store: Store) -> None:
    lines = pixmo("rejects", "--store", store.url, "--json", "--limit", "0").stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == 6
    assert set(rows[0]) == {"stage", "key", "reason", "detail", "retryable", "row"}
    assert {row["stage"] for row in rows} == {"ingest", "sources-images"}


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("--stage ingest", 3),
        ("--stage sources-images", 3),
        ("--stage caption", 0),
        ("--reason http_404", 1),
        ("--reason http_404 --reason http_503", 2),
        ("--reason http_404 --stage sources-images", 0),
        ("--reason nothing", 0),
        ("--limit 2", 2),
        ("--limit 6", 6),
    ],
)
def test_rejects_are_filtered(store: Store, words: str, count: int) -> None:
    done = pixmo("rejects", "--store", store.url, "--json", *words.split())
    assert len(done.stdout.splitlines()) == count
    table = pixmo("rejects", "--store", store.url, *words.split()).stdout
    assert ("no rejects like this" in table) == (count == 0)
    assert ("--limit 0 prints all" in table) == (words == "--limit 2")


def test_audit_passes_on_a_whole_store(store: Store) -> None:
    done = pixmo("audit", "--store", store.url)
    assert done.exit_code == 0
    assert done.stdout.endswith("2 tables, 11 rows in, 0 findings\n")
    assert "FAILED" not in done.stdout


def test_audit_fails_where_a_part_was_exchanged(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "s"))
    toy_store.put_images(store, {"a.png": toy_store.picture(1), "b.png": toy_store.picture(2)})
    wrong = toy_store.image("c.png", toy_store.picture(3))
    other = Store(str(tmp_path / "other"))
    toy_store.put(other, "images", 0, Image, [wrong])
    Path(other.part_path("images", 0)).rename(store.part_path("images", 0))
    done = pixmo("audit", "--store", store.url)
    assert done.exit_code == 1
    assert "images/0: has no rejects part of the same commit" in done.stdout
    assert "1 findings" in done.stdout


def test_retry_asks_again_only_for_what_may_work_now(
    store: Store, server: PictureServer, urls: Path
) -> None:
    before = {row.image_id: row for row in toy_store.rows(store, "images", Image)}
    server.asked.clear()
    server.statuses.clear()
    words = ["--connect-to", f"{HOST}={server.endpoint}"]
    done = pixmo("retry", "--store", store.url, "--reason", "http_503", *words)
    assert done.exit_code == 0, done.output
    assert "run the later stages again" in done.stdout
    # robots.txt may still be known to this process from the first run
    assert {path: n for path, n in server.asked.items() if path != "/robots.txt"} == {
        "/busy.png": 1
    }
    assert toy_store.reasons(store, "images") == {"http_404": 1, "http_429": 1}

    assert pixmo("retry", "--store", store.url, *words).exit_code == 0
    assert server.asked["/late.png"] == 1
    assert server.asked["/gone.png"] == server.asked["/good.png"] == 0
    after = {row.image_id: row for row in toy_store.rows(store, "images", Image)}
    assert len(after) == 3
    assert before.items() <= after.items()
    assert toy_store.reasons(store, "images") == {"http_404": 1}
    assert toy_store.findings(store) == []
    assert "no rejects that can be tried again" in pixmo("retry", "--store", store.url).stdout


def test_after_a_retry_the_same_run_does_nothing(
    store: Store, recipe: Path, server: PictureServer
) -> None:
    server.asked.clear()
    before = toy_store.stamps(Path(store.url))
    done = pixmo("run", recipe, "--stage", "ingest")
    assert done.exit_code == 0
    assert "ingest: nothing new" in done.stderr
    assert not server.asked
    changed = {
        name
        for name, stamp in toy_store.stamps(Path(store.url)).items()
        if before.get(name) != stamp
    }
    assert not {name for name in changed if name.endswith(".parquet")}
