"""docs/provenance.md says what the code does."""

import dataclasses
import re
from pathlib import Path

from schemas.manifest import CARD, CROISSANT, MANIFEST, ReleaseManifest
from schemas.subsets import SUBSETS
from tools.release.card import END, START
from tools.release.card_header_merge import GIVEN_ONCE, INFO, UNIONS

PAGE = (Path(__file__).parents[3] / "docs" / "provenance.md").read_text(encoding="utf-8")


def table_rows(heading: str) -> list[list[str]]:
    """The cells of the table whose first heading is this."""
    (table,) = re.findall(rf"^\| {heading} \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return [[row[0].strip("`"), *row[1:]] for row in rows]


def test_the_keys_of_the_manifest_are_documented() -> None:
    fields = [field.name for field in dataclasses.fields(ReleaseManifest)]
    assert [row[0] for row in table_rows("key")] == fields
    (models,) = (row for row in table_rows("key") if row[0] == "models")
    for role in {role for subset in SUBSETS.values() for role in subset.models.values()}:
        assert f"`{role}`" in models[1]


def test_files_markers_and_merged_keys_are_documented() -> None:
    assert [row[0] for row in table_rows("file")] == [CARD, CROISSANT, MANIFEST]
    assert f"{START}\n{END}\n" in PAGE
    merged = " ".join(row[0] for row in table_rows("part of the card"))
    for key in (*UNIONS, *GIVEN_ONCE, INFO):
        assert key in merged
