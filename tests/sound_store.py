"""A store whose promises all hold, as plain lists of records, so that a test can break just one.

`sound_rows` gives the records and rejects of every part; `write_store` writes them as stages would,
with true footers: what a test changed is then the only thing that is wrong.
"""

import dataclasses
import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.export import export_subset
from pipelines.release_plan import ExportConfig
from pipelines.stage import whole_table
from pipelines.steps.contamination import PICTURE_TAG
from pipelines.subsets.cap import CAP
from pipelines.subsets.registry import SELECTS
from schemas.annotations import (
    CountAnnotation,
    Point,
    PointAnnotation,
    PointExplanation,
    Preference,
    PreferencePair,
    QuestionAnnotation,
    TranscriptReview,
    Turn,
    Work,
)
from schemas.codec import key_of
from schemas.ids import content_id
from schemas.judgment import RejectRow, Tag
from schemas.part_writer import PartWriter
from schemas.records import (
    Contamination,
    Duplicate,
    DuplicatePair,
    EvaluationItem,
    EvaluationMatch,
    Selected,
    Source,
    Split,
)
from schemas.store import PartInfo, Store
from schemas.tables import TABLES
from tests import toy_store as toy
from tests.pipelines.toy_stage import InlineEngine
from tests.sound_subsets import subset_rows
from tools.release.describe import describe_release

PARTS = (("a", "b", "c"), ("d", "e", "a2"))  # a2 is a near-duplicate of a
NAMES = [name for part in PARTS for name in part]
HELD = "b"  # the picture of the validation split
NEAR = "e"  # the picture that comes near an evaluation item
GONE = "gone"  # the URL that became no picture
ANNOTATOR = "speaker-7"
PERSON = "a0123456789ab"  # the pseudonym of who judged
REVIEWED = "oh, A toy c."  # what a person heard about the third picture
Part = list[Any]
Rows = dict[str, list[Part]]


def refused(stage: str, key: str, reason: str) -> RejectRow:
    """A reject with nothing more to say."""
    return RejectRow(stage, key, reason, "", False, "{}")


def _sources() -> Rows:
    urls = [*PARTS[0]], [*PARTS[1], GONE]
    pictures: list[Part] = [
        [Source(toy.id_of(name), json.dumps({"image_url": toy.url_of(name)}), "") for name in part]
        for part in urls
    ]
    row = json.dumps({"annotator": ANNOTATOR, "audio": "x.wav"})
    spoken: list[Part] = [
        [Source(toy.recording(name, "1").recording_id, row, "") for name in part] for part in PARTS
    ]
    return {"sources/images": pictures, "sources/recordings": spoken}


def _made() -> Rows:
    """Pictures, sounds, and what was said and written about them."""
    data = {name: toy.picture(at) for at, name in enumerate(NAMES)}
    images = [[toy.image(name, data[name]) for name in part] for part in PARTS]
    sounds = [[toy.recording(name, "1", name.encode()) for name in part] for part in PARTS]
    spoken = [
        [
            dataclasses.replace(toy.transcript(n, f"um, A toy {n}."), audio_sha256=own.audio_sha256)
            for n, own in zip(part, recorded, strict=True)
        ]
        for part, recorded in zip(PARTS, sounds, strict=True)
    ]
    tags = (Tag("refusal_v1", 0.0), Tag("caption_added_v1", 0.1))
    captions = [[toy.caption(name, f"A toy {name}.", tags) for name in part] for part in PARTS]
    captions[0][2] = dataclasses.replace(
        captions[0][2], transcripts=(REVIEWED,), review_ids=("1" * 32,)
    )
    found: Rows = {"images": [list(part) for part in images], "recordings": [*sounds]}
    found["images"][1].append(refused("ingest", toy.id_of(GONE), "http_404"))
    return found | {"transcripts": [*spoken], "captions": [*captions]}


def _grouped() -> Rows:
    """Near-duplicates, splits, and the choice of rows."""
    star, own = {"a2": toy.id_of("a")}, min(toy.id_of("a"), toy.id_of("a2"))
    alike = {"a": own, "a2": own}

    def verdict(name: str) -> Duplicate:
        key, size = toy.id_of(name), 2 if name in alike else 1
        best, distance = star.get(name, key), int(name in star)
        kind = "near" if name in star else "unique"
        return Duplicate(key, best, kind, distance, 0, 0.01, alike.get(name, key), size)

    def split(name: str) -> Split:
        key = toy.id_of(name)
        return Split(key, "validation" if name == HELD else "train", alike.get(name, key))

    def chosen(name: str) -> Any:
        if name in (NEAR, *star):
            return refused("select-cap", toy.id_of(name), "policy" if name == NEAR else "duplicate")
        return Selected(toy.id_of(name), toy.id_of(name), split(name).split)

    left, right = sorted([toy.id_of("a"), toy.id_of("a2")])
    return {
        "duplicates": [[verdict(name) for name in part] for part in PARTS],
        "duplicate_pairs": [[DuplicatePair(f"{left}-{right}", left, right, 1, 0, 0.01, True)]],
        "splits": [[split(name) for name in part] for part in PARTS],
        "selected/cap": [[chosen(name) for name in part] for part in PARTS],
    }


def _compared() -> Rows:
    """An evaluation set, and how near rows come to it."""
    item = EvaluationItem("e" * 32, "bench", "file 1", "picture", "0" * 64, "0" * 16, b"", b"", "")
    match = EvaluationMatch(item.item_id, "bench", "file 1", "near", 2, 0, 0.02, "")

    def nearness(name: str, table: str) -> Contamination:
        if name == NEAR and table == "images":
            return Contamination(toy.id_of(name), (Tag(PICTURE_TAG, 0.98),), (match,))
        return Contamination(toy.id_of(name), (), ())

    return {
        "sources/evaluation": [[Source(item.item_id, "{}", "")]],
        "evaluation": [[item]],
        **{
            f"contamination/{table}": [[nearness(name, table) for name in part] for part in PARTS]
            for table in ("images", "cap")
        },
    }


def _judged() -> Rows:
    """What people judged about one picture, one item of each kind."""
    work = Work("1:7", "d" * 32, PERSON, "points_v1", 31.5, "2026-01-01T00:00:00.000000Z")
    where, points = toy.id_of("c"), (Point(10.0, 20.0), Point(30.5, 99.0))
    turns = (Turn("It is red.", "look again", "writer", "ask_v1", 0.5, "2026-01-01T00:00:00Z"),)
    asked = ("What is this?", "A [toy](1) and [another](2).", True)
    spoken = toy.recording("c", "1").recording_id
    records: dict[str, Any] = {
        "transcript_review": TranscriptReview("1" * 32, spoken, where, REVIEWED, True, work),
        "points": PointAnnotation("2" * 32, where, "toys", points, "pointing", work),
        "ask_model_anything": QuestionAnnotation("3" * 32, where, *asked, turns, work),
        "point_explanations": PointExplanation(
            "4" * 32, where, *asked, points, ("one", "other"), turns, work
        ),
        "count": CountAnnotation("5" * 32, where, "toys", 2, 3, points, "validation", work),
        "preference": Preference("6" * 32, "7" * 32, "a", work),
    }
    pair = PreferencePair("7" * 32, "p1", where, "Which?", "m", "This.", "n", "That.", True)
    found: Rows = {"preference_pairs": [[pair]]}
    for kind, record in records.items():
        row = json.dumps({"annotation": "1:7", "annotator_id": PERSON, "image_id": where})
        found[f"sources/annotations/{kind}"] = [[Source(key_of(record), row, "")]]
        found[f"annotations/{kind}"] = [[record]]
    return found


@functools.cache
def _sound() -> Rows:
    found = {**_sources(), **_made(), **_grouped(), **_compared(), **_judged()}
    found |= subset_rows(PARTS)
    return {table: found[table] for table in TABLES}


def sound_rows() -> Rows:
    """Records and rejects of every part of every table, in lists of their own."""
    return {table: [list(part) for part in parts] for table, parts in _sound().items()}


def write_store(url: str, rows: Mapping[str, Sequence[Part]]) -> Store:
    """Write the tables; every part is in the order of its keys and knows its inputs."""
    store = Store(url)
    for table, parts in rows.items():
        for number, outcomes in enumerate(parts):
            write_part(store, table, number, outcomes)
    return store


def write_part(store: Store, table: str, number: int, outcomes: Part) -> PartInfo:
    """Write one part with a true footer."""
    with PartWriter(store, table, number, TABLES[table].record) as writer:
        for row in sorted(outcomes, key=lambda o: o.key if isinstance(o, RejectRow) else key_of(o)):
            writer.add(row)
        return writer.commit(
            fingerprint=content_id(table, str(number)),
            rows_in=len(outcomes),
            seconds=0.0,
            code_version="test",
            config=_config(table),
            inputs=_inputs(store, table, number),
        )


def _config(table: str) -> dict[str, Any]:
    kind, _, subset = table.partition("/")
    return SELECTS[subset]().settings() if kind == "selected" else {}


def _inputs(store: Store, table: str, number: int) -> dict[str, str]:
    whole = {"duplicates": "images", "splits": "duplicates", "duplicate_pairs": "images"}
    if table in whole:
        return dict(whole_table(whole[table], store.infos(whole[table])))
    feeds = ["transcripts", "images"] if table == "captions" else [TABLES[table].fed_by]
    infos = [store.info(feed, number) for feed in feeds if feed]
    return {f"{info.table}/{info.number}": info.content for info in infos if info}


def export_release(store: Store, images: str = "embed", rows_per_shard: int = 2) -> Path:
    """Export and describe the captions of a local store; the folder of the release."""
    config = ExportConfig(images, rows_per_shard, "cc0-1.0")  # type: ignore[arg-type]
    export_subset(store, CAP, config, InlineEngine())
    describe_release(store, config)
    return Path(store.url, "release")
