"""How a release lies on disk: the schema of its files with what `datasets` reads, their names.

The columns are those of `schemas.subsets`; what made a row lies beside it in
`release/lineage/<config>/`, in the same order.
"""

import json
from typing import Any

import pyarrow as pa

from schemas.codec import arrow_schema
from schemas.records import CaptionLineage
from schemas.subsets import IMAGE_TYPE

LINEAGE = {"cap": arrow_schema(CaptionLineage)}


def _feature(kind: pa.DataType) -> Any:
    if kind == IMAGE_TYPE:
        return {"_type": "Image"}
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.type) for field in kind}
    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "List"}
    return {"dtype": str(kind), "_type": "Value"}


def release_schema(columns: pa.Schema, embed: bool) -> pa.Schema:
    """The columns with `image` when embedding, and the metadata that `datasets` reads."""
    added = embed and "image" not in columns.names
    schema = columns.append(pa.field("image", IMAGE_TYPE)) if added else columns
    features = {field.name: _feature(field.type) for field in schema}
    return schema.with_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def shard_name(split: str, index: int, total: int) -> str:
    """The file name of a shard, as `datasets` recognises it."""
    return f"{split}-{index:05d}-of-{total:05d}.parquet"
