"""One form per place on the web, whatever way it is written."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from pipelines.steps.normal_url import hosts_of, normal_host, normal_url


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("http://a.com/x", "//a.com/x"),
        ("  HTTPS://A.Com:443/x#part ", "//a.com/x"),
        ("http://a.com:80", "//a.com/"),
        ("http://a.com./x", "//a.com/x"),
        ("http://a.com:8080/x", "//a.com:8080/x"),
        ("http://user:secret@a.com/x", "//a.com/x"),
        ("http://a.com/b/../x/./y", "//a.com/x/y"),
        ("http://a.com/%7ex%2fy", "//a.com/~x%2Fy"),
        ("http://ä.de/ö b", "//xn--4ca.de/%C3%B6%20b"),
        ("http://[2001:DB8::1]:80/x", "//[2001:db8::1]/x"),
        ("http://a.com/x?b=1&a=2", "//a.com/x?b=1&a=2"),
    ],
)
def test_forms(text: str, form: str) -> None:
    assert normal_url(text) == form


@pytest.mark.parametrize(
    "other", ["http://a.com/X", "http://a.com/x/", "http://a.com/x?", "http://b.com/x"]
)
def test_other_places_have_other_forms(other: str) -> None:
    same = other.endswith("?")  # an empty query is none
    assert (normal_url(other) == normal_url("http://a.com/x")) is same


@pytest.mark.parametrize(
    "text",
    [
        "file:///pictures/A#1%20.png",
        "",
        "no url",
        "http:",
        "http://[::1/",
        "http://[]@",
        "http://.",
    ],
)
def test_what_is_no_web_url_stays_as_it_is(text: str) -> None:
    assert normal_url(text) == text
    assert hosts_of(text) == []


def test_hosts_of_a_url_are_it_and_the_domains_above() -> None:
    assert hosts_of("https://Img.A.co.uk:444/x") == ["img.a.co.uk", "a.co.uk", "co.uk", "uk"]
    assert hosts_of("http://10.1.2.3/x") == ["10.1.2.3"]
    assert hosts_of("http://[::1]/x") == ["::1"]


def test_a_host_is_written_in_one_way() -> None:
    assert {normal_host(text) for text in ("Ä.de", " xn--4ca.de. ", "XN--4CA.DE")} == {"xn--4ca.de"}
    assert normal_host("[::1]") == "::1"
    assert normal_host("ä:b") == "ä:b"


HOSTS = st.from_regex(r"[a-z][a-z0-9]{0,8}(\.[a-z]{2,5}){1,2}", fullmatch=True)
PATHS = st.text(st.characters(exclude_characters="\\#?", exclude_categories=["C", "Z"]), max_size=9)


@given(host=HOSTS, path=PATHS, query=PATHS, part=PATHS)
def test_what_does_not_count_does_not_count(host: str, path: str, query: str, part: str) -> None:
    plain = normal_url(f"http://{host}/{path}?{query}")
    assert normal_url(f" HTTPS://{host.upper()}.:443/{path}?{query}#{part}\n") == plain
    assert hosts_of(f"http://{host}/{path}")[0] == host


@given(st.text())
def test_any_text_has_a_form_that_is_its_own(text: str) -> None:
    form = normal_url(text)
    assert normal_url(form) == form
    hosts_of(text)
    normal_host(text)


@given(host=HOSTS, path=PATHS)
def test_a_form_is_the_form_of_the_url_that_it_stands_for(host: str, path: str) -> None:
    form = normal_url(f"http://{host}/{path}")
    assert normal_url(f"http:{form}") == form
