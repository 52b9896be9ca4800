"""The no-VLM rule, as far as a release can prove it: which models had a part in it, and as what.

Roles come from the manifest, names from the lineage of every row. The name patterns are a tripwire:
they cannot prove that a model is blind, but nobody uses one of these by accident unnoticed.
"""

import re
from collections.abc import Iterable

import pyarrow as pa

from schemas.manifest import ModelUse
from schemas.subsets import DETECTOR, OCR, SPEECH, SUBSETS, TEXT_LLM, Subset
from tools.audit.findings import Notes

ALLOWED = (SPEECH, TEXT_LLM, OCR, DETECTOR)
_VLM = re.compile(
    r"llava|(?<![a-z])vl(?![a-z])|vlm|vision|visual|molmo|gpt-?4-?v(?![a-z])|paligemma|pixtral"
    r"|internvl|flamingo|idefics|blip|fuyu|kosmos|florence|moondream|minicpm-?[vo](?![a-z])|cogagent"
    r"|shikra|sharegpt4v|smolvlm|multi-?modal|image-?text|(?<![a-z])clip(?![a-z])|siglip",
    re.IGNORECASE,
)
_MODEL_COLUMN = re.compile(r"(^|_)model(s|_|$)", re.IGNORECASE)


def check_uses(notes: Notes, place: str, models: Iterable[ModelUse]) -> None:
    """The models of a manifest: of a known subset, in an allowed role, not one that sees."""
    for use in models:
        notes.check("no_vlm")
        if use.subset not in SUBSETS:
            notes.fail("no_vlm", place, f"model {use.name} is of {use.subset!r}, no subset")
        if use.role not in ALLOWED:
            message = f"model {use.name} had the role {use.role!r}; allowed: {', '.join(ALLOWED)}"
            notes.fail("no_vlm", place, message)
        elif seen := _VLM.search(use.name):
            message = f"model {use.name} is named like one that sees pictures ({seen[0]})"
            notes.fail("no_vlm", place, message)


def check_model_columns(notes: Notes, place: str, schema: pa.Schema, subset: Subset) -> None:
    """The lineage has the columns that name models, and no other column that does."""
    notes.check("no_vlm", len(subset.models))
    for name in set(subset.models) - set(schema.names):
        notes.fail("no_vlm", place, f"has no column {name}: the model is not known")
    for name in schema.names:
        if _MODEL_COLUMN.search(name) and name not in subset.models:
            notes.fail("no_vlm", place, f"column {name} names models without a known role")


def check_model_names(
    notes: Notes,
    where: tuple[str, int],
    batch: pa.RecordBatch,
    subset: Subset,
    listed: frozenset[ModelUse],
) -> None:
    """Every model named by a row is one of the manifest, in the role of its column."""
    place, start = where
    for column, role in subset.models.items():
        if column not in batch.schema.names:
            continue
        notes.check("no_vlm", len(batch))
        texts = batch.column(column)
        for text in texts.unique().to_pylist():
            uses = [ModelUse(subset.name, name, role) for name in _names(text)]
            row = start + texts.index(text).as_py()
            if not uses and column not in subset.optional:
                notes.fail("no_vlm", place, f"{column} is empty", row)
            for use in uses:
                if use not in listed and ModelUse(subset.name, text, role) not in listed:
                    message = f"{column} {use.name!r} is not in the manifest as {role}"
                    notes.fail("no_vlm", place, message, row)


def _names(text: str | None) -> list[str]:
    """A row may name several models of a kind."""
    return [name for name in (text or "").split(", ") if name]
