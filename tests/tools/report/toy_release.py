"""A store with a release of every subset, small enough to look through: pictures from `samples/`,
texts that try to break a page."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.codec import arrow_schema
from schemas.ids import content_id
from schemas.judgment import RejectRow, Tag
from schemas.lineage import CaptionLineage
from schemas.part_writer import PartWriter
from schemas.records import (
    Caption,
    Contamination,
    Duplicate,
    DuplicatePair,
    EvaluationItem,
    EvaluationMatch,
    Image,
    Recording,
    Selected,
    Split,
)
from schemas.release import release_schema, shard_name
from schemas.store import Store
from schemas.subset_records import Ocr
from schemas.subsets import SUBSET_OF_CONFIG
from tests import toy_store

SAMPLES = Path(__file__).parents[3] / "samples"
HOSTILE = "</script><script>document.title='broken'</script><img src=x onerror=alert(1)> &amp; \"'"
READ = "NASA & <friends>"
RTL = "صورة لقطة نائمة على كرسي أزرق"
EMOJI = "A family 👨‍👩‍👧‍👦 with a flag 🏴󠁧󠁢󠁥󠁮󠁧󠁿 and an e\u0301"
LONG = "word " * 3999 + "lastly"
NAMES = (
    *("astronaut.jpg", "chelsea.jpg", "coffee.jpg", "rocket.jpg", "hubble.jpg", "page.webp"),
    *("horse.png", "coins.png", "stairs.jpg", "pagoda.jpg"),
)
PERSON = "Petronella Vandersloot"  # the name that a manifest gives to an annotator


def sample(name: str) -> bytes:
    """The bytes of a sample picture."""
    return (SAMPLES / "images" / name).read_bytes()


def write_release(
    store: Store, config: str, rows: Sequence[Mapping[str, Any]], split: str = "train"
) -> None:
    """Rows of a config as one file; pictures are embedded when the rows have `image`."""
    columns = SUBSET_OF_CONFIG[config].columns
    schema = release_schema(columns, any("image" in row for row in rows))
    folder = Path(store.path("release", config))
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema), folder / shard_name(split, 0, 1))


def write_lineage(store: Store, rows: Sequence[Mapping[str, Any]], split: str = "train") -> None:
    """The lineage of `cap`, in the order of its rows."""
    folder = Path(store.path("release", "lineage", "cap"))
    folder.mkdir(parents=True, exist_ok=True)
    schema = arrow_schema(CaptionLineage)
    pq.write_table(pa.Table.from_pylist(list(rows), schema), folder / shard_name(split, 0, 1))


def cap_row(name: str, text: str) -> dict[str, Any]:
    """A caption with two transcripts."""
    spoken = [f"um, {text}", f"I see that {text}"]
    return {"image_url": toy_store.url_of(name), "caption": text, "transcripts": spoken}


def cap_lineage(row: Mapping[str, Any], recording_ids: Sequence[str] = ()) -> dict[str, Any]:
    """What made a caption."""
    name = row["image_url"].rsplit("/", 1)[1]
    return {
        "image_url": row["image_url"],
        "image_sha256": "0" * 64,
        "image_id": toy_store.id_of(name),
        "component_id": toy_store.id_of(name),
        "recording_ids": list(recording_ids),
        "review_ids": [""] * len(recording_ids),
        "audio_sha256": ["1" * 64] * len(recording_ids),
        "cleaned": [row["caption"], row["caption"]],
        "tags": [{"name": "caption_short_v1", "score": 0.4}, {"name": "loops_v1", "score": 0.0}],
        "speech_model": "tiny.en@1a5afae0",
        "model": "toy-llm",
        "clean_prompt": "clean_v1",
        "caption_prompt": "caption_v1",
        "image_bytes": "segments",
        "code_version": "0.1.0",
    }


def _about(name: str, **values: Any) -> dict[str, Any]:
    return {"image_url": toy_store.url_of(name), "image_sha256": "0" * 64, **values}


def subset_rows() -> dict[str, list[dict[str, Any]]]:
    """Rows of every config but cap."""
    xy = [{"x": 25.0, "y": 50.0}, {"x": 75.0, "y": 10.0}]
    asked = {"question": "What is it?", "answer": "A cup of coffee."}
    image = {"bytes": sample("chart.png"), "path": "chart.png"}
    questions = {"question": ["Which bar is highest?", "How many bars?"], "answer": ["B", "4"]}
    document = {"image": image, "image_id": "chart-1", "questions": questions}
    return {
        "points": [
            _about("coffee.jpg", points=xy, count=2, label="cup", collection_method="pointing"),
            _about("hubble.jpg", points=[], count=0, label="dog", collection_method="pointing"),
        ],
        "point_explanations": [
            _about(
                "horse.png",
                question="What can it do?",
                response="It can run with its legs.",
                parsed_response="It can run <|POINT|> with its legs.",
                points=[[[30.0, 80.0], [60.0, 80.0]]],
                inline_text=["legs"],
                alt_text=["the legs of the horse"],
            )
        ],
        "ask_model_anything": [_about("coffee.jpg", **asked)],
        "cap_qa": [
            {
                "image_url": toy_store.url_of("rocket.jpg"),
                "question": "[USER] What? [ASSISTANT]",
                "answer": "A rocket.",
                "messages": ["What is it?", "A rocket.", "Where?", "On a pad."],
            }
        ],
        "docs_charts": [document],
        "docs_tables": [document | {"image_id": "table-1"}],
        "clocks": [
            {
                "example_id": "e1",
                "watchface_id": "w1",
                "watchface_name": "Plain",
                "watch_time": "10:08:30",
                "time_format": "12",
                "shows_seconds": True,
                "hour_visible": 10,
                "minute_visible": 8,
                "second_visible": 30,
                "text": "The time is 10:08:30.",
                "image": {"bytes": sample("coins.png"), "path": "w1.png"},
            }
        ],
        "count": [
            _about("coins.png", count=2, points={"x": [38.4, 192], "y": [30.3, 150]})
            | {"label": "coin"}
        ],
    }


def make_store(folder: Path, captions: Mapping[str, str] | None = None) -> Store:
    """Images, recordings, duplicates, rejects and a release of every subset."""
    store = Store(str(folder))
    files = {name: sample(name) for name in NAMES}
    files["turned.jpg"] = sample("chelsea-mirrored.jpg")
    toy_store.put_images(store, files)
    texts = captions or {
        "astronaut.jpg": "An astronaut smiles in front of a flag.",
        "coffee.jpg": HOSTILE,
        "chelsea.jpg": RTL,
        "rocket.jpg": EMOJI,
        "stairs.jpg": LONG,
        "gone.jpg": "A picture that is not in the store.",
    }
    rows = [cap_row(name, text) for name, text in texts.items()]
    spoken = put_recordings(store)
    lineages = [cap_lineage(row) for row in rows]
    lineages[0]["recording_ids"] = list(spoken)
    lineages[0]["audio_sha256"] = ["1" * 64] * len(spoken)
    write_release(store, "cap", rows)
    write_lineage(store, lineages)
    write_release(store, "cap", [cap_row("pagoda.jpg", "A red pagoda.")], "validation")
    for config, own in subset_rows().items():
        write_release(store, config, own)
    put_twins(store)
    put_dropped(store)
    put_refused_urls(store)
    put_contamination(store)
    read = Ocr(toy_store.id_of("astronaut.jpg"), READ, (), "eye@1")
    toy_store.put(store, "ocr", 0, Ocr, [read])
    return store


def put_recordings(store: Store) -> tuple[str, ...]:
    """Two recordings of one picture: WebM without a duration, as browsers record."""
    sounds = [
        (SAMPLES / "recordings" / name).read_bytes()
        for name in ("astronaut-1.webm", "astronaut-2.webm")
    ]
    made = [
        toy_store.recording("astronaut.jpg", str(at), data) for at, data in enumerate(sounds, 1)
    ]
    made = [Recording(**{**vars(one), "audio_format": "webm"}) for one in made]
    toy_store.put(store, "recordings", 0, Recording, made)
    return tuple(one.recording_id for one in made)


def put_twins(store: Store) -> None:
    """A mirrored pair that is a cluster, a refused pair, and a picture that moved out of train."""
    cat, turned = (toy_store.id_of(name) for name in ("chelsea.jpg", "turned.jpg"))
    rows = []
    for row in toy_store.rows(store, "images", Image):
        own = row.image_id
        size = 2 if own in (cat, turned) else 1
        member = own == turned
        facts = ("near", 2, 1, 0.013) if member else ("unique", 0, 0, 0.0)
        rows.append(Duplicate(own, cat if member else own, *facts, own, size))
    toy_store.put(store, "duplicates", 0, Duplicate, rows)
    left, right = (toy_store.id_of(name) for name in ("coins.png", "stairs.jpg"))
    pair = DuplicatePair(f"{left}-{right}", left, right, 7, 0, 0.4, False)
    toy_store.put(store, "duplicate_pairs", 0, DuplicatePair, [pair])
    splits = [Split(cat, "validation", cat, "train")]
    toy_store.put(store, "splits", 0, Split, splits)


def put_dropped(store: Store) -> None:
    """Two captions that the selection kept out: one by two rules, one as a duplicate."""
    tags = (Tag("caption_short_v1", 0.9), Tag("refusal_v1", 1.0))
    dropped = [toy_store.caption("hubble.jpg", "Space.", tags), toy_store.caption("turned.jpg")]
    toy_store.put(store, "captions", 0, Caption, dropped)
    details = {"hubble.jpg": ("policy", "caption_short_v1, refusal_v1")}
    details["turned.jpg"] = ("duplicate", "near-duplicate of a cat")
    rejects = []
    for row in dropped:
        name = row.image_url.rsplit("/", 1)[1]
        rejects.append(_reject("select-cap", row.image_id, *details[name], _caption_json(row)))
    put_rejects(store, "selected/cap", Selected, rejects)


def _caption_json(row: Caption) -> dict[str, Any]:
    tags = [{"name": tag.name, "score": tag.score} for tag in row.tags]
    return {
        "image_id": row.image_id,
        "image_url": row.image_url,
        "caption": row.caption,
        "tags": tags,
    }


def put_refused_urls(store: Store) -> None:
    """A recording whose manifest names a person, refused, with the name in its file name too."""
    row = {"audio": f"audio/{PERSON}-1.webm", "annotator": PERSON, "image_url": HOSTILE}
    reject = _reject("recordings", "k1", "silent", f"{PERSON} said nothing", row)
    put_rejects(store, "recordings", Recording, [reject], 1)


def put_contamination(store: Store) -> None:
    """One picture that an evaluation set has too."""
    grey = bytes(range(256)) * 4
    item = EvaluationItem("i1", "ai2d", "test/1.png", "image", "0" * 64, "0" * 16, grey, b"", "")
    toy_store.put(store, "evaluation", 0, EvaluationItem, [item])
    match = EvaluationMatch("i1", "ai2d", "test/1.png", "near", 3, 5, 0.02, "")
    row_id = toy_store.id_of("coffee.jpg")
    rows = [Contamination(row_id, (Tag("evaluation_picture_v1", 0.98),), (match,))]
    toy_store.put(store, "contamination/images", 0, Contamination, rows)


def _reject(stage: str, key: str, reason: str, detail: str, row: Mapping[str, Any]) -> RejectRow:
    return RejectRow(stage, key, reason, detail, False, json.dumps(row))


def put_rejects(
    store: Store, table: str, record: type, rejects: Sequence[RejectRow], number: int = 0
) -> None:
    """A part with rejects alone."""
    with PartWriter(store, table, number, record) as writer:
        for row in sorted(rejects, key=lambda row: row.key):
            writer.add(row)
        writer.commit(
            fingerprint=content_id(table),
            rows_in=len(rejects),
            seconds=0.5,
            code_version="test",
            config={},
            inputs={},
        )
