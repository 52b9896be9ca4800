"""A store with a release of two pictures, and something behind every figure that a card gives."""

import dataclasses
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.export import export_subset
from pipelines.release_plan import ExportConfig
from pipelines.stage import reject_row
from pipelines.subsets.cap import CAP
from schemas.judgment import Reject, Tag
from schemas.part_writer import PartWriter
from schemas.records import (
    Contamination,
    EvaluationItem,
    EvaluationMatch,
    Image,
    Selected,
    Split,
)
from schemas.release import release_schema
from schemas.store import Store
from schemas.subsets import SUBSET_OF_CONFIG
from tests import toy_store as toy
from tests.pipelines.toy_stage import InlineEngine

CONFIG = ExportConfig(images="embed", license="cc-by-4.0", title='Toys: a "small" set')
LIMITS = [["refusal_v1", 1.0], ["caption_long_v1", 4.0]]
RECORDED = {"stage": "recordings", "version": "1", "salt": "5eeec3e7"}


def commit(store: Store, table: str, record: type, outcomes: list[Any], **facts: Any) -> None:
    """One part of records and rejects."""
    known = {"config": {}, "inputs": {}, "code_version": "test", "seconds": 0.0}
    with PartWriter(store, table, 0, record) as writer:
        for outcome in outcomes:
            writer.add(outcome)
        writer.commit(fingerprint=table, rows_in=len(outcomes), **(known | facts))


def _picture(name: str, seed: int, carried: dict[str, str]) -> Image:
    made = toy.image(name, toy.picture(seed))
    when = {"fetched_at": f"2026-01-0{seed}T10:00:00Z", "carried": json.dumps(carried)}
    return dataclasses.replace(made, **when)


def put_tables(store: Store) -> None:
    """Three captioned pictures of four URLs; the policy drops one, and one is for testing."""
    pictures = [
        _picture("a", 1, {"license": "CC0"}),
        _picture("bb", 2, {"topic": "x"}),
        _picture("ccc", 3, {}),
    ]
    gone = reject_row("ingest", "z", Reject("http_404"), json.dumps({"image_url": "u"}))
    pictures.sort(key=lambda row: row.image_id)
    commit(store, "images", Image, [*pictures, gone], config={"version": "1", "stage": "ingest"})
    tags = (Tag("caption_long_v1", 5.0),)
    captions = [toy.caption("a"), toy.caption("bb"), toy.caption("ccc", tags=tags)]
    toy.put_captions(store, captions)
    a, bb, ccc = (toy.id_of(name) for name in ("a", "bb", "ccc"))
    splits = [Split(a, "train", a), Split(bb, "test", bb, "train"), Split(ccc, "train", ccc)]
    shares = {"shares": [["train", 0.9], ["test", 0.1]], "salt": "pepper", "version": "2"}
    splits.sort(key=lambda row: row.image_id)
    commit(store, "splits", Split, splits, config=shares)
    _put_evaluation(store, a)
    chosen = sorted([Selected(a, a, "train"), Selected(bb, bb, "test")], key=lambda r: r.row_id)
    row = json.dumps({"image_url": toy.url_of("ccc"), "tags": [dataclasses.asdict(tags[0])]})
    drop = reject_row("select-cap", ccc, Reject("policy", "caption_long_v1"), row)
    policy = {"limits": LIMITS, "stage": "select-cap", "version": "1"}
    commit(store, "selected/cap", Selected, [*chosen, drop], config=policy)


def _put_evaluation(store: Store, touched: str) -> None:
    items = [EvaluationItem(f"i{n}", "ai2d", "p", "picture", "", "", b"", b"", "") for n in (1, 2)]
    commit(store, "evaluation", EvaluationItem, items)
    match = EvaluationMatch("i1", "ai2d", "p", "near", 3, 0, 0.1, "")
    rows = [Contamination(touched, (Tag("evaluation_picture_v1", 0.9),), (match,))]
    commit(store, "contamination/images", Contamination, rows)


def release(url: str, config: ExportConfig = CONFIG) -> Store:
    """The store with `release/cap`, not yet described."""
    store = Store(url)
    put_tables(store)
    export_subset(store, CAP, config, InlineEngine())
    return store


def put_config(store: Store, config: str, rows: list[dict[str, Any]], split: str = "train") -> None:
    """Write `release/<config>` from rows, as an export would."""
    schema = release_schema(SUBSET_OF_CONFIG[config].columns, False)
    folder = store.path("release", config)
    store.fs.makedirs(folder, exist_ok=True)
    with store.fs.open(f"{folder}/{split}-00000-of-00001.parquet", "wb") as handle:
        pq.write_table(pa.Table.from_pylist(rows, schema), handle)
