"""The tables of all subsets but captions, for the sound store: what was read and found in pictures,
what was made of annotations, and the pictures that are made here.

One picture, the third, has rows of every subset about pictures; it is of the training split.
"""

from typing import Any

from schemas.annotations import Point, PointAnnotation, PointExplanation, QuestionAnnotation, Work
from schemas.codec import key_of
from schemas.ids import sha256_hex
from schemas.judgment import Tag
from schemas.records import Contamination, Selected, Source
from schemas.subset_records import (
    AskedQuestion,
    CaptionQuestion,
    CitedPoints,
    Clock,
    DetectedBox,
    Detections,
    DocQuestion,
    Document,
    ExplainedQuestion,
    ObjectCount,
    Ocr,
    OcrLine,
    PointSet,
)
from tests import toy_store as toy

NAME = "c"  # the picture that has rows of every subset
DOC_TOOLS = {
    "docs_charts": "matplotlib",
    "docs_tables": "latex",
    "docs_diagrams": "graphviz",
    "docs_other": "html",
}
POINTS = (Point(10.0, 20.0), Point(30.5, 99.0))
TAGS = (Tag("toy_v1", 0.0),)
Rows = dict[str, list[list[Any]]]


def found_in(parts: tuple[tuple[str, ...], ...]) -> Rows:
    """Text and objects in every picture."""
    corners = (Point(1.0, 1.0), Point(9.0, 1.0), Point(9.0, 5.0), Point(1.0, 5.0))
    line = OcrLine("EXIT", 0.98, corners)
    box = DetectedBox("cup", 0.9, 5.0, 15.0, 15.0, 25.0)
    ocr = [[Ocr(toy.id_of(n), line.text, (line,), "eye@1") for n in part] for part in parts]
    boxes = [[Detections(toy.id_of(n), (box,), "nose@1") for n in part] for part in parts]
    return {"ocr": ocr, "detections": boxes}


def published() -> Rows:
    """Rows of the public files about the same picture, as annotations."""
    where, work = toy.id_of(NAME), Work("published", "", "", "", 0.0, "")
    records: dict[str, Any] = {
        "points": PointAnnotation("a" * 32, where, "cups", POINTS, "counting", work),
        "point_explanations": PointExplanation(
            "b" * 32, where, "Why?", "A [cup](1).", False, POINTS[:1], ("cup",), (), work
        ),
        "ask_model_anything": QuestionAnnotation(
            "c" * 32, where, "Who?", "Nobody.", False, (), work
        ),
    }
    rows: Rows = {}
    for kind, record in records.items():
        rows[f"sources/published/{kind}"] = [[Source(key_of(record), "{}", "")]]
        rows[f"published/{kind}"] = [[record]]
    return rows


def about_a_picture() -> Rows:
    """One row of each subset that is about pictures of the web."""
    where, url = toy.id_of(NAME), toy.url_of(NAME)
    made_of = (TAGS, ("2" * 32,), "annotated", "points_v1")
    asked = ("3" * 32, where, url, "What is this?")
    drafted = ("writer", "ask_v1")
    cited = (CitedPoints("red toy", "one", POINTS[:1]), CitedPoints("another", "other", POINTS[1:]))
    told = ("A red toy and another.", "A <|POINT|> and <|POINT|>.", cited)
    turns = ("What is it?", "A toy.")
    return {
        "points": [[PointSet("8" * 32, where, url, "toys", POINTS, 2, "pointing", *made_of)]],
        "ask_model_anything": [[AskedQuestion(*asked, "A toy.", True, *made_of, *drafted)]],
        "point_explanations": [[ExplainedQuestion(*asked, *told, True, *made_of, *drafted)]],
        "count": [
            [
                ObjectCount(
                    *(where, url, "toys", 2, POINTS, 96, 72, 3, True),
                    *(TAGS, ("5" * 32,), "nose@1"),
                )
            ]
        ],
        "cap_qa": [
            [
                CaptionQuestion(
                    *("9" * 32, where, url, *turns, turns, "short", TAGS, "writer"),
                    *("cap_qa_write_v1", "cap_qa_verify_v1", 10, 5),
                )
            ]
        ],
    }


def _document(config: str, tool: str, at: int) -> Document:
    data = toy.picture(900 + at)
    questions = (DocQuestion("How many bars?", "3", "They are counted."),)
    return Document(
        image_id=f"{at}d" * 16,
        persona="a baker",
        kind="bar chart",
        topic="loaves",
        data="day,loaves\nMon,3\n",
        code="draw()",
        tool=tool,
        tool_version=f"{tool} 1.0",
        config=config,
        image_sha256=sha256_hex(data),
        format="png",
        width=96,
        height=72,
        bytes=data,
        questions=questions,
        tags=TAGS,
        model="writer",
        topic_prompt="doc_topic_v1",
        data_prompt="doc_data_v1",
        code_prompt="doc_code_v1",
        repair_prompt="",
        question_prompt="doc_questions_v1",
        prompt_tokens=10,
        completion_tokens=5,
    )


def _clock(at: int) -> Clock:
    data = toy.picture(950 + at)
    said = ("round-1", "Round 1", "10:08", "12", True, 1, 1, 0, "The time is 10:08.")
    return Clock(f"{at}c" * 16, *said, sha256_hex(data), "png", 96, 72, data, at, TAGS)


def made_here() -> Rows:
    """Documents of every config and clocks, with the personas that documents begin with."""
    docs = [_document(*pair, at) for at, pair in enumerate(DOC_TOOLS.items())]
    persona = Source("f" * 32, '{"persona": "a baker"}', "")
    return {"sources/personas": [[persona]], "docs": [docs], "clocks": [[_clock(0), _clock(1)]]}


def chosen(rows: Rows) -> Rows:
    """All rows of all these subsets, selected for training and far from evaluation texts."""
    found: Rows = {}
    for subset in ("points", "point_explanations", "ask_model_anything", "count", "cap_qa"):
        found[f"selected/{subset}"] = [
            [Selected(key_of(row), row.image_id, "train") for row in part] for part in rows[subset]
        ]
    for subset in ("docs", "clocks"):
        found[f"selected/{subset}"] = [
            [Selected(key_of(row), key_of(row), "train") for row in part] for part in rows[subset]
        ]
    for subset in ("ask_model_anything", "point_explanations", "cap_qa", "docs"):
        found[f"contamination/{subset}"] = [
            [Contamination(key_of(row), (), ()) for row in part] for part in rows[subset]
        ]
    return found


def subset_rows(parts: tuple[tuple[str, ...], ...]) -> Rows:
    """Everything above."""
    made = {**about_a_picture(), **made_here()}
    return {**found_in(parts), **published(), **made, **chosen(made)}
