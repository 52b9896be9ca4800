"""What a row says beside its own URL: denied things become null, all else stays."""

import json

import pytest

from pipelines.steps.denied_mentions import refused_text, without_denied
from pipelines.steps.denylist import Denylist, Entry

URL = "https://img.a.com/x.jpg?size=2"
VALUES = [("url", URL), ("host", "b.com"), ("sha256", "ab" * 32), ("image_id", "cd" * 16)]
BARE = Denylist(b"salt")
DENIED = Denylist(b"salt", tuple(Entry(k, BARE.digest(k, value)) for k, value in VALUES))


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (f'{{"image_url": "{URL}", half', "url"),
        (URL, "url"),
        ('{"image_url": "https:\\/\\/img.a.com\\/x.jpg?size=2', "url"),
        ("see http://www.b.com/y, and more", "host"),
        ("see https://img.a.com/x.jpg?size=3", ""),
        ("https://img.a.com/x.jpg?size=2&more=1", ""),
        ("{half", ""),
    ],
)
def test_a_damaged_line_is_searched_for_urls(line: str, kind: str) -> None:
    assert refused_text(DENIED, json.dumps(line)) == kind


@pytest.mark.parametrize(
    "text", [URL, f"as seen at {URL}.", "(http://b.com/y)", "AB" * 32, f"id {'cd' * 16}; more"]
)
def test_a_mention_becomes_null_wherever_it_stands(text: str) -> None:
    row = {"image_url": "http://c.com/1", "page": text, "deep": [{"n": 1, "also": text}, "kept"]}
    expected = {
        "image_url": "http://c.com/1",
        "page": None,
        "deep": [{"n": 1, "also": None}, "kept"],
    }
    assert without_denied(DENIED, row) == expected


def test_what_mentions_nothing_stays_as_it_is() -> None:
    row = {"a": "http://c.com/b.com", "b": 7, "c": None, "d": True, "e": ["ab" * 31, "cd" * 32]}
    assert without_denied(DENIED, row) == row
