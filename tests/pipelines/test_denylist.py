"""The denylist of a store: salted, whole or not at all, safe against two who add at once."""

import json
import multiprocessing
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from pipelines.denylist import add_denied, denylist_path, load_denylist
from schemas.errors import LockedError, UsageError
from schemas.ids import image_id_of
from schemas.store import Store

URL = "https://img.example.org/a.jpg"
HASH = "8f3c1d2e4b5a6978"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def files(store: Store) -> dict[str, bytes]:
    found = store.fs.find(store.path()) if store.fs.exists(store.path()) else []
    return {path: store.fs.cat_file(path) for path in found}


def test_a_store_without_one_denies_nothing(store: Store) -> None:
    assert not load_denylist(store)
    assert files(store) == {}


def test_what_is_added_is_found_and_stays(store: Store) -> None:
    added = add_denied(store, [("url", URL, 0), ("phash", HASH, 8)])
    assert load_denylist(store) == added
    assert added.refuses_url(URL)
    assert added.refuses_phash(HASH[:-1] + "9")
    more = add_denied(store, [("annotator", "Ann", 0), ("host", "example.net", 0)])
    assert more.salt == added.salt
    assert set(more.entries) > set(added.entries)
    assert more.refuses_url("http://www.example.net/")
    assert load_denylist(store).refuses_annotator("Ann")


def test_a_denied_url_denies_the_pictures_id(store: Store) -> None:
    added = add_denied(store, [("url", f" {URL} ", 0)])
    assert added.refuses_image_id(image_id_of(URL))


def test_no_value_is_written_in_clear(store: Store) -> None:
    sha256 = "5" * 31 + "ab" + "6" * 31
    values = {"url": URL, "sha256": sha256, "phash": HASH, "host": "a.test", "annotator": "Ann B"}
    denied = add_denied(store, [(kind, value, 0) for kind, value in values.items()])
    (text,) = [data.lower() for data in files(store).values()]
    for value in [*values.values(), image_id_of(URL), "example"]:
        assert value.lower().encode() not in text
    assert {entry.kind for entry in denied.entries} == {*values, "image_id"}


def test_each_store_has_a_salt_of_its_own(tmp_path: Path) -> None:
    one, other = (add_denied(Store(str(tmp_path / n)), [("url", URL, 0)]) for n in "ab")
    assert one.salt != other.salt
    assert len(one.salt) == 32
    assert not set(one.entries) & set(other.entries)


def test_adding_the_same_again_writes_nothing(store: Store) -> None:
    path = Path(denylist_path(store))
    first = add_denied(store, [("url", URL, 0), ("phash", HASH, 8)])
    before = path.stat()
    for again in ([("url", URL, 0), ("phash", HASH.upper(), 3)], []):
        assert add_denied(store, again) == first
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_a_larger_radius_wins(store: Store) -> None:
    for radius in (4, 9, 2):
        denied = add_denied(store, [("phash", HASH, radius)])
    assert [entry.radius for entry in denied.entries] == [9]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (("colour", "red", 0), "nothing is denied by 'colour'; kinds: url, "),
        (("sha256", "abc", 0), "sha256 'abc' is not 64 hex digits"),
        (("phash", "abc", 0), "phash 'abc' is not 16 hex digits"),
        (("phash", HASH, 33), "a radius of 33; a phash takes 0 to 32"),
        (("url", URL, 1), "a radius of 1"),
        (("url", "  ", 0), "url '  ' is none"),
        (("annotator", "", 0), "annotator '' is none"),
        (("host", "http://a.test/", 0), "hosts by name"),
    ],
)
def test_values_that_are_none(store: Store, entry: tuple[str, str, int], said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        add_denied(store, [("url", URL, 0), entry])
    assert files(store) == {}


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: "{}",
        lambda text: text.replace('"format": 1', '"format": 2'),
        lambda text: text.replace('"url"', '"colour"'),
        lambda text: text.replace('"radius": 0', '"radius": 99'),
        lambda text: text.replace('"radius": 0', '"radius": null'),
        lambda text: text.replace('"digest": "', '"digest": "zz'),
        lambda text: text.replace('"salt": "', '"salt": "zz'),
        lambda text: json.dumps({**json.loads(text), "salt": ""}),
        lambda text: json.dumps({**json.loads(text), "entries": [1]}),
        lambda text: json.dumps({**json.loads(text), "entries": {"a": 1}}),
    ],
)
def test_a_damaged_one_ends_the_run_and_names_the_file(store: Store, damage: Any) -> None:
    add_denied(store, [("url", URL, 0)])
    path = Path(denylist_path(store))
    path.write_text(damage(path.read_text()))
    before = path.read_bytes()
    for act in (load_denylist, lambda store: add_denied(store, [("host", "a.test", 0)])):
        with pytest.raises(UsageError, match=r"denylist/denylist\.json: not a denylist"):
            act(store)
    assert path.read_bytes() == before


def _add_hosts(url: str, first: int) -> None:
    for number in range(first, first + 5):
        add_denied(Store(url), [("host", f"host{number}.test", 0)])


def test_two_processes_that_add_at_once_lose_nothing(store: Store) -> None:
    forked = multiprocessing.get_context("spawn")
    processes = [forked.Process(target=_add_hosts, args=(store.url, n)) for n in (0, 100)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert len(load_denylist(store).entries) == 10


def test_two_threads_that_add_at_once_lose_nothing(store: Store) -> None:
    threads = [threading.Thread(target=_add_hosts, args=(store.url, n)) for n in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(load_denylist(store).entries) == 15


def test_a_lease_that_is_kept_is_an_error_of_its_own(store: Store) -> None:
    lease = store.path("locks", "denylist", "0-of-1-far-77.json")
    store.fs.makedirs(lease.rsplit("/", 1)[0], exist_ok=True)
    facts = {"stage": "denylist", "index": 0, "count": 1, "host": "far", "pid": 77}
    store.fs.pipe_file(lease, json.dumps(facts | {"started": 1.0, "expires": 9e9}).encode())
    with pytest.raises(LockedError, match="process 77 on far"):
        add_denied(store, [("url", URL, 0)], wait_s=0.0)
    assert not load_denylist(store)


def test_any_file_system() -> None:
    store = Store("memory://denylist-store")
    add_denied(store, [("url", URL, 0)])
    assert add_denied(store, [("host", "a.test", 0)]).refuses_url(URL)
    assert load_denylist(store).refuses_url("http://b.a.test/")
