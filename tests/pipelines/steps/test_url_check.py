"""URLs from columns and from Location headers: every text is a URL or a reason, never an error."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from pipelines.steps.fetch_reasons import REASONS
from pipelines.steps.url_check import host_key, parse_url, redirect_url
from schemas.judgment import Reject

BASE = URL("http://example.org/a/b")
WORDS = "http https :// // : [ ] @ % \\ ? # .. / ::1 127 0x7f . xn-- é \u2100 \u3002 \ud800 a 80"
PIECES = st.lists(st.sampled_from([*WORDS.split(" "), " ", "\n"]), max_size=12).map("".join)


@given(st.one_of(st.text(), PIECES, PIECES.map("http://".__add__)))
@example("http://[v1.a]/")
@example("http://[]@")
@example("http://a:99999999999999999999/")
def test_any_text_is_a_url_or_a_reason(text: str) -> None:
    for got in (parse_url(text), redirect_url(BASE, text)):
        if isinstance(got, Reject):
            assert got.reason in REASONS
        else:
            assert got.scheme in ("http", "https")
            assert got.raw_host
            assert not got.fragment
            assert str(got).isascii()
            assert got.port is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" HTTP://Example.ORG:80/ä?q=ü#x ", "http://example.org/%C3%A4?q=%C3%BC"),
        ("https://bücher.example/a%20b", "https://xn--bcher-kva.example/a%20b"),
        ("http://[2606:2800::1]:8080/", "http://[2606:2800::1]:8080/"),
        ("http://under_score.example/", "http://under_score.example/"),
    ],
)
def test_urls_are_normalised(text: str, expected: str) -> None:
    assert str(parse_url(text)) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("example.org/a.jpg", "bad_url"),
        ("//example.org/a.jpg", "bad_url"),
        ("/etc/passwd", "bad_url"),
        ("C:\\pictures\\a.jpg", "bad_scheme"),
        ("javascript:alert(1)", "bad_scheme"),
        ("gopher://example.org/", "bad_scheme"),
        ("http://user@example.org/", "bad_url"),
        ("http://exa mple.org/", "bad_url"),
        ("http://example.org/a\r\nHost: evil", "bad_url"),
        ("http://%31%32%37.0.0.1/", "bad_url"),
        ("http://a..b/", "bad_url"),
        ("http://" + "a" * 64 + ".org/", "bad_url"),
        ("http://example.org/" + "a" * 9000, "bad_url"),
        ("http://h:99999/", "bad_url"),
    ],
)
def test_what_is_no_web_address_is_refused(text: str, reason: str) -> None:
    got = parse_url(text)
    assert isinstance(got, Reject)
    assert got.reason == reason


def test_redirects_are_joined_to_where_they_come_from() -> None:
    assert str(redirect_url(BASE, "c?d=e")) == "http://example.org/a/c?d=e"
    assert str(redirect_url(BASE, "//other.example/x")) == "http://other.example/x"
    assert str(redirect_url(BASE, "/caf\udce9")) == "http://example.org/caf%E9"


def test_hosts_are_compared_in_one_form() -> None:
    assert host_key(URL("http://Example.ORG./")) == "example.org"
