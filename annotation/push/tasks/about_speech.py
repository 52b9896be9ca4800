"""Tasks about a recording: correct what the recogniser heard."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from annotation.push.tasks.task import KeyOf, Made, Task, picture_place, sound_place


class Heard(NamedTuple):
    """What the recogniser made of a recording about a picture, and which model it was."""

    recording_id: str
    image_id: str
    text: str
    model: str


def review_task(heard: Heard, pictures: Collection[str], key_of: KeyOf) -> Task:
    """Listen and correct; the page starts with the recogniser's text where there is any.

    The picture is shown when it is one of the store's `pictures`.
    """
    picture = heard.image_id if heard.image_id in pictures else ""
    data = {
        "image_id": heard.image_id,
        "image": picture_place(picture) if picture else "",
        "recording_id": heard.recording_id,
        "audio": sound_place(heard.recording_id),
        "model": heard.model,
    }
    value = {"text": [heard.text]}
    text = {"from_name": "text", "to_name": "audio", "type": "textarea", "value": value}
    prefilled = ({"id": "text", **text},) if heard.text.strip() else ()
    return Task(
        key_of(heard.recording_id),
        data,
        picture=picture,
        sound=heard.recording_id,
        prefilled=prefilled,
    )


def review_tasks(transcripts: Iterable[Heard], pictures: Collection[str], key_of: KeyOf) -> Made:
    """One task per transcript."""
    return Made(tuple(review_task(heard, pictures, key_of) for heard in transcripts))
