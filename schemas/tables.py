"""All tables of a store: what a row is, and which table's records become its inputs.

The order is that in which they are made, so that whoever follows a change through the store (the
audit, a takedown, the report) goes down this list.
"""

from dataclasses import dataclass

from schemas import annotations as people
from schemas import records as kinds
from schemas import subset_records as made
from schemas.subsets import SUBSETS


@dataclass(frozen=True)
class Table:
    """The record of a table; `fed_by` names the table whose part N becomes part N of this one.

    `made_by` is the name of the stage that writes it, empty for what is written beside a stage.
    """

    record: type
    fed_by: str = ""
    made_by: str = ""


# What people judge in Label Studio, by the kind of project; speech goes to `recordings`.
_JUDGED: dict[str, type] = {
    "transcript_review": people.TranscriptReview,
    "points": people.PointAnnotation,
    "ask_model_anything": people.QuestionAnnotation,
    "point_explanations": people.PointExplanation,
    "count": people.CountAnnotation,
    "preference": people.Preference,
}

# Subsets that can come from published files too, as the annotations that they once were.
_PUBLISHED = ("points", "point_explanations", "ask_model_anything")

TABLES: dict[str, Table] = {
    "sources/images": Table(kinds.Source),
    "sources/recordings": Table(kinds.Source),
    "sources/evaluation": Table(kinds.Source),
    **{f"sources/annotations/{name}": Table(kinds.Source) for name in _JUDGED},
    "images": Table(kinds.Image, "sources/images", "ingest"),
    "recordings": Table(kinds.Recording, "sources/recordings", "recordings"),
    "transcripts": Table(kinds.Transcript, "recordings", "transcribe"),
    "preference_pairs": Table(people.PreferencePair),
    **{
        f"annotations/{name}": Table(record, f"sources/annotations/{name}", f"annotations-{name}")
        for name, record in _JUDGED.items()
    },
    **{f"sources/published/{name}": Table(kinds.Source) for name in _PUBLISHED},
    **{
        f"published/{name}": Table(_JUDGED[name], f"sources/published/{name}", f"published-{name}")
        for name in _PUBLISHED
    },
    "captions": Table(kinds.Caption, "", "caption"),
    "ocr": Table(made.Ocr, "images", "ocr"),
    "detections": Table(made.Detections, "images", "detect"),
    "points": Table(made.PointSet, "", "points"),
    "point_explanations": Table(made.ExplainedQuestion, "", "point-explanations"),
    "ask_model_anything": Table(made.AskedQuestion, "", "ask-model-anything"),
    "count": Table(made.ObjectCount, "", "count"),
    "cap_qa": Table(made.CaptionQuestion, "", "cap-qa"),
    "sources/personas": Table(kinds.Source),
    "docs": Table(made.Document, "", "docs"),
    "clocks": Table(made.Clock, "", "clocks"),
    "duplicates": Table(kinds.Duplicate, "images", "dedupe"),
    "duplicate_pairs": Table(kinds.DuplicatePair),
    "splits": Table(kinds.Split, "duplicates", "splits"),
    "evaluation": Table(kinds.EvaluationItem, "sources/evaluation", "evaluation"),
    "contamination/images": Table(kinds.Contamination, "images", "decontaminate"),
    "contamination/cap": Table(kinds.Contamination, "captions", "decontaminate-cap"),
    **{
        f"contamination/{name}": Table(kinds.Contamination, name, f"decontaminate-{name}")
        for name in ("ask_model_anything", "point_explanations", "cap_qa", "docs")
    },
    "selected/cap": Table(kinds.Selected, "captions", "select-cap"),
    **{
        f"selected/{name}": Table(kinds.Selected, name, f"select-{name}")
        for name in SUBSETS
        if name != "cap"
    },
}
