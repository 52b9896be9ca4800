"""What a store knows of the annotations of one project, so that a pull adds what is new alone."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from annotation.pull.items import TIMES, Item
from pipelines.steps.read_rows import row_json
from pipelines.steps.revisions import ItemRow, item_rows
from schemas.ids import content_id
from schemas.store import Store


@dataclass
class Known:
    """The newest revision of one annotation, with its items as texts: a tenth of the memory."""

    revision: str
    deleted: bool
    texts: list[str] = field(default_factory=list)

    @property
    def items(self) -> list[Item]:
        """What the annotation holds, in the order of the table."""
        return [json.loads(text) for text in self.texts]


@dataclass
class KnownAnnotations:
    """All annotations of one project that a table of sources holds, by Label Studio's number."""

    found: dict[int, Known]

    @property
    def alive(self) -> dict[int, Known]:
        """Those that are not known to be deleted."""
        return {number: known for number, known in self.found.items() if not known.deleted}

    def is_same(self, number: int, items: Iterable[Item]) -> bool:
        """Whether items say what is known already: an older revision, or one that changes nothing.

        A person who opens and submits a task again without a change makes such a revision.
        """
        known, fresh = self.found.get(number), list(items)
        if known is None:
            return False
        if known.deleted or fresh[0]["revision"] <= known.revision:
            return True
        return {judged(item) for item in fresh} == {judged(item) for item in known.items}


def judged(item: Item) -> str:
    """A digest of what an item says, whenever it was said."""
    return content_id(row_json({k: v for k, v in item.items() if k not in TIMES}))


def known_annotations(store: Store, table: str, project: int, created_at: str) -> KnownAnnotations:
    """What the table holds of a project; numbers of another studio are others."""
    found: dict[int, Known] = {}
    for _, row in item_rows(store, table):
        made, name = row.name
        if made == created_at and name.startswith(f"{project}:"):
            _add(found, int(name.partition(":")[2]), row)
    return KnownAnnotations(found)


def _add(found: dict[int, Known], number: int, row: ItemRow) -> None:
    known = found.get(number)
    if known is None or (row.revision, row.deleted) > (known.revision, known.deleted):
        known = found[number] = Known(row.revision, row.deleted)
    if row.revision == known.revision:
        known.texts.append(row.text)
