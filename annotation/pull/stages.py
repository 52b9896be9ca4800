"""Stages annotations-<kind>: what people judged, from `sources/annotations/<kind>` to records.

One class per kind. Part N is made from part N; what its rows cannot know of themselves (a later
revision, a removal, a picture that is not there, a pair that was shown the other way round) is
found by the plan in narrow columns and is part of the shard, so that a change redoes only the parts
concerned.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from annotation.pull.checks import CheckRules, check_item
from pipelines.stage import BaseStage, Shard, reject_row
from pipelines.steps.json_values import finite
from pipelines.steps.revisions import (
    ItemRow,
    fate_of_row,
    item_row,
    item_rows,
    newest,
    refusal_of_fate,
)
from schemas.judgment import Reject
from schemas.records import Source
from schemas.store import Store
from schemas.tables import TABLES

UNKNOWN = "unknown"
OTHER_SHAPE = "other_shape"
SWAPPED = "swapped"
SIDE_TOLERANCE = 0.02  # of the ratio of sides: a small copy of a picture is rounded to pixels
_ASKED = ("image_id", "shown", "recording_id", "pair_id")  # what the store is asked about
Judge = Callable[[ItemRow], str]


@dataclass(frozen=True)
class AnnotationStage(BaseStage):
    """Check the items of one kind; rejects are no failure of the stage unless a share is set."""

    name: ClassVar[str]
    table: ClassVar[str]
    record: ClassVar[type]
    version: ClassVar[str] = "1"
    kind: ClassVar[str]

    rules: CheckRules = field(default_factory=CheckRules)
    max_rejects: float = 1.0

    def __init_subclass__(cls, kind: str) -> None:
        """A kind's name, table and record follow from the kind."""
        cls.kind, cls.name, cls.table = kind, f"annotations-{kind}", f"annotations/{kind}"
        cls.record = TABLES[cls.table].record

    @property
    def feed(self) -> str:
        """The table that feeds it."""
        return f"sources/annotations/{self.kind}"

    def settings(self) -> dict[str, Any]:
        """What items are held to."""
        return asdict(self.rules)

    def plan(self, store: Store) -> list[Shard]:
        """One part per part of the items; `extra` is what holds for rows and is not in them."""
        rows: dict[int, list[ItemRow]] = defaultdict(list)
        for number, row in item_rows(store, self.feed):
            rows[number].append(row.brief(_ASKED))
        everything = [row for own in rows.values() for row in own]
        standing, judge = newest(everything), self.judge(store, everything)
        shards = []
        for info in store.infos(self.feed):
            found = [(r.key, fate_of_row(r, standing) or judge(r)) for r in rows[info.number]]
            extra = tuple(f"{fact}={key}" for key, fact in found if fact)
            inputs = ((f"{self.feed}/{info.number}", info.content),)
            shards.append(Shard(info.number, info.records, inputs, extra))
        return shards

    def judge(self, store: Store, rows: list[ItemRow]) -> Judge:
        """What the store says of a row that stands; empty for nothing."""
        shapes = _shapes(store, {str(row.values.get("image_id")) for row in rows})
        return lambda row: _of_picture(row, shapes)

    def run(self, store: Store, shard: Shard, keys: frozenset[str] | None) -> Iterator[Any]:
        """Records and rejects in the order of their ids."""
        facts = {key: fact for fact, _, key in (entry.partition("=") for entry in shard.extra)}
        for source in store.records(self.feed, shard.number, Source):
            if keys is None or source.key in keys:
                outcome = self._one(source, facts.get(source.key, ""))
                if isinstance(outcome, Reject):
                    yield reject_row(self.name, source.key, outcome, source.row)
                else:
                    yield outcome

    def _one(self, source: Source, fact: str) -> Any | Reject:
        row = item_row(source.key, source.row)
        if row is None:
            return Reject("bad_row", "no annotation is behind it")
        if refused := refusal_of_fate(fact):
            return refused
        outcome = check_item(self.kind, source.key, row.values, self.rules, fact == SWAPPED)
        refused = None if isinstance(outcome, Reject) else self.refusal_of(fact)
        return refused or outcome

    def refusal_of(self, fact: str) -> Reject | None:
        """The reject of an item that is well in itself, by what the store says of it."""
        if fact == UNKNOWN:
            return Reject("unknown_task", "its picture is not in the table images", retryable=True)
        if fact == OTHER_SHAPE:
            said = "the picture had other sides when points were placed than it has upright"
            return Reject("other_shape", said)
        return None


def _shapes(store: Store, wanted: set[str]) -> dict[str, tuple[int, int]]:
    """Width and height, upright, of the pictures that are asked for and there."""
    found: dict[str, tuple[int, int]] = {}
    ids = pa.array(sorted(wanted), pa.string())
    for number in store.part_numbers("images") if wanted else ():
        table = store.read("images", number, ["image_id", "width", "height"])
        own = table.filter(pc.is_in(table["image_id"], value_set=ids))
        found.update({row["image_id"]: (row["width"], row["height"]) for row in own.to_pylist()})
    return found


def _of_picture(row: ItemRow, shapes: dict[str, tuple[int, int]]) -> str:
    shape = shapes.get(str(row.values.get("image_id")))
    if shape is None:
        return UNKNOWN
    shown = row.values.get("shown")
    sizes = shown if isinstance(shown, list) else []
    return "" if all(_is_upright(size, shape) for size in sizes) else OTHER_SHAPE


def _is_upright(size: Any, shape: tuple[int, int]) -> bool:
    """Whether points were placed on the picture as it is stored, at whatever scale.

    A picture that its EXIF turns by 90 degrees has its sides swapped where it was shown unturned.
    """
    if not isinstance(size, list) or len(size) != 3:
        return False
    width, height, turn = (finite(side) for side in size)
    if not width or not height or turn is None or turn % 360:
        return False
    if (width, height) == (shape[1], shape[0]):
        return width == height
    ratio = (width / height) / (shape[0] / shape[1])
    rounding = 1 / min(width, height)  # a small copy is rounded to whole pixels
    return abs(ratio - 1) <= max(SIDE_TOLERANCE, 2 * rounding)


class PointsStage(AnnotationStage, kind="points"):
    """Referring phrases with their points."""


class CountStage(AnnotationStage, kind="count"):
    """Counts that a person confirmed or corrected."""


class QuestionStage(AnnotationStage, kind="ask_model_anything"):
    """Questions with answers that a person stands by."""


class ExplanationStage(AnnotationStage, kind="point_explanations"):
    """Answers that cite points."""


class ReviewStage(AnnotationStage, kind="transcript_review"):
    """Transcripts that a person corrected."""

    def judge(self, store: Store, rows: list[ItemRow]) -> Judge:
        """A review is of a recording that the store has."""
        known: set[str] = set()
        for number in store.part_numbers("transcripts") if rows else ():
            known.update(store.read("transcripts", number, ["recording_id"])[0].to_pylist())
        return lambda row: "" if str(row.values.get("recording_id")) in known else UNKNOWN

    def refusal_of(self, fact: str) -> Reject | None:
        """A recording may have been taken in later, or taken down."""
        if fact == UNKNOWN:
            said = "its recording has no transcript in this store"
            return Reject("missing_recording", said, retryable=True)
        return None


class PreferenceStage(AnnotationStage, kind="preference"):
    """Judgments of pairs of answers, turned back to the models behind them."""

    def judge(self, store: Store, rows: list[ItemRow]) -> Judge:
        """A pair is known, and was shown one way or the other."""
        swapped: dict[str, bool] = {}
        for number in store.part_numbers("preference_pairs") if rows else ():
            swapped |= store.read_map("preference_pairs", number, "pair_id", "swapped")
        facts = {True: SWAPPED, False: "", None: UNKNOWN}
        return lambda row: facts[swapped.get(str(row.values.get("pair_id")))]

    def refusal_of(self, fact: str) -> Reject | None:
        """Without its pair nobody can say which model was meant."""
        if fact == UNKNOWN:
            said = "its pair is not in the table preference_pairs"
            return Reject("unknown_task", said, retryable=True)
        return None


_STAGES: tuple[type[AnnotationStage], ...] = (
    *(ReviewStage, PointsStage, QuestionStage, ExplanationStage, CountStage, PreferenceStage),
)
ANNOTATION_STAGES = {stage.kind: stage for stage in _STAGES}
