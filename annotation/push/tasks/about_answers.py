"""Tasks about two answers to one prompt: which is better. No model is named anywhere in them."""

from collections.abc import Collection, Iterable
from typing import Any

from annotation.push.preference_pairs import sides_of
from annotation.push.tasks.task import KeyOf, Made, Refused, Task, picture_place
from schemas.annotations import PreferencePair


def pair_task(pair_id: str, shown: dict[str, str], image_id: str, key_of: KeyOf) -> Task:
    """Compare two answers; `shown` holds prompt, left and right."""
    place = picture_place(image_id) if image_id else ""  # the page asks for one in any case
    data: dict[str, Any] = {"pair_id": pair_id, **shown, "image_id": image_id, "image": place}
    return Task(key_of(pair_id), data, picture=image_id)


def pair_tasks(pairs: Iterable[PreferencePair], known: Collection[str], key_of: KeyOf) -> Made:
    """One task per pair; pairs about a picture that the store does not have are refused."""
    tasks, refused = [], []
    for pair in pairs:
        left, right = sides_of(pair)
        shown = {"prompt": pair.prompt, "left": left, "right": right}
        if pair.image_id and pair.image_id not in known:
            where = f"prompt {pair.prompt_id}"
            detail = f"the store has no picture {pair.image_id}"
            refused.append(Refused(where, "no_picture", detail))
        else:
            tasks.append(pair_task(pair.pair_id, shown, pair.image_id, key_of))
    return Made(tuple(tasks), tuple(refused))
