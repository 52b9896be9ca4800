"""The late policy: tags come in, keep or the rule that drops comes out. Nothing is recomputed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from schemas.judgment import Tag


@dataclass(frozen=True)
class Policy:
    """Limits by tag name: a record with a score at or above the limit is dropped."""

    limits: tuple[tuple[str, float], ...] = ()

    def all_broken_by(self, tags: Iterable[Tag]) -> tuple[str, ...]:
        """The names of all rules that the tags break, in the order of the limits."""
        scores = {tag.name: tag.score for tag in tags}
        return tuple(n for n, limit in self.limits if n in scores and scores[n] >= limit)

    def broken_by(self, tags: Iterable[Tag]) -> str | None:
        """The name of the first rule that the tags break; None keeps the record."""
        return next(iter(self.all_broken_by(tags)), None)


def with_defaults(
    defaults: Mapping[str, float], limits: Iterable[tuple[str, float | None]]
) -> Policy:
    """The default limits, with those given in their place; None takes a limit away."""
    merged = {**defaults, **dict(limits)}
    return Policy(tuple((name, limit) for name, limit in merged.items() if limit is not None))
