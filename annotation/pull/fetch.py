"""Asking our page in Label Studio for annotations: pages behind a cursor, some, all numbers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from annotation.pull.items import Fetched
from schemas.errors import StageError, UsageError

PAGE = "/pixmo/annotations"
PAGE_ROWS = 1000
ONLY_ROWS = 200  # numbers in one address
TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
Ask = Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class Standing:
    """How a project stands: when it was made, and the numbers of all its annotations."""

    created_at: str
    ids: frozenset[int]


@dataclass
class StudioProject:
    """One project of a running Label Studio; `drafts` asks for what its pages began with.

    Every method raises StageError when Label Studio goes away or answers something else, and
    UsageError when it did not answer from the start.
    """

    ask: Ask
    number: int
    drafts: bool = False
    _answered: bool = False

    def standing(self) -> Standing:
        """All numbers that exist now."""
        answer = self._get(limit=0, ids=1)
        return Standing(str(answer["created_at"]), frozenset(answer["ids"]))

    def after(self, cursor: str, rows: int = PAGE_ROWS) -> Iterator[list[Fetched]]:
        """Pages of all annotations behind a cursor, oldest change first; empty is the beginning."""
        following: str | None = cursor
        while following is not None:
            answer = self._get(after=following, limit=rows)
            yield [_fetched(row) for row in answer["annotations"]]
            following = answer["next"] or None

    def only(self, numbers: Sequence[int]) -> Iterator[list[Fetched]]:
        """These annotations, those that are still there."""
        for at in range(0, len(numbers), ONLY_ROWS):
            some = ",".join(map(str, numbers[at : at + ONLY_ROWS]))
            yield [_fetched(row) for row in self._get(only=some)["annotations"]]

    def _get(self, **params: Any) -> dict[str, Any]:
        if self.drafts:
            params["drafts"] = 1
        try:
            answer = self.ask(PAGE, project=self.number, **params)
        except UsageError as error:
            if not self._answered:
                raise
            raise StageError(
                f"Label Studio went away in the middle of the pull ({error}); nothing is lost: "
                "the next pull goes on"
            ) from error
        if not {"annotations", "next", "ids", "created_at"} <= answer.keys():
            raise StageError(f"{PAGE}: Label Studio answers something else: restart it with `up`")
        self._answered = True
        return answer


def _fetched(row: dict[str, Any]) -> Fetched:
    data = row.get("data")
    return Fetched(
        annotation_id=row["id"],
        data=data if isinstance(data, dict) else {},
        user_id=row["completed_by_id"],
        result=row["result"],
        skipped=bool(row["was_cancelled"]),
        seconds=row["lead_time"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        draft=row.get("draft"),
    )


def cursor_of(fetched: Fetched) -> str:
    """The cursor that lies right behind an annotation."""
    return f"{fetched.updated_at},{fetched.annotation_id}"


def earlier(cursor: str, seconds: float) -> str:
    """A cursor so many seconds before this one: a transaction may be committed after a later one.

    An unreadable cursor is the beginning.
    """
    try:
        when = datetime.strptime(cursor.partition(",")[0], TIME)
    except ValueError:
        return ""
    return (when - timedelta(seconds=seconds)).strftime(TIME) + ",0"


def now_text() -> str:
    """The time now, written as Label Studio's times are."""
    return datetime.now(UTC).strftime(TIME)
