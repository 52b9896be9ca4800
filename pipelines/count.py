"""Stage count: detections, and what people counted in their place, to the table `count`.

Parts mirror those of `images`. An input is a picture that was looked at by the detector or by a
person; a picture in which nothing is found becomes a reject, one in which a person found none of
something a row with a count of 0.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

from pipelines.by_picture import plan_by_picture, rows_of_pictures
from pipelines.stage import BaseStage, Shard, reject_row
from pipelines.steps.count_rules import CountConfig
from pipelines.steps.counting import count_objects
from schemas.annotations import CountAnnotation
from schemas.ids import canonical_json
from schemas.judgment import Reject
from schemas.store import Store
from schemas.subset_records import Detections, ObjectCount

DETECTIONS, CHECKED = "detections", "annotations/count"


@dataclass(frozen=True)
class Count(BaseStage):
    """Choose what is counted in every picture."""

    name: ClassVar[str] = "count"
    table: ClassVar[str] = "count"
    record: ClassVar[type] = ObjectCount
    version: ClassVar[str] = "1"

    counts: CountConfig = field(default_factory=CountConfig)
    max_rejects: float = 1.0

    def settings(self) -> dict[str, Any]:
        """The threshold, and what is published, which select-count reads from the footers."""
        return asdict(self.counts)

    def plan(self, store: Store) -> list[Shard]:
        """One part per part of images that was looked at, or was when it was last done."""
        shards = plan_by_picture(store, self.table, (DETECTIONS, CHECKED), per_picture=True)
        images = {
            info.number: (f"images/{info.number}", info.content) for info in store.infos("images")
        }
        return [replace(one, inputs=(*one.inputs, images[one.number])) for one in shards]

    def run(self, store: Store, shard: Shard, keys: frozenset[str] | None) -> Iterator[Any]:
        """Counts and rejects in the order of their image ids."""
        found = {
            row.image_id: row for row in rows_of_pictures(store, shard, DETECTIONS, Detections)
        }
        people: dict[str, list[CountAnnotation]] = defaultdict(list)
        for row in rows_of_pictures(store, shard, CHECKED, CountAnnotation):
            people[row.image_id].append(row)
        looked = {*found, *people}
        pictures = store.read("images", shard.number, ["image_id", "image_url", "width", "height"])
        for picture in pictures.to_pylist():  # in the order of their ids
            image_id = picture["image_id"]
            if image_id in looked and (keys is None or image_id in keys):
                yield self._outcome(picture, found.get(image_id), people[image_id])

    def _outcome(
        self, picture: dict[str, Any], found: Detections | None, people: list[CountAnnotation]
    ) -> Any:
        boxes = found.boxes if found else ()
        counted = count_objects(boxes, people, self.counts.threshold)
        if isinstance(counted, Reject):
            return reject_row(self.name, picture["image_id"], counted, canonical_json(picture))
        return ObjectCount(
            **picture,
            label=counted.label,
            count=len(counted.points),
            points=counted.points,
            predicted_count=counted.predicted,
            checked=bool(counted.item_ids),
            tags=counted.tags,
            item_ids=counted.item_ids,
            detector=found.detector if found else "",
        )
