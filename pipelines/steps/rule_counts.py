"""What each rule of a policy removed, counted from the rejects of a selection alone.

A reject of the policy names all rules that its row breaks, so that a row which one rule alone
removed can be told from one that others would have removed as well.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from schemas.judgment import RejectRow

POLICY = "policy"  # the reason of a reject that the policy made
_BETWEEN = ", "


@dataclass(frozen=True)
class RuleExample:
    """A row that a rule removed: its key, the URL of its picture, the score; `alone` says that no
    other rule would have removed it."""

    key: str
    url: str
    score: float
    alone: bool


@dataclass(frozen=True)
class RuleCount:
    """How many rows break a rule, and how many of them break no other."""

    rule: str
    rows: int
    alone: int
    examples: tuple[RuleExample, ...]


def join_rules(rules: Iterable[str]) -> str:
    """The detail of a reject that breaks these rules."""
    return _BETWEEN.join(rules)


def split_rules(detail: str) -> tuple[str, ...]:
    """The rules that the detail of a reject names."""
    return tuple(name.strip() for name in detail.split(_BETWEEN.strip()) if name.strip())


def rule_counts(rejects: Iterable[RejectRow], examples: int = 2) -> list[RuleCount]:
    """Each rule that some reject names, those first that remove the most rows alone.

    Of each up to `examples` rows, rows that it alone removed first, then by key.
    """
    found: dict[str, list[RuleExample]] = {}
    counts: dict[str, tuple[int, int]] = {}
    for row in rejects:
        if row.reason != POLICY:
            continue
        rules = split_rules(row.detail)
        facts = _facts(row)
        for rule in rules:
            rows, alone = counts.get(rule, (0, 0))
            counts[rule] = (rows + 1, alone + (len(rules) == 1))
            example = RuleExample(row.key, facts[0], facts[1].get(rule, 0.0), len(rules) == 1)
            found[rule] = _best([*found.get(rule, []), example], examples)
    made = [RuleCount(rule, *counts[rule], tuple(found[rule])) for rule in counts]
    return sorted(made, key=lambda count: (-count.alone, -count.rows, count.rule))


def _best(examples: list[RuleExample], most: int) -> list[RuleExample]:
    return sorted(examples, key=lambda one: (not one.alone, one.key))[:most]


def _facts(row: RejectRow) -> tuple[str, dict[str, float]]:
    """URL and scores by tag of the row behind a reject; nothing where the row was taken out."""
    try:
        values: dict[str, Any] = json.loads(row.row)
        scores = {str(tag["name"]): float(tag["score"]) for tag in values.get("tags", [])}
        return str(values.get("image_url", "")), scores
    except (ValueError, TypeError, AttributeError):
        return "", {}
