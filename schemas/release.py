"""How a release lies on disk: the schema of its files with what `datasets` reads, their names.

The columns are those of `schemas.subsets`; what made a row lies beside it in
`release/lineage/<config>/`, in the same order.
"""

import json
from typing import Any

import pyarrow as pa

from schemas import lineage
from schemas.codec import arrow_schema
from schemas.subsets import IMAGE_TYPE, SUBSETS

_DOCS = SUBSETS["docs"].config_names
LINEAGE = {
    "cap": arrow_schema(lineage.CaptionLineage),
    "ask_model_anything": arrow_schema(lineage.QuestionLineage),
    "points": arrow_schema(lineage.PointsLineage),
    "point_explanations": arrow_schema(lineage.QuestionLineage),
    "cap_qa": arrow_schema(lineage.CapQaLineage),
    **{config: arrow_schema(lineage.DocLineage) for config in _DOCS},
    "clocks": arrow_schema(lineage.ClockLineage),
    "count": arrow_schema(lineage.CountLineage),
}


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
