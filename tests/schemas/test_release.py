"""What a release says of its columns is what `datasets` reads."""

import json

import pytest

from schemas import release
from schemas.subsets import SUBSETS

CAP = SUBSETS["cap"].columns


@pytest.mark.parametrize("embed", [False, True])
def test_columns_and_features(embed: bool) -> None:
    schema = release.release_schema(CAP, embed)
    names = ["image_url", "caption", "transcripts", *(["image"] if embed else [])]
    assert schema.names == names
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == names
    assert features["transcripts"] == {
        "feature": {"dtype": "string", "_type": "Value"},
        "_type": "List",
    }
    assert features.get("image", {"_type": "Image"}) == {"_type": "Image"}


def test_datasets_reads_the_features() -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features.from_arrow_schema(release.release_schema(CAP, True))
    assert features["image"] == datasets.Image()
    assert features["transcripts"] == datasets.List(datasets.Value("string"))


def test_shards_are_named_as_datasets_names_them() -> None:
    assert release.shard_name("train", 3, 12) == "train-00003-of-00012.parquet"
