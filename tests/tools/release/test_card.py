"""The dataset card: every figure in it is counted from the store, and the Hub reads its header."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.release_plan import ExportConfig
from schemas.manifest import ReleaseManifest
from schemas.store import Store
from schemas.subsets import SUBSET_OF_CONFIG, SUBSETS
from tests.tools.release import toy_release
from tests.tools.release.toy_release import CONFIG
from tools.release.card import END, START, card_text
from tools.release.card_merge import merge_card
from tools.release.card_sections import table
from tools.release.contents import ConfigContents, DataFile, read_contents
from tools.release.describe import describe_release
from tools.release.hub_licences import HUB_LICENCES, licence_header, licence_url
from tools.release.origins import Origins, find_origins, licence_of

SAID = ReleaseManifest(title="t", license="mit", code_version="0")
GOLDEN = Path(__file__).parent / "golden_card.md"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = toy_release.release(str(tmp_path_factory.mktemp("card") / "out"))
    describe_release(made, CONFIG)
    return made


def card(store: Store) -> str:
    return Path(store.url, "release", "README.md").read_text(encoding="utf-8")


def header(text: str) -> dict[str, Any]:
    values = yaml.safe_load(text.split("---\n")[1])
    assert isinstance(values, dict)
    return values


def test_the_whole_card(store: Store) -> None:
    """PIXMO_GOLDEN=1 writes the file anew; look at the change before you keep it."""
    if os.environ.get("PIXMO_GOLDEN"):
        GOLDEN.write_text(card(store), encoding="utf-8")
    assert card(store) == GOLDEN.read_text(encoding="utf-8")


def test_header_is_yaml_that_datasets_reads(store: Store) -> None:
    found = header(card(store))
    assert found["license"] == "cc-by-4.0"
    assert found["pretty_name"] == CONFIG.title
    assert found["language"] == ["en"]
    assert found["size_categories"] == ["n<1K"]
    assert found["task_categories"] == ["image-to-text"]
    (config,) = found["configs"]
    assert (config["config_name"], config["default"]) == ("cap", True)
    assert {entry["split"]: entry["path"] for entry in config["data_files"]} == {
        "test": "cap/test-*.parquet",
        "train": "cap/train-*.parquet",
    }
    for entry in config["data_files"]:
        assert list(Path(store.url, "release").glob(entry["path"]))


def test_figures_are_those_of_the_store(store: Store) -> None:
    text = card(store)
    for line in (
        "| cap | train | 1 |",
        "| cap | test | 1 |",
        "3 of 4 pictures were fetched and passed all checks (75.0%)",
        "| http_404 | 1 |",
        "| train | test | 1 |",  # the picture that moved
        "| caption_long_v1 | 4.0 | 1 | 1 |",
        "| ai2d | 2 | 1 near (images) |",
        "- cap, text llm: m",
        "- cap, speech recogniser: toy@00000000",
        "- prompt: clean_v1",
        "- cap: `image_url`, `caption`, `transcripts`, `image`.",
        "[cc-by-4.0](https://creativecommons.org/licenses/by/4.0/)",
        "| CC0 | 1 |",
        "| not said | 1 |",
        "Shares of the draw: train 0.9, test 0.1.",
        'datasets.load_dataset(where, "cap", split="train")',
    ):
        assert line in text, line
    assert text.index(START) < text.index("## What is in it") < text.index(END)


def test_what_is_not_known_is_left_out(tmp_path: Path) -> None:
    text = card_text(SAID, _configs("cap"), Origins())
    for heading in ("Splits", "Survival", "left out", "Decontamination", "Models"):
        assert heading not in text
    assert "language" not in header(text)
    store = Store(str(tmp_path))
    assert find_origins(store, read_contents(store.fs, store.path("release"))) == Origins()


def _configs(*names: str) -> tuple[ConfigContents, ...]:
    subsets = {name: SUBSET_OF_CONFIG[name] for name in names}
    file = DataFile("x/train-00000-of-00001.parquet", "train", 3)
    return tuple(ConfigContents(n, s, s.columns, (file,)) for n, s in subsets.items())


def test_every_subset_has_its_words_and_its_unit() -> None:
    text = card_text(SAID, _configs(*SUBSET_OF_CONFIG), Origins())
    for subset in SUBSETS:
        assert f"- **{subset}**: " in text
    columns = "`image_url`, `image_sha256`, `count`, `points`, `label`"
    assert f"- count: {columns}. Points are pixels." in text
    assert text.count("Points are percent of width and height.") == 2
    assert header(text)["size_categories"] == ["n<1K"]


def test_only_the_first_config_is_the_default(store: Store) -> None:
    toy_release.put_config(store, "points", [{"image_url": "u"}])
    describe_release(store, CONFIG)
    found = header(card(store))
    assert [(c["config_name"], c.get("default")) for c in found["configs"]] == [
        ("cap", True),
        ("points", None),
    ]
    assert found["task_categories"] == ["image-to-text", "object-detection"]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("cc-by-4.0", {"license": "cc-by-4.0"}),
        (" CC0-1.0 ", {"license": "cc0-1.0"}),
        ("unknown", {"license": "unknown"}),
        ("Ours, ask us!", {"license": "other", "license_name": "ours-ask-us"}),
        ("©", {"license": "other", "license_name": "unknown"}),
    ],
)
def test_licences_are_those_of_the_hub(text: str, values: dict[str, str]) -> None:
    assert licence_header(text) == values
    assert values["license"] in HUB_LICENCES


def test_licences_have_pages() -> None:
    assert licence_url("cc-by-nc-sa-4.0").endswith("/licenses/by-nc-sa/4.0/")
    assert licence_url("Ours") == "Ours"


@pytest.mark.parametrize(
    ("carried", "licence"),
    [
        ('{"license": "CC0"}', "CC0"),
        ('{"Licence": " CC BY 4.0 "}', "CC BY 4.0"),
        ('{"license": null, "licence": "x"}', "x"),
        ('{"about": "a license"}', ""),
        ("{}", ""),
        ("", ""),
    ],
)
def test_the_licence_of_a_picture_is_what_its_list_said(carried: str, licence: str) -> None:
    assert licence_of(carried) == licence


def test_hostile_titles_and_cells_stay_in_their_place(tmp_path: Path) -> None:
    title = "a: b # c\n---\n<!-- pixmo: end -->"
    store = toy_release.release(str(tmp_path / "out"))
    describe_release(store, ExportConfig("embed", 0, "x | y\n# z", title, f"ours {END} by law"))
    text = card(store)
    found = header(text)
    assert found["pretty_name"] == " ".join(title.split())
    assert found["license_name"] == "x-y-z"
    assert text.split("---\n", 2)[2].count("<!-- pixmo: end") == 1
    assert merge_card(text, text) == text
    assert table(("a",), [("x|y\n<b>",)]).splitlines()[-1] == "| x\\|y &lt;b> |"
