"""Asking again: who opts out now, who does not answer, and what is left alone."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipelines.engine import BeamEngine
from pipelines.recheck import SCRATCH, Asking, Standing, ask_again
from pipelines.services.fetch_config import FetchConfig
from schemas.errors import LockedError
from schemas.ids import image_id_of
from schemas.locks import hold
from schemas.records import Image
from schemas.store import Store
from tests import toy_store as toy
from tests.picture_host import Page, PictureHost, hosting
from tests.pipelines.toy_stage import InlineEngine
from tests.toy_store import HOST, picture, url_of

NAMES = ["a.png", "b.png", "c.png", "d.png", "e.png"]


@pytest.fixture
def host() -> Iterator[PictureHost]:
    with hosting({f"/{name}": Page(picture(n)) for n, name in enumerate(NAMES)}) as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "store"))
    files = {name: picture(n) for n, name in enumerate(NAMES)}
    parts = [dict(list(files.items())[:3]), dict(list(files.items())[3:])]
    toy.put_images(made, *parts)
    return made


def ask(store: Store, host: PictureHost, engine: Any = None, **changes: Any) -> Standing:
    share = changes.pop("share_of_parts", (0, 1))
    settings: dict[str, Any] = {
        "connect_to": tuple((name, host.endpoint) for name in changes.pop("names", [HOST])),
        "deadline_s": 3.0,
        "read_s": 0.3,
        "retries": 0,
        "backoff_s": 0.01,
        "per_host_rate": 0.0,
    }
    return ask_again(store, FetchConfig(**settings | changes), engine or InlineEngine(), share)


def opted_out(found: Standing) -> dict[str, str]:
    """Rules by the last part of the URL."""
    return {url.rsplit("/", 1)[1]: rule for rule, url in found.opted_out}


def test_hosts_that_still_allow_it_are_asked_for_no_picture(
    store: Store, host: PictureHost
) -> None:
    before = toy.contents(store)
    found = ask(store, host)
    assert found == Standing(allowed=5)
    assert found.asked == 5
    assert sorted(host.pictures_asked) == [("HEAD", f"/{name}") for name in NAMES]
    assert host.sent == 0
    assert toy.contents(store) == before
    assert not toy.leftovers(Path(store.url))


def test_a_host_that_begins_to_opt_out(store: Store, host: PictureHost) -> None:
    assert ask(store, host).rules == {}
    host.pages["/a.png"] = Page(headers={"X-Robots-Tag": "noai, noimageai"})
    host.pages["/d.png"] = Page(headers={"X-Robots-Tag": "noimageai, noai, max-snippet: 3"})
    host.pages["/e.png"] = Page(headers={"TDM-Reservation": "1"})
    found = ask(store, host)
    assert found.rules == {"tdm-reservation: 1": 1, "x-robots-tag: noai, noimageai": 2}
    assert set(opted_out(found)) == {"a.png", "d.png", "e.png"}
    assert (found.asked, found.allowed) == (5, 2)


def test_robots_that_begin_to_disallow_are_read_anew(store: Store, host: PictureHost) -> None:
    assert ask(store, host).rules == {}
    host.robots[""] = "User-agent: pixmo\nDisallow: /b\nDisallow: /e\n"
    host.forget()
    found = ask(store, host)
    assert opted_out(found) == {"b.png": "robots.txt", "e.png": "robots.txt"}
    assert ("HEAD", "/b.png") not in host.pictures_asked
    assert ask(store, host, respect_robots=False).rules == {}


def test_who_does_not_answer_is_counted_and_kept(store: Store, host: PictureHost) -> None:
    host.pages |= {
        "/a.png": Page(status=404, headers={"X-Robots-Tag": "noindex"}),
        "/b.png": Page(status=410),
        "/c.png": Page(delay_s=1.0),
        "/d.png": Page(status=503),
        "/e.png": Page(status=403, headers={"TDM-Reservation": "1"}),
    }
    found = ask(store, host)
    causes = {"http_403": 1, "http_404": 1, "http_410": 1, "http_503": 1, "timeout": 1}
    assert found == Standing(unreachable=causes)
    assert found.asked == 5


def test_a_robots_file_that_fails_removes_nothing(store: Store, host: PictureHost) -> None:
    host.page = lambda name, path: Page(status=500)  # type: ignore[method-assign]
    assert ask(store, host) == Standing(unreachable={"robots_unreachable": 5})


def test_a_server_without_head(store: Store, host: PictureHost) -> None:
    large = bytes(2**23)
    host.pages = {f"/{name}": Page(large, head=405) for name in NAMES}
    host.pages["/c.png"] = Page(large, head=501, headers={"X-Robots-Tag": "noai"})
    found = ask(store, host)
    assert opted_out(found) == {"c.png": "x-robots-tag: noai"}
    assert found.allowed == 4
    assert host.sent < 5 * len(large), "bodies are left unread"
    assert set(filter(None, host.ranges)) == {"bytes=0-0"}


def test_many_hosts_and_one_that_is_gone(tmp_path: Path, host: PictureHost) -> None:
    store = Store(str(tmp_path / "many"))
    names = [f"h{number}.test" for number in range(40)]
    base = toy.image("a.png", picture(0))
    rows = [_under(base, f"http://{name}/a.png") for name in [*names, "10.0.0.1"]]
    toy.put(store, "images", 0, Image, rows)
    host.robots["h7.test"] = "User-agent: *\nDisallow: /\n"
    found = ask(store, host, names=names)
    assert found.rules == {"robots.txt": 1}
    assert found.opted_out[0][1] == "http://h7.test/a.png"
    assert found.unreachable == {"private_address": 1}
    assert found.allowed == 39
    assert sum(path == "/robots.txt" for _, _, path in host.asked) == 40


def _under(image: Image, url: str) -> Image:
    return replace(image, image_id=image_id_of(url), image_url=url)


def test_pictures_of_a_folder_have_no_host(store: Store, host: PictureHost) -> None:
    toy.put(store, "images", 2, Image, [_under(toy.image("f.png", picture(9)), "file:///p/f.png")])
    found = ask(store, host)
    assert (found.local, found.asked, found.allowed) == (1, 5, 5)


def test_shards_ask_for_their_own_parts(store: Store, host: PictureHost) -> None:
    one, other = (ask(store, host, share_of_parts=(index, 2)) for index in (0, 1))
    assert (one.asked, other.asked) == (3, 2)
    with hold(store, "recheck-optout", 1, 2):
        ask(store, host, share_of_parts=(0, 2))
    lease = store.path("locks", "recheck-optout", "0-of-1-far-77.json")
    store.fs.makedirs(lease.rsplit("/", 1)[0], exist_ok=True)
    facts = {"stage": "recheck-optout", "index": 0, "count": 1, "host": "far", "pid": 77}
    store.fs.pipe_file(lease, json.dumps(facts | {"started": 1.0, "expires": 9e9}).encode())
    with pytest.raises(LockedError, match="recheck-optout"):
        ask(store, host)


def test_what_a_killed_run_left_is_not_believed(store: Store, host: PictureHost) -> None:
    path = store.path(SCRATCH, "part-00000.json")
    store.fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
    left = '{"allowed": 0, "local": 0, "opted_out": [["noai", "http://x/"]], "unreachable": {}}'
    store.fs.pipe_file(path, left.encode())
    assert ask(store, host) == Standing(allowed=5)
    assert not toy.leftovers(Path(store.url))


def test_a_run_that_fails_leaves_no_urls_behind(store: Store, host: PictureHost) -> None:
    class Breaking(InlineEngine):
        def map(self, *args: Any, **more: Any) -> None:
            super().map(*args, **more)
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        ask(store, host, Breaking())
    assert not toy.leftovers(Path(store.url))


def test_an_empty_store_asks_nobody(tmp_path: Path, host: PictureHost) -> None:
    assert ask(Store(str(tmp_path / "empty")), host) == Standing()
    assert host.asked == []


def test_progress_is_told_in_parts(store: Store, host: PictureHost) -> None:
    told: list[Asking] = []
    done: list[int] = []

    class Watching:
        def __init__(self, asking: Asking) -> None:
            told.append(asking)

        def close(self) -> None:
            done.append(told[0].done())

    fetch = FetchConfig(connect_to=((HOST, host.endpoint),), per_host_rate=0.0)
    ask_again(store, fetch, InlineEngine(), watch=Watching)
    assert told[0].parts == (0, 1)
    assert done == [2]


def test_the_same_through_beam(store: Store, host: PictureHost) -> None:
    host.pages["/d.png"] = Page(headers={"X-Robots-Tag": "noai"})
    inline = ask(store, host)
    assert ask(store, host, BeamEngine(1)) == inline
    assert inline.rules == {"x-robots-tag: noai": 1}
    assert inline.opted_out == (("x-robots-tag: noai", url_of("d.png")),)
