"""Every config of a release, opened as its users open it, against what PixMo publishes.

The features are written out here as the dataset cards and the public loaders have them, apart from
`schemas.subsets`, so that a slip there is found. Points of `points` are a list of structs; those of
`count` and the questions of documents are a struct of lists, as the loaders index them.
"""

from pathlib import Path
from typing import Any

import pytest
from datasets import Features, Image, List, Value, load_dataset

from pipelines.export import export_subset
from pipelines.release_plan import ExportConfig
from pipelines.subsets.registry import EXPORTS
from schemas.subsets import SUBSET_OF_CONFIG
from tests.pipelines.toy_stage import InlineEngine
from tests.sound_store import sound_rows, write_store
from tools.audit.release_audit import audit_release
from tools.release.describe import describe_release

TEXT, WHOLE = Value("string"), Value("int32")
PICTURE = {"image_url": TEXT, "image_sha256": TEXT}
DOCUMENT = {
    "image": Image(),
    "image_id": TEXT,
    "questions": {"question": List(TEXT), "answer": List(TEXT)},
}
PUBLISHED: dict[str, dict[str, Any]] = {
    "cap": {"image_url": TEXT, "caption": TEXT, "transcripts": List(TEXT)},
    "ask_model_anything": PICTURE | {"question": TEXT, "answer": TEXT},
    "points": PICTURE
    | {
        "points": List({"x": Value("float64"), "y": Value("float64")}),
        "count": Value("int64"),
        "label": TEXT,
        "collection_method": TEXT,
    },
    "point_explanations": PICTURE
    | {
        "question": TEXT,
        "response": TEXT,
        "parsed_response": TEXT,
        "points": List(List(List(Value("float64")))),
        "inline_text": List(TEXT),
        "alt_text": List(TEXT),
    },
    "cap_qa": {"image_url": TEXT, "question": TEXT, "answer": TEXT, "messages": List(TEXT)},
    "docs_charts": DOCUMENT,
    "docs_tables": DOCUMENT,
    "docs_diagrams": DOCUMENT,
    "docs_other": DOCUMENT,
    "clocks": {
        "example_id": TEXT,
        "watchface_id": TEXT,
        "watchface_name": TEXT,
        "watch_time": TEXT,
        "time_format": TEXT,
        "shows_seconds": Value("bool"),
        "hour_visible": WHOLE,
        "minute_visible": WHOLE,
        "second_visible": WHOLE,
        "text": TEXT,
    },
    "count": PICTURE
    | {
        "count": WHOLE,
        "points": {"x": List(Value("float32")), "y": List(Value("float32"))},
        "label": TEXT,
    },
}


@pytest.fixture(scope="module", params=["embed", "url"])
def release(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All subsets of the sound store, exported in one of the two ways."""
    store = write_store(str(tmp_path_factory.mktemp("types") / "store"), sound_rows())
    config = ExportConfig(request.param, 0, "cc0-1.0")
    for exporter in EXPORTS.values():
        export_subset(store, exporter, config, InlineEngine())
    describe_release(store, config)
    return Path(store.url, "release")


def test_each_config_that_pixmo_publishes_can_be_exported() -> None:
    assert set(EXPORTS) == set(PUBLISHED) == set(SUBSET_OF_CONFIG)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_config_opens_with_the_published_features(
    release: Path, name: str, tmp_path: Path
) -> None:
    rows = load_dataset(str(release), name, split="train", cache_dir=str(tmp_path))
    embedded = "image" in rows.features
    expected = PUBLISHED[name] | ({"image": Image()} if embedded else {})
    assert rows.features == Features(expected)
    assert (
        list(rows.features)
        == [*PUBLISHED[name], *({"image"} - set(PUBLISHED[name]))][: len(rows.features)]
    )
    first = rows[0]
    if embedded:
        assert first["image"].size == (96, 72)
    if name == "count":
        assert first["points"]["x"] == pytest.approx([9.6, 29.28])
        assert first["points"]["y"] == pytest.approx([14.4, 71.28])
    if name == "points":
        assert [point["y"] for point in first["points"]] == [20.0, 99.0]
    if name == "docs_charts":
        assert first["questions"]["answer"] == ["3"]


def test_the_release_keeps_its_promises(release: Path) -> None:
    report = audit_release(str(release), 1)
    assert not report.findings
