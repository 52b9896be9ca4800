"""Our page in Label Studio, played by a list: for tests of what `pull` makes of its answers."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from annotation.pull.items import Context, Fetched
from schemas.errors import UsageError

MADE_AT = "2026-01-01T00:00:00.000000Z"
KEY = "d" * 32
PERSON = "a0123456789ab"


def clock(seconds: float) -> str:
    """An ISO time of fixed width, so many seconds after midnight."""
    whole, rest = divmod(seconds, 1)
    minutes, second = divmod(int(whole), 60)
    hour, minute = divmod(minutes, 60)
    return f"2026-02-01T{hour:02}:{minute:02}:{second:02}.{int(rest * 1e6):06}Z"


def keypoint(region: str, x: Any, y: Any, **more: Any) -> dict[str, Any]:
    """A point as Label Studio keeps it."""
    sides = {"original_width": 96, "original_height": 72, "image_rotation": 0}
    value = {"x": x, "y": y, "width": 0.5}
    own = {"id": region, "from_name": "point", "to_name": "img", "type": "keypoint"}
    return {**own, **sides, "value": value, **more}


def textarea(name: str, *texts: Any, region: str = "t") -> dict[str, Any]:
    """A text as Label Studio keeps it."""
    own = {"id": region, "from_name": name, "to_name": "img", "type": "textarea"}
    return {**own, "value": {"text": list(texts)}}


def chosen(name: str, *choices: Any) -> dict[str, Any]:
    """A choice as Label Studio keeps it."""
    own = {"id": "c", "from_name": name, "to_name": "img", "type": "choices"}
    return {**own, "value": {"choices": list(choices)}}


def number(name: str, value: Any) -> dict[str, Any]:
    """A number as Label Studio keeps it."""
    own = {"id": "n", "from_name": name, "to_name": "img", "type": "number"}
    return {**own, "value": {"number": value}}


def phrase(label: str, *places: tuple[Any, Any]) -> list[dict[str, Any]]:
    """The results for a phrase and its points."""
    found = []
    for at, (x, y) in enumerate(places):
        found += [keypoint(f"{label}{at}", x, y), textarea("phrase", label, region=f"{label}{at}")]
    return found


def fetched(result: Any, data: dict[str, Any] | None = None, **more: Any) -> Fetched:
    """One annotation with a key and a picture in its task."""
    values: dict[str, Any] = {
        "annotation_id": 7,
        "user_id": 3,
        "skipped": False,
        "seconds": 60.0,
        "created_at": clock(0),
        "updated_at": clock(0),
    }
    task = {"key": KEY, "image_id": "0" * 32}
    return Fetched(data=task | (data or {}), result=result, **(values | more))


def context(**more: Any) -> Context:
    """What is known beside it."""
    return Context(1, MADE_AT, PERSON, "points_v1", **more)


@dataclass
class StudioPage:
    """Annotations of one project; `fail_after` answers it goes away, as a killed server does."""

    made_at: str = MADE_AT
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    fail_after: int | None = None
    now: Iterator[int] = field(default_factory=lambda: itertools.count(100))

    def submit(self, result: Any, at: float | None = None, **data: Any) -> int:
        """A new annotation of a task with these data; its number."""
        number = len(self.rows) + 1
        task = {"key": KEY, "image_id": "0" * 32} | data
        self.rows[number] = {"id": number, "data": task, "completed_by_id": 3}
        self.rows[number] |= {"was_cancelled": False, "lead_time": 60.0}
        self.change(number, result, at)
        self.rows[number]["created_at"] = self.rows[number]["updated_at"]
        return number

    def change(self, number: int, result: Any, at: float | None = None) -> None:
        """The same annotation, submitted again."""
        when = clock(next(self.now) if at is None else at)
        self.rows[number] |= {"result": result, "updated_at": when}

    def __call__(self, path: str, **params: Any) -> dict[str, Any]:
        """As `ask_studio`."""
        if self.fail_after is not None and len(self.asked) >= self.fail_after:
            raise UsageError("nothing answers")
        self.asked.append(params)
        rows, following = self._page(**params)
        ids = sorted(self.rows) if params.get("ids") else []
        found = [dict(row) for row in rows]
        return {"created_at": self.made_at, "annotations": found, "next": following, "ids": ids}

    def _page(
        self, only: str = "", after: str = "", limit: int = 1000, **_: Any
    ) -> tuple[list[dict[str, Any]], str]:
        if only:
            wanted = {int(n) for n in only.split(",")}
            return [row for n, row in self.rows.items() if n in wanted], ""
        rows = sorted(self.rows.values(), key=lambda row: (row["updated_at"], row["id"]))
        when, _, number = after.partition(",")
        behind = (when, int(number or 0))
        found = [r for r in rows if (r["updated_at"], r["id"]) > behind][:limit]
        last = found[-1] if found and len(found) == limit else None
        return found, f"{last['updated_at']},{last['id']}" if last else ""
