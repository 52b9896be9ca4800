"""Which detections count, and which counts are published in which split.

The defaults are PixMo-Count's where it is known: counts from 0 to 10 in train, from 2 to 10 in
validation and test, and there 60 pictures of each count that people have checked. Its threshold is
not known.
"""

from dataclasses import dataclass

from schemas.errors import UsageError
from schemas.judgment import Reject

TRAIN = "train"


@dataclass(frozen=True)
class CountConfig:
    """Detections above `threshold` count. Rows of train have counts from `least` to `most`, those
    of validation and test from `least_held_out` to `most_held_out`, of each at most `per_count`."""

    threshold: float = 0.4
    per_count: int = 60
    least: int = 0
    most: int = 10
    least_held_out: int = 2
    most_held_out: int = 10

    def __post_init__(self) -> None:
        if not 0 <= self.threshold < 1:
            raise UsageError(f"threshold is {self.threshold:g}; it is at least 0 and below 1")
        if self.per_count < 0:
            raise UsageError(f"per_count is {self.per_count}; it is at least 0")
        for least, most in (("least", "most"), ("least_held_out", "most_held_out")):
            if not 0 <= getattr(self, least) <= getattr(self, most):
                raise UsageError(
                    f"{least} is {getattr(self, least)} and {most} is {getattr(self, most)}; "
                    "the first is at least 0 and at most the second"
                )

    def refuse(self, split: str, count: int, checked: bool) -> Reject | None:
        """Why a row of this split cannot be published; None when it can."""
        if split != TRAIN and not checked:
            return Reject("not_checked", f"no person has counted it, and it is in {split}")
        least, most = self.least, self.most
        if split != TRAIN:
            least, most = self.least_held_out, self.most_held_out
        if least <= count <= most:
            return None
        return Reject("count_out_of_range", f"{split} has counts from {least} to {most}")
