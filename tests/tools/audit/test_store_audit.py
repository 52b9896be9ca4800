"""Each promise of a store, broken on purpose: exactly that one fails, and names the place."""

import dataclasses
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.denylist import add_denied
from schemas import codec
from schemas.ids import sha256_hex
from schemas.judgment import RejectRow, Tag
from schemas.part_writer import PartWriter
from schemas.records import Dropped, Image, Recording
from schemas.store import FOOTER_KEY, Store
from schemas.tables import TABLES
from tests import toy_store as toy
from tests.sound_store import (
    ANNOTATOR,
    HELD,
    NEAR,
    PARTS,
    Rows,
    export_release,
    refused,
    sound_rows,
    write_part,
    write_store,
)
from tools.audit import Finding, audit, audit_store
from tools.audit.promises import STORE

PLANTED: dict[str, list[Callable[..., Any]]] = {}


def plants(promise: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Marks a function that breaks a promise; it returns what the first finding says."""

    def keep(function: Callable[..., Any]) -> Callable[..., Any]:
        PLANTED.setdefault(promise, []).append(function)
        return function

    return keep


def failed(store: Store) -> dict[str, list[Finding]]:
    """The promises that do not hold, with what was found."""
    report = audit_store(store, 1)
    return {o.promise.name: list(o.findings) for o in report.outcomes if o.failed}


def said(found: Finding) -> str:
    row = "" if found.row is None else f" row {found.row}"
    return f"{found.place}{row}: {found.message}"


def row_of(part: list[Any], name: str) -> int:
    """The row that the record about a picture has once its part is sorted."""
    keys = sorted(codec.key_of(row) for row in part if not isinstance(row, RejectRow))
    return keys.index(toy.id_of(name))


def change(rows: Rows, table: str, part: int, at: int, **fields: Any) -> None:
    """Change one record."""
    rows[table][part][at] = replace(rows[table][part][at], **fields)


def rewrite(store: Store, table: str, number: int, edit: Callable[[list[Any]], list[Any]]) -> None:
    """Change the rows of a part behind the back of its footer."""
    path = store.part_path(table, number)
    record = RejectRow if table.startswith("rejects/") else TABLES[table].record
    footer = (pq.read_metadata(path).metadata or {})[FOOTER_KEY]
    rows = edit(list(store.records(table, number, record)))
    changed = pa.Table.from_batches([codec.to_batch(rows, record)])
    pq.write_table(changed.replace_schema_metadata({FOOTER_KEY: footer}), path)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose promises hold."""
    folder = tmp_path_factory.mktemp("audit") / "store"
    write_store(str(folder), sound_rows())
    return folder


@pytest.fixture
def store(sound: Path, tmp_path: Path) -> Store:
    """A copy of the sound store, to be broken."""
    shutil.copytree(sound, tmp_path / "store")
    return Store(str(tmp_path / "store"))


@pytest.fixture
def memory() -> Iterator[str]:
    """The address of a store in memory, where writing takes no time."""
    url = "memory://audited"
    yield url
    store = Store(url)
    if store.fs.exists(store.path()):
        store.fs.rm(store.path(), recursive=True)


# --- faults in files: they take a store


@plants("readable")
def cut_short(store: Store) -> str:
    path = Path(store.part_path("images", 1))
    parquet = pq.read_metadata(path)
    data = bytearray(path.read_bytes())
    chunk = parquet.row_group(0).column(1)
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    data[start : start + 8] = b"\xff" * 8
    path.write_bytes(bytes(data))
    return "images/1: cannot be read: "


@plants("whole")
def part_removed(store: Store) -> str:
    Path(store.part_path("contamination/cap", 1)).unlink()
    return "contamination/cap/1: has rejects but no records"


@plants("whole")
def part_and_rejects_removed(store: Store) -> str:
    Path(store.part_path("contamination/cap", 1)).unlink()
    Path(store.part_path("rejects/contamination/cap", 1)).unlink()
    return "contamination/cap/1: is missing, though captions has this part"


@plants("whole")
def rejects_removed(store: Store) -> str:
    Path(store.part_path("rejects/contamination/cap", 0)).unlink()
    return "contamination/cap/0: has no rejects part of the same commit"


@plants("readable")
def settings_that_are_damaged(store: Store) -> str:
    store.fs.makedirs(store.path("stages"))
    store.fs.pipe_file(store.path("stages", "select-cap.json"), b'{"policy": 3}')
    return f"{store.path('stages', 'select-cap.json')}: is no policy: "


@plants("inputs")
def input_changed(store: Store) -> str:
    rows = sound_rows()
    change(rows, "transcripts", 0, 0, language_probability=0.5)
    write_part(store, "transcripts", 0, rows["transcripts"][0])
    return "captions/0: transcripts/0 has changed since"


@plants("inputs")
def whole_table_changed(store: Store) -> str:
    rows = sound_rows()
    change(rows, "duplicates", 0, 1, grey_difference=0.5)
    write_part(store, "duplicates", 0, rows["duplicates"][0])
    return "splits/0: duplicates has changed since"


@plants("digests")
def row_changed(store: Store) -> str:
    rewrite(store, "images", 0, lambda rows: [replace(rows[0], width=2), *rows[1:]])
    return "images/0: the rows are not those that were written: digests differ"


@plants("digests")
def reject_changed(store: Store) -> str:
    rewrite(store, "rejects/images", 1, lambda rows: [replace(rows[0], detail="other")])
    return "images/1: the rejects are not those that were written: digests differ"


@plants("checksums")
def bit_flipped_in_a_picture(store: Store) -> str:
    def flip(rows: list[Image]) -> list[Image]:
        data = bytearray(rows[1].bytes)
        data[len(data) // 2] ^= 1
        return [rows[0], replace(rows[1], bytes=bytes(data)), *rows[2:]]

    rewrite(store, "images", 0, flip)
    key = sorted(toy.id_of(name) for name in PARTS[0])[1]
    return f"images/0 row 1: the bytes of {key} do not have the image_sha256"


@plants("checksums")
def bit_flipped_in_a_sound(store: Store) -> str:
    def flip(rows: list[Recording]) -> list[Recording]:
        return [replace(rows[0], audio=b"\x01" + rows[0].audio[1:]), *rows[1:]]

    rewrite(store, "recordings", 1, flip)
    return "recordings/1 row 0: the audio of "


def write_without(store: Store, table: str, number: int, name: str) -> None:
    """Write a part as a version did that did not know this column."""
    record, info = TABLES[table].record, store.info(table, number)
    assert info is not None
    hints = get_type_hints(record)
    fields = [(f.name, hints[f.name]) for f in dataclasses.fields(record) if f.name != name]
    old = dataclasses.make_dataclass(record.__name__, fields, frozen=True)
    rows = [
        old(**{own: getattr(row, own) for own, _ in fields})
        for row in store.records(table, number, record)
    ]
    refused = list(store.records(f"rejects/{table}", number, RejectRow))
    kept = ("fingerprint", "rows_in", "seconds", "code_version", "config", "inputs")
    with PartWriter(store, table, number, old) as writer:
        for row in (*rows, *refused):
            writer.add(row)
        writer.commit(**{one: getattr(info, one) for one in kept})


@plants("schema")
def columns_of_an_older_version(store: Store) -> str:
    write_without(store, "splits", 0, "moved_from")
    return "splits/0: has no column moved_from: an older version wrote it"


def test_captions_of_a_version_without_reviews_do_not_end_the_audit(
    sound: Path, tmp_path: Path
) -> None:
    store = Store(str(tmp_path / "store"))
    shutil.copytree(sound, store.url)
    number = store.part_numbers("captions")[0]
    write_without(store, "captions", number, "review_ids")
    found = failed(store)
    assert found["schema"][0].message.startswith("has no column review_ids")


@plants("schema")
def column_of_another_type(store: Store) -> str:
    path = store.part_path("duplicate_pairs", 0)
    found = pq.read_table(path)
    at = found.schema.get_field_index("distance")
    narrow = found.set_column(at, "distance", found["distance"].cast(pa.int32()))
    footer = (pq.read_metadata(path).metadata or {})[FOOTER_KEY]
    pq.write_table(narrow.replace_schema_metadata({FOOTER_KEY: footer}), path)
    return "duplicate_pairs/0: column distance is int32, not int64"


@plants("policy")
def another_policy_in_force(store: Store) -> str:
    text = json.dumps({"policy": {"limits": [["refusal_v1", 0.5]]}})
    store.fs.makedirs(store.path("stages"))
    store.fs.pipe_file(store.path("stages", "select-cap.json"), text.encode())
    return "selected/cap/0: it was selected under another policy than the one in force"


@plants("annotators")
def pseudonym_in_the_release(store: Store) -> str:
    rows = sound_rows()
    for part in range(2):
        for table in ("recordings", "transcripts"):
            own = rows[table][part]
            own[:] = [replace(row, annotator_id="a0123456789ab") for row in own]
    write_store(store.url, rows)
    change_release(store, "lineage/cap", "code_version", "made by a0123456789ab")
    return "release/lineage/cap/train-00000-of-00001.parquet row 0: code_version holds an annotator"


@plants("annotators")
def name_in_the_release(store: Store) -> str:
    change_release(store, "cap", "caption", f"This is {ANNOTATOR}, and I see a toy.")
    return "release/cap/train-00000-of-00001.parquet row 0: caption holds an annotator's name"


def change_release(store: Store, folder: str, column: str, text: str) -> None:
    """Export, and write a text into the first row of one of the files."""
    path = export_release(store, rows_per_shard=9) / folder / "train-00000-of-00001.parquet"
    found = pq.read_table(path)
    at = found.schema.get_field_index(column)
    values = [text, *found[column].to_pylist()[1:]]
    pq.write_table(found.set_column(at, found.schema.field(at), [values]), path)


@plants("denylist")
def picture_that_was_taken_down(store: Store) -> str:
    add_denied(store, [("sha256", sha256_hex(toy.picture(1)), 0)])
    return f"images/0 row {row_of(sound_rows()['images'][0], 'b')}: its image_sha256 was taken down"


@plants("denylist")
def url_that_was_taken_down(store: Store) -> str:
    add_denied(store, [("url", toy.url_of("c"), 0)])
    at = row_of(sound_rows()["sources/images"][0], "c")
    return f"sources/images/0 row {at}: its key was taken down"


@plants("denylist")
def looks_that_were_taken_down(store: Store) -> str:
    own = sound_rows()["images"][0]
    add_denied(store, [("phash", own[0].phash, 4)])
    return f"images/0 row {row_of(own, 'a')}: its phash was taken down"


@plants("denylist")
def annotator_who_was_taken_down(store: Store) -> str:
    add_denied(store, [("annotator", ANNOTATOR, 0)])
    return "sources/recordings: names an annotator who was taken down"


@plants("denylist")
def denylist_that_is_damaged(store: Store) -> str:
    store.fs.makedirs(store.path("denylist"), exist_ok=True)
    store.fs.pipe_file(store.path("denylist", "denylist.json"), b"{")
    return "denylist: "


FILE_FAULTS = [(name, fault) for name, faults in PLANTED.items() for fault in faults]


@pytest.mark.parametrize(
    ("promise", "fault"), FILE_FAULTS, ids=[fault.__name__ for _, fault in FILE_FAULTS]
)
def test_a_fault_in_a_file(promise: str, fault: Callable[[Store], str], store: Store) -> None:
    expected = fault(store)
    found = failed(store)
    assert list(found) == [promise], found
    assert said(found[promise][0]).startswith(expected)


# --- faults in rows: they take the rows of a sound store, which are then written as stages do


@plants("conservation")
def feed_has_another_row(rows: Rows) -> str:
    rows["contamination/cap"][0] = rows["contamination/cap"][0][:2]
    return "contamination/cap/0: captions holds 3 records, but 2 came in"


@plants("keys")
def key_in_two_parts(rows: Rows) -> str:
    again = rows["sources/evaluation"][0][0]
    rows["sources/evaluation"].append([again])
    rows["evaluation"].append([refused("evaluation", again.key, "unreadable")])
    return f"sources/evaluation/1 row 0: key {again.key} is there twice"


@plants("splits")
def component_in_two_splits(rows: Rows) -> str:
    change(rows, "splits", 1, 2, split="validation")
    return f"splits/0 row {row_of(rows['splits'][0], 'a')}: its component lies in two splits"


@plants("splits")
def verified_pair_in_two_splits(rows: Rows) -> str:
    pair = rows["duplicate_pairs"][0][0]
    left, right = toy.id_of("a"), toy.id_of(HELD)
    rows["duplicate_pairs"][0].append(
        replace(pair, pair_id=f"{left}-{right}", left_id=left, right_id=right)
    )
    return "duplicate_pairs/0 row "


@plants("splits")
def equal_bytes_in_two_splits(rows: Rows) -> str:
    same = toy.image("c", toy.picture(1))
    rows["images"][0][2] = same
    return "images/0 row "


@plants("splits")
def drawn_by_another_component(rows: Rows) -> str:
    change(rows, "splits", 0, 2, component_id="f" * 32)
    return f"splits/0 row {row_of(rows['splits'][0], 'c')}: it was drawn by another component"


@plants("splits")
def selected_into_another_split(rows: Rows) -> str:
    change(rows, "selected/cap", 0, 2, split="validation")
    return "selected/cap/0 row "


@plants("policy")
def selected_against_the_policy(rows: Rows) -> str:
    change(rows, "captions", 0, 2, tags=(Tag("refusal_v1", 1.0),))
    return "selected/cap/0 row "


@plants("policy")
def selected_but_not_captioned(rows: Rows) -> str:
    gone = toy.id_of("c")
    rows["captions"][0][2] = refused("caption", gone, "refusal")
    rows["contamination/cap"][0] = rows["contamination/cap"][0][:2]
    rows["selected/cap"][0] = rows["selected/cap"][0][:2]
    rows["selected/cap"][0][0] = replace(rows["selected/cap"][0][0], row_id=gone)
    return f"selected/cap/0 row {int(toy.id_of('b') < gone)}: it is not in captions"


@plants("one_per_star")
def two_of_a_star(rows: Rows) -> str:
    key = toy.id_of("a2")
    rows["selected/cap"][1][2] = type(rows["selected/cap"][0][0])(key, key, "train")
    return "selected/cap/0 row "


@plants("contamination")
def evaluation_picture_selected(rows: Rows) -> str:
    key = toy.id_of(NEAR)
    rows["selected/cap"][1][1] = type(rows["selected/cap"][0][0])(key, key, "train")
    return "selected/cap/1 row "


@plants("contamination")
def equal_to_an_evaluation_picture(rows: Rows) -> str:
    """Equal bytes are refused whatever the limits are: here no tag says so."""
    match = rows["contamination/images"][1][1].matches[0]
    change(rows, "contamination/images", 0, 2, matches=(replace(match, kind="exact"),))
    return "selected/cap/0 row "


@plants("traceable")
def transcript_says_something_else(rows: Rows) -> str:
    change(rows, "transcripts", 0, 0, text="something else")
    return f"captions/0 row {row_of(rows['captions'][0], 'a')}: a transcript of it says something"


@plants("traceable")
def review_says_something_else(rows: Rows) -> str:
    change(rows, "annotations/transcript_review", 0, 0, text="something else")
    return f"captions/0 row {row_of(rows['captions'][0], 'c')}: a review of it has another text"


@plants("traceable")
def review_is_of_another_recording(rows: Rows) -> str:
    change(rows, "annotations/transcript_review", 0, 0, recording_id="f" * 32)
    where = f"captions/0 row {row_of(rows['captions'][0], 'c')}"
    return f"{where}: a review of it has another recording_id"


@plants("traceable")
def review_is_gone(rows: Rows) -> str:
    change(rows, "captions", 0, 2, review_ids=("f" * 32,))
    return f"captions/0 row {row_of(rows['captions'][0], 'c')}: a review that it names is not"


@plants("traceable")
def transcript_is_gone(rows: Rows) -> str:
    change(rows, "captions", 0, 0, recording_ids=("f" * 32,))
    return f"captions/0 row {row_of(rows['captions'][0], 'a')}: a transcript that it names is not"


@plants("traceable")
def dropped_transcript_is_gone(rows: Rows) -> str:
    change(rows, "captions", 0, 0, dropped=(Dropped("f" * 32, "loop_v1"),))
    return f"captions/0 row {row_of(rows['captions'][0], 'a')}: a transcript that it names is not"


@plants("traceable")
def cleaned_text_is_missing(rows: Rows) -> str:
    change(rows, "captions", 1, 0, cleaned=())
    return f"captions/1 row {row_of(rows['captions'][1], 'd')}: has 1 transcripts, but 0 cleaned"


@plants("traceable")
def speech_model_is_another(rows: Rows) -> str:
    change(rows, "captions", 1, 0, speech_model="other@1")
    return f"captions/1 row {row_of(rows['captions'][1], 'd')}: its speech_model is not that"


@plants("traceable")
def no_model(rows: Rows) -> str:
    change(rows, "captions", 1, 0, model="")
    return f"captions/1 row {row_of(rows['captions'][1], 'd')}: has no model"


@plants("traceable")
def recording_has_other_bytes(rows: Rows) -> str:
    change(rows, "transcripts", 0, 0, audio_sha256="0" * 64)
    return "transcripts/0 row "


@plants("prompts")
def prompt_that_is_no_file(rows: Rows) -> str:
    change(rows, "captions", 1, 0, clean_prompt="clean_v999")
    return f"captions/1 row {row_of(rows['captions'][1], 'd')}: clean_prompt 'clean_v999' is no"


@plants("annotators")
def name_in_a_table(rows: Rows) -> str:
    change(rows, "images", 0, 0, carried=json.dumps({"by": ANNOTATOR}))
    return f"images/0 row {row_of(rows['images'][0], 'a')}: holds an annotator's name"


@plants("annotators")
def name_in_a_reject(rows: Rows) -> str:
    at = len(rows["images"][1]) - 1
    change(rows, "images", 1, at, row=json.dumps({"by": f"by {ANNOTATOR}."}))
    return "rejects/images/1 row 0: holds an annotator's name"


ROW_FAULTS = [
    (name, fault)
    for name, faults in PLANTED.items()
    for fault in faults
    if (name, fault) not in FILE_FAULTS
]


@pytest.mark.parametrize(
    ("promise", "fault"), ROW_FAULTS, ids=[fault.__name__ for _, fault in ROW_FAULTS]
)
def test_a_fault_in_a_row(promise: str, fault: Callable[[Rows], str], memory: str) -> None:
    rows = sound_rows()
    expected = fault(rows)
    found = failed(write_store(memory, rows))
    assert list(found) == [promise], found
    assert said(found[promise][0]).startswith(expected)


def test_every_promise_is_broken_by_some_fault() -> None:
    assert set(PLANTED) == {promise.name for promise in STORE}


# --- what is no fault


def test_a_sound_store_has_no_findings(store: Store) -> None:
    export_release(store)
    report = audit_store(store, 1)
    assert not report.findings
    assert all(outcome.checked for outcome in report.outcomes)
    assert list(audit(Store(f"{store.url}/absent"))) == []


def test_several_processes_find_the_same(store: Store) -> None:
    rewrite(store, "images", 0, lambda rows: rows[::-1])
    assert audit_store(store, 2) == audit_store(store, 1)


def test_a_store_in_memory(memory: str) -> None:
    assert not audit_store(write_store(memory, sound_rows()), 2).findings


def test_an_annotator_called_like_a_word(memory: str) -> None:
    """`toy` stands in every caption, and is no leak; as a whole value it is one."""
    rows = sound_rows()
    for part in rows["sources/recordings"]:
        part[:] = [replace(row, row='{"annotator": "toy"}') for row in part]
    assert not failed(write_store(memory, rows))
    change(rows, "images", 0, 0, carried='{"by": "toy"}')
    assert list(failed(write_store(memory, rows))) == ["annotators"]


def test_a_row_that_was_dropped_breaks_more_than_one(store: Store) -> None:
    rewrite(store, "contamination/cap", 0, lambda rows: rows[:2])
    found = failed(store)
    assert list(found) == ["conservation", "digests"]
    assert said(found["conservation"][0]) == (
        "contamination/cap/0: 3 rows came in, 2 records and 0 rejects came out"
    )


def test_rows_that_were_reordered(store: Store) -> None:
    rewrite(store, "images", 1, lambda rows: rows[::-1])
    assert list(failed(store)) == ["digests", "keys"]


def test_a_reason_that_was_changed(store: Store) -> None:
    rewrite(store, "rejects/images", 1, lambda rows: [replace(rows[0], reason="other")])
    found = failed(store)
    expected = "images/1: the reasons of its rejects are not those that its footer counts"
    assert said(found["conservation"][0]) == expected


def test_a_feed_that_was_removed(store: Store) -> None:
    for folder in ("sources/images", "rejects/sources/images"):
        Path(store.part_path(folder, 0)).unlink()
    assert [said(f) for f in failed(store)["conservation"]] == [
        "images/0: sources/images has no such part"
    ]


@pytest.mark.parametrize("place", [0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98])
@pytest.mark.parametrize("table", ["images", "captions", "rejects/images"])
def test_bytes_flipped_anywhere_are_no_traceback(store: Store, table: str, place: float) -> None:
    path = Path(store.part_path(table, 1))
    record = RejectRow if table.startswith("rejects/") else TABLES[table].record
    before = list(store.records(table, 1, record))
    data = bytearray(path.read_bytes())
    at = int(len(data) * place)
    data[at : at + 16] = bytes(byte ^ 0xA5 for byte in data[at : at + 16])
    path.write_bytes(bytes(data))
    # Not every byte of a Parquet file means something.
    assert failed(store) or list(store.records(table, 1, record)) == before


def test_columns_that_are_not_there(store: Store) -> None:
    path = store.part_path("images", 0)
    footer = (pq.read_metadata(path).metadata or {})[FOOTER_KEY]
    other = pa.table({"image_id": ["0a"]}).replace_schema_metadata({FOOTER_KEY: footer})
    pq.write_table(other, path)
    assert {"schema", "digests", "conservation"} <= set(failed(store))


def test_many_findings_are_counted(memory: str) -> None:
    rows = sound_rows()
    more = [replace(rows["captions"][0][0], image_id=f"{n:032x}", model="") for n in range(100)]
    rows["captions"][0] = more
    report = audit_store(write_store(memory, rows), 1)
    (outcome,) = [o for o in report.outcomes if o.promise.name == "traceable"]
    assert len(outcome.findings) == 20
    assert outcome.failed >= 100


def test_every_table_of_a_stage_is_audited() -> None:
    stages = pytest.importorskip("tools.stages").STAGES
    for cls in stages.values():
        assert TABLES[cls.table].record is cls.record
