"""`pixmo ingest --recheck-optout`: from a host's change of mind to a picture that is gone."""

import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from schemas.records import Image
from schemas.store import Store
from schemas.takedown import Receipt, parse_receipt
from tests import toy_store as toy
from tests.picture_host import Page, PictureHost, hosting
from tests.pipelines.toy_stage import write_list
from tests.tools.in_process import pixmo, refused, refused_options
from tests.toy_store import HOST, picture, url_of

NAMES = ["a-zyzzy.png", "b.png", "c-zyzzy.png", "d.png"]


@pytest.fixture
def host() -> Iterator[PictureHost]:
    with hosting({f"/{name}": Page(picture(n)) for n, name in enumerate(NAMES)}) as running:
        yield running


@pytest.fixture
def urls(tmp_path: Path) -> Path:
    return write_list(tmp_path / "urls.jsonl", [{"image_url": url_of(name)} for name in NAMES])


@pytest.fixture
def store(tmp_path: Path, urls: Path, host: PictureHost) -> Store:
    """A store with four pictures in two parts."""
    made = Store(str(tmp_path / "store"))
    ingest(made, host, "--urls", urls, "--rows-per-part", 2)
    assert images(made) == set(NAMES)
    return made


def ingest(store: Store, host: PictureHost, *words: object) -> str:
    reach = ("--connect-to", f"{HOST}={host.endpoint}", "--rate", 0, "--workers", 1)
    done = pixmo("ingest", "--store", store.url, *reach, *words)
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def images(store: Store) -> set[str]:
    return {row.image_url.rsplit("/", 1)[1] for row in toy.rows(store, "images", Image)}


def receipts(store: Store) -> list[Receipt]:
    paths = sorted(store.fs.glob(store.path("takedowns", "*.json")))
    return [parse_receipt(store.fs.cat_file(path)) for path in paths]


def traces(store: Store, text: str) -> list[str]:
    """Files of the store that hold a text, as bytes or inside Parquet, compressed or not."""
    found = []
    for path in store.fs.find(store.path()):
        data = store.fs.cat_file(path)
        if path.endswith(".parquet"):
            data += repr(pq.read_table(path).to_pylist()).encode()
            data += repr(pq.read_metadata(path).metadata).encode()
        if text.encode() in data:
            found.append(path)
    return found


def test_nothing_goes_while_all_is_allowed(store: Store, host: PictureHost) -> None:
    before, stamps = toy.contents(store), toy.stamps(Path(store.url))
    said = ingest(store, host, "--recheck-optout")
    assert "asked 4" in said
    assert "still allowed 4" in said
    assert (toy.contents(store), toy.stamps(Path(store.url))) == (before, stamps)
    assert receipts(store) == []


def test_who_opts_out_is_taken_down_and_stays_away(
    store: Store, host: PictureHost, urls: Path, tmp_path: Path
) -> None:
    host.pages["/a-zyzzy.png"] = Page(picture(0), headers={"X-Robots-Tag": "noai"})
    host.robots[""] = "User-agent: *\nDisallow: /c-zyzzy\n"
    host.pages["/d.png"] = Page(status=404)
    host.forget()
    said = ingest(store, host, "--recheck-optout")
    for line in (
        "asked 4",
        "still allowed 1",
        "opted out, robots.txt 1",
        "opted out, x-robots-tag: noai 1",
        "unreachable, http_404 1",
        "took down 1 pictures (robots.txt)",
    ):
        assert line in said
    assert host.sent == 0, "no picture was fetched"
    assert images(store) == {"b.png", "d.png"}
    assert {r.reason for r in receipts(store)} == {
        "opt-out: robots.txt",
        "opt-out: x-robots-tag: noai",
    }
    assert not traces(store, "zyzzy")
    assert not toy.findings(store)

    # The hosts allow it again, and the list comes again, and longer: it stays away.
    host.robots.clear()
    host.pages["/a-zyzzy.png"] = Page(picture(0))
    host.forget()
    os.utime(urls, (1, 1))
    rows = sum(info.rows_in for info in store.infos("sources/images"))
    ingest(store, host, "--urls", urls)
    assert sum(info.rows_in for info in store.infos("sources/images")) == rows == 4
    more = [*NAMES, "e.png", "copy.png"]
    host.pages |= {"/e.png": Page(picture(9)), "/copy.png": Page(picture(0))}
    longer = write_list(tmp_path / "longer.jsonl", [{"image_url": url_of(n)} for n in more])
    ingest(store, host, "--urls", longer)
    assert images(store) == {"b.png", "d.png", "e.png"}
    assert not [path for _, path in host.pictures_asked if "zyzzy" in path]
    assert not traces(store, "zyzzy")
    assert not toy.findings(store)


def test_a_dry_run_says_who_would_go(store: Store, host: PictureHost) -> None:
    host.headers = {"TDM-Reservation": "1"}
    before, stamps = toy.contents(store), toy.stamps(Path(store.url))
    said = ingest(store, host, "--recheck-optout", "--dry-run")
    assert f"would go (tdm-reservation: 1): {url_of('b.png')}" in said
    assert "opted out, tdm-reservation: 1 4" in said
    assert (toy.contents(store), toy.stamps(Path(store.url))) == (before, stamps)


def test_what_is_not_asked_for_takes_nothing_away(store: Store, host: PictureHost) -> None:
    host.headers = {"X-Robots-Tag": "noai"}
    assert "still allowed 4" in ingest(store, host, "--recheck-optout", "--no-opt-out")
    host.robots[""] = "User-agent: *\nDisallow: /\n"
    host.headers = {}
    assert "still allowed 4" in ingest(store, host, "--recheck-optout", "--no-robots")
    words = ("--recheck-optout", "--no-robots", "--no-opt-out")
    assert "nothing to ask for" in refused("ingest", "--store", store.url, *words)


def test_pictures_of_a_folder_are_counted(tmp_path: Path, host: PictureHost) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.png").write_bytes(picture(1))
    store = Store(str(tmp_path / "local"))
    ingest(store, host, "--urls", tmp_path / "p")
    assert "not asked, from a folder 1" in ingest(store, host, "--recheck-optout")
    assert host.asked == []


def test_wrong_use(store: Store, urls: Path, tmp_path: Path) -> None:
    said = refused("ingest", "--store", store.url, "--recheck-optout", "--urls", urls)
    assert "leave out --urls" in said
    assert "there is no store here" in refused("ingest", "--store", tmp_path, "--recheck-optout")
    assert "or give --recheck-optout" in refused_options("ingest", "--store", store.url)
