"""Pictures that stay though they look like one that goes: named, so that somebody can look."""

from dataclasses import dataclass

import numpy as np

from pipelines.steps.phash import SIDE, hex_to_uint64, oriented_hashes
from pipelines.takedown.found import Found, rows_of
from schemas.store import Store

NEAR_BITS = 8  # what `pixmo dedupe` calls near


@dataclass(frozen=True)
class NearPicture:
    """A picture that stays though it is `distance` bits from one that goes."""

    image_url: str
    distance: int
    phash: str


def near_pictures(store: Store, found: Found) -> list[NearPicture]:
    """Pictures that stay within NEAR_BITS of one that goes, the nearest first.

    `phash` is that of the picture that goes, which `--phash` takes.
    """
    if not found.greys:
        return []
    grey = np.frombuffer(b"".join(found.greys), np.uint8).reshape(-1, SIDE, SIDE)
    turned = oriented_hashes(grey)
    near: list[NearPicture] = []
    for row in rows_of(store, "images", ["image_id", "image_url", "phash"]):
        if row["image_id"] not in found.image_ids:
            apart = np.bitwise_count(turned ^ hex_to_uint64([row["phash"]])).min(axis=1)
            at = int(apart.argmin())
            if apart[at] <= NEAR_BITS:
                upright = f"{int(turned[at, 0]):016x}"
                near.append(NearPicture(row["image_url"], int(apart[at]), upright))
    return sorted(near, key=lambda picture: (picture.distance, picture.image_url))
