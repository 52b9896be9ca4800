"""Which pictures a report needs in which forms, and the jobs that make them.

Every row gets a thumbnail. Larger pictures and recordings go to a sample that a stable hash draws,
so that the same rows have them in every report of the same data.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.ids import unit_interval
from schemas.store import Store
from tools.report.packing import write_columns
from tools.report.pictures import PER_SHEET, PictureJob, Shown, Want

MANY = 5000  # pictures, from which on thumbnails are smaller
_SIDE_OF_FEW, _SIDE_OF_MANY = 160, 88


def sample(keys: Iterable[str], count: int) -> frozenset[str]:
    """`count` of the distinct keys, the same ones on every machine."""
    distinct = {key for key in keys if key}
    if len(distinct) <= count:
        return frozenset(distinct)
    return frozenset(sorted(distinct, key=lambda key: unit_interval("report", key))[:count])


@dataclass(frozen=True)
class Planned:
    """The jobs, the number of each picture by its key, and the side of thumbnails in pixels."""

    jobs: list[PictureJob]
    numbers: dict[str, int]
    side: int


def plan_pictures(
    store: Store, forms: dict[str, int], parts: dict[str, int], output: Path
) -> Planned:
    """A job for each part of images and each file of a release that pictures are needed from.

    `forms` maps the key of a picture to the bits of what is wanted of it besides a thumbnail.
    """
    side = _SIDE_OF_MANY if len(forms) > MANY else _SIDE_OF_FEW
    sources: defaultdict[tuple[int, str], list[str]] = defaultdict(list)
    for key in forms:
        path, _, _ = key.rpartition("#")
        sources[(-1, path) if path else (parts[key], "")].append(key)
    jobs, numbers, first = [], {}, 0
    for (part, path), keys in sorted(sources.items()):
        wants = {}
        for at, key in enumerate(sorted(keys) if part >= 0 else keys):
            numbers[key] = first + at
            wants[key.rpartition("#")[2]] = Want(first + at, forms[key])
        jobs.append(PictureJob(store, part, path, wants, first, side, output))
        first += -(-len(keys) // PER_SHEET) * PER_SHEET
    return Planned(jobs, numbers, side)


class Album:
    """What there is of every picture, by number: sizes and forms, for pages and for scripts."""

    def __init__(self, planned: Planned, made: Sequence[Shown]) -> None:
        count = max((one.first + len(one.forms) for one in made), default=0)
        self.numbers, self.side = planned.numbers, planned.side
        self.forms = np.zeros(count, np.uint8)
        self.thumb, self.full = np.zeros((count, 2), np.uint8), np.zeros((count, 2), np.uint32)
        for one in made:
            span = slice(one.first, one.first + len(one.forms))
            self.forms[span], self.thumb[span], self.full[span] = one.forms, one.thumb, one.full

    def number(self, key: str) -> int:
        """The number of a picture that can be shown; -1 when it is missing or damaged."""
        at = self.numbers.get(key, -1)
        return at if at >= 0 and self.forms[at] else -1

    def has(self, key: str, form: int) -> bool:
        """Whether a picture is there in a form."""
        at = self.number(key)
        return at >= 0 and bool(self.forms[at] & form)

    def write(self, data: Path) -> None:
        """Write the columns `album-0` to `album-4`: thumb w, h, full w, h, forms."""
        thumb, full = self.thumb, self.full
        sizes: dict[str, NDArray[Any]] = {
            "w": thumb[:, 0],
            "h": thumb[:, 1],
            "W": full[:, 0],
            "H": full[:, 1],
        }
        write_columns(data, "album", sizes | {"forms": self.forms})
