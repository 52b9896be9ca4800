"""What each rule removed, and what it alone removed, from rejects and nothing else."""

import json
from collections import Counter

import hypothesis.strategies as st
from hypothesis import given, settings

from pipelines.steps.policy import Policy
from pipelines.steps.rule_counts import RuleExample, join_rules, rule_counts, split_rules
from schemas.judgment import RejectRow, Tag

RULES = ("a_v1", "b_v1", "c_v1")


def reject(key: str, detail: str, reason: str = "policy", **scores: float) -> RejectRow:
    tags = [{"name": name, "score": score} for name, score in scores.items()]
    row = json.dumps({"image_url": f"http://pics.test/{key}", "tags": tags})
    return RejectRow("select-cap", key, reason, detail, False, row)


def test_rows_and_those_that_a_rule_alone_removed() -> None:
    rows = [
        reject("1", "a_v1, b_v1", a_v1=1.0, b_v1=0.7),
        reject("2", "b_v1", b_v1=0.9),
        reject("3", "near-duplicate of 4", "duplicate", b_v1=1.0),
    ]
    b, a = rule_counts(rows)
    assert (b.rule, b.rows, b.alone) == ("b_v1", 2, 1)
    assert (a.rule, a.rows, a.alone) == ("a_v1", 1, 0)
    assert b.examples == (
        RuleExample("2", "http://pics.test/2", 0.9, True),
        RuleExample("1", "http://pics.test/1", 0.7, False),
    ), "those that it alone removed come first"


def test_only_so_many_examples_and_they_do_not_depend_on_the_order() -> None:
    rows = [reject(f"{n}", "a_v1", a_v1=n) for n in range(9)]
    (count,) = rule_counts(reversed(rows), examples=3)
    assert [example.key for example in count.examples] == ["0", "1", "2"]
    assert count == rule_counts(rows, examples=3)[0]


def test_rows_of_subsets_without_a_url_or_tags_count_too() -> None:
    for text in ('{"example_id": "k"}', "taken down: 3f2a", "7", ""):
        row = RejectRow("select-clocks", "k", "policy", "a_v1", False, text)
        (count,) = rule_counts([row])
        assert count.examples == (RuleExample("k", "", 0.0, True),)
    assert rule_counts([]) == []


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(RULES), st.floats(0, 1)), max_size=30))
def test_counts_are_those_of_the_policy(rows: list[dict[str, float]]) -> None:
    policy = Policy(tuple((rule, 0.5) for rule in RULES))
    broken = [policy.all_broken_by(Tag(n, s) for n, s in scores.items()) for scores in rows]
    rejects = [
        reject(f"{at:03d}", join_rules(rules), **scores)
        for at, (rules, scores) in enumerate(zip(broken, rows, strict=True))
        if rules
    ]
    counts = {count.rule: (count.rows, count.alone) for count in rule_counts(rejects)}
    every = Counter(rule for rules in broken for rule in rules)
    alone = Counter(rules[0] for rules in broken if len(rules) == 1)
    assert counts == {rule: (every[rule], alone[rule]) for rule in every}
    for rules in broken:
        assert split_rules(join_rules(rules)) == rules
