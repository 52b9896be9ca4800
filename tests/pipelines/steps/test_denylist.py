"""The look-ups of a denylist: exact by digest, hosts with all below them, hashes by distance."""

import io
import json

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from PIL import Image as Pictures

from pipelines.steps.decode import DecodeLimits
from pipelines.steps.denylist import (
    IMAGE_COLUMNS,
    RECORDING_COLUMNS,
    Denylist,
    Entry,
    redacted,
    redacted_reject,
    refused_kind,
)
from pipelines.steps.inspect_image import Inspected, inspect_image
from pipelines.steps.phash import ORIENTATIONS, SIDE, orient_grey, phash_hex

SALT = b"a salt of the tests"
URL = "https://img.a.com/x.jpg?size=2"


def deny(*entries: tuple[str, str, int], salt: bytes = SALT) -> Denylist:
    """A denylist of kinds, values and radii."""
    bare = Denylist(salt)
    return Denylist(salt, tuple(Entry(k, bare.digest(k, value), r) for k, value, r in entries))


def noise(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = Pictures.fromarray(rng.integers(0, 256, (6, 6), dtype=np.uint8))
    return np.asarray(coarse.resize((SIDE, SIDE), Pictures.Resampling.BICUBIC))


def test_an_empty_one_refuses_nothing() -> None:
    empty = Denylist()
    assert not empty
    assert not empty.refuses_url(URL)
    assert not empty.refuses_sha256("0" * 64)
    assert not empty.refuses_annotator("Ann")
    assert not empty.refuses_image_id("0" * 32)
    assert not empty.refuses_phash(noise(1).tobytes())


@pytest.mark.parametrize(
    "same",
    [URL, "http://IMG.a.com:80/x.jpg?size=2#top", f" {URL} ", "https://img.a.com./x.jpg?size=2"],
)
def test_a_url_in_whatever_way_it_is_written(same: str) -> None:
    denied = deny(("url", URL, 0))
    assert denied.refuses_url(same) == denied.entries[0].digest
    assert len(denied.entries[0].digest) == 64


@pytest.mark.parametrize(
    "other", [URL + "0", "https://a.com/x.jpg?size=2", "", "https://img.a.com/x.jpg"]
)
def test_another_url_is_let_through(other: str) -> None:
    assert deny(("url", URL, 0)).refuses_url(other) is None


@pytest.mark.parametrize(
    ("url", "refused"),
    [
        ("http://a.com/1", True),
        ("https://img.A.com:8443/1", True),
        ("http://x.y.a.com", True),
        ("http://aa.com/1", False),
        ("http://a.com.evil.net/1", False),
        ("http://com/1", False),
        ("file:///a.com/1", False),
    ],
)
def test_a_host_stands_for_all_below_it(url: str, refused: bool) -> None:
    denied = deny(("host", "A.com", 0))
    assert (denied.refuses_url(url) == denied.entries[0].digest) is refused


def test_files_of_a_folder_are_denied_to_the_letter() -> None:
    denied = deny(("url", "file:///p/a#1.png", 0))
    assert denied.refuses_url("file:///p/a#1.png")
    assert not denied.refuses_url("file:///p/a")


def test_checksums_ids_and_names() -> None:
    denied = deny(
        ("sha256", "AB" * 32, 0), ("annotator", "Zo\u00eb", 0), ("image_id", "cd" * 16, 0)
    )
    assert denied.refuses_sha256("ab" * 32)
    assert denied.refuses_annotator("Zoe\u0308 ")
    assert not denied.refuses_annotator("zo\u00eb")
    assert denied.refuses_image_id("cd" * 16)


def test_a_value_of_one_kind_is_none_of_another() -> None:
    denied = deny(("annotator", "a.com", 0))
    assert not denied.refuses_url("http://a.com/")
    assert not denied.refuses_sha256("a.com")


def test_another_salt_gives_other_digests() -> None:
    for kind, value in [("url", URL), ("host", "a.com"), ("annotator", "A"), ("phash", "0" * 16)]:
        one, other = deny((kind, value, 0)), deny((kind, value, 0), salt=b"another")
        assert one.entries[0].digest != other.entries[0].digest


@pytest.mark.parametrize("orientation", range(8), ids=ORIENTATIONS)
def test_a_picture_is_known_in_every_orientation(orientation: int) -> None:
    denied = deny(("phash", phash_hex(noise(1)), 4))
    turned = orient_grey(noise(1), orientation)
    assert denied.refuses_phash(turned.tobytes()) == denied.entries[0].digest
    assert denied.refuses_phash(noise(2).tobytes()) is None


@given(
    value=st.integers(0, 2**64 - 1), flips=st.sets(st.integers(0, 63)), radius=st.integers(0, 32)
)
def test_a_hash_is_refused_within_its_radius_and_not_beyond(
    value: int, flips: set[int], radius: int
) -> None:
    denied = deny(("phash", f"{value:016x}", radius))
    near = value ^ sum(1 << bit for bit in flips)
    assert bool(denied.refuses_phash(f"{near:016x}")) is (len(flips) <= radius)


def test_each_hash_has_its_own_radius_and_the_nearest_is_named() -> None:
    denied = deny(("phash", "0" * 16, 2), ("phash", "f" * 16, 20), ("phash", "f" * 15 + "e", 0))
    assert denied.refuses_phash("0" * 15 + "3") == denied.digest("phash", "0" * 16)
    assert denied.refuses_phash("0" * 15 + "7") is None
    assert denied.refuses_phash("f" * 12 + "0000") == denied.digest("phash", "f" * 16)
    assert denied.refuses_phash("f" * 15 + "e") == denied.digest("phash", "f" * 15 + "e")


def test_a_recompressed_and_smaller_copy_is_near() -> None:
    rng = np.random.default_rng(3)
    coarse = Pictures.fromarray(rng.integers(0, 256, (7, 9, 3), dtype=np.uint8))
    large = coarse.resize((640, 480), Pictures.Resampling.BICUBIC)
    copies = [
        (large, {"format": "PNG"}),
        (large.resize((320, 240)), {"format": "JPEG", "quality": 35}),
        (large.transpose(Pictures.Transpose.ROTATE_90), {"format": "JPEG", "quality": 50}),
    ]
    found = []
    for copy, how in copies:
        out = io.BytesIO()
        copy.save(out, **how)
        inspected = inspect_image(out.getvalue(), "", DecodeLimits())
        assert isinstance(inspected, Inspected)
        found.append(inspected.facts)
    denied = deny(("phash", found[0].phash, 8))
    assert all(denied.refuses_phash(facts.grey32) for facts in found)


def test_rows_are_asked_about_by_their_columns() -> None:
    denied = deny(("url", URL, 0), ("sha256", "a" * 64, 0), ("annotator", "7", 0))
    assert refused_kind(denied, {"image_url": URL}, IMAGE_COLUMNS) == "url"
    assert refused_kind(denied, {"image_sha256": "A" * 64}, IMAGE_COLUMNS) == "sha256"
    assert refused_kind(denied, {"annotator": 7}, RECORDING_COLUMNS) == "annotator"
    assert refused_kind(denied, {"annotator": 7}, IMAGE_COLUMNS) == ""
    assert refused_kind(deny(("host", "a.com", 0)), {"image_url": URL}, IMAGE_COLUMNS) == "host"
    assert refused_kind(denied, {"annotator": None, "other": URL}, RECORDING_COLUMNS) == ""


def test_a_denied_row_is_kept_as_a_digest_that_knows_it_again() -> None:
    denied = deny(("url", URL, 0))
    row = json.dumps({"image_url": URL})
    reject = redacted_reject(denied, "sources-images", "url", row)
    assert (reject.stage, reject.reason, reject.detail) == ("sources-images", "denied", "url")
    assert not reject.retryable
    assert reject.row == redacted(denied, row) != redacted(denied, row.upper())
    assert reject.key == f"denied-{json.loads(reject.row)['denied'][:32]}"
    assert "a.com" not in repr(reject)
