"""Pages and tasks for the tests of the ask loop, in Label Studio's form."""

from typing import Any

from annotation.kinds import KINDS


def text(name: str, *values: str, id: str = "") -> dict[str, Any]:
    """A result of a TextArea."""
    control = {"from_name": name, "to_name": "img", "type": "textarea"}
    return {"id": id or name, **control, "value": {"text": list(values)}}


def verdict(value: str) -> dict[str, Any]:
    """A result of the choice between accept and reject."""
    control = {"from_name": "verdict", "to_name": "img", "type": "choices"}
    return {"id": "verdict", **control, "value": {"choices": [value]}}


def point(number: int, x: float, y: float, phrase: str = "") -> list[dict[str, Any]]:
    """The results of one point: its place, and its phrase where it has one."""
    place = {"x": x, "y": y, "width": 0.6}
    both = {"id": f"p{number}", "to_name": "img"}
    found = [{**both, "from_name": "point", "type": "keypoint", "value": place}]
    if phrase:
        value = {**place, "text": [phrase]}
        found.append({**both, "from_name": "phrase", "type": "textarea", "value": value})
    return found


def payload(*results: dict[str, Any], kind: str = "ask_model_anything", **more: Any) -> Any:
    """What Label Studio sends for a page; `more` holds `key`, `user`, `again`, `caption`, `ocr`."""
    data = {
        "key": more.get("key", "task one"),
        "caption": more.get("caption", "A red bus stands at a station."),
        "ocr": more.get("ocr", "LINE 5"),
    }
    context = {
        "result": list(results),
        "pixmo_user": more.get("user", 7),
        "pixmo_again": more.get("again", False),
    }
    return {
        "tasks": [{"id": 1, "data": data}],
        "project": "5.1700000000",
        "label_config": KINDS[kind].label_config,
        "params": {"login": None, "password": None, "context": context},
    }
