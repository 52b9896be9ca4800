"""Values of any JSON as types: what is of another type than expected reads as absent."""

import math
from typing import Any


def finite(value: Any) -> float | None:
    """A number; None for anything else, and for what is infinite or too large."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def texts_or_none(value: Any) -> list[str] | None:
    """A list of texts, null among them as empty ones; None for anything else."""
    if not isinstance(value, list) or not all(isinstance(one, str | None) for one in value):
        return None
    return [one or "" for one in value]
