"""All tables of a store: what a row is, and which table's records become its inputs.

The order is that in which they are made, so that whoever follows a change through the store (the
audit, a takedown, the report) goes down this list.
"""

from dataclasses import dataclass

from schemas import records as kinds


@dataclass(frozen=True)
class Table:
    """The record of a table; `fed_by` names the table whose part N becomes part N of this one.

    `made_by` is the name of the stage that writes it, empty for what is written beside a stage.
    """

    record: type
    fed_by: str = ""
    made_by: str = ""


TABLES: dict[str, Table] = {
    "sources/images": Table(kinds.Source),
    "sources/recordings": Table(kinds.Source),
    "sources/evaluation": Table(kinds.Source),
    "images": Table(kinds.Image, "sources/images", "ingest"),
    "recordings": Table(kinds.Recording, "sources/recordings", "recordings"),
    "transcripts": Table(kinds.Transcript, "recordings", "transcribe"),
    "captions": Table(kinds.Caption, "", "caption"),
    "duplicates": Table(kinds.Duplicate, "images", "dedupe"),
    "duplicate_pairs": Table(kinds.DuplicatePair),
    "splits": Table(kinds.Split, "duplicates", "splits"),
    "evaluation": Table(kinds.EvaluationItem, "sources/evaluation", "evaluation"),
    "contamination/images": Table(kinds.Contamination, "images", "decontaminate"),
    "contamination/cap": Table(kinds.Contamination, "captions", "decontaminate-cap"),
    "selected/cap": Table(kinds.Selected, "captions", "select-cap"),
}
