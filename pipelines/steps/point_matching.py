"""How well points of two people agree: matched one to one within a distance."""

from collections.abc import Sequence

from schemas.annotations import Point

# In percent of the picture's sides: about a thumb's width on a picture that fills a hand.
NEAR_PERCENT = 5.0


def matched(one: Sequence[Point], other: Sequence[Point], near: float = NEAR_PERCENT) -> int:
    """The most pairs of points, each used once, that lie at most `near` percent apart.

    The largest matching of a bipartite graph, by augmenting paths (Kuhn 1955): exact, and quick
    for the few hundred points that a picture has.
    """
    return len(pairs_of([[j for j, q in enumerate(other) if _is_near(p, q, near)] for p in one]))


def pairs_of(reach: list[list[int]]) -> dict[int, int]:
    """A largest matching: `reach[i]` are those that i may be paired with; partners to their i."""
    taken: dict[int, int] = {}
    for i in range(len(reach)):
        _augment(i, reach, taken, set())
    return taken


def _is_near(p: Point, q: Point, near: float) -> bool:
    return (p.x - q.x) ** 2 + (p.y - q.y) ** 2 <= near**2


def _augment(start: int, reach: list[list[int]], taken: dict[int, int], seen: set[int]) -> bool:
    """Give `start` a partner, moving others to new ones along a path found depth first."""
    path: list[tuple[int, int]] = []
    ways = [iter(reach[start])]
    own = [start]
    while ways:
        j = next((j for j in ways[-1] if j not in seen), None)
        if j is None:
            ways.pop()
            own.pop()
            if path:
                path.pop()
            continue
        seen.add(j)
        path.append((own[-1], j))
        if j not in taken:
            taken.update({partner: i for i, partner in path})
            return True
        own.append(taken[j])
        ways.append(iter(reach[taken[j]]))
    return False


def points_f1(one: Sequence[Point], other: Sequence[Point], near: float = NEAR_PERCENT) -> float:
    """The harmonic mean of precision and recall of one set of points against the other.

    Symmetric, in [0, 1]; 1 where both are empty: two people who say "not in the picture" agree.
    """
    total = len(one) + len(other)
    return 2 * matched(one, other, near) / total if total else 1.0
