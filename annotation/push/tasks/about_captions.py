"""Tasks about a picture with a caption: ask anything, with points to cite or without.

Caption and text read from the picture travel with the task for the text model; the page hides them.
"""

from collections.abc import Iterable, Mapping

from annotation.push.tasks.task import KeyOf, Made, Task, picture_place


def ask_tasks(captions: Iterable[tuple[str, str]], ocr: Mapping[str, str], key_of: KeyOf) -> Made:
    """One task per (image id, caption); `ocr` holds the text in pictures by image id."""
    tasks = []
    for image_id, caption in captions:
        shown = {"image_id": image_id, "image": picture_place(image_id)}
        data = {**shown, "caption": caption, "ocr": ocr.get(image_id, "")}
        tasks.append(Task(key_of(image_id), data, picture=image_id))
    return Made(tuple(tasks))
