"""What single pages count: hosts and causes, reasons and remedies, clusters, rules."""

from pathlib import Path

import pytest

from schemas.judgment import RejectRow
from schemas.records import Image
from schemas.store import Store
from tests import toy_store
from tests.tools.report.toy_release import PERSON, put_rejects
from tools.report import duplicate_page, reject_page, urls
from tools.report.overview import Facts, findings


def reject(url: str, reason: str, again: bool = False) -> RejectRow:
    return RejectRow("ingest", f"k{url}", reason, "", again, f'{{"image_url": "{url}"}}')


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://A.example:8080/x", "a.example"),
        ("file:///tmp/x.png", "(file)"),
        ("", "(none)"),
        ("http://[broken/x", "(none)"),
    ],
)
def test_hosts(url: str, host: str) -> None:
    assert urls.host_of(url) == host


def test_survival_by_cause_and_host(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    toy_store.put_images(store, {"a.png": toy_store.picture(1)})
    refused = [reject("http://x.test/1", "http_404"), reject("http://x.test/2", "timeout", True)]
    put_rejects(store, "images", Image, [*refused, RejectRow("i", "k", "bad", "", False, "[")], 1)
    found = urls.survival(store)
    assert found.causes == {urls.ALIVE: 1, "http_404": 1, "timeout": 1, "bad": 1}
    assert found.hosts["x.test"].total() == 2
    assert found.retryable == 1
    page = urls.urls_html(found, {"http_404": "gone for good"}, [urls.PAGE])
    assert "25.0%" in page
    assert "gone for good" in page


def test_reasons_have_examples_and_remedies(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    many = [reject(f"http://x.test/{at:02d}", "http_503", True) for at in range(12)]
    put_rejects(store, "images", Image, many)
    (found,) = reject_page.refusals(store)
    (one,) = found.reasons
    assert (one.rows, len(one.examples), one.stage) == (12, 5, "ingest")
    page = reject_page.rejects_html([found], reject_page.remedies(), [reject_page.PAGE])
    assert "404 and 410 are gone" in page
    assert "http://x.test/00" in page


def test_an_example_hides_who_recorded_it() -> None:
    row = f'{{"audio": "{PERSON}/a.webm", "annotator": "{PERSON}"}}'
    shown = reject_page.shown_input(RejectRow("recordings", "k", "silent", "", False, row))
    assert shown == "[annotator]/a.webm"


def test_an_empty_store_has_pages(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    assert "No URL has been fetched yet." in urls.urls_html(urls.survival(store), {}, [])
    assert "nothing was rejected" in reject_page.rejects_html([], {}, [])
    assert duplicate_page.find_duplicates(store).all_clusters == 0


def test_a_placeholder_raises_an_alarm(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    (tmp_path / "duplicates").mkdir()
    text = '{"alarm": true, "pictures": 4000, "representative_id": "x"}'
    (tmp_path / "duplicates" / "_largest.json").write_text(text)
    none = duplicate_page.find_duplicates(store)
    near = duplicate_page.Contaminated()
    found = findings(store, Facts(urls.survival(store), none, near, [], ""))
    assert found[0].weight == "alarm"
    assert "4 000 pictures" in found[0].text
