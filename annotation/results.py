"""Reading what Label Studio keeps of an annotation: regions, texts, points, choices, numbers.

Everything here takes any JSON, since an API call may have put anything there: what is not of the
expected type reads as absent, and the checks say so. Points are percent of the picture shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.steps.json_values import finite

_KEYPOINTS = ("keypoint", "keypointlabels")


@dataclass(frozen=True)
class Region:
    """One result: the control that made it, the region it belongs to, and its values.

    `shown` is width, height and turn (degrees) of the picture as the browser had it.
    """

    name: str
    region: str
    kind: str
    value: dict[str, Any] = field(default_factory=dict)
    shown: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Placed:
    """A point as it was placed; a coordinate that is no number is None."""

    region: str
    x: float | None
    y: float | None
    labels: tuple[str, ...] = ()


def regions_of(result: Any) -> tuple[Region, ...]:
    """The results of an annotation in their order; what is no object is passed over."""
    found = result if isinstance(result, list) else []
    return tuple(_region(one) for one in found if isinstance(one, dict))


def _region(one: dict[str, Any]) -> Region:
    value = one.get("value")
    return Region(
        name=plain_text(one.get("from_name")),
        region=plain_text(one.get("id")),
        kind=plain_text(one.get("type")),
        value=value if isinstance(value, dict) else {},
        shown=_shown(one),
    )


def _shown(one: dict[str, Any]) -> tuple[float, float, float] | None:
    sides = [finite(one.get(name)) for name in ("original_width", "original_height")]
    if sides[0] is None or sides[1] is None:
        return None
    return sides[0], sides[1], finite(one.get("image_rotation")) or 0.0


def plain_text(value: Any) -> str:
    """A text that can be written as UTF-8; empty for what is none."""
    if not isinstance(value, str):
        return ""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def one_line(text: str) -> str:
    """A text with single spaces and none at its ends."""
    return " ".join(text.split())


def texts_of(regions: Sequence[Region], name: str) -> list[str]:
    """All texts of a control, in order, empty ones left out."""
    return [text for region in regions if region.name == name for text in _listed(region, "text")]


def _listed(region: Region, key: str) -> list[str]:
    some = region.value.get(key)
    values = some if isinstance(some, list) else [some]
    return [text for value in values if (text := plain_text(value)).strip()]


def text_of(regions: Sequence[Region], name: str) -> str:
    """The whole text of a control, one line or more."""
    return "\n".join(texts_of(regions, name)).strip()


def choice_of(regions: Sequence[Region], name: str) -> str:
    """What was chosen; several choices stand with commas between them, and are none of ours."""
    own = (region for region in regions if region.name == name)
    return ",".join(choice for region in own for choice in _listed(region, "choices"))


def number_of(regions: Sequence[Region], name: str) -> float | None:
    """The number of a control; None where there is none, or more than one."""
    found = [finite(region.value.get("number")) for region in regions if region.name == name]
    return found[0] if len(found) == 1 else None


def points_of(regions: Sequence[Region]) -> list[Placed]:
    """The points in the order in which they were placed, whatever their control is called."""
    return [
        Placed(
            region.region,
            finite(region.value.get("x")),
            finite(region.value.get("y")),
            tuple(_listed(region, "keypointlabels")),
        )
        for region in regions
        if region.kind in _KEYPOINTS
    ]


def phrases_of(regions: Sequence[Region], name: str) -> dict[str, list[str]]:
    """The texts that belong to each region, by the region's id."""
    found: dict[str, list[str]] = {}
    for region in regions:
        if region.name == name:
            found.setdefault(region.region, []).extend(map(one_line, _listed(region, "text")))
    return found


def shown_sizes(regions: Sequence[Region]) -> list[list[float]]:
    """Every size in which the picture was shown, each once: width, height, turn in degrees."""
    placed = [region.shown for region in regions if region.kind in _KEYPOINTS and region.shown]
    return [list(size) for size in dict.fromkeys(placed)]
