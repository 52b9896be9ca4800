"""Stage clocks: parts that do not depend on the count, all examples accounted for, the release."""

import builtins
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from pipelines.clocks import Clocks, load_drawing
from pipelines.stage import fingerprint
from pipelines.steps.clocks.examples import ClockRules
from pipelines.subsets.clocks import TOO_SMALL
from schemas.errors import MissingPart
from schemas.ids import sha256_hex
from schemas.store import Store
from schemas.subset_records import Clock
from schemas.subsets import SUBSETS
from tests import toy_store as toy
from tests.tools.in_process import pixmo, refused

pytest.importorskip("cairocffi", reason="cairocffi is not installed", exc_type=ImportError)

SMALL = ClockRules(seed=4, size=96)


def rows(store: Store) -> list[Clock]:
    return toy.rows(store, "clocks", Clock)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Sixty small clocks in three parts, one of which is not full."""
    made = Store(str(tmp_path_factory.mktemp("clocks") / "store"))
    result = toy.run(Clocks(60, 25, SMALL), made)
    assert (result.rows_in, result.records, result.reasons) == (60, 60, {})
    return made


def test_records_are_whole(store: Store) -> None:
    found = rows(store)
    assert [info.rows_in for info in store.infos("clocks")] == [25, 25, 10]
    assert len({row.example_id for row in found}) == 60
    for row in found:
        picture = Image.open(io.BytesIO(row.bytes))
        assert (picture.format, picture.size) == ("JPEG", (96, 96))
        assert (row.format, row.width, row.height) == ("jpeg", 96, 96)
        assert row.image_sha256 == sha256_hex(row.bytes)
        assert [tag.name for tag in row.tags] == [TOO_SMALL[0]]
        assert row.seed >> 32 == 4
    assert {row.seed % 2**32 for row in found} == set(range(60))
    assert toy.findings(store) == []


def test_growing_adds_parts_and_changes_none(tmp_path: Path, store: Store) -> None:
    before = toy.contents(store)
    grown = Store(str(tmp_path / "grown"))
    assert toy.run(Clocks(50, 25, SMALL), grown).ran == 2
    assert toy.run(Clocks(75, 25, SMALL), grown).ran == 1
    after = toy.contents(grown)
    for number in (0, 1):
        assert after[f"clocks/{number}"] == before[f"clocks/{number}"]
    last = {row.example_id: row for row in rows(grown)}
    assert all(last[row.example_id] == row for row in rows(store))
    assert toy.run(Clocks(75, 25, SMALL), grown).ran == 0


def test_examples_do_not_depend_on_parts_and_shares(tmp_path: Path, store: Store) -> None:
    other = Store(str(tmp_path / "other"))
    toy.run(Clocks(60, 7, SMALL), other)
    by_id = {row.example_id: row for row in rows(other)}
    assert by_id == {row.example_id: row for row in rows(store)}


def test_other_rules_make_other_parts() -> None:
    shard = Clocks(5, 5, SMALL).plan(Store("unused"))[0]
    one = fingerprint(Clocks(5, 5, SMALL), shard)
    assert fingerprint(Clocks(9, 7, SMALL), shard) == one
    for rules in (ClockRules(seed=5, size=96), ClockRules(seed=4, size=97)):
        assert fingerprint(Clocks(5, 5, rules), shard) != one


def test_a_missing_library_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__
    for error, words in (
        (ModuleNotFoundError("no", name="cairocffi"), r"cairocffi.*pixmo\[clocks\]"),
        (OSError("no library called cairo-2"), "apt-get install libcairo2"),
    ):

        def refuse(name: str, *others: Any, error: Exception = error, **more: Any) -> Any:
            if name.startswith("pipelines.steps.clocks.placement"):
                raise error
            return real(name, *others, **more)

        with monkeypatch.context() as patched:
            patched.setattr(builtins, "__import__", refuse)
            with pytest.raises(MissingPart, match=words):
                load_drawing()


def config_rows(store: Store, *words: object) -> Iterator[dict[str, Any]]:
    done = pixmo("export", "all", "--store", store.url, "--workers", "1", *words)
    assert done.exit_code == 0, done.output
    for path in sorted(Path(store.url, "release", "clocks").glob("*.parquet")):
        yield from pq.read_table(path).to_pylist()


def test_the_release_has_the_published_columns(tmp_path: Path) -> None:
    url = str(tmp_path / "store")
    words = ["--count", "40", "--size", "160", "--workers", "1", "--rows-per-part", "20"]
    done = pixmo("clocks", "--store", url, *words)
    assert done.exit_code == 0, done.output
    store = Store(url)
    released = list(config_rows(store, "--license", "cc0-1.0"))
    large = {row.example_id for row in rows(store) if row.tags[0].score < 1}
    assert {row["example_id"] for row in released} == large
    assert 30 < len(large) <= 40
    names = SUBSETS["clocks"].columns.names
    assert list(released[0]) == [*names, "image"]
    for row in released:
        pixels = np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])))
        assert pixels.shape == (160, 160, 3)
        if row["hour_visible"] >= 0 and row["minute_visible"] >= 0:
            minute = f"{row['minute_visible']:02d}"
            assert f":{minute}" in row["text"]
            assert row["shows_seconds"] == (row["second_visible"] >= 0)
    opened = datasets.load_dataset(str(Path(url, "release")), "clocks", split="train")
    assert opened.features["hour_visible"].dtype == "int32"
    assert opened.features["shows_seconds"].dtype == "bool"
    assert toy.findings(store) == []
    lineage = next(Path(url, "release", "lineage", "clocks").glob("*.parquet"))
    assert pq.read_table(lineage).to_pylist()[0]["tags"][0]["name"] == TOO_SMALL[0]
    alone = list(config_rows(store, "--images", "url"))
    assert list(alone[0]) == names
    assert len(alone) == len(large)


def test_the_verb_plans_and_refuses(tmp_path: Path) -> None:
    url = str(tmp_path / "store")
    plan = pixmo("clocks", "--store", url, "--count", "2500", "--dry-run")
    assert plan.exit_code == 0
    assert "2500" in plan.output
    assert not Path(url).exists()
    for words in (["--seed", "99999999999"], ["--size", "99999"], ["--count", "99999999999"]):
        assert "clocks." in refused("clocks", "--store", url, *words)


def test_words_and_places_are_as_asked(tmp_path: Path) -> None:
    url = str(tmp_path / "store")
    words = ["--count", "20", "--size", "96", "--workers", "1", "--no-augment", "--seed", "8"]
    done = pixmo("clocks", "--store", url, *words, "--wording", "sentence")
    assert done.exit_code == 0, done.output
    kept = json.loads(Path(url, "stages", "clocks.json").read_text())
    assert kept["rules"] | {"augment": False, "wording": "sentence", "seed": 8} == kept["rules"]
    texts = [row.text for row in rows(Store(url)) if row.hour_visible >= 0]
    assert all(" " in text for text in texts)
    assert pixmo("retry", "--store", url).exit_code == 0


def test_a_recipe_of_clocks_alone_makes_a_store(tmp_path: Path) -> None:
    recipe, url = tmp_path / "clocks.yaml", tmp_path / "store"
    recipe.write_text(f"store: {url}\nclocks: {{count: 6, rules: {{size: 96}}}}\n")
    done = pixmo("run", recipe, "--stage", "clocks", "--workers", "1")
    assert done.exit_code == 0, done.output
    assert len(rows(Store(str(url)))) == 6
    recipe.write_text(f"store: {url}\nclocks: {{rules: {{hidden_share: 2}}}}\n")
    assert "clocks.rules.hidden_share" in refused("run", recipe)
