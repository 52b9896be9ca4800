"""What counts as a trace: whole values, ids in free text, URLs in any form; never a mere prefix."""

import json

import pytest

from pipelines.steps.takedown_traces import Traces, normal_urls, text_digest
from schemas.ids import image_id_of

URL = "http://pics.test/a.jpg"
ID = image_id_of(URL)
SAID = "A red toy stands on a table."
TRACES = Traces(
    values=frozenset({ID, "a0123456789ab"}),
    urls=normal_urls([URL]),
    texts=frozenset({text_digest(SAID)}),
    names=frozenset({"Ann Doe"}),
)


@pytest.mark.parametrize(
    "cell",
    [
        *(ID, ID.upper(), f"near-duplicate of {ID}", f"{ID}.jpg", f"x={ID}"),
        *(URL, "https://PICS.test:443/a.jpg#top", f"see {URL}, please", f"({URL})", f" {URL}\n"),
        *("a0123456789ab", SAID, f"  {SAID.upper()} "),
        *(json.dumps({"image_url": URL}), json.dumps([{"a": {ID: 1}}]), json.dumps({"t": SAID})),
        json.dumps({"annotator": "Ann Doe"}),
    ],
)
def test_a_cell_that_holds_one(cell: str) -> None:
    assert TRACES.in_value(cell)


@pytest.mark.parametrize(
    "cell",
    [
        *("", "nothing", f"{URL}?size=2", f"{URL}.webp", "http://pics.test/", "pics.test/a.jpg"),
        *(ID[:-1], f"{ID}0", f"0{ID}", f"{SAID} And more.", "Ann Doe", "{broken", "[1, 2"),
        json.dumps({"author": "Ann Doe", "n": 3, "none": None}),
    ],
)
def test_a_cell_that_holds_none(cell: str) -> None:
    assert not TRACES.in_value(cell)


def test_redacting_keeps_the_rest() -> None:
    row = {"image_url": "http://pics.test/b.jpg", "like": [URL, "other"], ID: 1, "n": 2.5}
    clean = TRACES.redact(row | {"annotator": "Ann Doe", "author": "Ann Doe"})
    assert clean == {
        "image_url": "http://pics.test/b.jpg",
        "like": [None, "other"],
        "n": 2.5,
        "annotator": None,
        "author": "Ann Doe",
    }
    assert not TRACES.in_json(clean)


def test_without_traces_nothing_is_found() -> None:
    assert not Traces().in_value(URL)
    assert not Traces().in_value(json.dumps({"annotator": ""}))
