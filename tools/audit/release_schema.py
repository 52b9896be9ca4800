"""The columns of a release and of its lineage: those of the subset, readable with `datasets`."""

import json

import pyarrow as pa

from schemas.release import LINEAGE, release_schema
from schemas.subsets import Subset
from tools.audit.findings import Notes

_FEATURES = b"huggingface"


def is_embedded(schema: pa.Schema, subset: Subset) -> bool:
    """Whether a table holds pictures that its subset is published without."""
    return "image" in schema.names


def check_release_schema(notes: Notes, place: str, found: pa.Schema, subset: Subset) -> None:
    """Columns in order and type, and the metadata that `datasets` reads."""
    notes.check("schema")
    expected = release_schema(subset.columns, "image" in found.names)
    for message in _differences(found, expected):
        notes.fail("schema", place, message)
    try:
        features = json.loads((found.metadata or {})[_FEATURES])["info"]["features"]
    except (KeyError, ValueError, TypeError):
        notes.fail("schema", place, "has no `huggingface` metadata: pictures open as bytes")
        return
    if features != json.loads((expected.metadata or {})[_FEATURES])["info"]["features"]:
        notes.fail("schema", place, "its `huggingface` metadata are not those of its columns")


def check_lineage_schema(notes: Notes, place: str, found: pa.Schema, config: str) -> None:
    """The columns of a lineage, where this version knows them."""
    notes.check("schema")
    expected = LINEAGE.get(config)
    for message in _differences(found, expected) if expected is not None else []:
        notes.fail("schema", place, message)


def _differences(found: pa.Schema, expected: pa.Schema) -> list[str]:
    missing = [name for name in expected.names if name not in found.names]
    more = [name for name in found.names if name not in expected.names]
    said = [f"has no column {name}" for name in missing]
    said += [f"has a column {name}, which no version of it has" for name in more]
    for name in (name for name in expected.names if name in found.names):
        if found.field(name).type != expected.field(name).type:
            kinds = f"is {found.field(name).type}, not {expected.field(name).type}"
            said.append(f"column {name} {kinds}")
    if not said and found.names != expected.names:
        said.append("its columns are not in the order in which the subset has them")
    return said
