"""Tasks about a detector's candidates: confirm or correct how many there are."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from annotation.push.tasks.about_pictures import NEAR_DUPLICATES
from annotation.push.tasks.row_values import BadValue, image_of, points_of, split_of, text_of
from annotation.push.tasks.task import KeyOf, Made, Task, picture_place
from schemas.annotations import Point

SPLIT = "validation"
CHECKED, TRAIN = "checked", "train"


def count_task(row: Mapping[str, Any], known: Collection[str], key_of: KeyOf) -> Task:
    """Count what `label` names; the page starts with the detector's points and their number.

    `known` are the ids of the store's pictures. BadValue for a row that says no such thing.
    """
    image_id, label = image_of(row), text_of(row, "label")
    points, split = points_of(row), split_of(row, SPLIT)
    if image_id not in known:
        raise BadValue("no_picture", f"the store has no picture {image_id}")
    data = {
        "image_id": image_id,
        "image": picture_place(image_id),
        "label": label,
        "predicted_count": len(points),
        "split": split,
    }
    return Task(key_of(image_id, label), data, picture=image_id, prefilled=_prefilled(points))


def unchecked_tasks(
    rows: Iterable[Mapping[str, Any]],
    splits: Mapping[str, str],
    twins: Collection[str],
    key_of: KeyOf,
) -> Made:
    """One task per row of the table `count` in validation and test that nobody has checked.

    `splits` are those of the store's pictures; `twins` are pictures that another one stands for.
    """
    tasks: list[Task] = []
    passed_over: Counter[str] = Counter()
    for row in rows:
        image_id = row["image_id"]
        split = splits.get(image_id, TRAIN)
        if split == TRAIN or row["checked"] or image_id in twins:
            over = TRAIN if split == TRAIN else CHECKED if row["checked"] else NEAR_DUPLICATES
            passed_over[over] += 1
        else:
            tasks.append(count_task({**row, "split": split}, {image_id}, key_of))
    return Made(tuple(tasks), passed_over=dict(passed_over))


def _prefilled(points: tuple[Point, ...]) -> tuple[dict[str, Any], ...]:
    found = [
        {
            "id": f"point-{number}",
            "from_name": "point",
            "to_name": "img",
            "type": "keypoint",
            "value": {"x": point.x, "y": point.y, "width": 0.5},
        }
        for number, point in enumerate(points, 1)
    ]
    count = {"from_name": "count", "to_name": "img", "type": "number"}
    return (*found, {"id": "count", **count, "value": {"number": len(points)}})
