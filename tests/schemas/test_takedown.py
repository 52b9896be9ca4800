"""Requests that are refused, and receipts that read as they were written."""

from dataclasses import replace

import pytest

from schemas.errors import UsageError
from schemas.takedown import (
    Denied,
    Gone,
    Receipt,
    TakedownRequest,
    check_request,
    is_pseudonym,
    parse_receipt,
    receipt_json,
)

RECEIPT = Receipt(
    takedown_id="2026-01-01-00000000",
    date="2026-01-01T00:00:00Z",
    reason="asked by its owner, Zoë",
    selectors=(Denied("phash", "0" * 16, 6),),
    pictures=1,
    recordings=2,
    tables=(Gone("images", 1, 0),),
    answers=3,
    rewritten=("images/part-00000.parquet",),
    removed=(),
    release=("release/README.md",),
    captions=(),
    hub_commit="",
    code_version="0",
)


def test_receipts_read_as_they_were_written() -> None:
    assert parse_receipt(receipt_json(RECEIPT)) == RECEIPT
    assert not RECEIPT.nothing
    assert replace(RECEIPT, tables=(), answers=0, rewritten=()).nothing


def test_selectors_in_one_list() -> None:
    request = TakedownRequest("x", ("u",), ("s",), ("p",), 3, ("n",), ("h",))
    assert request.selectors() == (
        *(("url", "u", 0), ("sha256", "s", 0), ("annotator", "n", 0), ("host", "h", 0)),
        ("phash", "p", 3),
    )


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (TakedownRequest("  ", urls=("http://a/b",)), "--reason is empty"),
        (TakedownRequest("x"), "nothing to take down"),
        (TakedownRequest("x", urls=("http://a/b c",)), "is not a URL"),
        (TakedownRequest("x", urls=("http://a/b",), radius=2), "--radius goes with --phash"),
        (TakedownRequest("x", phashes=("0" * 16,), radius=33), "not from 0 to 32"),
        (TakedownRequest("of http://A/b.", urls=("http://a/b",)), "--reason quotes --url"),
    ],
)
def test_what_is_refused(request_: TakedownRequest, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check_request(request_)


def test_pseudonyms_are_told_from_names() -> None:
    assert is_pseudonym("a0123456789ab")
    assert not is_pseudonym("Ann")
    assert not is_pseudonym("a0123456789abc")
