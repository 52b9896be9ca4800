"""Opt-out headers: ours, everybody's and other agents' rules; what is kept for the record."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.steps.opt_out import decide_opt_out, short_rule


@pytest.mark.parametrize(
    "value",
    [
        "noai",
        "NoImageAI",
        "noml",
        "nofollow, noindex",
        "noimageindex",
        "none",
        "pixmo: noai",
        "Pixmo : noai",
        "*: noindex",
        "otherbot: nofollow, pixmo: noai",
        "max-image-preview: none, noai",
        "unavailable_after: 25 Jun 2030 15:00:00 PST, noai",
    ],
)
def test_refusals(value: str) -> None:
    assert decide_opt_out([("X-Robots-Tag", value)]).refusal == f"x-robots-tag: {value}"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "all",
        "nofollow, noarchive",
        "otherbot: noindex",
        "otherbot: noai, noindex",
        "pixmo: all, otherbot: noindex",
        "max-image-preview: none",
        "max-snippet:20",
        "noaimage",
        "pixmobot: noai",
    ],
)
def test_no_refusals(value: str) -> None:
    assert decide_opt_out([("X-Robots-Tag", value)]).refusal == ""


def test_every_line_counts_and_every_line_is_kept() -> None:
    headers = [
        ("Content-Type", "image/png"),
        ("X-Robots-Tag", "otherbot: noindex"),
        ("x-robots-tag", " noai "),
        ("TDM-Reservation", "1"),
        ("tdm-policy", "https://example.org/policy.json"),
    ]
    got = decide_opt_out(headers)
    assert got.refusal == "x-robots-tag: noai; tdm-reservation: 1"
    assert json.loads(got.headers) == {
        "tdm-policy": ["https://example.org/policy.json"],
        "tdm-reservation": ["1"],
        "x-robots-tag": ["otherbot: noindex", "noai"],
    }


def test_no_decisive_header_is_an_empty_text() -> None:
    assert decide_opt_out([("Content-Type", "image/png")]).headers == ""


@pytest.mark.parametrize("value", ["0", "", "true", "11"])
def test_only_a_reservation_of_one_is_a_reservation(value: str) -> None:
    assert decide_opt_out([("tdm-reservation", value)]).refusal == ""


@given(st.lists(st.tuples(st.sampled_from(["X-Robots-Tag", "tdm-reservation", "a"]), st.text())))
def test_any_headers_give_a_decision_that_can_be_stored(headers: list[tuple[str, str]]) -> None:
    got = decide_opt_out(headers)
    assert got == decide_opt_out(headers)
    (got.headers + got.refusal).encode()
    assert got.headers or not got.refusal


@given(st.lists(st.sampled_from(["nofollow", "noai", "all", "noindex", "nosnippet"]), min_size=1))
def test_the_order_of_rules_does_not_matter(rules: list[str]) -> None:
    forward = decide_opt_out([("x-robots-tag", ",".join(rules))])
    backward = decide_opt_out([("x-robots-tag", ", ".join(reversed(rules)))])
    assert bool(forward.refusal) == bool(backward.refusal)
    assert bool(forward.refusal) == bool({"noai", "noindex"} & set(rules))


@pytest.mark.parametrize(
    ("headers", "rule"),
    [
        ([("X-Robots-Tag", "noai, noimageai, max-snippet: 7")], "x-robots-tag: noai, noimageai"),
        ([("X-Robots-Tag", "googlebot: noindex, pixmo: NOAI")], "x-robots-tag: noai"),
        (
            [("X-Robots-Tag", "noai"), ("TDM-Reservation", "1")],
            "x-robots-tag: noai; tdm-reservation: 1",
        ),
        (
            [("TDM-Reservation", "1"), ("x-robots-tag", "noml"), ("x-robots-tag", "none")],
            "x-robots-tag: noml, none; tdm-reservation: 1",
        ),
        ([("TDM-Reservation", "1"), ("x-robots-tag", "otherbot: noml")], "tdm-reservation: 1"),
        ([("X-Robots-Tag", "a; b: c, noai")], "x-robots-tag: noai"),
    ],
)
def test_a_refusal_comes_down_to_a_rule(headers: list[tuple[str, str]], rule: str) -> None:
    assert short_rule(decide_opt_out(headers).refusal) == rule
