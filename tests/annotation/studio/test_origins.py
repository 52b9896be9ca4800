"""Where a request comes from."""

import pytest

from annotation.studio.origins import is_from_us, origin_of, own_origins

OWN = own_origins("127.0.0.1:8080", "https://label.example.org", ["https://other.example.org"])


@pytest.mark.parametrize(
    ("headers", "from_us"),
    [
        ({"Origin": "http://127.0.0.1:8080"}, True),
        ({"Origin": "https://label.example.org"}, True),
        ({"Origin": "https://OTHER.example.org"}, True),
        ({"Origin": "http://label.example.org"}, False),
        ({"Origin": "http://127.0.0.1:8081"}, False),
        ({"Origin": "http://127.0.0.1:8080.evil.test"}, False),
        ({"Origin": "http://127.0.0.1:8080@evil.test"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({"Origin": "http://[::1"}, False),
        ({"Origin": "http://evil.test", "Sec-Fetch-Site": "same-origin"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Referer": "http://127.0.0.1:8080/"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Referer": "http://127.0.0.1:8080/projects/1"}, True),
        ({"Referer": "http://evil.test/?http://127.0.0.1:8080/"}, False),
        ({}, False),
    ],
)
def test_what_changes_something_comes_from_our_pages(
    headers: dict[str, str], from_us: bool
) -> None:
    assert is_from_us(headers, OWN) is from_us


def test_a_typed_address_is_fine_where_that_is_asked_for() -> None:
    assert is_from_us({"Sec-Fetch-Site": "none"}, OWN, strict=False)
    assert is_from_us({}, OWN, strict=False)
    assert not is_from_us({"Sec-Fetch-Site": "cross-site"}, OWN, strict=False)


def test_https_in_front_shuts_http() -> None:
    own = own_origins("label.example.org", "https://label.example.org/")
    assert own == {"https://label.example.org"}


def test_an_address_without_a_host_is_no_origin() -> None:
    assert origin_of("file:///etc/passwd") == ""
    assert own_origins("h:1", "") == {"http://h:1", "https://h:1"}
